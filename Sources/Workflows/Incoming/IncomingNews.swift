import Notation
import Storage

/// Who tells the clinic something without being asked.
public enum IncomingPartner: String, Sendable, CaseIterable {
    case payments, texts

    /// What the outbox is to do with it.
    var topic: String {
        switch self {
        case .payments: Topic.incomingPayments
        case .texts: Topic.incomingTexts
        }
    }
}

/// What a partner has told, as it is kept: once for each key of theirs.
struct IncomingNews: Sendable {
    let id: ID<IncomingNews>
    let partner: IncomingPartner
    /// Theirs: the same whenever the same thing is told.
    let key: String
    let receivedAt: Instant
    /// A JSON document; nil once it is handled. It may be what a patient wrote.
    var content: Personal<String>?
}

extension IncomingNews: Sealable {
    static let table = "incoming"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> IncomingNews
    {
        var copy = self
        copy.content = try content.map { try exchange("content", $0) }
        return copy
    }
}

struct KnownNews: Query {
    static let sql: SQL = "SELECT id FROM incoming WHERE partner = $1 AND key = $2"
    let partner: IncomingPartner
    let key: String
    var bindings: [SQLValue] { [.text(partner.rawValue), .text(key)] }
    static func row(_ columns: any Columns) throws -> ID<IncomingNews> { try columns.id(0) }
}

/// Writes it down. Changes no row when it was told before.
struct InsertNews: Command {
    static let sql: SQL = """
        INSERT INTO incoming (id, partner, key, received_at, content) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (partner, key) DO NOTHING
        """
    let news: Sealed<IncomingNews>
    var bindings: [SQLValue] {
        let kept = news.kept
        return [
            .id(kept.id), .text(kept.partner.rawValue), .text(kept.key), .instant(kept.receivedAt), .text(kept.content?.revealed),
        ]
    }
}

/// One that nobody has handled.
struct UnhandledNews: Query {
    static let sql: SQL = "SELECT id, partner, key, received_at, content FROM incoming WHERE id = $1 AND handled_at IS NULL"
    let id: ID<IncomingNews>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<IncomingNews> {
        Sealed(
            kept: IncomingNews(
                id: try columns.id(0), partner: try columns.choice(1), key: try columns.text(2),
                receivedAt: try columns.instant(3), content: try columns.optional(4, columns.text).map { Personal($0) }))
    }
}

/// It is handled, and what it said is not needed any more: only that it was said.
struct EndNews: Command {
    static let sql: SQL = "UPDATE incoming SET handled_at = $2, content = NULL WHERE id = $1 AND handled_at IS NULL"
    let id: ID<IncomingNews>
    let now: Instant
    var bindings: [SQLValue] { [.id(id), .instant(now)] }
}

/// At most `limit` at once, so that nobody waits behind it.
struct ForgetOldNews: Command {
    static let sql: SQL = """
        DELETE FROM incoming WHERE id IN (SELECT id FROM incoming WHERE received_at < $1 ORDER BY received_at LIMIT $2)
        """
    let before: Instant
    let limit: Int
    var bindings: [SQLValue] { [.instant(before), .integer(limit)] }
}
