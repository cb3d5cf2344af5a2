public import Notation

/// What somebody may be in the clinic. A token carries exactly one.
public enum Role: String, Sendable, CaseIterable {
    case patient, practitioner, desk, admin
    /// Sends the bills: sees who came when and why it was booked, and writes down what was given back by hand.
    case billing
    /// The privacy officer: reads the audit and looks into broken glass, and nobody's record otherwise.
    case privacy
    /// A system, not a person. It may do what its scopes name, and of that what the table allows.
    case service

    /// Whether the subject is somebody at a keyboard, or a machine, whom the clinic's directory does not know.
    public var isUnknownToTheDirectory: Bool { self != .patient && self != .practitioner }

    /// Whether it can be limited to some of the clinic's locations.
    public var canHavePlaces: Bool { self == .desk || self == .billing }
}

/// The label of a location of the clinic, as far as permission goes.
public enum Workplace {}

/// Who is asking: a role, and whose token it is. For a patient and a practitioner the subject is their own identifier
/// in the clinic; for everybody else it names the person at the keyboard, or the system.
public struct Caller: Sendable, Hashable {
    public let role: Role
    public let subject: ID<Caller>
    /// What a token is limited to, beyond its role; nil where nothing was said. A service without any may do nothing.
    public let scopes: Set<Scope>?
    /// The locations the caller works at; empty where it is all of them.
    public let places: Set<ID<Workplace>>

    public init(role: Role, subject: ID<Caller>, scopes: Set<Scope>? = nil, places: Set<ID<Workplace>> = []) {
        self.role = role
        self.subject = subject
        self.scopes = role == .service ? scopes ?? [] : scopes
        self.places = places
    }

    /// The one name a caller has in the idempotency table and the audit.
    public var principal: String { "\(role.rawValue):\(subject)" }

    /// The clinic itself, when a timer acts and nobody asked.
    public static let clinic = Caller(role: .admin, subject: ID(high: 0, low: 0))

    /// The same, limited to some locations; to none stands for all of them.
    public func working(at places: Set<ID<Workplace>>) -> Caller {
        Caller(role: role, subject: subject, scopes: scopes, places: places)
    }

    public func isPatient(_ id: ID<Patient>) -> Bool { role == .patient && id.of(Caller.self) == subject }
    public var isStaff: Bool { role != .patient }
}
