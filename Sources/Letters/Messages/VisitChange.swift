/// What has become of an appointment, as the practitioner is told whose it is (HB-4).
public enum VisitChange: String, Sendable, CaseIterable {
    /// It was booked.
    case created
    /// What was held for somebody is booked.
    case confirmed
    case cancelled, moved
    /// It was moved to another practitioner, and is theirs no longer.
    case movedAway = "moved-away"

    /// Those somebody can ask to be told of; who wants to hear of what was moved hears of what was moved away.
    public static let asked: [VisitChange] = [.created, .confirmed, .cancelled, .moved]

    /// By which of them it was asked for.
    public var askedFor: VisitChange { self == .movedAway ? .moved : self }

    /// Which of the messages to patients goes the same way.
    public var kind: MessageKind {
        switch self {
        case .created, .confirmed: .confirmation
        case .cancelled: .cancellation
        case .moved, .movedAway: .move
        }
    }
}

/// What a message to a practitioner says besides time and place: nothing that names a patient, and nothing about why somebody comes.
public struct StaffFacts: Sendable {
    public let change: VisitChange
    /// The visit type's name, as everybody may read it.
    public let visit: String
    /// The patients as logs have them: `E***, N***`.
    public let people: String

    public init(change: VisitChange, visit: String, people: String) {
        self.change = change
        self.visit = visit
        self.people = people
    }
}

extension VisitChange {
    /// How it is put. A clinic cannot put it otherwise: whoever reads it works there.
    func template(in language: WrittenLanguage) -> MessageTemplate {
        let (what, hour) = (what(in: language), language == .german ? "{{time}} Uhr" : "{{time}}")
        let colon = language == .french ? " :" : ":"
        return MessageTemplate(
            subject: "\(what)\(colon) {{day}}, \(hour)",
            body: "\(what)\(colon)\n\n{{day}}, \(hour)\n{{visit}}\n{{people}}\n{{place}}",
            text: "{{clinic}}\(colon) \(what)\(colon) {{day}}, \(hour), {{visit}}, {{people}}, {{place}}.")
    }

    private func what(in language: WrittenLanguage) -> String {
        switch language {
        case .english:
            switch self {
            case .created: "New appointment"
            case .confirmed: "Appointment confirmed"
            case .cancelled: "Appointment cancelled"
            case .moved: "Appointment moved, now"
            case .movedAway: "Appointment given to somebody else"
            }
        case .german:
            switch self {
            case .created: "Neuer Termin"
            case .confirmed: "Termin bestätigt"
            case .cancelled: "Termin abgesagt"
            case .moved: "Termin verschoben, jetzt"
            case .movedAway: "Termin an jemand anderen gegeben"
            }
        case .french:
            switch self {
            case .created: "Nouveau rendez-vous"
            case .confirmed: "Rendez-vous confirmé"
            case .cancelled: "Rendez-vous annulé"
            case .moved: "Rendez-vous déplacé, maintenant"
            case .movedAway: "Rendez-vous confié à quelqu’un d’autre"
            }
        }
    }
}
