public import Notation

/// Somebody who receives care. Only what booking and telling them needs.
public struct Patient: Sendable, Equatable {
    public let id: ID<Patient>
    public var name: Personal<String>
    /// `2019-05-31` (FHIR `birthDate`).
    public var birthDate: Personal<String>?
    public var email: Personal<String>?
    public var phone: Personal<String>?
    /// The clinic's own number for the patient (FHIR `identifier`).
    public var recordNumber: Personal<String>?
    /// Counts changes, for `If-Match`.
    public var version: Int

    public init(
        id: ID<Patient>, name: Personal<String>, birthDate: Personal<String>? = nil, email: Personal<String>? = nil,
        phone: Personal<String>? = nil, recordNumber: Personal<String>? = nil, version: Int = 1
    ) {
        self.id = id
        self.name = name
        self.birthDate = birthDate
        self.email = email
        self.phone = phone
        self.recordNumber = recordNumber
        self.version = version
    }
}

/// What of a record somebody may ask to have corrected, by the names its document has.
public enum RecordField: String, Sendable, CaseIterable { case name, birthDate, email, phone, recordNumber }

extension Patient {
    /// What a field says. A name that is set to nothing stays as it is.
    public subscript(field: RecordField) -> Personal<String>? {
        get {
            switch field {
            case .name: name
            case .birthDate: birthDate
            case .email: email
            case .phone: phone
            case .recordNumber: recordNumber
            }
        }
        set {
            switch field {
            case .name: name = newValue ?? name
            case .birthDate: birthDate = newValue
            case .email: email = newValue
            case .phone: phone = newValue
            case .recordNumber: recordNumber = newValue
            }
        }
    }
}
