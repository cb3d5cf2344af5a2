import Notation
import People
import Scheduling
import Secrecy
import Storage

/// A table with sealed columns, as far as sealing them anew has to know it.
struct SealedTable: Sendable, Equatable {
    let name: String
    /// Its primary key, an identifier.
    var key = "id"
    /// At most six.
    let columns: [String]

    /// In the order they are walked through; a new one comes last, for a walk remembers its place by number. Links to identity providers
    /// and stored answers have other keys and come after all these (`SealedLinks`, `SealedAnswers`); the audit trail is never written
    /// anew and is not among them.
    static let all = [
        SealedTable(name: Patient.table, columns: ["name", "email", "phone", "record_number", "birth_date"]),
        SealedTable(name: Appointment.table, columns: ["override_reason"]),
        SealedTable(name: ScheduleException.table, columns: ["note"]),
        SealedTable(name: Correction.table, columns: Correction.sealedColumns),
        SealedTable(name: RecordClosure.table, columns: ["reason"]),
        SealedTable(name: LegalHold.table, columns: ["reason"]),
        SealedTable(name: Account.table, columns: ["login"]),
        SealedTable(name: AccountEmail.table, key: "account_id", columns: ["address"]),
        SealedTable(name: LetterRecord.table, columns: ["address"]),
        SealedTable(name: SessionRecord.table, columns: ["device"]),
        SealedTable(name: ServiceRecord.table, columns: ["name"]),
        SealedTable(name: EmergencyAccess.table, columns: ["reason", "note"]),
        SealedTable(name: IncomingNews.table, columns: ["content"]),
        SealedTable(name: Message.table, columns: Message.sealedColumns),
        SealedTable(name: VisitPayment.table, columns: ["payer_secret"]),
        SealedTable(name: Webhook.table, columns: Webhook.sealedColumns),
        SealedTable(name: PatientDevice.table, columns: PatientDevice.sealedColumns),
        SealedTable(name: StaffContact.table, columns: StaffContact.sealedColumns),
    ]
}

/// The label of whatever row it is.
enum SealedRow {}

/// The sealed columns of a table after a row, in the order of their keys.
struct SealedRows: Query {
    static let sql = text(SealedTable.all[0])
    let table: SealedTable
    let after: ID<SealedRow>
    let limit: Int
    var ownText: SQL? { Self.text(table) }
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }

    struct Row: Sendable {
        let id: ID<SealedRow>
        let texts: [String?]
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(id: try columns.id(0), texts: try (1...6).map { try columns.optional($0, columns.text) })
    }

    private static func text(_ table: SealedTable) -> SQL {
        let columns = table.columns + Array(repeating: "CAST(NULL AS TEXT)", count: 6 - table.columns.count)
        let key = table.key
        return SQL(
            "SELECT \(key), \(columns.joined(separator: ", ")) FROM \(table.name) WHERE \(key) > $1 ORDER BY \(key) LIMIT $2")
    }
}

/// Puts a newly sealed text in the place of what was read; changes nothing when somebody has written it meanwhile.
struct ReplaceSealed: Command {
    static let sql = text(SealedTable.all[0], "name")
    let table: SealedTable
    let column: String
    let id: ID<SealedRow>
    let old: String
    let new: String
    var ownText: SQL? { Self.text(table, column) }
    var bindings: [SQLValue] { [.id(id), .text(old), .text(new)] }

    private static func text(_ table: SealedTable, _ column: String) -> SQL {
        SQL("UPDATE \(table.name) SET \(column) = $3 WHERE \(table.key) = $1 AND \(column) = $2")
    }
}

/// What finds a patient whose record was plain until now, and has just been sealed under this name.
struct IndexPatient: Command {
    static let sql: SQL = """
        UPDATE patient SET email_index = $3, phone_index = $4, record_number_index = $5 WHERE id = $1 AND name = $2
        """
    let id: ID<SealedRow>
    let sealedName: String
    let indexes: PatientIndexes
    var bindings: [SQLValue] {
        [
            .id(id), .text(sealedName), .bytes(indexes.email), .bytes(indexes.phone), .bytes(indexes.recordNumber),
        ]
    }
}

/// What finds an account whose login was plain until now. Breaks `account_login_index` when another account's login is the same to whoever
/// types it.
struct IndexLogin: Command {
    static let sql: SQL = "UPDATE account SET login_index = $2 WHERE id = $1 AND login_index IS NULL"
    let id: ID<SealedRow>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.id(id), .bytes(digest)] }
}

/// The same for the address of an account.
struct IndexAddress: Command {
    static let sql: SQL = "UPDATE account_email SET address_index = $2 WHERE account_id = $1 AND address_index IS NULL"
    let id: ID<SealedRow>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.id(id), .bytes(digest)] }
}

/// Stored answers after one, in the order of their keys.
struct SealedAnswers: Query {
    static let sql: SQL = """
        SELECT key, principal, body FROM idempotency WHERE (key, principal) > ($1, $2) ORDER BY key, principal LIMIT $3
        """
    let key: String
    let principal: String
    let limit: Int
    var bindings: [SQLValue] { [.text(key), .text(principal), .integer(limit)] }

    struct Row: Sendable {
        let key: String
        let principal: String
        let body: [UInt8]
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(key: try columns.text(0), principal: try columns.text(1), body: try columns.bytes(2))
    }
}

struct ReplaceSealedAnswer: Command {
    static let sql: SQL = "UPDATE idempotency SET body = $4 WHERE key = $1 AND principal = $2 AND body = $3"
    let row: SealedAnswers.Row
    let new: [UInt8]
    var bindings: [SQLValue] { [.text(row.key), .text(row.principal), .bytes(row.body), .bytes(new)] }
}

/// How far the walk is that seals everything with one key.
struct KeyWalk: Query {
    static let sql: SQL = "SELECT place, position, done_at FROM key_walk WHERE version = $1"
    let version: Int
    var bindings: [SQLValue] { [.integer(version)] }

    struct Row: Sendable {
        let place: Int
        let position: ID<SealedRow>
        let isDone: Bool
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(place: try columns.int(0), position: try columns.id(1), isDone: !columns.isNull(2))
    }
}

struct NoteKeyWalk: Command {
    static let sql: SQL = """
        INSERT INTO key_walk (version, place, position, done_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (version) DO UPDATE SET place = excluded.place, position = excluded.position, done_at = excluded.done_at
        """
    let version: Int
    let place: Int
    var position: ID<SealedRow> = ID(high: 0, low: 0)
    var doneAt: Instant?
    var bindings: [SQLValue] { [.integer(version), .integer(place), .id(position), .instant(doneAt)] }
}
