/// How long the cluster waits before it believes that its leader is gone.
struct Pace: Sendable {
    let ttl: Int
    let loopWait: Int
    let retryTimeout: Int

    /// As `deploy/patroni/patroni.yml` says: the least Patroni documents.
    static let deployed = Pace(ttl: 20, loopWait: 5, retryTimeout: 7)
    /// Less than it documents. For trying the proof itself; what it measures says nothing about the clinic's cluster.
    static let quick = Pace(ttl: 9, loopWait: 2, retryTimeout: 3)
}
