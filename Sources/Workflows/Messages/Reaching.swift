import Letters
import Notation
import Scheduling

/// Everything that decides by which channel a message goes, and when. Pure: it is told the time.
struct Reaching {
    let kind: MessageKind
    let preferences: ContactPreferences
    /// What the record has, as each channel needs it.
    let addresses: [Channel: Personal<String>]
    /// What the clinic has.
    let channels: Set<Channel>
    /// When the visit begins that it is about.
    let start: Instant?
    /// The clocks where the visit is.
    let zone: Zone

    enum Decision: Equatable {
        case send(Channel, to: Personal<String>)
        case wait(until: Instant)
        case suppress(Message.Reason)
    }

    /// How long before the visit a message that waited for the end of quiet hours must still come.
    static let leastAhead: Span = .minutes(30)

    /// - Parameter tried: channels that have not delivered it.
    func decide(at now: Instant, besides tried: [Channel] = []) -> Decision {
        // What is said of a visit that has begun comes too late, except that it does not take place.
        if let start, start <= now, kind != .cancellation, kind != .delay { return .suppress(.tooLate) }
        let wanted = preferences.channels.filter { channels.contains($0) && !tried.contains($0) }
        guard let first = wanted.first(where: { objection(to: $0) == nil }), let address = addresses[first] else {
            return .suppress(wanted.compactMap(objection).min { $0.precedence < $1.precedence } ?? .noChannel)
        }
        if let end = endOfQuiet(for: first, at: now) { return .wait(until: end) }
        return .send(first, to: address)
    }

    /// Which channel would be next; nil when there is none.
    func next(after tried: [Channel]) -> Channel? {
        preferences.channels.first { channels.contains($0) && !tried.contains($0) && objection(to: $0) == nil }
    }

    /// Why it must not go there; nil when it may.
    private func objection(to channel: Channel) -> Message.Reason? {
        switch preferences.consents[channel]?.isGiven {
        case false?: return .consentWithdrawn
        case nil where !kind.isNeeded: return .noConsent
        default: return addresses[channel] == nil ? .noAddress : nil
        }
    }

    /// The end of the quiet hours it is in, unless that would be too late.
    func endOfQuiet(for channel: Channel, at now: Instant) -> Instant? {
        // What rings nowhere waits only for hours the patient has chosen.
        guard let quiet = preferences.quiet ?? (channel == .email ? nil : .usual) else { return nil }
        let clock = preferences.zone.flatMap { Zone.named($0) } ?? zone
        guard let end = quiet.end(at: now, on: clock) else { return nil }
        // Nobody is woken for an offer, whenever it ends.
        if kind != .offer, let start, end > start - Self.leastAhead { return nil }
        return end
    }
}

extension ContactPreferences.QuietHours {
    /// When they end that it is in; nil when it is in none. On the night clocks go back they end the first time a clock shows their end, and
    /// where clocks skip it, as soon as they show more.
    func end(at now: Instant, on clock: Zone) -> Instant? {
        guard from != until else { return nil }
        let (minute, day) = (clock.minuteOfDay(at: now), clock.day(at: now))
        let isOverMidnight = until < from
        let isWithin = isOverMidnight ? minute >= from || minute < until : minute >= from && minute < until
        guard isWithin else { return nil }
        let end = clock.instant(of: isOverMidnight && minute >= from ? day + 1 : day, minute: until)
        return end > now ? end : nil
    }
}

extension Message.Reason {
    fileprivate var precedence: Int { Self.allCases.firstIndex(of: self)! }
}
