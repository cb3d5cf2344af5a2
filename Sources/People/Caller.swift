public import Notation

/// What somebody may be in the clinic. A token carries exactly one.
public enum Role: String, Sendable, CaseIterable {
    case patient, practitioner, desk, admin
}

/// Who is asking: a role, and whose token it is. For a patient and a practitioner the subject is their own identifier
/// in the clinic; for the desk and admins it names the person at the keyboard.
public struct Caller: Sendable, Hashable {
    public let role: Role
    public let subject: ID<Caller>

    public init(role: Role, subject: ID<Caller>) {
        self.role = role
        self.subject = subject
    }

    /// The one name a caller has in the idempotency table and the audit.
    public var principal: String { "\(role.rawValue):\(subject)" }

    /// The clinic itself, when a timer acts and nobody asked.
    public static let clinic = Caller(role: .admin, subject: ID(high: 0, low: 0))

    public func isPatient(_ id: ID<Patient>) -> Bool { role == .patient && id.of(Caller.self) == subject }
    public var isStaff: Bool { role != .patient }
}
