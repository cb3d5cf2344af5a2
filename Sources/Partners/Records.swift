public import Notation

/// An appointment as a hospital's records have it (FHIR R4 Appointment).
public struct RecordsAppointment: Sendable, Hashable {
    public enum Status: String, Sendable, CaseIterable {
        case proposed, pending, booked, arrived, fulfilled, cancelled, noshow
    }

    /// Ours for it; with the clinic's naming system it names the appointment in the records too.
    public let identifier: EffectKey
    public let status: Status
    public let start: Instant
    public let end: Instant
    /// References the records know: `Patient/123`, `Practitioner/7`.
    public let participants: [Personal<String>]

    public init(identifier: EffectKey, status: Status, start: Instant, end: Instant, participants: [Personal<String>]) {
        self.identifier = identifier
        self.status = status
        self.start = start
        self.end = end
        self.participants = participants
    }
}

/// Which one it is in the records, and which state of it.
public struct RecordsVersion: Sendable, Hashable {
    public let id: String
    public let version: String

    public init(id: String, version: String) {
        self.id = id
        self.version = version
    }
}

/// An appointment as it stands in the records.
public struct RecordsEntry: Sendable, Hashable {
    /// What we have named it by.
    public let identifier: String
    public let version: RecordsVersion
    /// As FHIR has it: `booked`, `cancelled`, or a word we never write, as `waitlist`.
    public let status: String
    public let start: Instant?
    public let end: Instant?
    /// When it was last changed, by their clock.
    public let changedAt: Instant

    public init(
        identifier: String, version: RecordsVersion, status: String, start: Instant?, end: Instant?, changedAt: Instant
    ) {
        self.identifier = identifier
        self.version = version
        self.status = status
        self.start = start
        self.end = end
        self.changedAt = changedAt
    }

    /// Whether it says what we would.
    public func says(_ appointment: RecordsAppointment) -> Bool {
        status == appointment.status.rawValue && start == appointment.start && end == appointment.end
    }
}

public enum RecordsChange: Sendable, Hashable {
    case changed(RecordsVersion)
    /// Somebody changed it meanwhile: look, decide again, and come with the newer version.
    case conflict
}

/// A hospital's records. They know an appointment by its identifier, and a change by the version it was made on.
public protocol RecordsSystem: Sendable {
    /// Makes it, unless it is there already: then it is left as it is.
    func create(_ appointment: RecordsAppointment) async -> Ending<RecordsVersion>
    func update(_ appointment: RecordsAppointment, at version: RecordsVersion) async -> Ending<RecordsChange>
    /// Nil when they have none.
    func find(_ identifier: EffectKey) async -> Ending<RecordsEntry?>
    /// Those with an identifier of ours that were changed at this time or later, in the order they were changed: by us too.
    func changes(since: Instant, after: String?) async -> Ending<Page<RecordsEntry>>
}
