public import Notation
public import People
public import Scheduling
import Secrecy

/// Something that happened to an appointment, for whoever wants to hear of it. The kinds are stable for good.
public struct AppointmentEvent: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case held = "appointment.held"
        case booked = "appointment.booked"
        case confirmed = "appointment.confirmed"
        case cancelled = "appointment.cancelled"
        case expired = "appointment.expired"
        case rescheduled = "appointment.rescheduled"
        case arrived = "appointment.arrived"
        case checkedIn = "appointment.checked-in"
        case fulfilled = "appointment.fulfilled"
        case noShow = "appointment.noshow"
        case enteredInError = "appointment.entered-in-error"
    }

    public let id: ID<AppointmentEvent>
    public let kind: Kind
    public let appointment: ID<Appointment>
    public let at: Instant
    /// Identifiers and times only, never a name: it may leave the house.
    public let payload: String
}

/// The label of whatever an audit entry is about: an appointment, a resource, a patient.
public enum AuditSubject {}

/// Who did what, when, and on whose behalf. Written in the transaction of the change; never changed.
public struct AuditEntry: Sendable {
    public let id: ID<AuditEntry>
    public internal(set) var subject: ID<AuditSubject>
    public let at: Instant
    /// The principal: `desk:0192…`; at the command line the system's user: `operator:brandt`.
    public internal(set) var by: String
    /// The verb: `book`, `cancel`, `override` …
    public let act: String
    public let fromState: AppointmentState?
    public let toState: AppointmentState?
    public internal(set) var reason: Personal<String>?
    /// The rules staff set aside.
    public let overridden: [String]
    public let requestID: String
    /// Nil in records from before they were kept.
    public var circumstances: Circumstances?

    /// From where, as what and what for somebody acted, and what came of it: what FHIR's AuditEvent wants to know.
    public struct Circumstances: Sendable, Equatable {
        /// The outcome of what was permitted; of all else it says why not.
        public static let done = "done"

        /// Nil where somebody acted who had not signed in.
        public let role: Role?
        public let purpose: Purpose
        public internal(set) var address: String?
        public let operation: String?
        public let outcome: String
        public let patients: [ID<Patient>]
        /// What a list was asked for with; nil for what is no list.
        public let query: String?
    }
}

/// The record is sealed a second time, as a whole, against being rewritten; that seal is over the reason as it lies in the database, so
/// whoever verifies needs no key.
extension AuditEntry: Sealable {
    static let table = "audit"
    static let purpose = DataKey.Purpose.record
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> AuditEntry {
        var copy = self
        copy.reason = try reason.map { try exchange("reason", $0) }
        if let address = circumstances?.address {
            copy.circumstances?.address = try exchange("address", Personal(address)).revealed
        }
        // A principal is an identifier; whoever is at the command line has a name.
        if by.hasPrefix(Self.operatorMark) {
            let name = Personal(String(by.dropFirst(Self.operatorMark.count)))
            copy.by = Self.operatorMark + (try exchange("by", name).revealed)
        }
        return copy
    }

    private static let operatorMark = "operator:"
}
