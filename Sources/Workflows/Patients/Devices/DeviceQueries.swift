import Identity
import Letters
import Notation
import People
import Storage

/// In the order `Sealed<PatientDevice>(columns)` reads them.
private let deviceColumns = "id, patient_id, session_id, platform, name, token, language, created_at, seen_at"

extension Sealed where Value == PatientDevice {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kept: PatientDevice(
                id: try columns.id(0), patient: try columns.id(1), session: try columns.optional(2) { try columns.id($0) },
                platform: try columns.choice(3), name: try columns.optional(4, columns.text).map { Personal($0) },
                token: Personal(try columns.text(5)), language: try columns.optional(6) { try columns.choice($0) },
                createdAt: try columns.instant(7), seenAt: try columns.instant(8)))
    }
}

/// A patient has few.
struct DevicesOf: Query {
    static let sql = SQL("SELECT \(deviceColumns) FROM patient_device WHERE patient_id = $1 ORDER BY patient_id, id")
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> Sealed<PatientDevice> { try Sealed(columns) }
}

/// Whose it is, if anybody's; nobody else takes it over until this transaction has ended.
struct DeviceByRegistration: Query {
    private static let text = "SELECT id, patient_id, created_at FROM patient_device WHERE token_index = $1"
    static let sql = SQL(sqlite: text, postgres: text + " FOR UPDATE")
    let index: [UInt8]
    var bindings: [SQLValue] { [.bytes(index)] }
    static func row(_ columns: any Columns) throws -> (id: ID<PatientDevice>, patient: ID<Patient>, createdAt: Instant) {
        (id: try columns.id(0), patient: try columns.id(1), createdAt: try columns.instant(2))
    }
}

/// What was registered with the same token before, by whomever, is replaced.
struct StoreDevice: Command {
    static let sql: SQL = """
        INSERT INTO patient_device (id, patient_id, session_id, platform, name, token, token_index, language, created_at, seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (token_index) DO UPDATE SET id = excluded.id, patient_id = excluded.patient_id, session_id = excluded.session_id,
            platform = excluded.platform, name = excluded.name, token = excluded.token, language = excluded.language,
            created_at = excluded.created_at, seen_at = excluded.seen_at
        """
    let device: Sealed<PatientDevice>
    let index: [UInt8]
    var bindings: [SQLValue] {
        let kept = device.kept
        return [
            .id(kept.id), .id(kept.patient), .id(kept.session), .text(kept.platform.rawValue), .text(kept.name?.revealed),
            .text(kept.token.revealed), .bytes(index), .text(kept.language?.rawValue), .instant(kept.createdAt),
            .instant(kept.seenAt),
        ]
    }
}

struct ForgetDevice: Command {
    static let sql: SQL = "DELETE FROM patient_device WHERE id = $1 AND patient_id = $2"
    let id: ID<PatientDevice>
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(id), .id(patient)] }
}

/// The provider knows this registration no more. One that has taken its place meanwhile stays.
struct ForgetRegistration: Command {
    static let sql: SQL = "DELETE FROM patient_device WHERE id = $1 AND token_index = $2"
    let id: ID<PatientDevice>
    let index: [UInt8]
    var bindings: [SQLValue] { [.id(id), .bytes(index)] }
}

struct ForgetDevicesOfSession: Command {
    static let sql: SQL = "DELETE FROM patient_device WHERE session_id = $1"
    let session: ID<Session>
    var bindings: [SQLValue] { [.id(session)] }
}

struct ForgetOtherDevicesOfSession: Command {
    static let sql: SQL = "DELETE FROM patient_device WHERE session_id = $1 AND token_index <> $2"
    let session: ID<Session>
    let index: [UInt8]
    var bindings: [SQLValue] { [.id(session), .bytes(index)] }
}

struct EraseDevices: Command {
    static let sql: SQL = "DELETE FROM patient_device WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}
