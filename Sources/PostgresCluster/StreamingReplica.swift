import Processes

/// A second server that follows a cluster by streaming, answers reading, and lags as long as it is told to.
public final class StreamingReplica: Sendable {
    private let primary: PrivateCluster
    let server: Postmaster

    /// Of a running cluster, as it is now. `settings` come on top of the cluster's.
    public init(of primary: PrivateCluster, settings: [String: String] = [:]) async throws {
        self.primary = primary
        server = try await Postmaster(settings: primary.server.settings.merging(settings) { $1 })
        try await server.lodger.run(
            server.binaries("pg_basebackup"),
            [
                "--pgdata=\(server.data)", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
                "--host=127.0.0.1", "--port=\(primary.port)", "--username=\(primary.superuser)", "--no-password",
            ],
            environment: ["PGPASSWORD": primary.password, "PGSSLMODE": "disable"])
    }

    /// Returns when it takes connections; use `follow()` to see what the cluster has acknowledged until then.
    public func start() async throws { try await server.start() }
    public func stop() async { await server.stop() }
    public func kill() async { await server.kill() }

    /// Stops it and removes its folder. It cannot be started again.
    public func remove() async { await server.remove() }

    /// From now on it answers as of now: what the cluster writes arrives and is kept, and nobody sees it.
    public func pauseReplay() async throws {
        // The pause is asked for, and comes when the record at hand is done.
        try await psql(
            """
            SELECT pg_wal_replay_pause();
            DO $$ BEGIN
                WHILE pg_get_wal_replay_pause_state() <> 'paused' LOOP PERFORM pg_sleep(0.002); END LOOP;
            END $$
            """)
    }

    public func resumeReplay() async throws { try await psql("SELECT pg_wal_replay_resume()") }

    /// Returns when it shows everything the cluster had written when asked. Throws when that takes longer than 30 seconds, as
    /// it does while replay is paused.
    public func follow() async throws {
        let position = try await primary.psql("SELECT pg_current_wal_lsn()").first ?? "0/0"
        try await psql(
            """
            SET statement_timeout = '30s';
            DO $$ BEGIN
                WHILE pg_last_wal_replay_lsn() < '\(position)' LOOP PERFORM pg_sleep(0.002); END LOOP;
            END $$
            """)
    }

    /// From now on it leads: it takes changes, and follows nobody. The cluster it came from is not told.
    public func promote() async throws { try await psql("SELECT pg_promote(true, 30)") }

    public var port: Int { server.port }

    /// The folder of its socket, which is also that of its log.
    public var socketDirectory: String { server.folder.path }

    /// `postgres://user:password@127.0.0.1:port/database`; its users and databases are the cluster's.
    public func url(database: String = "postgres", user: String? = nil, password: String? = nil) -> String {
        "postgres://\(user ?? primary.superuser):\(password ?? primary.password)@127.0.0.1:\(port)/\(database)"
    }

    /// Says SQL to it as the superuser.
    public var psql: Psql {
        Psql(
            binaries: server.binaries, folder: server.folder, port: port, user: primary.superuser,
            password: primary.password)
    }
}
