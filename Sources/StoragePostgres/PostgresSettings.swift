public import Notation

/// Where the servers are and how much this node takes from them.
public struct PostgresSettings: Sendable {
    /// A connection string as libpq reads it: `postgres://user@host1,host2/name?target_session_attrs=read-write`, with TLS
    /// as `sslmode=verify-full`. The password is better kept in a file (`passfile=`) or in `PGPASSWORD`.
    public var url: String
    /// Connections of this node for work: one that groups bookings, and the rest for everything else.
    ///
    /// Ten, because a server of four to eight cores is busy with as many statements as cores and a few that wait for the
    /// disk; more connections only queue inside the server, where nobody can refuse them (MC-13). The server's
    /// `max_connections`, less a reserve, divided by this plus the listener's one is how many nodes it carries (MC-14).
    public var connections: Int
    /// How long a body may wait for a connection before it hears `.overloaded`.
    public var waitMilliseconds: Int
    /// How many bodies may wait.
    public var waitingMaximum: Int
    /// A connection is replaced after this many seconds, give or take a tenth, so that a balancer in front of the servers
    /// can move them and what a session gathers is given back.
    public var lifetimeSeconds: Double
    /// A connection nobody used for so long is asked for a sign of life before it is used.
    public var idleCheckSeconds: Double
    /// How many bookings may share one commit.
    public var groupMaximum: Int
    /// How long a commit may take. After it the connection is given up and the outcome is unknown. Never a limit on the
    /// server: a commit that is cancelled there is visible and may still be lost.
    public var commitSeconds: Double
    /// Behind PgBouncer in transaction mode: no statement outlives its transaction, every setting is local to one.
    public var isBehindBouncer: Bool
    /// A server that follows the primary, for reads that may be a little old; nil reads everything from the primary.
    public var replicaURL: String?
    /// A replica that lags more is passed over.
    public var replicaLagSeconds = 5.0
    /// How long opening waits for a server that is not there yet (MA-13).
    public var patienceSeconds: Double
    /// Statements that take longer are told to the observer, by name and without their values (MA-10).
    public var slowSeconds: Double
    /// For jitter.
    public var random: any RandomSource

    package var deadlockAttempts = 3

    public init(
        url: String, connections: Int = 10, waitMilliseconds: Int = 2_000, waitingMaximum: Int = 10_000,
        lifetimeSeconds: Double = 1_800, idleCheckSeconds: Double = 10, groupMaximum: Int = 64, commitSeconds: Double = 15,
        isBehindBouncer: Bool = false, patienceSeconds: Double = 30, slowSeconds: Double = 1,
        random: any RandomSource
    ) {
        self.url = url
        self.connections = max(2, connections)
        self.waitMilliseconds = max(1, waitMilliseconds)
        self.waitingMaximum = max(1, waitingMaximum)
        self.lifetimeSeconds = lifetimeSeconds
        self.idleCheckSeconds = idleCheckSeconds
        self.groupMaximum = max(1, groupMaximum)
        self.commitSeconds = commitSeconds
        self.isBehindBouncer = isBehindBouncer
        self.patienceSeconds = patienceSeconds
        self.slowSeconds = slowSeconds
        self.random = random
    }
}

/// What a node's connections go through, for its meters. Called on the connections' threads: it must be quick.
public protocol PostgresObserver: Sendable {
    /// A body got its connection after so many seconds.
    func waited(_ seconds: Double)
    /// A group of bodies was committed together; seconds from the first read to the commit.
    func grouped(bodies: Int, seconds: Double)
    /// A statement took longer than it should have. Its type's name, never its values.
    func slow(_ statement: String, seconds: Double)
    /// The servers cannot be reached yet, and opening waits for them. Said at first and every few seconds.
    func waiting(because why: String)
    /// A body is run again: `serialization`, `deadlock`, `connection`, `group`.
    func repeated(because cause: String)
}

/// Hears nothing.
public struct NobodyCounts: PostgresObserver {
    public init() {}
    public func waited(_ seconds: Double) {}
    public func grouped(bodies: Int, seconds: Double) {}
    public func slow(_ statement: String, seconds: Double) {}
    public func waiting(because why: String) {}
    public func repeated(because cause: String) {}
}
