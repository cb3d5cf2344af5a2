import Foundation
import LoopbackClient
import Processes

/// Three PostgreSQL servers under Patroni with synchronous replication, an etcd, and an HAProxy in front: the cluster of
/// `deploy/patroni`, with its own configuration, on free ports of this machine and in a temporary folder.
///
/// What differs from the real thing: one etcd instead of three, no watchdog, one machine's clock and disk, and wires that run
/// through `Network`, so that they can be cut.
actor FailoverCluster {
    nonisolated let nodes: [ClusterNode]
    /// Through HAProxy, to whoever leads.
    nonisolated let writeURL: String
    /// Through HAProxy, to a standby.
    nonisolated let readURL: String
    /// Past HAProxy: all three, of which the client picks the one that takes writes.
    nonisolated let directURL: String
    /// The superuser's, through HAProxy to whoever leads.
    nonisolated let superuserURL: String
    /// Configuration, data and logs.
    nonisolated let folder: TemporaryFolder

    nonisolated let pace: Pace
    nonisolated let replication: Replication
    let programs: ClusterPrograms
    let http = Loopback(timeoutSeconds: 3)
    let tenant: Tenant
    let ports: ClusterPorts
    let network: Network
    nonisolated let secrets: ClusterSecrets
    var patronis: [ClusterNode: ChildProcess] = [:]
    /// etcd, HAProxy, and the minder.
    var others: [ChildProcess] = []
    /// Through which of its interfaces the configuration says to use etcd.
    var interface = "ETCD"
    /// What was done to a node and not undone.
    var troubled: [ClusterNode: ClusterFault] = [:]
    var frozen: [ClusterNode: Set<Int32>] = [:]

    /// Returns when there is a leader with a synchronous standby and a third node, and the database of the clinic. `deploy` is
    /// the folder of the configuration.
    static func start(
        deploy: String = "deploy/patroni", pace: Pace = .deployed, replication: Replication = .synchronous,
        say: @Sendable (String) -> Void = { _ in }
    ) async throws -> FailoverCluster {
        let cluster = try FailoverCluster(pace, replication)
        do {
            try await cluster.open(deploy, say)
        } catch {
            await cluster.stop()
            throw ProcessFault("\(error)\nThe cluster's logs are in \(cluster.folder.path)")
        }
        return cluster
    }

    private init(_ pace: Pace, _ replication: Replication) throws {
        self.pace = pace
        self.replication = replication
        programs = try ClusterPrograms.found()
        tenant = try Tenant()
        let folder = try TemporaryFolder("failover")
        self.folder = folder
        let secrets = ClusterSecrets()
        self.secrets = secrets
        var free = FreePorts()
        let ports = try ClusterPorts(&free)
        self.ports = ports
        nodes = try (1...3).map { try ClusterNode($0, in: folder, &free) }
        network = try Network(nodes.flatMap { $0.doors(etcd: ports.etcd) })
        let clinic = "postgres://\(secrets.clinic)@"
        writeURL = "\(clinic)127.0.0.1:\(ports.write)/mediconnect"
        readURL = "\(clinic)127.0.0.1:\(ports.read)/mediconnect"
        let hosts = nodes.map { "127.0.0.1:\($0.postgresDoor)" }.joined(separator: ",")
        directURL = "\(clinic)\(hosts)/mediconnect?target_session_attrs=read-write&connect_timeout=3"
        superuserURL = "postgres://\(secrets.superuser)@127.0.0.1:\(ports.write)/postgres"
        let families = nodes.map(\.family)
        // At Ctrl-C. PostgreSQL's servers are nobody's children, so nobody else would end them.
        Children.all.beforeTheEnd { for family in families { family.dismiss() } }
    }

    /// The clinic's database on one node, whatever that is at the moment, past HAProxy and network.
    nonisolated func url(of node: ClusterNode) -> String {
        "postgres://\(secrets.clinic)@127.0.0.1:\(node.postgres)/mediconnect"
    }

    /// The rows, their columns parted by `|`, through PostgreSQL's own `psql`.
    @discardableResult
    func query(_ sql: String, at url: String) async throws -> [String] {
        let (status, output) = try await ChildProcess.run(
            programs.psql, ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "-c", sql, url],
            environment: ["PGCONNECT_TIMEOUT": "10"], errors: folder.file("psql.log"))
        guard status == 0 else { throw ProcessFault("psql ended with \(status), see \(folder.file("psql.log"))") }
        return output
    }

    // MARK: Wires and processes, for the faults

    func cut(_ node: ClusterNode) { network.cutOff(node.number) }
    func drop(_ node: ClusterNode) { network.drop(node.number) }
    func join(_ node: ClusterNode) { network.join(node.number) }

    /// Once its processes were killed.
    func bury(_ node: ClusterNode) async {
        if let patroni = patronis.removeValue(forKey: node) { await patroni.kill() }
    }

    /// Ends everything. The folder stays; `folder.remove()` removes it.
    func stop() async {
        for node in nodes {
            node.family.dismiss()
            await bury(node)
        }
        for process in others { await process.kill() }
        others = []
        network.end()
        await http.close()
    }
}
