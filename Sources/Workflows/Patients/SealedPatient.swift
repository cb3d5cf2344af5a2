public import Notation
import People
import Secrecy

extension Patient: Sealable {
    static let table = "patient"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Patient {
        var copy = self
        copy.name = try exchange("name", name)
        copy.birthDate = try birthDate.map { try exchange("birth_date", $0) }
        copy.email = try email.map { try exchange("email", $0) }
        copy.phone = try phone.map { try exchange("phone", $0) }
        copy.recordNumber = try recordNumber.map { try exchange("record_number", $0) }
        return copy
    }
}

/// What finds a patient whose record is sealed.
struct PatientIndexes: Sendable, Equatable {
    let email: [UInt8]?
    let phone: [UInt8]?
    let recordNumber: [UInt8]?

    init(_ patient: Patient, _ ring: FieldKeys) {
        email = patient.email.map { Self.digest(of: $0, .email, ring) }
        phone = patient.phone.map { Self.digest(of: $0, .phone, ring) }
        recordNumber = patient.recordNumber.map { Self.digest(of: $0, .recordNumber, ring) }
    }

    static func digest(of value: Personal<String>, _ clue: PatientClue.Kind, _ ring: FieldKeys) -> [UInt8] {
        ring.indexes.digest(of: clue.normal(value.revealed), table: "patient", column: clue.column)
    }
}

/// What staff know of a patient they look for: the whole of it, never a part. There is nothing to look for names with
/// (docs/decisions/0019): equal names are frequent, and what finds them in the database betrays who shares one.
public struct PatientClue: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case email, phone, recordNumber

        var column: String { self == .recordNumber ? "record_number" : rawValue }

        func normal(_ text: String) -> String {
            switch self {
            case .email: NormalForm.email(text)
            case .phone: NormalForm.phone(text)
            case .recordNumber: NormalForm.number(text)
            }
        }
    }

    public let kind: Kind
    public let value: Personal<String>

    public init(_ kind: Kind, _ value: Personal<String>) {
        self.kind = kind
        self.value = value
    }
}
