public import Notation
public import Secrecy
import Storage

/// A clinic's own key as the database has it.
public struct DataKeyRecord: Sendable {
    public enum State: String, Sendable, CaseIterable {
        /// Seals what is written.
        case active
        /// Opens what it once sealed, until all of that is sealed anew.
        case retiring
        /// Gone: nothing is left that it sealed.
        case retired
    }

    public let purpose: DataKey.Purpose
    public let version: Int
    public let state: State
    let clinic: ID<Clinic>
    let wrapped: WrappedKey
    public let createdAt: Instant
    public let retiredAt: Instant?

    /// Which master key wrapped it; nil when it is gone.
    public var master: String? { state == .retired ? nil : wrapped.master }
}

struct AllDataKeys: Query {
    static let sql: SQL = """
        SELECT purpose, version, state, clinic_id, master, wrapped, created_at, retired_at FROM data_key ORDER BY purpose, version
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> DataKeyRecord {
        DataKeyRecord(
            purpose: try columns.choice(0), version: try columns.int(1), state: try columns.choice(2), clinic: try columns.id(3),
            wrapped: WrappedKey(master: try columns.text(4), bytes: try columns.bytes(5)), createdAt: try columns.instant(6),
            retiredAt: try columns.optional(7, columns.instant))
    }
}

struct InsertDataKey: Command {
    static let sql: SQL = """
        INSERT INTO data_key (purpose, version, state, clinic_id, master, wrapped, created_at)
        VALUES ($1, $2, 'active', $3, $4, $5, $6)
        """
    let purpose: DataKey.Purpose
    let version: Int
    let clinic: ID<Clinic>
    let wrapped: WrappedKey
    let at: Instant
    var bindings: [SQLValue] {
        [
            .text(purpose.rawValue), .integer(version), .id(clinic), .text(wrapped.master), .bytes(wrapped.bytes), .instant(at),
        ]
    }
}

/// The first name of all, sealed or not.
struct FirstPatientName: Query {
    static let sql: SQL = "SELECT name FROM patient WHERE id > $1 ORDER BY id LIMIT 1"
    var bindings: [SQLValue] { [.identifier(high: 0, low: 0)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// The login of the first account, sealed or not.
struct FirstLogin: Query {
    static let sql: SQL = "SELECT login FROM account WHERE id > $1 ORDER BY id LIMIT 1"
    var bindings: [SQLValue] { [.identifier(high: 0, low: 0)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// The name of the first service, sealed or not.
struct FirstServiceName: Query {
    static let sql: SQL = "SELECT name FROM service WHERE id > $1 ORDER BY id LIMIT 1"
    var bindings: [SQLValue] { [.identifier(high: 0, low: 0)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// From now on it only opens.
struct SupersedeDataKey: Command {
    static let sql: SQL = "UPDATE data_key SET state = 'retiring' WHERE purpose = $1 AND state = 'active'"
    let purpose: DataKey.Purpose
    var bindings: [SQLValue] { [.text(purpose.rawValue)] }
}

/// Takes away every older key that sealed fields.
struct RetireDataKeys: Command {
    static let sql = SQL(
        sqlite: """
            UPDATE data_key SET state = 'retired', retired_at = $2, wrapped = x'' WHERE purpose = 'field' AND state = 'retiring' AND version < $1
            """,
        postgres: """
            UPDATE data_key SET state = 'retired', retired_at = $2, wrapped = '' WHERE purpose = 'field' AND state = 'retiring' AND version < $1
            """)
    let before: Int
    let at: Instant
    var bindings: [SQLValue] { [.integer(before), .instant(at)] }
}

/// Changes nothing when somebody else has wrapped it meanwhile.
struct RewrapDataKey: Command {
    static let sql: SQL = """
        UPDATE data_key SET master = $3, wrapped = $4 WHERE purpose = $1 AND version = $2 AND wrapped = $5
        """
    let record: DataKeyRecord
    let wrapped: WrappedKey
    var bindings: [SQLValue] {
        [
            .text(record.purpose.rawValue), .integer(record.version), .text(wrapped.master), .bytes(wrapped.bytes),
            .bytes(record.wrapped.bytes),
        ]
    }
}
