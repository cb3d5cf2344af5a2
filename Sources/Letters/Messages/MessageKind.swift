/// What patients are told about their visits, by whatever channel reaches them.
public enum MessageKind: String, Sendable, CaseIterable {
    case confirmation, cancellation, move, reminder
    /// A time that was held for them is free again.
    case expiry
    /// The practitioner runs late today.
    case delay
    /// A request for correction was decided.
    case correction
    /// A time they wait for is held for them, for a while.
    case offer
    /// A payment came too late for its hold, and the time was booked anew.
    case honoured = "payment-honoured"
    /// What was paid goes back, or how much of it.
    case refund

    /// Whether the booking itself needs it: that a visit was made, moved, cancelled, or begins later than was said, and what becomes of what
    /// was paid for it. An offer was asked for, by whoever waits for it. Everything else takes consent (`docs/guides/messages.md`).
    public var isNeeded: Bool {
        switch self {
        case .confirmation, .cancellation, .move, .delay, .offer, .honoured, .refund: true
        case .reminder, .expiry, .correction: false
        }
    }

    /// What the patient can answer, by a link: to a reminder what becomes of the visit, to an offer whether they take it.
    public var answers: [VisitAnswer] {
        switch self {
        case .reminder: VisitAnswer.allCases
        case .offer: [.confirm, .cancel]
        case .confirmation, .cancellation, .move, .expiry, .delay, .correction, .honoured, .refund: []
        }
    }

    public var asksForAnswer: Bool { !answers.isEmpty }
}

/// What a patient can answer. To an offer: that they take it, let it pass, or want to be called.
public enum VisitAnswer: String, Sendable, CaseIterable {
    case confirm, cancel, call
}
