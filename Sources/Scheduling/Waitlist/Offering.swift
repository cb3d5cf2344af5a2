public import Notation

/// How a clinic offers what became free (MC-9).
public struct OfferRules: Sendable, Equatable {
    /// One time is offered to so many, one after the other; then it is free for everybody.
    public var offersPerTime = 3
    /// Who let so many offers pass gets no more until they say that they still wait.
    public var missesAtMost = 3
    /// A visit that begins sooner is offered to nobody.
    public var noticeAtLeast = Span.minutes(30)
    /// A visit that begins later can wait for the morning of the one whose turn it is; one that begins sooner goes to the next
    /// who may be disturbed.
    public var canWait = Span.hours(24)

    public init() {}

    /// How long somebody may think about it, by how soon the visit is.
    public func patience(until visit: Span) -> Span {
        switch visit {
        case ..<Span.hours(2): .minutes(5)
        case ..<Span.hours(24): .minutes(15)
        case ..<Span.hours(72): .hours(1)
        default: .hours(4)
        }
    }
}

/// Why somebody on the waitlist is not offered a time, in order of precedence. Staff read it.
public enum Passing: Sendable, Equatable {
    case anotherVisit
    case noConsent
    /// This very time was offered to them before.
    case hadThisOffer
    /// They are thinking about another offer.
    case hasAnOffer
    case missedTooMany
    case practitioner, specialty, location, tooEarly, tooLate, weekday, hours
    /// They have another appointment then, or their record is closed.
    case cannotCome
    case quiet(until: Instant)
    /// Somebody before them is asked first.
    case behind(ID<WaitlistEntry>)
}

extension Passing {
    /// Stable: counts of passings are kept and shown by it.
    public var name: String {
        switch self {
        case .anotherVisit: "another-visit"
        case .noConsent: "no-consent"
        case .hadThisOffer: "had-this-offer"
        case .hasAnOffer: "has-an-offer"
        case .missedTooMany: "missed-too-many"
        case .practitioner: "practitioner"
        case .specialty: "specialty"
        case .location: "location"
        case .tooEarly: "too-early"
        case .tooLate: "too-late"
        case .weekday: "weekday"
        case .hours: "hours"
        case .cannotCome: "cannot-come"
        case .quiet: "quiet-hours"
        case .behind: "behind"
        }
    }
}

/// What was offered so far, as far as one freed time is concerned.
public struct OfferHistory: Sendable, Equatable {
    /// Who was offered this time since it was freed. They count.
    public var offered: Set<ID<WaitlistEntry>>
    /// Who had it at any time before, offered or for themselves.
    public var earlier: Set<ID<WaitlistEntry>> = []
    /// Who has an offer, of whatever time, that is still open.
    public var thinking: Set<ID<WaitlistEntry>>
    /// To whom the time was to be offered and could not be: they are somewhere else then.
    public var elsewhere: Set<ID<WaitlistEntry>> = []

    public init(offered: Set<ID<WaitlistEntry>> = [], thinking: Set<ID<WaitlistEntry>> = []) {
        self.offered = offered
        self.thinking = thinking
    }
}

/// Who is asked next, and why the others are not.
public struct Offering: Sendable, Equatable {
    public enum Next: Sendable, Equatable {
        /// The time is held for them until then.
        case offer(ID<WaitlistEntry>, until: Instant)
        /// Whose turn it is sleeps.
        case lookAgain(at: Instant)
        /// The time is free for everybody.
        case nobody
    }

    public let next: Next
    public let passedOver: [ID<WaitlistEntry>: Passing]
}

extension FreedTime {
    /// Decides to whom this time is offered next. One who was asked is never asked again, so it ends after at most
    /// `offersPerTime` offers.
    ///
    /// Those it suits come in this order: the more urgent; who let fewer offers pass; who can come at fewer times; who has waited
    /// longer.
    public func offering(
        to entries: [WaitlistEntry], after history: OfferHistory, at now: Instant, in zone: Zone, rules: OfferRules = OfferRules()
    ) -> Offering {
        let lead = visit.from - now
        var passedOver: [ID<WaitlistEntry>: Passing] = [:]
        var suited: [WaitlistEntry] = []
        for entry in entries {
            if let reason = reason(against: entry, history, zone, rules) {
                passedOver[entry.id] = reason
            } else {
                suited.append(entry)
            }
        }
        guard lead >= rules.noticeAtLeast, history.offered.count < rules.offersPerTime else {
            return Offering(next: .nobody, passedOver: passedOver)
        }
        let order = suited.sorted { $0.comesBefore($1) }
        return choose(from: order, at: now, lead, zone, rules, passedOver)
    }

    private func choose(
        from order: [WaitlistEntry], at now: Instant, _ lead: Span, _ zone: Zone, _ rules: OfferRules,
        _ passedOver: [ID<WaitlistEntry>: Passing]
    ) -> Offering {
        var passedOver = passedOver
        var next = Offering.Next.nobody
        var chosen: ID<WaitlistEntry>?
        for entry in order {
            if let chosen {
                passedOver[entry.id] = .behind(chosen)
            } else if let end = entry.endOfQuiet(at: now, in: zone) {
                passedOver[entry.id] = .quiet(until: end)
                // Too late for them when they wake; else it is their turn, or at least somebody's.
                guard visit.from - end >= rules.noticeAtLeast else { continue }
                if case .lookAgain(let sooner) = next {
                    next = .lookAgain(at: min(sooner, end))
                } else {
                    next = .lookAgain(at: end)
                }
                if lead > rules.canWait { chosen = entry.id }
            } else {
                chosen = entry.id
                let until = min(now + rules.patience(until: lead), visit.from)
                next = .offer(entry.id, until: until)
            }
        }
        return Offering(next: next, passedOver: passedOver)
    }

    private func reason(
        against entry: WaitlistEntry, _ history: OfferHistory, _ zone: Zone, _ rules: OfferRules
    ) -> Passing? {
        guard entry.visitType == visitType else { return .anotherVisit }
        guard entry.wantsOffers else { return .noConsent }
        guard !history.offered.contains(entry.id), !history.earlier.contains(entry.id) else { return .hadThisOffer }
        guard !history.thinking.contains(entry.id) else { return .hasAnOffer }
        guard entry.missedOffers < rules.missesAtMost else { return .missedTooMany }
        guard entry.practitioners.isEmpty || entry.practitioners.contains(practitioner) else { return .practitioner }
        guard entry.specialty == nil || entry.specialty == specialty else { return .specialty }
        guard entry.locations.isEmpty || entry.locations.contains(location) else { return .location }
        if let reason = reason(againstTimeFor: entry, zone) { return reason }
        return history.elsewhere.contains(entry.id) ? .cannotCome : nil
    }

    private func reason(againstTimeFor entry: WaitlistEntry, _ zone: Zone) -> Passing? {
        let day = zone.day(at: visit.from)
        if let earliest = entry.earliest, day < earliest { return .tooEarly }
        if let latest = entry.latest, day > latest { return .tooLate }
        guard entry.weekdays.isEmpty || entry.weekdays.contains(day.weekday) else { return .weekday }
        guard let minutes = entry.minutes else { return nil }
        let from = zone.minuteOfDay(at: visit.from)
        let length = Int((visit.to - visit.from).microseconds / 60_000_000)
        return from >= minutes.lowerBound && from + length <= minutes.upperBound ? nil : .hours
    }
}

extension WaitlistEntry {
    fileprivate func comesBefore(_ other: WaitlistEntry) -> Bool {
        if urgency != other.urgency { return urgency > other.urgency }
        if missedOffers != other.missedOffers { return missedOffers < other.missedOffers }
        if wishes != other.wishes { return wishes > other.wishes }
        return (since, id) < (other.since, other.id)
    }
}
