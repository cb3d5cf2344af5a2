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
