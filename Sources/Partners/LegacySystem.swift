public import Notation

/// What somebody asked the system that is being replaced for. Practitioner and visit type by their names there; the patient by the clinic's own
/// number for them (`Patient.recordNumber`), or by our identifier where they have none.
public struct LegacyVisit: Sendable, Hashable {
    public let practitioner: String
    public let visitType: String
    public let patient: Personal<String>
    public let start: Instant
    public let end: Instant

    public init(practitioner: String, visitType: String, patient: Personal<String>, start: Instant, end: Instant) {
        self.practitioner = practitioner
        self.visitType = visitType
        self.patient = patient
        self.start = start
        self.end = end
    }
}

/// What the system that is being replaced made of a request.
public enum LegacyState: String, Sendable, Hashable, CaseIterable { case booked, cancelled, refused }

/// One request as it stands there.
public struct LegacyEntry: Sendable, Hashable {
    /// Theirs: 1 to 64 characters.
    public let id: String
    /// Of whoever asked.
    public let requestID: String
    public let visit: LegacyVisit
    public let state: LegacyState
    /// Why it was refused, as a word of theirs.
    public let reason: String?
    public let createdAt: Instant
    public let updatedAt: Instant
    /// Counts changes of everything they have: a later change has a larger number.
    public let change: Int

    public init(
        id: String, requestID: String, visit: LegacyVisit, state: LegacyState, reason: String? = nil, createdAt: Instant,
        updatedAt: Instant, change: Int
    ) {
        self.id = id
        self.requestID = requestID
        self.visit = visit
        self.state = state
        self.reason = reason
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.change = change
    }
}

/// What has changed there, in the order of the changes; each request once, as it is now.
public struct LegacyChanges: Sendable, Hashable {
    public let entries: [LegacyEntry]
    /// Names of those that cannot be read: nobody waits for them.
    public let unreadable: [String]
    /// The number of the last change in it; where it began when nothing has changed.
    public let last: Int
    /// Whether there is more at once.
    public let isMore: Bool

    public init(entries: [LegacyEntry], unreadable: [String] = [], last: Int, isMore: Bool) {
        self.entries = entries
        self.unreadable = unreadable
        self.last = last
        self.isMore = isMore
    }
}

/// The appointment system that is being replaced. It need not know repeats: who asks a second time looks first.
public protocol LegacySystem: Sendable {
    /// What changed after a number; 0 is everything there ever was.
    func changes(after change: Int, limit: Int) async -> Ending<LegacyChanges>
    /// What became of a request; nil when they know of none.
    func find(_ requestID: EffectKey) async -> Ending<LegacyEntry?>
    /// Asks for an appointment. Their no is an entry that is `refused`.
    func book(_ visit: LegacyVisit, requestID: EffectKey) async -> Ending<LegacyEntry>
    /// - Parameter id: theirs.
    func cancel(_ id: String, key: EffectKey) async -> Ending<LegacyEntry>
}

/// Lets the system that is being replaced agree to appointments as another calendar would (GF-2). Orders for it carry what it has to know; to
/// all other calendars it changes nothing.
public struct CalendarsAndLegacy: SchedulingPartner {
    private let calendars: (any SchedulingPartner)?
    private let legacy: any LegacySystem
    private let name: String

    /// - Parameter name: what it is called among the calendars.
    public init(calendars: (any SchedulingPartner)?, legacy: any LegacySystem, called name: String) {
        self.calendars = calendars
        self.legacy = legacy
        self.name = name
    }

    public func request(_ order: SchedulingOrder) async -> Ending<SchedulingEntry> {
        guard order.provider == name else { return await calendars?.request(order) ?? Self.nobody() }
        guard let visit = order.visit else { return .never(reason: "the order says nothing of the visit") }
        return await legacy.book(visit, requestID: order.requestID).map { Self.entry($0, order.id) }
    }

    public func cancel(_ id: String, provider: String, key: EffectKey) async -> Ending<SchedulingEntry> {
        guard provider == name else { return await calendars?.cancel(id, provider: provider, key: key) ?? Self.nobody() }
        guard let request = EffectKey("\(id):request") else { return .never(reason: "it has no name") }
        // They know it by a name of theirs.
        switch await legacy.find(request) {
        case .done(let found?):
            if found.state != .booked { return .done(Self.entry(found, id)) }
            return await legacy.cancel(found.id, key: key).map { Self.entry($0, id) }
        case .done(nil): return .never(reason: "not_found")
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, let reason): return .postponed(after: after, reason: reason)
        case .never(let reason): return .later(after: nil, reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    public func entry(_ id: String, provider: String) async -> Ending<SchedulingEntry?> {
        guard provider == name else { return await calendars?.entry(id, provider: provider) ?? Self.nobody() }
        guard let request = EffectKey("\(id):request") else { return .never(reason: "it has no name") }
        return await legacy.find(request).map { $0.map { Self.entry($0, id) } }
    }

    /// What changed there is followed in another way: see `LegacyDesk`.
    public func entries(of provider: String, since: Instant, after: String?) async -> Ending<Page<SchedulingEntry>> {
        guard provider == name else {
            return await calendars?.entries(of: provider, since: since, after: after) ?? Self.nobody()
        }
        return .done(Page([], next: nil))
    }

    private static func nobody<Value>() -> Ending<Value> { .never(reason: "nobody knows this scheduling provider") }

    private static func entry(_ entry: LegacyEntry, _ id: String) -> SchedulingEntry {
        let state: SchedulingState =
            switch entry.state {
            case .booked: .confirmed
            case .cancelled: .cancelled
            case .refused: .failed
            }
        return SchedulingEntry(
            id: id, requestID: entry.requestID, state: state, time: entry.visit.start, updatedAt: entry.updatedAt,
            reason: entry.reason)
    }
}
