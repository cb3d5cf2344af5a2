public import Notation
public import Resilience

/// How a worker works. The defaults are those of reliability.md §4.3.
public struct OutboxSettings: Sendable {
    /// Messages claimed, handled and finished together.
    public var batch = 100
    /// External deliveries of one topic under way at once: a receiver that hangs keeps its own topic waiting, and nobody else's.
    public var concurrency = 32
    /// Those of all topics together; never fewer than of one.
    public var concurrencyOfAll = 128
    /// How long a claim holds without a heartbeat. After a worker dies, its messages wait so long.
    public var lease = Span.seconds(60)
    public var heartbeat = Span.seconds(15)
    /// An external delivery that takes longer is given up and counts as failed.
    public var deadline = Span.minutes(5)
    /// How often leases that ran out are looked for.
    public var rescue = Span.seconds(10)
    /// The longest sleep. A wake-up that was lost costs so much and no more.
    public var poll = Span.seconds(1)
    /// The shortest rest after a batch; see `Outbox.rest`.
    public var rest = Span.milliseconds(5)
    /// How many times as long as a batch took the worker rests after it, so that in a rush bookings come first. Nothing for
    /// a worker that shares no machine with them.
    public var modesty = 3
    public var backoff = Backoff()
    /// Finished messages are kept so long; dead ones until somebody decides.
    public var retention = Span.days(7)
    /// How often finished messages are looked for that are old enough to delete.
    public var sweep = Span.minutes(1)

    public init() {}

    /// Another lease, with heartbeats as many as usual in it, and looked for as soon as it may have run out.
    public init(lease: Span) {
        self.lease = lease
        heartbeat = Span(microseconds: lease.microseconds / 4)
        rescue = min(rescue, heartbeat)
    }
}
