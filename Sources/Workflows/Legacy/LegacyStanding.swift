import Notation
import Scheduling
import Storage

/// How far the replacement is, as the database has it.
struct LegacyStanding: Sendable, Equatable {
    static let name = "legacy"

    var replacement = Replacement()
    var changedAt = Instant(microseconds: 0)
    var changedBy = ""
    /// Since when requests are decided here as well.
    var shadowSince: Instant?
    /// Since when what is booked there is taken over.
    var backfillSince: Instant?
    /// When everything of ours was last seen to be there.
    var mirroredAt: Instant?
}

/// How far what happens there is followed.
struct LegacyFeed: Sendable, Equatable {
    /// Their number of the last change that was taken in.
    var change = 0
    /// When there was last nothing more.
    var caughtUpAt: Instant?
    /// How many were taken over.
    var taken = 0
}

struct CurrentReplacement: Query {
    static let sql: SQL = """
        SELECT phase, share, changed_at, changed_by, shadow_since, backfill_since, mirrored_at FROM legacy_phase
        WHERE name = 'legacy'
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> LegacyStanding {
        LegacyStanding(
            replacement: Replacement(phase: try columns.choice(0), share: try columns.int(1)),
            changedAt: try columns.instant(2), changedBy: try columns.text(3),
            shadowSince: try columns.optional(4, columns.instant), backfillSince: try columns.optional(5, columns.instant),
            mirroredAt: try columns.optional(6, columns.instant))
    }
}

struct StoreReplacement: Command {
    static let sql: SQL = """
        INSERT INTO legacy_phase (name, phase, share, changed_at, changed_by, shadow_since, backfill_since, mirrored_at)
        VALUES ('legacy', $1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (name) DO UPDATE SET phase = excluded.phase, share = excluded.share, changed_at = excluded.changed_at,
            changed_by = excluded.changed_by, shadow_since = excluded.shadow_since, backfill_since = excluded.backfill_since,
            mirrored_at = excluded.mirrored_at
        """
    let standing: LegacyStanding
    var bindings: [SQLValue] {
        [
            .text(standing.replacement.phase.rawValue), .integer(standing.replacement.share), .instant(standing.changedAt),
            .text(standing.changedBy), .instant(standing.shadowSince), .instant(standing.backfillSince),
            .instant(standing.mirroredAt),
        ]
    }
}

/// Everything of ours was there when this was looked for.
struct NoteMirrored: Command {
    static let sql: SQL = "UPDATE legacy_phase SET mirrored_at = $1 WHERE name = 'legacy'"
    let at: Instant
    var bindings: [SQLValue] { [.instant(at)] }
}

struct CurrentLegacyFeed: Query {
    static let sql: SQL = "SELECT change, caught_up_at, taken FROM legacy_feed WHERE name = 'legacy'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> LegacyFeed {
        LegacyFeed(
            change: try columns.int(0), caughtUpAt: try columns.optional(1, columns.instant), taken: try columns.int(2))
    }
}

/// Makes it, so that it can be held.
struct TouchLegacyFeed: Command {
    static let sql: SQL = """
        INSERT INTO legacy_feed (name, change, taken) VALUES ('legacy', 0, 0) ON CONFLICT (name) DO NOTHING
        """
    var bindings: [SQLValue] { [] }
}

struct LegacyFeedToChange: Query {
    static let sql = SQL(
        sqlite: "SELECT change, caught_up_at, taken FROM legacy_feed WHERE name = 'legacy'",
        postgres: "SELECT change, caught_up_at, taken FROM legacy_feed WHERE name = 'legacy' FOR UPDATE")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> LegacyFeed { try CurrentLegacyFeed.row(columns) }
}

struct StoreLegacyFeed: Command {
    static let sql: SQL = "UPDATE legacy_feed SET change = $1, caught_up_at = $2, taken = $3 WHERE name = 'legacy'"
    let feed: LegacyFeed
    var bindings: [SQLValue] { [.integer(feed.change), .instant(feed.caughtUpAt), .integer(feed.taken)] }
}
