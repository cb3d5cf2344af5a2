public import Notation

// The one decision behind booking, holding, moving and "why not": whether a wish can come true, and with which room and
// device. `Deliberation` goes through the rules.
extension Directory {
    /// Where the wish comes true. Throws a `Refusal`, the first in order of precedence, or what the calendar throws.
    ///
    /// `moving` names the appointment that is being moved: it is never in its own way. A room or device is open for the
    /// visit and free for the visit with its buffers; one that is closed counts as taken, unless staff override.
    public func place(
        _ wish: Wish, in calendar: any Calendar, now: Instant, moving: ID<Appointment>? = nil
    ) throws -> Placement {
        var deliberation = Deliberation(
            directory: self, calendar: calendar, wish: wish, now: now, moving: moving,
            patience: wish.isOverride ? .forWhatStaffMaySetAside : .none)
        // It gives no placement only after an objection it had the patience to note, and those it cannot override throw.
        guard let placement = try deliberation.placement() else { throw deliberation.objections.first ?? .visitTypeUnknown }
        return placement
    }

    /// Everything against the wish, in order of precedence; empty when it can be had. An override changes only which
    /// lanes and rooms count, so the desk also sees what it would set aside.
    public func objections(
        to wish: Wish, in calendar: any Calendar, now: Instant, moving: ID<Appointment>? = nil
    ) throws -> [Refusal] {
        var deliberation = Deliberation(
            directory: self, calendar: calendar, wish: wish, now: now, moving: moving, patience: .forEverything)
        _ = try deliberation.placement()
        return deliberation.inOrder
    }
}
