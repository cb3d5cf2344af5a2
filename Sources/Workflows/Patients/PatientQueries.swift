import Notation
import People
import Storage

/// Whether a patient's record is open; nothing where there is none.
struct PatientExists: Query {
    static let sql: SQL = "SELECT CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END FROM patient WHERE id = $1"
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Bool { try columns.int(0) == 1 }
    // No booking changes a patient, and none goes to a patient who is not there, or whose record is closed: the foreign key and
    // `patient_closed` see to that.
    var rests: [Touch]? { [.patient(id.of())] }
    func absorb(_ change: any Command, into rows: inout [Bool]) -> Bool { change is InsertAppointmentPatient }
    var guess: [Bool]? { [true] }
}

/// A patient's record and its version.
struct PatientByID: Query {
    static let sql = SQL("SELECT \(patientColumns) FROM patient WHERE id = $1 AND erased_at IS NULL")
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

/// The same, and nobody else changes it, or books for it, until this transaction has ended.
struct PatientToChange: Query {
    static let sql = SQL(sqlite: PatientByID.sql.sqlite, postgres: PatientByID.sql.postgres + " FOR UPDATE")
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

/// In the order `Sealed<Patient>(columns)` reads them.
private let patientColumns = "id, name, email, phone, record_number, version, birth_date"

extension Sealed where Value == Patient {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kept: Patient(
                id: try columns.id(0), name: Personal(try columns.text(1)),
                birthDate: try columns.optional(6, columns.text).map { Personal($0) },
                email: try columns.optional(2, columns.text).map { Personal($0) },
                phone: try columns.optional(3, columns.text).map { Personal($0) },
                recordNumber: try columns.optional(4, columns.text).map { Personal($0) }, version: try columns.int(5)))
    }
}

struct StorePatient: Command {
    static let sql: SQL = """
        INSERT INTO patient (id, name, email, phone, record_number, version, email_index, phone_index, record_number_index, birth_date)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, phone = excluded.phone,
            record_number = excluded.record_number, version = excluded.version, email_index = excluded.email_index,
            phone_index = excluded.phone_index, record_number_index = excluded.record_number_index,
            birth_date = excluded.birth_date
        WHERE patient.version = excluded.version - 1 AND patient.erased_at IS NULL
        """
    let patient: Sealed<Patient>
    let indexes: PatientIndexes
    var bindings: [SQLValue] {
        let kept = patient.kept
        return [
            .id(kept.id), .text(kept.name.revealed), .text(kept.email?.revealed), .text(kept.phone?.revealed),
            .text(kept.recordNumber?.revealed), .integer(kept.version), .bytes(indexes.email), .bytes(indexes.phone),
            .bytes(indexes.recordNumber), .text(kept.birthDate?.revealed),
        ]
    }

    init(_ patient: Patient, _ ring: FieldKeys) throws {
        self.patient = try ring.seal(patient)
        indexes = PatientIndexes(patient, ring)
    }
}

/// Patients with an e-mail address, by its digest.
struct PatientsByEmail: Query {
    static let sql: SQL = """
        SELECT id, name, email, phone, record_number, version, birth_date FROM patient
        WHERE email_index = $1 AND id > $2 AND (closed_at IS NULL OR CAST($4 AS bigint) = 1)
            AND (closed_at IS NOT NULL OR CAST($5 AS bigint) = 1)
        ORDER BY id LIMIT $3
        """
    let page: PatientPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

struct PatientsByPhone: Query {
    static let sql: SQL = """
        SELECT id, name, email, phone, record_number, version, birth_date FROM patient
        WHERE phone_index = $1 AND id > $2 AND (closed_at IS NULL OR CAST($4 AS bigint) = 1)
            AND (closed_at IS NOT NULL OR CAST($5 AS bigint) = 1)
        ORDER BY id LIMIT $3
        """
    let page: PatientPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

struct PatientsByRecordNumber: Query {
    static let sql: SQL = """
        SELECT id, name, email, phone, record_number, version, birth_date FROM patient
        WHERE record_number_index = $1 AND id > $2 AND (closed_at IS NULL OR CAST($4 AS bigint) = 1)
            AND (closed_at IS NOT NULL OR CAST($5 AS bigint) = 1)
        ORDER BY id LIMIT $3
        """
    let page: PatientPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

/// Those with a digest, after one.
struct PatientPage: Sendable {
    let digest: [UInt8]
    let after: ID<Patient>
    let limit: Int
    /// Whether closed records are among them, and open ones.
    let closed: Bool
    let open: Bool
    var bindings: [SQLValue] {
        [.bytes(digest), .id(after), .integer(limit), .integer(closed ? 1 : 0), .integer(open ? 1 : 0)]
    }
}
