import ArgumentParser
import Foundation
import LoopbackClient
import Processes

struct Failover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Break the leader of a PostgreSQL cluster under load, again and again, and show that nothing is lost.",
        discussion: """
            Starts the cluster of deploy/patroni on this machine: three PostgreSQL servers under Patroni, an etcd, an HAProxy. \
            Two servers of the clinic work on it, one through HAProxy and one that picks the leader itself, and sixteen clients \
            use both while the leader is killed, frozen for longer than its lease, cut off, or killed after its standbys heard \
            nothing for a second. Each time another node takes over, the old one comes back, and every answer ever given is \
            compared with what is there, on all three nodes. Exits 1 with the history's path when something is not. With \
            --asynchronous commits are acknowledged before a standby has them, and this must fail: a proof that cannot fail \
            proves nothing.
            """)

    @Argument(help: "How often the leader is struck.")
    var rounds = 6

    @Option(help: "What happens to it, in turns: \(ClusterFault.allCases.map(\.rawValue).joined(separator: ", ")).")
    var faults = ClusterFault.allCases.map(\.rawValue).joined(separator: ",")

    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?

    @Option(help: "The folder with the cluster's configuration.")
    var deploy = "deploy/patroni"

    @Option(help: "Seed of everything the clients decide.")
    var seed: UInt64 = 1

    @Flag(help: "A lease of 9 s instead of 20: for trying this program, not for numbers.")
    var quick = false

    @Flag(help: "Prove that the proof can fail: acknowledge before a standby has it.")
    var asynchronous = false

    @Flag(help: "Leave the data and the history behind, also when all is well.")
    var keep = false

    func validate() throws {
        if rounds < 1 { throw ValidationError("at least one round") }
        _ = try chosen()
    }

    private func chosen() throws -> [ClusterFault] {
        try faults.split(separator: ",").map {
            guard let fault = ClusterFault(rawValue: String($0)) else { throw ValidationError("there is no fault '\($0)'") }
            return fault
        }
    }

    func run() async throws {
        Children.all.endWithMe()
        let cluster = try await FailoverCluster.start(
            deploy: deploy, pace: quick ? .quick : .deployed, replication: asynchronous ? .asynchronous : .synchronous, say: say)
        let violations: [String]
        do {
            let ordeal = try await FailoverOrdeal(cluster: cluster, executable: server ?? Siblings.server, seed: seed)
            violations = try await ordeal.run(try chosen(), rounds: rounds)
        } catch {
            await cluster.stop()
            say("data, logs and history: \(cluster.folder.path)")
            throw error
        }
        await cluster.stop()
        for violation in violations.prefix(20) { say("VIOLATION \(violation)") }
        if !violations.isEmpty { say("\(violations.count) violation\(violations.count == 1 ? "" : "s")") }
        // What the planted mistake did is evidence of nothing.
        if keep || (!violations.isEmpty && !asynchronous) {
            say("data, logs and history: \(cluster.folder.path)")
        } else {
            cluster.folder.remove()
        }
        if !violations.isEmpty { throw ExitCode(1) }
    }
}
