/// What patients are told about their visits, by whatever channel reaches them.
public enum MessageKind: String, Sendable, CaseIterable {
    case confirmation, cancellation, move, reminder
    /// A time that was held for them is free again.
    case expiry
    /// The practitioner runs late today.
    case delay
    /// A request for correction was decided.
    case correction

    /// Whether the booking itself needs it: that a visit was made, moved, cancelled, or begins later than was said. Everything else takes
    /// consent (`docs/guides/messages.md`).
    public var isNeeded: Bool {
        switch self {
        case .confirmation, .cancellation, .move, .delay: true
        case .reminder, .expiry, .correction: false
        }
    }

    /// Whether the patient can say what becomes of the visit.
    public var asksForAnswer: Bool { self == .reminder }
}

/// What messages to patients are written in.
public enum MessageLanguage: String, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
    case french = "fr"
}

/// What a patient can answer.
public enum VisitAnswer: String, Sendable, CaseIterable {
    case confirm, cancel, call
}
