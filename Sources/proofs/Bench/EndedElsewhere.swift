import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes

/// How long a node goes on taking the token of a session that ended at another (MA-9).
struct EndedElsewhere {
    let rig: BenchRig
    private static let tries = 20

    func measure() async throws -> [Finding] {
        try await PrivateCluster.withCluster { cluster in
            let database = try await cluster.freshDatabase()
            let house = try await rig.emptyClinic(on: database.url)
            let accounts = BenchAccounts(rig: rig, house: house)
            try await accounts.make("chief")
            let nodes = [try await rig.serve(house), try await rig.serve(house)]
            let http = Loopback()
            var delays: [Double] = []
            for _ in 0..<Self.tries {
                let (session, token) = try await accounts.signIn("chief", at: nodes[0], by: http)
                guard try await status(nodes[1], token, http) == 200 else {
                    throw ProcessFault("the other node refuses the token")
                }
                let answer = try await http.send(
                    "DELETE", nodes[0].base + "/v1/sessions/\(session)", token: token, key: "end-\(session)")
                guard answer.status == 200 else { throw ProcessFault("the session could not be ended: \(answer.text)") }
                let ended = ContinuousClock.now
                while try await status(nodes[1], token, http) == 200 {
                    guard ContinuousClock.now - ended < .seconds(30) else {
                        throw ProcessFault("the other node goes on taking it")
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
                delays.append((ContinuousClock.now - ended) / .milliseconds(1))
            }
            await http.close()
            for node in nodes { _ = await node.stop() }
            say("ended sessions: refused by the other node after \(delays.map(Finding.short).joined(separator: ", ")) ms")
            return [
                .bound(
                    "until another node refuses a session that ended, the worst of \(Self.tries)", delays.max() ?? .infinity,
                    unit: "ms",
                    with: "median \(Finding.short(delays.median)) ms", below: 1_000)
            ]
        }
    }

    private func status(_ node: RunningServer, _ token: String, _ http: Loopback) async throws -> Int {
        try await http.send("GET", node.base + "/v1/mailbox", token: token).status
    }
}
