internal import Notation
public import Storage

/// How a delivery ends in the table.
struct Settlement: Sendable, Equatable {
    var state: OutboxState
    /// The next time for a message that is ready again; nil keeps the time it has.
    var availableAt: Instant?
    /// The attempt was not one: the message was snoozed, or the program stopped under it.
    var givesAttemptBack = false
    var error: String?
}

/// Ends a delivery, provided its lease is still the newest. No row changes when it is not: somebody else has the message
/// by now, and what this worker did is stale.
///
/// The lease, not the attempt, is the fence: attempts are given back by a snooze, so an old one can look new.
package struct Settle: Amendment {
    package static let rank = -2
    package static let sql: SQL = """
        UPDATE outbox SET
            state = $3, available_at = COALESCE($4, available_at), attempt = attempt - $5,
            last_error = COALESCE($6, last_error), finished_at = $7, lease_until = NULL, worker = NULL
        WHERE id = $1 AND state = 'running' AND lease = $2
        """
    package var bindings: [SQLValue] {
        [
            .id(claimed.delivery.id), .integer(claimed.lease), .text(settlement.state.rawValue),
            .instant(settlement.availableAt), .integer(settlement.givesAttemptBack ? 1 : 0), .text(settlement.error),
            settlement.state == .ready ? .null : .instant(now),
        ]
    }
    let claimed: Claimed
    let settlement: Settlement
    let now: Instant
}

/// Ends a delivery in the transaction that took it. Nobody else can have it: the row is locked until the commit.
package struct Conclude: Amendment {
    package static let rank = -2
    package var touches: [Touch]? { [] }
    package static let sql: SQL = """
        UPDATE outbox SET
            state = $2, available_at = COALESCE($3, available_at), attempt = attempt + $4,
            last_error = COALESCE($5, last_error), finished_at = $6, blocked_at = NULL
        WHERE id = $1
        """
    package var bindings: [SQLValue] {
        [
            .id(claimed.delivery.id), .text(settlement.state.rawValue), .instant(settlement.availableAt),
            .integer(settlement.givesAttemptBack ? 0 : 1), .text(settlement.error),
            settlement.state == .ready ? .null : .instant(now),
        ]
    }
    let claimed: Claimed
    let settlement: Settlement
    let now: Instant
}

/// Ends a delivery of which nothing has to be remembered: what it did is in the database itself.
package struct Discharge: Deletion {
    package static let rank = -2
    package var touches: [Touch]? { [] }
    package static let sql: SQL = "DELETE FROM outbox WHERE id = $1"
    package var bindings: [SQLValue] { [.id(claimed.delivery.id)] }
    let claimed: Claimed
}

/// Keeps a lease. No row changes when it is lost.
public struct Heartbeat: Command {
    public static let sql: SQL = """
        UPDATE outbox SET lease_until = $3 WHERE id = $1 AND state = 'running' AND lease = $2
        """
    public var bindings: [SQLValue] { [.id(claimed.delivery.id), .integer(claimed.lease), .instant(leaseUntil)] }
    let claimed: Claimed
    let leaseUntil: Instant
}

/// Takes messages back from workers that stopped sending heartbeats: ready again, or dead when that was the last attempt.
public struct RescueLeases: Query {
    public static let sql: SQL = """
        UPDATE outbox SET
            state = CASE WHEN attempt >= max_attempts THEN 'dead' ELSE 'ready' END,
            finished_at = CASE WHEN attempt >= max_attempts THEN CAST($1 AS timestamptz) END,
            available_at = $1, lease_until = NULL, worker = NULL,
            last_error = 'the worker stopped before it was finished'
        WHERE id IN (SELECT id FROM outbox WHERE state = 'running' AND lease_until <= $3 LIMIT $2)
            AND state = 'running' AND lease_until <= $3
        RETURNING topic, order_key, state
        """
    public var bindings: [SQLValue] { [.instant(now), .integer(limit), .instant(leaseUntil)] }
    let now: Instant
    let limit: Int
    /// Leases that end at or before this are taken back.
    let leaseUntil: Instant

    public struct Rescued: Sendable {
        let topic: String
        let orderKey: String?
        let isDead: Bool

        static func inTurn(_ left: Rescued, _ right: Rescued) -> Bool {
            (left.topic, left.isDead ? 1 : 0, left.orderKey ?? "") < (right.topic, right.isDead ? 1 : 0, right.orderKey ?? "")
        }
    }
    public static func row(_ columns: any Columns) throws -> Rescued {
        Rescued(
            topic: try columns.text(0), orderKey: try columns.optional(1, columns.text),
            isDead: try columns.text(2) == OutboxState.dead.rawValue)
    }
}

extension WriteTransaction {
    /// Ends a delivery in the transaction that took it, and lets the next of its order step forward.
    func conclude(_ claimed: Claimed, as settlement: Settlement, now: Instant) throws {
        if settlement.state == .done && !claimed.isRemembered {
            try post(Discharge(claimed: claimed))
        } else {
            try post(Conclude(claimed: claimed, settlement: settlement, now: now))
        }
        if settlement.state != .ready, let orderKey = claimed.delivery.orderKey { try post(CallForward(orderKey: orderKey)) }
    }

    /// Ends deliveries and lets the next of their orders step forward. For each whether its lease was still the newest: where it was lost
    /// nothing changed.
    func settle(_ batch: [Outbox.Ended], now: Instant) throws -> [Bool] {
        let areFresh = try run(each: batch.map { Settle(claimed: $0.claimed, settlement: $0.settlement, now: now) }).map {
            $0 > 0
        }
        let over = zip(batch, areFresh).filter { $1 && $0.settlement.state != .ready }
        try callForward(behind: over.map(\.0.claimed.delivery.orderKey))
        return areFresh
    }
}
