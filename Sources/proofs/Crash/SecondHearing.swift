import LoopbackClient

/// Asks for everything once more: every request ever answered under its key, and every appointment.
struct SecondHearing {
    let http: Loopback
    let ledger: Ledger

    /// What is answered differently now goes to the ledger.
    func hold(at base: String) async {
        await inTurns(ledger.answers) { answer in
            let again = try? await http.send(
                "POST", base + answer.deed.path, token: answer.deed.token, key: answer.deed.key, body: answer.deed.body)
            guard let again, again.isReplay, again.status == answer.status, again.body == answer.document else {
                return ledger.violation("deed \(answer.deed.number) is answered differently now: \(again?.text ?? "nothing")")
            }
        }
        await inTurns(Array(ledger.lives)) { id, life in
            guard let reply = try? await http.send("GET", "\(base)/v1/appointments/\(id)", token: life.token) else {
                return ledger.violation("\(id) cannot be read")
            }
            if reply.status == 200 ? reply.body != life.last?.document : life.last != nil {
                ledger.violation("\(id) is not what its client was told: \(reply.text)")
            }
        }
    }

    private func inTurns<Element: Sendable>(_ list: [Element], _ body: @escaping @Sendable (Element) async -> Void) async {
        await withTaskGroup { group in
            for lane in 0..<Crowd.clients {
                group.addTask { for index in stride(from: lane, to: list.count, by: Crowd.clients) { await body(list[index]) } }
            }
        }
    }
}
