public import Notation
import People
public import Scheduling
import Outbox
import Storage

extension Clinic {
    /// Takes what was offered: confirms the hold. Refuses `.holdExpired` for who comes too late, and `.bookedElsewhere` who is to book in the
    /// system that is being replaced by now.
    public func acceptOffer(_ id: ID<WaitlistOffer>, call: Call, wording: Wording<Appointment>) async throws -> Reply<Appointment>
    {
        try await perform(call, wording: wording) { story in
            try story.offered(id)
        } act: { story, hold in
            _ = try hold.confirmed(at: story.now)
            try story.mustBookHere(hold.patients)
            // What costs something is paid, and taken with that.
            if try !call.caller.isStaff && story.mustBePaid(hold) { throw Refusal.paymentNeeded }
            return try story.confirm(hold)
        }
    }

    /// Lets an offer pass, and it goes to the next.
    public func declineOffer(
        _ id: ID<WaitlistOffer>, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            try story.offered(id)
        } act: { story, hold in
            guard hold.state == .pending else { throw Refusal.transitionNotAllowed }
            let declined = try hold.cancelled(
                by: call.caller.principal, at: story.now, reason: call.caller.isStaff ? .desk : .patient,
                policy: story.policy(of: hold), byStaff: call.caller.isStaff)
            try story.end(declined, was: hold, kind: .cancelled)
            return declined
        }
    }
}

extension Story {
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
    func passOn(_ was: Appointment, _ kind: AppointmentEvent.Kind) throws {
        if was.state == .pending, let offer = try transaction.first(OpenOfferOfHold(hold: was.id)) {
            let state: WaitlistOffer.State =
                switch kind {
                case .expired: .expired
                case .cancelled: call.caller.role == .patient ? .declined : .revoked
                default: .revoked
                }
            try settle(offer, as: state)
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
    func noteConfirmation(of hold: Appointment) throws {
        guard let offer = try transaction.first(OpenOfferOfHold(hold: hold.id)) else { return }
        try settle(offer, as: .accepted)
        if directory.resources[hold.practitioner]?.lanesOffered ?? 1 > 1 {
            try transaction.post(FreedMessage(chain: offer.chain, time: offer.time, givenBackBy: []).message(newID(), now))
        }
    }

    /// An offer is taken or let pass, not moved to a time that was never offered.
    func requireNoOffer(_ hold: Appointment) throws {
        if hold.state == .pending, try transaction.first(OpenOfferOfHold(hold: hold.id)) != nil {
            throw Refusal.transitionNotAllowed
        }
    }

    private func settle(_ offer: WaitlistOffer, as state: WaitlistOffer.State) throws {
        guard try transaction.run(EndOffer(id: offer.id, state: state, at: now)) == 1 else { throw Refusal.changedMeanwhile }
        guard let entry = offer.recipient?.entry, var next = try transaction.first(WaitlistPlaceToChange(id: entry)),
            next.state == .waiting
        else { return }
        next.offer = nil
        switch state {
        case .accepted:
            next.state = .booked
            next.endedAt = now
        case .declined, .expired: next.entry.missedOffers += 1
        case .open, .revoked, .nobody: break
        }
        _ = try replace(next, "waitlist.\(state.rawValue)")
    }
}
