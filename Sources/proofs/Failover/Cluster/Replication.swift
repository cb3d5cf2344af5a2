/// When a commit is acknowledged.
enum Replication: Sendable {
    /// As `deploy/patroni/patroni.yml` says: when a standby has it too.
    case synchronous
    /// As Patroni does unless told otherwise: at once. Only here to show that the proof notices.
    case asynchronous
}
