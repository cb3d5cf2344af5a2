import Notation
import Outbox
import People
import Scheduling
import Storage

/// A time that was given back, on its way to whoever waits for it: identifiers and times, nothing else.
struct FreedMessage: Sendable {
    /// What follows from one time being given back: a bounded number of offers, one after the other.
    let chain: ID<FreedChain>
    let time: FreedTime
    /// Whoever gave it back is not offered it.
    let givenBackBy: [ID<Participant>]

    init(chain: ID<FreedChain>, time: FreedTime, givenBackBy: [ID<Participant>]) {
        self.chain = chain
        self.time = time
        self.givenBackBy = givenBackBy
    }

    init(_ delivery: Delivery) throws {
        let json = try JSON(parsing: delivery.payload)
        func id<Subject>(_ name: String) -> ID<Subject>? { json[name]?.string.flatMap { ID<Subject>($0) } }
        guard let chain: ID<FreedChain> = id("chain"), let visitType: ID<VisitType> = id("visitType"),
            let practitioner: ID<Resource> = id("practitioner"), let location: ID<Location> = id("location"),
            let from = json["start"]?.string.flatMap(Instant.init), let to = json["end"]?.string.flatMap(Instant.init)
        else { throw StorageFault.statement("an outbox message names no freed time") }
        self.init(
            chain: chain,
            time: FreedTime(
                visitType: visitType, practitioner: practitioner, location: location, visit: TimeRange(from: from, to: to)),
            givenBackBy: (json["givenBackBy"]?.array ?? []).compactMap { $0.string.flatMap { ID($0) } })
    }

    func message(_ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        var json = JSONWriter(reserving: 400)
        json.object { json in
            json.member("chain", chain)
            json.member("visitType", time.visitType)
            json.member("practitioner", time.practitioner)
            json.member("location", time.location)
            json.member("start", time.visit.from)
            json.member("end", time.visit.to)
            json.member("givenBackBy", givenBackBy)
        }
        return OutboxMessage(
            id: id, topic: Topic.freedTime, payload: String(decoding: json.bytes, as: UTF8.self), createdAt: now)
    }
}

extension Clinic {
    /// Offers a freed time to the one whose turn it is, in the transaction that ends the message: the hold, the offer, and what tells the
    /// patient are there together, once. Somebody who must not be disturbed now is waited for, if the visit is far enough away.
    func offerFreed(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let freed = try FreedMessage(delivery)
        let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "waitlist"))
        let verdict = try story.offer(freed)
        story.sealHooks()
        return verdict
    }
}

extension Story {
    /// Whoever waits is looked at in portions; after so many of them the line is long enough.
    private static let lookedAtOnce = 500
    private static let lookedAtMost = 2_000
    /// People who turn out to be elsewhere at that time; each costs a few questions.
    private static let triedAtMost = 20

    fileprivate func offer(_ freed: FreedMessage) throws -> Verdict {
        if let open = try transaction.first(OpenOfferAt(time: freed.time)) {
            // Somebody thinks about this time. What becomes of that goes on from there.
            if open.visitType == freed.time.visitType { return .done }
            // Who waits for another kind of visit has their turn after that: where a time takes several people, one may be left.
            try auditChange(of: freed.chain.of(), "waitlist.postponed")
            return .snooze(until: max(open.until, now) + .seconds(10))
        }
        let clock = directory.wallClock(at: freed.time.location)
        let asked = try transaction.fetch(OffersOfTime(time: freed.time))
        let had = Set(asked.map(\.patient) + freed.givenBackBy)
        var history = OfferHistory(offered: Set(asked.filter { $0.chain == freed.chain }.map(\.entry)))
        // Whose place changed while it was looked at.
        var restless: Set<ID<WaitlistEntry>> = []
        var time = freed.time
        time.specialty = directory.resources[time.practitioner]?.specialty
        var line = try nextInLine(time, after: nil)
        var entries = line.map(\.entry)
        while true {
            history.earlier = Set(entries.filter { had.contains($0.patient) }.map(\.id))
            history.thinking = restless.union(line.filter { $0.place.offer != nil }.map(\.place.id))
            let decision = time.offering(to: entries, after: history, at: now, in: clock, rules: clinic.settings.offers)
            if case .offer(let id, let until) = decision.next, let place = line.first(where: { $0.place.id == id })?.place {
                guard let refusal = try hold(freed, for: place, until: until, decision, of: entries.count) else { return .done }
                switch refusal {
                case .patientTaken, .patientClosed, .patientUnknown: history.elsewhere.insert(id)
                case .changedMeanwhile: restless.insert(id)
                default: return try end(freed, because: refusal.rawValue, decision, of: entries.count)
                }
                if history.elsewhere.count > Self.triedAtMost {
                    return try end(freed, because: "nobody-can-come", decision, of: entries.count)
                }
                continue
            }
            if line.count.isMultiple(of: Self.lookedAtOnce), !line.isEmpty, line.count < Self.lookedAtMost {
                let more = try nextInLine(time, after: line.last?.entry)
                if !more.isEmpty {
                    line += more
                    entries = line.map(\.entry)
                    continue
                }
            }
            if case .lookAgain(let at) = decision.next {
                try auditChange(of: freed.chain.of(), "waitlist.postponed")
                return .snooze(until: at)
            }
            return try end(freed, because: reason(time, history), decision, of: entries.count)
        }
    }

    private func nextInLine(_ time: FreedTime, after last: WaitlistEntry?) throws -> [WaitingLine.Row] {
        try transaction.fetch(WaitingLine(visitType: time.visitType, after: last, limit: Self.lookedAtOnce))
    }

    /// Why nobody was chosen of those who were looked at.
    private func reason(_ time: FreedTime, _ history: OfferHistory) -> String {
        let rules = clinic.settings.offers
        if time.visit.from - now < rules.noticeAtLeast { return "too-soon" }
        return history.offered.count >= rules.offersPerTime ? "offered-often-enough" : "nobody-suits"
    }

    /// Holds the time for one person and tells them; or gives back why that cannot be, and has changed nothing.
    private func hold(
        _ freed: FreedMessage, for place: WaitlistPlace, until: Instant, _ decision: Offering, of count: Int
    ) throws -> Refusal? {
        do {
            try transaction.savepoint {
                try namingTheHolder {
                    let hold = try hold(freed.time, for: place.entry, until: until)
                    try writeOffer(freed, hold, for: place, until: until, decision.explanation(for: place.entry, of: count))
                }
            }
            return nil
        } catch let refusal as Refusal {
            forgetHints()
            return refusal
        }
    }

    private func hold(_ time: FreedTime, for entry: WaitlistEntry, until: Instant) throws -> Appointment {
        guard let isOpen = try transaction.first(PatientExists(id: entry.patient.of())) else { throw Refusal.patientUnknown }
        if !isOpen { throw Refusal.patientClosed }
        try mustBookHere([entry.patient])
        // Nobody counts what the patient has already: they did not ask for this time, the clinic asks them.
        let wish = Wish(
            visitType: time.visitType, practitioner: time.practitioner, start: time.visit.from, patients: [entry.patient])
        let placement = try directory.place(wish, in: calendar, now: now)
        let hold = Appointment(
            id: newID(), state: .pending, visitType: time.visitType, practitioner: placement.practitioner, room: placement.room,
            device: placement.device, patients: [entry.patient], location: placement.location, visit: placement.visit,
            heldUntil: until, createdAt: now, updatedAt: now)
        try store(hold, placement, content: [])
        try tell(.held, of: hold, from: nil)
        try scheduleFollowUps(of: hold)
        return hold
    }

    private func writeOffer(
        _ freed: FreedMessage, _ hold: Appointment, for place: WaitlistPlace, until: Instant, _ explanation: String
    ) throws {
        let offer = WaitlistOffer(
            id: newID(), chain: freed.chain,
            recipient: WaitlistOffer.Recipient(entry: place.id, patient: place.patient, appointment: hold.id, until: until),
            time: freed.time, state: .open, at: now, explanation: explanation)
        try transaction.run(InsertOffer(offer: offer))
        var next = place
        next.offer = offer.id
        _ = try replace(next, "waitlist.offered")
        try clinic.tell(
            place.patient.of(), .patient, .offer, hold.id, payload: details(of: offer, hold), in: transaction)
    }

    private func details(of offer: WaitlistOffer, _ hold: Appointment) -> String {
        var payload = JSONWriter(reserving: 160)
        payload.object { json in
            json.member("offer", offer.id)
            json.member("start", hold.visit.from)
            json.member("until", offer.recipient?.until)
        }
        return String(decoding: payload.bytes, as: UTF8.self)
    }

    /// The time is free for everybody.
    private func end(_ freed: FreedMessage, because reason: String, _ decision: Offering, of count: Int) throws -> Verdict {
        let offer = WaitlistOffer(
            id: newID(), chain: freed.chain, recipient: nil, time: freed.time, state: .nobody, at: now, endedAt: now,
            explanation: decision.explanation(because: reason, of: count))
        try transaction.run(InsertOffer(offer: offer))
        try auditChange(of: freed.chain.of(), "waitlist.nobody")
        return .done
    }
}

extension Offering {
    /// Why it is this person's turn.
    fileprivate func explanation(for entry: WaitlistEntry, of count: Int) -> String {
        explanation(of: count) { json in
            json.member("urgency", entry.urgency.rawValue)
            json.member("missedOffers", entry.missedOffers)
            json.member("wishes", entry.wishes)
            json.member("since", entry.since)
        }
    }

    fileprivate func explanation(because reason: String, of count: Int) -> String {
        explanation(of: count) { $0.member("reason", reason) }
    }

    private func explanation(of count: Int, _ more: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter(reserving: 240)
        let counts = Dictionary(grouping: passedOver.values, by: \.name).mapValues(\.count)
        json.object { json in
            more(&json)
            json.member("lookedAt", count)
            json.name("passedOver")
            json.object { json in
                for (name, count) in counts.sorted(by: { $0.key < $1.key }) { json.member(name, count) }
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
