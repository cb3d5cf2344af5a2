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
    static func row(_ columns: any Columns) throws -> Patient { try Patient(columns) }
}

extension Patient {
    init(_ columns: any Columns) throws {
        self.init(
            id: try columns.id(0), name: Personal(try columns.text(1)),
            email: try columns.optional(2, columns.text).map { Personal($0) },
            phone: try columns.optional(3, columns.text).map { Personal($0) },
            recordNumber: try columns.optional(4, columns.text).map { Personal($0) }, version: try columns.int(5))
    }
}

struct StorePatient: Command {
    static let sql: SQL = """
        INSERT INTO patient (id, name, email, phone, record_number, version) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, phone = excluded.phone,
            record_number = excluded.record_number, version = excluded.version
        WHERE patient.version = excluded.version - 1
        """
    let patient: Patient
    var bindings: [SQLValue] {
        [
            .id(patient.id), .text(patient.name.revealed), .text(patient.email?.revealed), .text(patient.phone?.revealed),
            .text(patient.recordNumber?.revealed), .integer(patient.version),
        ]
    }
}
