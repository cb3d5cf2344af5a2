import Notation
import People
import Storage

struct PatientExists: Query {
    static let sql: SQL = "SELECT 1 FROM patient WHERE id = $1"
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
    // No booking changes a patient, and none goes to a patient who is not there: the foreign key sees to that.
    var rests: [Touch]? { [.patient(id.of())] }
    func absorb(_ change: any Command, into rows: inout [Bool]) -> Bool { change is InsertAppointmentPatient }
    var guess: [Bool]? { [true] }
}

/// A patient's record and its version.
struct PatientByID: Query {
    static let sql: SQL = "SELECT id, name, email, phone, record_number, version FROM patient WHERE id = $1"
    let id: ID<Patient>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

extension Sealed where Value == Patient {
    fileprivate init(_ columns: any Columns) throws {
        self.init(
            kept: Patient(
                id: try columns.id(0), name: Personal(try columns.text(1)),
                email: try columns.optional(2, columns.text).map { Personal($0) },
                phone: try columns.optional(3, columns.text).map { Personal($0) },
                recordNumber: try columns.optional(4, columns.text).map { Personal($0) }, version: try columns.int(5)))
    }
}

struct StorePatient: Command {
    static let sql: SQL = """
        INSERT INTO patient (id, name, email, phone, record_number, version, email_index, phone_index, record_number_index)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, phone = excluded.phone,
            record_number = excluded.record_number, version = excluded.version, email_index = excluded.email_index,
            phone_index = excluded.phone_index, record_number_index = excluded.record_number_index
        WHERE patient.version = excluded.version - 1
        """
    let patient: Sealed<Patient>
    let indexes: PatientIndexes
    var bindings: [SQLValue] {
        let kept = patient.kept
        return [
            .id(kept.id), .text(kept.name.revealed), .text(kept.email?.revealed), .text(kept.phone?.revealed),
            .text(kept.recordNumber?.revealed), .integer(kept.version), .bytes(indexes.email), .bytes(indexes.phone),
            .bytes(indexes.recordNumber),
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
        SELECT id, name, email, phone, record_number, version FROM patient WHERE email_index = $1 AND id > $2 ORDER BY id LIMIT $3
        """
    let page: PatientPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

struct PatientsByPhone: Query {
    static let sql: SQL = """
        SELECT id, name, email, phone, record_number, version FROM patient WHERE phone_index = $1 AND id > $2 ORDER BY id LIMIT $3
        """
    let page: PatientPage
    var bindings: [SQLValue] { page.bindings }
    static func row(_ columns: any Columns) throws -> Sealed<Patient> { try Sealed(columns) }
}

struct PatientsByRecordNumber: Query {
    static let sql: SQL = """
        SELECT id, name, email, phone, record_number, version FROM patient
        WHERE record_number_index = $1 AND id > $2 ORDER BY id LIMIT $3
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
    var bindings: [SQLValue] { [.bytes(digest), .id(after), .integer(limit)] }
}
