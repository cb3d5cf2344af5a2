/// What a worker has to report. The program turns it into log lines and counters; nothing in it is about a person.
public enum OutboxEvent: Sendable, Equatable {
    /// A delivery ended. `state` is what it became: `done`, `dead`, `expired`, `cancelled`, or `ready` for another try.
    case settled(topic: String, state: OutboxState, attempt: Int, error: String?)
    /// A delivery ended after its lease was lost: its result was dropped.
    case stale(topic: String)
    /// A delivery was given back because the program stops. Not a failed attempt.
    case interrupted(topic: String)
    /// A message was taken back from a worker that stopped; `isDead` when that had been its last attempt.
    case rescued(topic: String, isDead: Bool)
    /// Finished messages were old enough and were deleted.
    case swept(count: Int)
    /// The database refused. The worker goes on after a pause; leases that are left behind run out.
    case failed(doing: String, error: String)
}
