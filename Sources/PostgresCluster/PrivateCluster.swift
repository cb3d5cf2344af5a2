import Foundation
import Processes
import Synchronization

/// A PostgreSQL of one's own: initialised in a temporary folder, on a port and a socket of its own, run by an unprivileged
/// user. It ends with this process, however that ends, and its folder goes with it; after a `kill -9` the folder stays until the
/// next cluster is made.
///
/// `shared` is for tests of what the database says. A test that kills its server, or stops time for it, makes its own.
public final class PrivateCluster: Sendable {
    public let superuser = "mediconnect"
    /// Made up for this cluster: whoever is a superuser of it can do whatever the system's user can.
    public let password: String
    /// With `false` nothing is forced to disk: several times as fast, and only good for what no crash is to survive.
    public let durable: Bool
    /// Of `postgresql.conf`, such as `synchronous_commit`, on top of this cluster's own.
    public let settings: [String: String]
    let server: Postmaster
    private let isInitialised = Mutex(false)

    /// Throws what to install when this machine has no PostgreSQL.
    ///
    /// - Parameter diskLibrary: where `libCFullDisk.so` was built, for a cluster whose disk can be filled.
    public init(durable: Bool = true, settings: [String: String] = [:], diskLibrary: String? = nil) async throws {
        self.durable = durable
        self.settings = settings
        password = Self.madeUpPassword()
        let careless = ["fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"]
        server = try await Postmaster(
            settings: (durable ? [:] : careless).merging(settings) { $1 }, isFleeting: !durable && diskLibrary == nil,
            diskLibrary: diskLibrary)
    }

    /// Lends `body` a running cluster and leaves nothing of it behind.
    public static func withCluster<Answer>(
        durable: Bool = true, settings: [String: String] = [:], diskLibrary: String? = nil,
        _ body: (PrivateCluster) async throws -> Answer
    ) async throws -> Answer {
        let cluster = try await PrivateCluster(durable: durable, settings: settings, diskLibrary: diskLibrary)
        let answer: Result<Answer, any Error>
        do {
            try await cluster.start()
            answer = .success(try await body(cluster))
        } catch { answer = .failure(error) }
        await cluster.remove()
        return try answer.get()
    }

    /// Started by the first who asks, for everybody in this process; not durable. When it cannot be, everybody hears why.
    public static var shared: PrivateCluster {
        get async throws {
            let isFirst = wasAskedFor.withLock { wasAskedFor in
                defer { wasAskedFor = true }
                return !wasAskedFor
            }
            if isFirst { sharedCluster.keep(await startedShared()) }
            return try await sharedCluster.value.get()
        }
    }

    private static let wasAskedFor = Mutex(false)
    private static let sharedCluster = Promise<Result<PrivateCluster, any Error>>()

    private static func startedShared() async -> Result<PrivateCluster, any Error> {
        do {
            let cluster = try await PrivateCluster(durable: false)
            try await cluster.start()
            return .success(cluster)
        } catch { return .failure(error) }
    }

    // MARK: Living and dying

    /// Returns when it takes connections. The first start makes the data folder.
    public func start() async throws {
        if isInitialised.withLock({ !$0 }) {
            try await initialise()
            isInitialised.withLock { $0 = true }
        }
        try await server.start()
    }

    private func initialise() async throws {
        try server.folder.write("password", password, for: server.lodger)
        // Its own files need no fsync: what a crash of the machine takes, it takes with the whole folder.
        try await server.lodger.run(
            server.binaries("initdb"),
            [
                "--pgdata=\(server.data)", "--username=\(superuser)", "--pwfile=\(server.folder.file("password"))",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            ])
    }

    /// Ends every session, finishes what is written, and waits.
    public func stop() async { await server.stop() }

    /// `kill -9` to the server and all of its processes. Returns when they are gone.
    public func kill() async { await server.kill() }

    /// Starts it again on the same port, after a `kill()` as after an orderly `stop()`, which comes first if it runs.
    public func restart() async throws {
        await server.stop()
        try await server.start()
    }

    /// Stops the server and all of its processes where they are: connections stay open, and nobody answers.
    public func freeze() throws { try server.freeze() }
    public func thaw() { server.thaw() }

    public var isRunning: Bool { server.isRunning }

    /// The number of the server's process.
    public var processNumber: Int32? { server.processNumber }

    /// Stops it and removes its folder. It cannot be started again.
    public func remove() async { await server.remove() }

    // MARK: Reaching it

    public var port: Int { server.port }

    /// The folder of its socket, which is also that of its log.
    public var socketDirectory: String { server.folder.path }

    public var log: String { server.log }

    /// `postgres://user:password@127.0.0.1:port/database`; the superuser's unless said otherwise.
    public func url(database: String = "postgres", user: String? = nil, password: String? = nil) -> String {
        "postgres://\(user ?? superuser):\(password ?? self.password)@127.0.0.1:\(port)/\(database)"
    }

    /// Where one of PostgreSQL's own programs is, such as `pgbench`, of the same version.
    public func program(_ name: String) -> String { server.binaries(name) }

    /// Says SQL to it as the superuser.
    public var psql: Psql {
        Psql(binaries: server.binaries, folder: server.folder, port: port, user: superuser, password: password)
    }

    private static func madeUpPassword() -> String {
        var chance = SystemRandomNumberGenerator()
        return String(chance.next(), radix: 36) + String(chance.next(), radix: 36)
    }
}
