import LoopbackClient
import Notation

/// What Patroni says about the cluster, through one of its nodes.
struct ClusterView: Sendable {
    struct Member: Sendable {
        let name: String
        /// `leader`, `sync_standby` or `replica`.
        let role: String
        let state: String
        let timeline: Int64?
    }

    let members: [Member]

    var leader: Member? { members.first { $0.role == "leader" } }

    /// Nil when the node does not answer, or cannot ask etcd.
    static func seen(from node: ClusterNode, _ http: Loopback) async -> ClusterView? {
        guard let json = await answer(of: node, "cluster", http), let members = json["members"]?.array else { return nil }
        return ClusterView(
            members: members.map {
                Member(
                    name: $0["name"]?.string ?? "", role: $0["role"]?.string ?? "", state: $0["state"]?.string ?? "",
                    timeline: $0["timeline"]?.integer)
            })
    }

    /// Whether all of them run, on the leader's timeline, and a standby may take its place.
    func isWhole(of count: Int, _ replication: Replication) -> Bool {
        guard let timeline = leader?.timeline, members.count == count else { return false }
        return members.allSatisfy { ["running", "streaming"].contains($0.state) && $0.timeline == timeline }
            && (replication == .asynchronous || members.contains { $0.role == "sync_standby" })
    }

    /// The standbys a leader sends its log to, by name, with how it counts them: `sync` or `async`. Empty when it leads nobody.
    static func streams(from node: ClusterNode, _ http: Loopback) async -> [String: String] {
        guard let json = await answer(of: node, "patroni", http), let list = json["replication"]?.array else { return [:] }
        var streams: [String: String] = [:]
        for entry in list where entry["state"]?.string == "streaming" {
            streams[entry["application_name"]?.string ?? ""] = entry["sync_state"]?.string
        }
        return streams
    }

    /// Asked directly and not through its door: whoever watches is part of no experiment.
    private static func answer(of node: ClusterNode, _ path: String, _ http: Loopback) async -> JSON? {
        guard let reply = try? await http.send("GET", "http://127.0.0.1:\(node.patroni)/\(path)"), reply.status == 200 else {
            return nil
        }
        return try? JSON(parsing: reply.body)
    }
}
