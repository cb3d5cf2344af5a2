public import Notation
import People
public import Scheduling
import Outbox
import Storage

extension Clinic {
    /// Takes what was offered: confirms the hold. Refuses `.holdExpired` for who comes too late, and `.bookedElsewhere` who is to book in the
    /// system that is being replaced by now.
    ///
    /// - Parameter unpaidReason: why staff let a visit take place that costs something and is not paid; patients pay first.
    public func acceptOffer(
        _ id: ID<WaitlistOffer>, unpaidReason: Personal<String>? = nil, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.offered(id)
        } act: { story, hold in
            try story.accept(hold, unpaidReason: unpaidReason)
        }
    }

    /// Lets an offer pass, and it goes to the next.
    public func declineOffer(
        _ id: ID<WaitlistOffer>, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.offered(id)
        } act: { story, hold in
            try story.decline(hold)
        }
    }
}

extension Story {
    /// A hold becomes the caller's, paid or with the reason why not.
    func accept(_ hold: Appointment, unpaidReason: Personal<String>? = nil) throws -> Appointment {
        _ = try hold.confirmed(at: now)
        try mustBookHere(hold.patients)
        return try confirm(hold, reason: try reasonIfUnpaid(hold, unpaidReason))
    }

    func decline(_ hold: Appointment) throws -> Appointment {
        guard hold.state == .pending else { throw Refusal.transitionNotAllowed }
        let declined = try hold.cancelled(
            by: call.caller.principal, at: now, reason: call.caller.isStaff ? .desk : .patient,
            policy: policy(of: hold), byStaff: call.caller.isStaff)
        try end(declined, was: hold, kind: .cancelled)
        return declined
    }

    /// The hold that stands for an offer, when the caller may answer it. To others there is none.
    fileprivate func offered(_ id: ID<WaitlistOffer>) throws -> Appointment {
        guard let hold = try transaction.first(OfferByID(id: id))?.recipient?.appointment else {
            trail.isAbout(id)
            throw Refusal.recordUnknown
        }
        do {
            return try permitted(hold) { .changeAppointment(patients: $0, practitioner: $1) }
        } catch Refusal.appointmentUnknown, Refusal.notPermitted {
            throw Refusal.recordUnknown
        }
    }

    /// What becomes of the waitlist when a hold or a booking ends: an offer that was open has been answered and the chain goes on, or a
    /// time is free for somebody who waits. In the same transaction, so that no crash loses it.
    func passOn(_ was: Appointment, _ kind: AppointmentEvent.Kind, as said: WaitlistOffer.State? = nil) throws {
        if was.state == .pending, let offer = try transaction.first(OfferOfHold(hold: was.id)),
            offer.state == .open || offer.state == .accepted
        {
            let state: WaitlistOffer.State =
                switch kind {
                // Who had taken it did not stay silent; somebody else's calendar did.
                case .expired: offer.state == .open ? .expired : .revoked
                case .cancelled: call.caller.role == .patient ? .declined : .revoked
                default: .revoked
                }
            try settle(offer, as: said ?? state)
            try transaction.post(FreedMessage(chain: offer.chain, time: offer.time, givenBackBy: []).message(newID(), now))
        } else {
            try free(was)
        }
    }

    /// A time was given back. Where nobody waits nothing follows.
    func free(_ was: Appointment) throws {
        guard was.visit.from > now, was.state == .pending || was.state == .booked,
            try transaction.first(SomebodyWaits(visitType: was.visitType)) != nil
        else { return }
        let time = FreedTime(
            visitType: was.visitType, practitioner: was.practitioner, location: was.location, visit: was.visit)
        try transaction.post(FreedMessage(chain: newID(), time: time, givenBackBy: was.patients).message(newID(), now))
    }

    /// A hold has become a booking: whoever waited for it waits no more. Where a time takes several people, another may be free still.
    ///
    /// - Parameter isAsked: somebody else's calendar is asked first. Until it agrees they keep their place, and are offered nothing else.
    func noteConfirmation(of hold: Appointment, isAsked: Bool = false) throws {
        guard let offer = try transaction.first(OpenOfferOfHold(hold: hold.id)) else { return }
        try settle(offer, as: .accepted, isAsked: isAsked)
        if directory.resources[hold.practitioner]?.lanesOffered ?? 1 > 1 {
            try transaction.post(FreedMessage(chain: offer.chain, time: offer.time, givenBackBy: []).message(newID(), now))
        }
    }

    /// Somebody else's calendar has agreed: whoever had taken what was offered waits no more.
    func noteAgreement(to appointment: Appointment) throws {
        guard let offer = try transaction.first(OfferOfHold(hold: appointment.id)), offer.state == .accepted,
            let entry = offer.recipient?.entry, var next = try transaction.first(WaitlistPlaceToChange(id: entry)),
            next.state == .waiting, next.offer == offer.id
        else { return }
        next.offer = nil
        next.state = .booked
        next.endedAt = now
        _ = try replace(next, "waitlist.booked")
    }

    /// An offer is taken or let pass, not moved to a time that was never offered.
    func requireNoOffer(_ hold: Appointment) throws {
        if hold.state == .pending, try transaction.first(OpenOfferOfHold(hold: hold.id)) != nil {
            throw Refusal.transitionNotAllowed
        }
    }

    private func settle(_ offer: WaitlistOffer, as state: WaitlistOffer.State, isAsked: Bool = false) throws {
        guard try transaction.run(EndOffer(offer: offer, state: state, at: now)) == 1 else { throw Refusal.changedMeanwhile }
        guard let entry = offer.recipient?.entry, var next = try transaction.first(WaitlistPlaceToChange(id: entry)),
            next.state == .waiting
        else { return }
        if !isAsked { next.offer = nil }
        switch state {
        case .accepted where isAsked: break
        case .accepted:
            next.state = .booked
            next.endedAt = now
        case .declined, .expired: next.entry.missedOffers += 1
        case .open, .revoked, .nobody: break
        }
        _ = try replace(next, "waitlist.\(state.rawValue)")
    }
}
