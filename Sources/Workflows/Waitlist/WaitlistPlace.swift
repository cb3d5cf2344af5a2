public import Notation
public import People
public import Scheduling
import Storage

/// A patient's place on the waitlist: what they wait for, and what came of it.
public struct WaitlistPlace: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable { case waiting, booked, withdrawn }

    public internal(set) var entry: WaitlistEntry
    public internal(set) var state: State
    /// Who asked: `patient:0192…`, or the desk on their behalf.
    public let askedBy: String
    /// What they are thinking about at the moment.
    public internal(set) var offer: ID<WaitlistOffer>?
    public internal(set) var endedAt: Instant?
    /// Counts changes, for `If-Match`.
    public internal(set) var version: Int

    public var id: ID<WaitlistEntry> { entry.id }
    public var patient: ID<Patient> { entry.patient.of() }
}

/// What somebody asks to wait for. What is empty or nil is anything.
public struct WaitlistRequest: Sendable {
    public var patient: ID<Patient>
    public var visitType: ID<VisitType>
    public var practitioners: Set<ID<Resource>> = []
    /// Only practitioners of it: where several kinds of them give this visit.
    public var specialty: String?
    public var locations: Set<ID<Location>> = []
    /// 1 is Monday.
    public var weekdays: Set<Int> = []
    /// The visit lies within these minutes of the day.
    public var minutes: Range<Int>?
    public var earliest: CalendarDay?
    public var latest: CalendarDay?
    /// Other than routine is for staff to say.
    public var urgency = Urgency.routine
    /// Whether the patient agrees to be asked when something becomes free.
    public var wantsOffers: Bool
    public var quietHours: QuietHours?

    public init(patient: ID<Patient>, visitType: ID<VisitType>, wantsOffers: Bool) {
        self.patient = patient
        self.visitType = visitType
        self.wantsOffers = wantsOffers
    }

    func entry(_ id: ID<WaitlistEntry>, since: Instant) -> WaitlistEntry {
        var entry = WaitlistEntry(id: id, patient: patient.of(), visitType: visitType, since: since)
        entry.practitioners = practitioners
        entry.specialty = specialty
        entry.locations = locations
        entry.weekdays = weekdays
        entry.minutes = minutes
        entry.earliest = earliest
        entry.latest = latest
        entry.urgency = urgency
        entry.wantsOffers = wantsOffers
        entry.quietHours = quietHours
        return entry
    }
}

/// Which place a verb is about, and which version of it the caller has seen; nil when they do not mind.
public struct WaitlistTarget: Sendable {
    public let id: ID<WaitlistEntry>
    public let expectedVersion: Int?

    public init(id: ID<WaitlistEntry>, expectedVersion: Int? = nil) {
        self.id = id
        self.expectedVersion = expectedVersion
    }
}

/// The label of everything that follows from one time being freed.
public enum FreedChain {}

/// A freed time was offered to somebody, as a hold of theirs, or to nobody any more; and why.
public struct WaitlistOffer: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case open, accepted, declined, expired
        /// The clinic took it back.
        case revoked
        /// It is free for everybody.
        case nobody
    }

    /// To whom, and what holds the time for them.
    public struct Recipient: Sendable, Equatable {
        public let entry: ID<WaitlistEntry>
        public let patient: ID<Patient>
        public let appointment: ID<Appointment>
        public let until: Instant
    }

    public let id: ID<WaitlistOffer>
    public let chain: ID<FreedChain>
    /// Nil for `nobody`.
    public let recipient: Recipient?
    public let time: FreedTime
    public internal(set) var state: State
    public let at: Instant
    public internal(set) var endedAt: Instant?
    /// Why this person, and how many others were not asked for which reason: a JSON object of words and numbers, for staff.
    public let explanation: String
}
