import LoopbackClient
import Notation
import Processes

// The system the clinic had before: it is kept in step, so that there is a way back.
extension ChaosClinic {
    /// Goes all the way to where the clinic's own word counts and the other system is told of every change.
    func replaceAnotherSystem() async throws {
        for phase in ["shadow", "dual"] { try await legacy("phase", #"{"phase":"\#(phase)"}"#) }
        try await legacy("backfill", "{}")
        let limit = ContinuousClock.now + .seconds(60)
        for tries in 1... {
            // Nothing is booked there, and nobody compared anything: a reason sets that aside.
            let reply = try await http.send(
                "POST", "\(base)/v1/legacy/phase", token: admin, key: "switch-\(tries)",
                body: Array(#"{"phase":"switched","despite":"nothing was booked there"}"#.utf8))
            if reply.isSuccess { return }
            guard reply.text.contains("not-ready-to-switch"), ContinuousClock.now < limit else {
                throw ProcessFault("the other system is not replaced: \(reply.status) \(reply.text)")
            }
            // Its feed has not been heard yet.
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func legacy(_ what: String, _ body: String) async throws {
        let reply = try await http.send(
            "POST", "\(base)/v1/legacy/\(what)", token: admin, key: "legacy-\(what)-\(body.utf8.count)", body: Array(body.utf8))
        guard reply.isSuccess else { throw ProcessFault("legacy \(what): \(reply.status) \(reply.text)") }
    }
}

extension ChaosReckoning {
    /// The system that is being replaced has each visit ahead that is booked, once and as it is here, and nothing that is not.
    func theOtherSystemAgrees(_ outside: OutsideDeeds, _ kept: [String: Kept]) -> [String] {
        var found: [String] = []
        let standing = outside.formers.filter { $0.state == "booked" }
        let there = Dictionary(grouping: standing, by: { $0.request.split(separator: ":").first.map(String.init) ?? "" })
        for one in kept.values {
            let rows = there[one.id] ?? []
            let isRight = one.state == "booked" ? rows.count == 1 && rows[0].start == one.start : rows.isEmpty
            if !isRight {
                found.append("the system that is being replaced has \(one.id) \(rows.count) times, and here it is \(one.state)")
            }
        }
        for id in there.keys where kept[id] == nil {
            found.append("the system that is being replaced has \(id), which nobody here knows")
        }
        return found
    }
}
