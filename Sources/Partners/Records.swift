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
    func find(_ identifier: EffectKey) async -> Ending<RecordsVersion?>
}
