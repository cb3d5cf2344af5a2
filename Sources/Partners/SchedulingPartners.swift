public import Notation

/// An appointment that somebody else's calendar has to agree to (GF-2).
public struct SchedulingOrder: Sendable, Hashable {
    /// 1 to 64 characters.
    public let id: String
    public let requestID: EffectKey
    /// Whose calendar it is: one of those the connector knows.
    public let provider: String
    public let time: Instant
    /// To 128 characters.
    public let patientName: Personal<String>
    /// What the system that is being replaced has to know besides; nil for every other calendar.
    public var visit: LegacyVisit?

    /// Throws everything that is wrong with it, by the names of GF's fields (GF-5).
    public init(
        id: String, requestID: String, provider: String, time: String, patientName: Personal<String>, allowed: Set<String>
    ) throws(FieldProblems) {
        var problems: [FieldProblem] = []
        func wrong(_ name: String, _ detail: String) {
            problems.append(FieldProblem(pointer: "#/\(name)", detail: detail, line: 1))
        }
        if !(1...64).contains(id.count) || id.utf8.count > 256 { wrong("id", "must be text of 1 to 64 characters") }
        let key = EffectKey(requestID)
        if key == nil || requestID.count > 64 { wrong("request_id", "must be 1 to 64 letters, digits and -_:.") }
        if !allowed.contains(provider) { wrong("provider", "must be one of the providers this clinic works with") }
        let instant = Instant(time)
        if instant == nil { wrong("time", "must be a time with an offset, such as 2026-03-01T09:00:00Z (ISO 8601)") }
        let name = patientName.revealed
        if name.isEmpty || name.count > 128 || name.utf8.count > 1024 {
            wrong("patient_name", "must be text of 1 to 128 characters")
        }
        guard problems.isEmpty, let key, let instant else { throw FieldProblems(problems) }
        (self.id, self.requestID, self.provider, self.time) = (id, key, provider, instant)
        self.patientName = patientName
    }
}

public enum SchedulingState: String, Sendable, Hashable, CaseIterable { case pending, confirmed, failed, cancelled }

/// What the other calendar says of an appointment.
public struct SchedulingEntry: Sendable, Hashable {
    public let id: String
    public let requestID: String
    public let state: SchedulingState
    public let time: Instant
    public let updatedAt: Instant
    /// Why it failed, as a word of theirs: `slot_taken`.
    public let reason: String?

    public init(id: String, requestID: String, state: SchedulingState, time: Instant, updatedAt: Instant, reason: String?) {
        self.id = id
        self.requestID = requestID
        self.state = state
        self.time = time
        self.updatedAt = updatedAt
        self.reason = reason
    }
}

/// Somebody else's calendar. It knows a repeat by its key.
public protocol SchedulingPartner: Sendable {
    func request(_ order: SchedulingOrder) async -> Ending<SchedulingEntry>
    func cancel(_ id: String, provider: String, key: EffectKey) async -> Ending<SchedulingEntry>
    /// Nil when they know of none: then nothing became of the request.
    func entry(_ id: String, provider: String) async -> Ending<SchedulingEntry?>
    /// What changed at this time or later, in the order of its change: what is reconciled (GF-4).
    func entries(of provider: String, since: Instant, after: String?) async -> Ending<Page<SchedulingEntry>>
}
