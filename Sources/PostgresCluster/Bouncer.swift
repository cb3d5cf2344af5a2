import Foundation
import Processes
import Synchronization

/// A PgBouncer of one's own before a cluster, in transaction mode: a session's server connection changes between transactions.
/// What a client keeps on the server beyond one is lost or, worse, found by another.
///
/// Debian 12 has 1.18, which knows nothing of statements prepared by protocol (1.21 does).
public final class Bouncer: Sendable {
    public let port: Int
    private let cluster: PrivateCluster
    private let lodger: Lodger
    private let folder: ClusterFolder
    private let process = Mutex<ChildProcess?>(nil)

    private static let program = "/usr/sbin/pgbouncer"

    /// Knows the cluster's superuser and `users`, by name and password, and every database. At most `poolSize` connections to
    /// the server for each pair of the two, and so many `clients` in all.
    public init(before cluster: PrivateCluster, users: [String: String] = [:], poolSize: Int = 20, clients: Int = 1_000) throws {
        guard FileManager.default.isExecutableFile(atPath: Self.program) else {
            throw ProcessFault(
                "PgBouncer is not installed on this machine; run ./dev test, which installs it, or: apt-get install pgbouncer")
        }
        self.cluster = cluster
        lodger = cluster.server.lodger
        port = try FreePort.any()
        folder = try ClusterFolder(for: lodger)
        let known = users.merging([cluster.superuser: cluster.password]) { $1 }
        try folder.write(
            "users", known.map { "\"\($0.key)\" \"\($0.value)\"\n" }.sorted().joined(), for: lodger)
        try folder.write("pgbouncer.ini", configuration(poolSize: poolSize, clients: clients), for: lodger)
        Children.all.beforeTheEnd {
            self.process.withLock { $0 }?.signal(SIGKILL)
            self.folder.remove()
        }
    }

    /// After a server that was killed it asks again each second, not each quarter of a minute.
    private func configuration(poolSize: Int, clients: Int) -> String {
        """
        [databases]
        * = host=127.0.0.1 port=\(cluster.port)
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        pool_mode = transaction
        default_pool_size = \(poolSize)
        max_client_conn = \(clients)
        server_login_retry = 1
        auth_type = scram-sha-256
        admin_users = \(cluster.superuser)
        auth_file = \(folder.file("users"))
        logfile = \(folder.file("log"))
        """ + "\n"
    }

    /// Returns when it takes connections.
    public func start() async throws {
        let bouncer = try lodger.start(
            Self.program, [folder.file("pgbouncer.ini")], farewell: "KILL", errors: folder.file("errors"))
        process.withLock { $0 = bouncer }
        let port = port
        let came = await Patience.until(seconds: 30) { !bouncer.isRunning || FreePort.answers(port) }
        guard came, bouncer.isRunning else {
            await bouncer.kill()
            let words = try? String(contentsOfFile: folder.file("errors"), encoding: .utf8)
            throw ProcessFault("PgBouncer did not start:\n\(words ?? "")")
        }
    }

    /// The number of its process.
    public var processNumber: Int32? { process.withLock { $0?.number } }

    /// Ends every client's connection at once.
    public func stop() async { await process.withLock { $0 }?.kill() }

    /// Stops it and removes its folder. It cannot be started again.
    public func remove() async {
        await stop()
        folder.remove()
    }

    /// `postgres://user:password@127.0.0.1:port/database`; the superuser's unless said otherwise.
    public func url(database: String = "postgres", user: String? = nil, password: String? = nil) -> String {
        "postgres://\(user ?? cluster.superuser):\(password ?? cluster.password)@127.0.0.1:\(port)/\(database)"
    }

    /// Says SQL through it as the cluster's superuser; to the database `pgbouncer` it answers itself.
    public var psql: Psql {
        Psql(
            binaries: cluster.server.binaries, folder: folder, port: port, user: cluster.superuser,
            password: cluster.password)
    }
}
