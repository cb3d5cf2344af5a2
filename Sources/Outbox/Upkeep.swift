public import Notation
public import Storage

extension Outbox {
    /// Takes messages back from workers whose lease ran out, and returns how many. `run()` does it every ten seconds.
    @discardableResult
    public func rescueLeases() async throws -> Int { try await rescue(leasesUntil: { $0 }) }

    /// Takes every claimed message back at once. Only for the start of a process that alone has the database: whoever
    /// claimed them is gone, and nobody need wait until their leases run out.
    @discardableResult
    public func rescueOrphans() async throws -> Int { try await rescue(leasesUntil: { $0 + .days(365) }) }

    private func rescue(leasesUntil: @escaping @Sendable (Instant) -> Instant) async throws -> Int {
        var count = 0
        while true {
            let rescued = try await database.write { [self] transaction in
                let rescued = try transaction.fetch(RescueLeases(now: now, limit: 500, leaseUntil: leasesUntil(now)))
                try transaction.callForward(behind: rescued.filter(\.isDead).map(\.orderKey))
                return rescued
            }
            // A change returns its rows in any order, and on each engine in another.
            for message in rescued.sorted(by: RescueLeases.Rescued.inTurn) {
                report(.rescued(topic: message.topic, isDead: message.isDead))
            }
            count += rescued.count
            if rescued.count < 500 { break }
        }
        if count > 0 { wake() }
        return count
    }

    /// Deletes what was finished longer ago than the retention, and returns how many. At most a thousand in a transaction,
    /// with a rest between, so that bookings do not wait for it. Dead letters stay.
    @discardableResult
    public func sweep() async throws -> Int {
        var count = 0
        while true {
            let swept = try await database.write { [self] transaction in
                try transaction.run(SweepFinished(finishedBefore: now - settings.retention, limit: 1_000))
            }
            count += swept
            if swept < 1_000 { break }
            try await surroundings.clock.sleep(until: now + settings.rest)
        }
        if count > 0 { report(.swept(count: count)) }
        return count
    }
}

/// Deletes finished messages, and with them their dedupe keys: a key is remembered for as long as its message.
public struct SweepFinished: Command {
    public static let sql: SQL = """
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE state IN ('done', 'expired', 'cancelled') AND finished_at < $1
            ORDER BY finished_at LIMIT $2)
        """
    public var bindings: [SQLValue] { [.instant(finishedBefore), .integer(limit)] }
    let finishedBefore: Instant
    let limit: Int

    public init(finishedBefore: Instant, limit: Int) {
        self.finishedBefore = finishedBefore
        self.limit = limit
    }
}
