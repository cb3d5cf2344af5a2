/// What can happen to an appointment. `docs/states.md` draws it; a test holds the drawing to this table.
public enum Transition: String, Sendable, CaseIterable {
    case confirm, arrive
    case checkIn = "check-in"
    case fulfil, cancel, expire
    case noShow = "no-show"
    case reschedule
    case markError = "mark-error"
}

extension AppointmentState {
    /// The state after a transition; nil where the table has none.
    public func next(_ transition: Transition) -> AppointmentState? {
        switch (transition, self) {
        case (.confirm, .pending): .booked
        case (.arrive, .booked): .arrived
        case (.checkIn, .booked), (.checkIn, .arrived): .checkedIn
        case (.fulfil, .arrived), (.fulfil, .checkedIn): .fulfilled
        case (.cancel, .pending), (.cancel, .booked), (.cancel, .arrived), (.cancel, .checkedIn): .cancelled
        case (.expire, .pending): .cancelled
        case (.noShow, .booked): .noshow
        case (.reschedule, .pending), (.reschedule, .booked): self
        // A mistake can be found at any time, also in what has ended; only once.
        case (.markError, _) where self != .enteredInError: .enteredInError
        case (.confirm, _), (.arrive, _), (.checkIn, _), (.fulfil, _), (.cancel, _), (.expire, _), (.noShow, _), (.reschedule, _),
            (.markError, _):
            nil
        }
    }

    public func after(_ transition: Transition) throws(Refusal) -> AppointmentState {
        guard let next = next(transition) else { throw .transitionNotAllowed }
        return next
    }
}
