import Foundation
import LoopbackClient
import Notation
import Processes

/// Whether the time of a refusal tells who has an account: names nobody has, wrong passwords and accounts that are locked, by turns.
struct SignInTimes {
    let rig: BenchRig
    /// Of each kind. A fifth wrong password of one account makes the next wait.
    private static let accounts = 30
    private static let triesEach = 4

    private enum Kind: String, CaseIterable { case unknown, wrong, locked }

    func measure() async throws -> [Finding] {
        let house = try rig.copy(of: try await rig.emptyClinic(), named: "sign-in")
        let accounts = BenchAccounts(rig: rig, house: house)
        for number in 0..<Self.accounts {
            for kind in [Kind.wrong, .locked] { try await accounts.make("\(kind.rawValue)-\(number)") }
            try await accounts.lock("locked-\(number)")
        }
        let server = try await rig.serve(house)
        let http = Loopback()
        // What is done for the first time takes longer, for whomever.
        for number in 0..<5 {
            _ = try await BenchAccounts.answer("nobody-\(number)", "three wrong words", at: server.base, by: http)
        }
        var times: [Kind: [Double]] = [:]
        var answers: Set<String> = []
        for attempt in 0..<Self.triesEach {
            for number in 0..<Self.accounts {
                // Whoever comes after whom changes.
                let turn = (attempt + number) % Kind.allCases.count
                for kind in Kind.allCases[turn...] + Kind.allCases[..<turn] {
                    let began = ContinuousClock.now
                    let heard = try await BenchAccounts.answer(
                        "\(kind.rawValue)-\(number)", "three wrong words", at: server.base, by: http)
                    times[kind, default: []].append((ContinuousClock.now - began) / .milliseconds(1))
                    answers.insert("\(heard.status) \((try? JSON(parsing: heard.text))?["type"]?.string ?? heard.text)")
                }
            }
        }
        await http.close()
        _ = await server.stop()
        guard answers.count == 1, answers.first?.hasPrefix("401 ") == true else {
            throw ProcessFault("answers differ: \(answers)")
        }
        let medians = Kind.allCases.map { (times[$0] ?? []).median }
        say(
            "signing in: "
                + zip(Kind.allCases, medians).map { "\($0) \(Finding.short($1)) ms" }.joined(separator: ", ")
                + " (medians of \(Self.accounts * Self.triesEach))")
        return [
            .ratio(
                "refusing a name nobody has", medians[0] * 1_000, medians[1] * 1_000, unit: "µs",
                with: "refusing a wrong password",
                between: 0.95, and: 1.05),
            .ratio(
                "refusing an account that is locked", medians[2] * 1_000, medians[1] * 1_000, unit: "µs",
                with: "refusing a wrong password", between: 0.95, and: 1.05),
        ]
    }
}
