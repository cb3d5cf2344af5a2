import Notation
import Scheduling
import Storage

private let webhookColumns = """
    id, url, description, secret, old_secret, old_secret_until, events, disabled_at, disabled_because, created_by, created_at, version
    """

extension Webhook {
    fileprivate init(_ columns: any Columns) throws {
        let oldSecret = try columns.optional(4, columns.text)
        let oldUntil = try columns.optional(5, columns.instant)
        let disabledAt = try columns.optional(7, columns.instant)
        let because: Disabling.Cause? = try columns.optional(8) { try columns.choice($0) }
        self.init(
            id: try columns.id(0), url: Personal(try columns.text(1)),
            description: try columns.optional(2, columns.text).map { Personal($0) },
            events: try columns.texts(6).compactMap { WantedEvent($0) }, secret: Personal(try columns.text(3)),
            oldSecret: oldSecret.flatMap { text in oldUntil.map { OldSecret(hexadecimal: Personal(text), until: $0) } },
            disabling: disabledAt.flatMap { at in because.map { Disabling(at: at, because: $0) } },
            createdBy: try columns.text(9), createdAt: try columns.instant(10), version: try columns.int(11))
    }
}

struct WebhookByID: Query {
    static let sql = SQL("SELECT \(webhookColumns) FROM webhook WHERE id = $1")
    let id: ID<Webhook>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Webhook> { Sealed(kept: try Webhook(columns)) }
}

/// The same, and nobody else changes it until this transaction has ended.
struct WebhookToChange: Query {
    static let sql = SQL(sqlite: WebhookByID.sql.sqlite, postgres: WebhookByID.sql.postgres + " FOR UPDATE")
    let id: ID<Webhook>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Webhook> { Sealed(kept: try Webhook(columns)) }
}

/// All of them, oldest first: there are `Webhook.most` at most.
struct AllWebhooks: Query {
    static let sql = SQL("SELECT \(webhookColumns) FROM webhook ORDER BY id")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Sealed<Webhook> { Sealed(kept: try Webhook(columns)) }
}

struct InsertWebhook: Command {
    static let sql: SQL = """
        INSERT INTO webhook (id, url, description, secret, old_secret, old_secret_until, events, state, disabled_at, disabled_because,
            created_by, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """
    let webhook: Sealed<Webhook>
    var bindings: [SQLValue] {
        webhook.kept.changing + [.text(webhook.kept.createdBy), .instant(webhook.kept.createdAt), .integer(webhook.kept.version)]
    }
}

/// Replaces version n by version n + 1. No row changed means that somebody else was first.
struct UpdateWebhook: Command {
    static let sql: SQL = """
        UPDATE webhook SET url = $2, description = $3, secret = $4, old_secret = $5, old_secret_until = $6, events = $7, state = $8,
            disabled_at = $9, disabled_because = $10, version = $11 WHERE id = $1 AND version = $11 - 1
        """
    let webhook: Sealed<Webhook>
    var bindings: [SQLValue] { webhook.kept.changing + [.integer(webhook.kept.version)] }
}

extension Webhook {
    fileprivate var changing: [SQLValue] {
        [
            .id(id), .text(url.revealed), .text(description?.revealed), .text(secret.revealed),
            .text(oldSecret?.hexadecimal.revealed), .instant(oldSecret?.until), .texts(events.map(\.text)),
            .text(state.rawValue), .instant(disabling?.at), .text(disabling?.because.rawValue),
        ]
    }
}

struct DeleteWebhook: Command {
    static let sql: SQL = "DELETE FROM webhook WHERE id = $1"
    let id: ID<Webhook>
    var bindings: [SQLValue] { [.id(id)] }
}

/// What is on its way to it is not delivered any more.
struct CancelDeliveries: Command {
    static let sql: SQL =
        "UPDATE webhook_delivery SET state = 'cancelled', next_at = NULL WHERE webhook_id = $1 AND state = 'waiting'"
    let webhook: ID<Webhook>
    var bindings: [SQLValue] { [.id(webhook)] }
}

struct InsertWebhookDelivery: Insertion {
    static let rank = 15
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO webhook_delivery (webhook_id, id, event_id, kind, at, state, attempts, next_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6)
        """
    let webhook: ID<Webhook>
    let id: ID<WebhookDelivery>
    let event: OutsideEvent
    let now: Instant
    var bindings: [SQLValue] {
        [.id(webhook), .id(id), .id(event.id), .text(event.kind), .instant(event.at), .instant(now)]
    }
}

/// How an attempt ended. What has ended already stays as it is.
struct NoteWebhookAttempt: Command {
    static let sql: SQL = """
        UPDATE webhook_delivery SET state = $3, attempts = $4, last_at = $5, last_result = $6, next_at = $7
        WHERE webhook_id = $1 AND id = $2 AND state = 'waiting'
        """
    let webhook: ID<Webhook>
    let id: ID<WebhookDelivery>
    let state: WebhookDelivery.State
    let attempts: Int
    let at: Instant
    let result: String?
    let next: Instant?
    var bindings: [SQLValue] {
        [
            .id(webhook), .id(id), .text(state.rawValue), .integer(attempts), .instant(at), .text(result), .instant(next),
        ]
    }
}

/// The latest first, before one.
struct DeliveriesOfWebhook: Query {
    static let sql: SQL = """
        SELECT id, event_id, kind, at, state, attempts, last_at, last_result, next_at FROM webhook_delivery
        WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
        """
    let webhook: ID<Webhook>
    let before: ID<WebhookDelivery>
    let limit: Int
    var bindings: [SQLValue] { [.id(webhook), .id(before), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> WebhookDelivery {
        WebhookDelivery(
            id: try columns.id(0), event: try columns.id(1), kind: try columns.text(2), at: try columns.instant(3),
            state: try columns.choice(4), attempts: try columns.int(5), lastAt: try columns.optional(6, columns.instant),
            lastResult: try columns.optional(7, columns.text), nextAt: try columns.optional(8, columns.instant))
    }
}

struct ForgetOldWebhookDeliveries: Command {
    static let sql: SQL = """
        DELETE FROM webhook_delivery WHERE (webhook_id, id) IN (
            SELECT webhook_id, id FROM webhook_delivery WHERE at < $1 ORDER BY at LIMIT $2)
        """
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
}
