import Foundation
import Processes

extension FailoverCluster {
    /// Who holds the lease and runs as the leader, as far as the nodes know to whom nothing was done.
    func leader() async -> ClusterNode? {
        guard let name = await view()?.leader?.name else { return nil }
        return nodes.first { $0.name == name }
    }

    private func view() async -> ClusterView? {
        for node in nodes where troubled[node] == nil {
            if let view = await ClusterView.seen(from: node, http) { return view }
        }
        return nil
    }

    /// Waits until another node than `old` leads and takes writes. The seconds it took, and who it is.
    func succession(of old: ClusterNode, within limit: Double = 120) async throws -> (leader: ClusterNode, seconds: Double) {
        let start = ContinuousClock.now
        var found: ClusterNode?
        try await patience(limit, "nobody took the place of \(old.name)") {
            guard let leader = await self.leader(), leader != old, await !ClusterView.streams(from: leader, self.http).isEmpty
            else {
                return false
            }
            found = leader
            return true
        }
        return (found!, (ContinuousClock.now - start) / .seconds(1))
    }

    /// Waits until all three run, on one timeline, one of them leads, and both others stream from it, one synchronously. The
    /// seconds it took.
    @discardableResult
    func settled(within limit: Double = 180) async throws -> Double {
        let start = ContinuousClock.now
        try await patience(limit, "the three do not come together") {
            guard let view = await self.view(), view.isWhole(of: self.nodes.count, self.replication),
                let leader = await self.leader()
            else { return false }
            let streams = await ClusterView.streams(from: leader, self.http)
            return Set(streams.keys) == Set(self.nodes.map(\.name)).subtracting([leader.name])
                && (self.replication == .asynchronous || streams.values.contains("sync"))
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// `node1 leads on timeline 3, node2 is sync_standby, …`, for people.
    var description: String {
        get async {
            guard let view = await view() else { return "nobody answers" }
            return view.members.map { "\($0.name) is \($0.role) (\($0.state), timeline \($0.timeline ?? 0))" }.joined(
                separator: ", ")
        }
    }

    func patience(_ seconds: Double, _ complaint: String, _ isTrue: () async -> Bool) async throws {
        let start = ContinuousClock.now
        while await !isTrue() {
            guard ContinuousClock.now - start < .seconds(seconds) else {
                throw ProcessFault("\(complaint) within \(Int(seconds)) s: \(await description)")
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }
}
