public import Notation

// One verb each: what the appointment becomes, or why it does not. Nothing here writes anything; who calls stores the
// result together with the claims, and gives the event of the same name.
extension Appointment {
    /// Whether the hold is over, so that its time belongs to whoever comes next. Ends at `heldUntil`, not after it.
    public func holdHasExpired(at now: Instant) -> Bool {
        state == .pending && heldUntil.map { $0 <= now } ?? false
    }

    /// Refuses `transitionNotAllowed`, or `holdExpired` when the patient came too late.
    public func confirmed(at now: Instant) throws(Refusal) -> Appointment {
        var next = try changed(by: .confirm, at: now)
        if holdHasExpired(at: now) { throw .holdExpired }
        next.heldUntil = nil
        return next
    }

    /// A hold that was confirmed here, and keeps its time until then while somebody else's calendar is asked (GF-2). Refuses like
    /// `confirmed`.
    public func awaiting(until: Instant, at now: Instant) throws(Refusal) -> Appointment {
        var next = try confirmed(at: now)
        next.state = .pending
        next.heldUntil = until
        return next
    }

    public func arrived(at now: Instant) throws(Refusal) -> Appointment { try changed(by: .arrive, at: now) }

    public func checkedIn(at now: Instant) throws(Refusal) -> Appointment { try changed(by: .checkIn, at: now) }

    public func fulfilled(at now: Instant) throws(Refusal) -> Appointment { try changed(by: .fulfil, at: now) }

    public func missed(at now: Instant) throws(Refusal) -> Appointment { try changed(by: .noShow, at: now) }

    public func markedAsError(at now: Instant) throws(Refusal) -> Appointment {
        var next = try changed(by: .markError, at: now)
        next.heldUntil = nil
        return next
    }

    /// Ends it before it took place. A patient may until the policy's cut-off, and always while it is only held;
    /// `byStaff` is not bound by it.
    public func cancelled(
        by principal: String, at now: Instant, reason: Cancellation.Reason, policy: SchedulingPolicy, byStaff: Bool
    ) throws(Refusal) -> Appointment {
        try ended(.cancel, Cancellation(by: principal, at: now, reason: reason), policy: byStaff ? nil : policy)
    }

    /// Gives back the time of a hold nobody confirmed; refuses one that is still running.
    public func expired(by principal: String, at now: Instant) throws(Refusal) -> Appointment {
        let next = try ended(.expire, Cancellation(by: principal, at: now, reason: .expired), policy: nil)
        guard holdHasExpired(at: now) else { throw .transitionNotAllowed }
        return next
    }

    /// Refuses what `moved` would refuse before anybody asks for the new place.
    public func mayMove(at now: Instant, policy: SchedulingPolicy, byStaff: Bool) throws(Refusal) {
        _ = try state.after(.reschedule)
        if holdHasExpired(at: now) { throw .holdExpired }
        if !byStaff { try keepCutOff(of: policy, at: now) }
    }

    /// Puts it where `placement` says and leaves its state as it is: a hold keeps its end. A move inside the cut-off
    /// would be a cancellation by another name, so a patient is refused the same.
    public func moved(
        to placement: Placement, at now: Instant, policy: SchedulingPolicy, byStaff: Bool,
        overrideReason: Personal<String>? = nil
    ) throws(Refusal) -> Appointment {
        try mayMove(at: now, policy: policy, byStaff: byStaff)
        var next = try changed(by: .reschedule, at: now)
        next.practitioner = placement.practitioner
        next.room = placement.room
        next.device = placement.device
        next.location = placement.location
        next.visit = placement.visit
        next.overrideReason = overrideReason
        return next
    }

    private func ended(
        _ transition: Transition, _ cancellation: Cancellation, policy: SchedulingPolicy?
    ) throws(Refusal) -> Appointment {
        var next = try changed(by: transition, at: cancellation.at)
        if let policy { try keepCutOff(of: policy, at: cancellation.at) }
        next.cancellation = cancellation
        next.heldUntil = nil
        return next
    }

    /// A hold is free to go at any time; what is confirmed, only until the cut-off before it starts.
    private func keepCutOff(of policy: SchedulingPolicy, at now: Instant) throws(Refusal) {
        if state != .pending, now > visit.from - .minutes(policy.cancellationCutoffMinutes) { throw .cancellationTooLate }
    }

    private func changed(by transition: Transition, at now: Instant) throws(Refusal) -> Appointment {
        var next = self
        next.state = try state.after(transition)
        next.updatedAt = now
        next.version = version + 1
        return next
    }
}
