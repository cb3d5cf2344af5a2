import Notation
import People
public import Scheduling
import Storage

extension Clinic {
    /// Says anew whether a patient who waits wants to be asked when something becomes free. They keep their place, since when they wait and
    /// how many offers they let pass. What they are just being offered goes to the next, and counts as nothing they let pass; what they have taken stays
    /// theirs, though another calendar has yet to agree. A repeat gives what there is.
    public func changeConsent(
        _ target: WaitlistTarget, wantsOffers: Bool, call: Call, wording: Wording<WaitlistPlace>
    ) async throws -> Reply<WaitlistPlace> {
        try await perform(call, wording: wording) { story in
            try story.waiting(target.id)
        } act: { story, place in
            try place.matches(target)
            guard place.state == .waiting else { throw Refusal.transitionNotAllowed }
            if place.entry.wantsOffers == wantsOffers { return place }
            if !wantsOffers { try story.takeBackOffer(of: place) }
            // Held from here on. Whoever has just been offered something says it once more, and hears of that too.
            guard var next = try story.transaction.first(WaitlistPlaceToChange(id: place.id)), next.state == .waiting,
                next.offer == nil || next.offer == place.offer
            else { throw Refusal.changedMeanwhile }
            next.entry.wantsOffers = wantsOffers
            story.answerSubject = next.patient.of()
            return try story.replace(next, wantsOffers ? "waitlist.consent-given" : "waitlist.consent-withdrawn")
        }
    }
}

extension Story {
    /// Gives back the time that is held for somebody who thinks about it. The appointment is taken before the place, as by whoever answers.
    fileprivate func takeBackOffer(of place: WaitlistPlace) throws {
        guard let id = place.offer, let hold = try transaction.first(OfferByID(id: id))?.recipient?.appointment,
            let appointment = try transaction.first(AppointmentToChange(id: hold)).map({ try opened($0) }),
            appointment.state == .pending, try transaction.first(OpenOfferOfHold(hold: hold)) != nil
        else { return }
        let cancelled = try appointment.cancelled(
            by: call.caller.principal, at: now, reason: call.caller.isStaff ? .desk : .patient,
            policy: policy(of: appointment), byStaff: call.caller.isStaff)
        try end(cancelled, was: appointment, kind: .cancelled, offer: .revoked)
    }
}
