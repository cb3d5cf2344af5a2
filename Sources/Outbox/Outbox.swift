public import Notation
public import Storage

/// Delivers what producers wrote in their transactions.
///
/// Any number of workers may share one database. What a transactional handler writes happens exactly once: the message is
/// taken, handled and ended in one transaction. What an external one does happens at least once, with a key that lets the
/// receiver make it once: the message is claimed with a lease that only its newest holder can finish, so a worker that was
/// paused, cut off or declared dead cannot overwrite what another did meanwhile.
///
/// Messages of one topic and priority go roughly in the order they became due; only an order key makes that a promise.
public final class Outbox: Sendable {
    let database: any Database
    let surroundings: Surroundings
    let workerName: String
    let settings: OutboxSettings
    let handlers: [String: OutboxHandler]
    let report: @Sendable (OutboxEvent) -> Void
    let election: Election
    private let bell: OutboxBell
    let transactional: Lane
    let external: Lane

    /// Work that never waits for the world and work that does. They are claimed apart, so a slow receiver holds up
    /// nothing but other receivers.
    struct Lane: Sendable {
        /// Sorted: the order of a dictionary differs from run to run, and a simulation must not.
        let topics: [String]
        let bell: Doorbell
        let horizon = Horizon()
    }

    /// - Parameters:
    ///   - workerName: Stored with each claim, for operators only: `host-4711`.
    ///   - handlers: By topic. Messages of other topics are left to workers that know them.
    ///   - bell: The one producers ring. Made by whoever wires the program, because producers exist before handlers do.
    ///   - election: Whether this worker is the one that rescues and sweeps. Several at a time do no harm, only work.
    ///   - report: Hears what happened, in the worker's own tasks, after it is durable; must be quick.
    public init(
        database: any Database, surroundings: Surroundings, workerName: String, settings: OutboxSettings = OutboxSettings(),
        handlers: [String: OutboxHandler], bell: OutboxBell = OutboxBell(), election: Election = .always,
        report: @escaping @Sendable (OutboxEvent) -> Void = { _ in }
    ) {
        self.database = database
        self.surroundings = surroundings
        self.workerName = workerName
        self.settings = settings
        self.handlers = handlers
        self.bell = bell
        self.election = election
        self.report = report
        let sorted = handlers.keys.sorted()
        transactional = Lane(topics: sorted.filter { handlers[$0]!.isTransactional }, bell: bell.transactional)
        external = Lane(topics: sorted.filter { !handlers[$0]!.isTransactional }, bell: bell.external)
    }

    /// Says that there may be something to deliver. May be called from anywhere, as often as one likes.
    public func wake() { bell.ring() }

    /// Takes one batch of each kind, delivers it and finishes it. Returns how many deliveries that were; 0 means that
    /// nothing was due. `run()` does the same without waiting for the slowest; this is for simulations and for emptying
    /// the queue from a command.
    public func step() async throws -> Int {
        let quick = try await deliverTransactional()
        let slow = try await claim(external, external.topics, limit: min(settings.batch, settings.concurrency))
        if !slow.isEmpty { try await deliverExternal(slow) }
        return quick + slow.count
    }

    var now: Instant { surroundings.clock.now }

    /// Takes up to `limit` due messages of these topics of the lane. What it finds expired or behind another of its order it moves out of the way,
    /// and looks again, so that an empty answer means: nothing to deliver.
    func claim(_ lane: Lane, _ topics: [String], limit: Int) async throws -> [Claimed] {
        guard !topics.isEmpty, limit > 0 else { return [] }
        while true {
            let (found, movedAside) = try await claimOnce(lane, topics, limit: limit)
            for expired in found where expired.isExpired {
                report(.settled(topic: expired.delivery.topic, state: .expired, attempt: expired.delivery.attempt, error: nil))
            }
            let live = found.filter { !$0.isExpired }
            if !live.isEmpty || (found.isEmpty && movedAside == 0) { return live.sorted(by: Claimed.inTurn) }
        }
    }

    private func claimOnce(_ lane: Lane, _ topics: [String], limit: Int) async throws -> (found: [Claimed], movedAside: Int) {
        let topics = shuffled(topics)
        return try await database.write { [self] transaction in
            let now = now
            let outlook = lane.horizon.outlook(topics, now: now)
            var found = try transaction.fetch(
                ClaimDue(now: now, leaseUntil: now + settings.lease, worker: workerName, outlook: outlook, limit: limit))
            // The other half is for what was begun to come to its end.
            for index in found.indices {
                found[index].delivery.beginsBy = now + Span(microseconds: settings.lease.microseconds / 2)
            }
            lane.horizon.saw(outlook, found, isCutShort: found.count == limit, from: now, to: self.now)
            try transaction.callForward(behind: found.filter(\.isExpired).map(\.delivery.orderKey))
            return (found, found.isEmpty ? try stepAside(limit, outlook, now, transaction) : 0)
        }
    }

    /// Moves crowds that stand behind others out of the way of a look that found nothing. Returns how many.
    func stepAside(_ limit: Int, _ outlook: Outlook, _ now: Instant, _ transaction: any WriteTransaction) throws -> Int {
        try transaction.run(
            StepAside(now: now, earliest: now + .seconds(1), latest: now + .minutes(5), outlook: outlook, window: limit * 4))
    }

    /// Each topic comes first as often as any other, so one with an endless backlog cannot starve the rest.
    func shuffled(_ topics: [String]) -> [String] {
        var topics = topics
        for index in topics.indices.dropFirst() {
            topics.swapAt(index, Int(surroundings.random.next() % UInt64(index + 1)))
        }
        return topics
    }
}

/// Rung by producers after their commit, heard by the worker's loops.
public final class OutboxBell: Sendable {
    let transactional = Doorbell()
    let external = Doorbell()

    public init() {}

    public func ring() {
        transactional.ring()
        external.ring()
    }

    /// Returns when it rings, at `deadline`, or when the task is cancelled. For others than the worker's loops that want
    /// to be woken the same way; one at a time.
    public func wait(until deadline: Instant, clock: any WallClock) async {
        await transactional.wait(until: deadline, clock: clock)
    }
}

/// Whether this worker is the one of many that does what only one has to do. Asked each time.
public struct Election: Sendable {
    let isElected: @Sendable () -> Bool

    public init(_ isElected: @escaping @Sendable () -> Bool) { self.isElected = isElected }

    /// For a program that is alone with its database.
    public static let always = Election { true }
}
