public import Notation

/// Somebody who receives care. Only what booking and telling them needs.
public struct Patient: Sendable, Equatable {
    public let id: ID<Patient>
    public var name: Personal<String>
    public var email: Personal<String>?
    public var phone: Personal<String>?
    /// The clinic's own number for the patient (FHIR `identifier`).
    public var recordNumber: Personal<String>?
    /// Counts changes, for `If-Match`.
    public var version: Int

    public init(
        id: ID<Patient>, name: Personal<String>, email: Personal<String>? = nil, phone: Personal<String>? = nil,
        recordNumber: Personal<String>? = nil, version: Int = 1
    ) {
        self.id = id
        self.name = name
        self.email = email
        self.phone = phone
        self.recordNumber = recordNumber
        self.version = version
    }
}
