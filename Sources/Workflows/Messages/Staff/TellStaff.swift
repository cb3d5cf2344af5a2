import Letters
import Notation
import Outbox
import People
import Scheduling
import Storage

/// A change of an appointment as its event has it: what it was before, as far as that matters to whose it was.
struct ToldChange {
    let change: VisitChange
    /// When the visit begins.
    let start: Instant
    /// When it was to begin, where it was moved.
    let formerStart: Instant?

    /// Nil for what a practitioner is not told by message: what becomes of a time that was only held, and was never theirs.
    init?(_ kind: AppointmentEvent.Kind, _ event: JSON) {
        guard let start = event["start"]?.string.flatMap({ Instant($0) }) else { return nil }
        let wasHeld = event["wasHeld"] != nil
        switch kind {
        case .booked: change = .created
        case .confirmed: change = .confirmed
        case .cancelled where !wasHeld: change = .cancelled
        case .rescheduled where !wasHeld: change = .moved
        default: return nil
        }
        self.start = start
        formerStart = event["formerStart"]?.string.flatMap { Instant($0) }
    }

    private init(_ change: VisitChange, _ start: Instant, _ formerStart: Instant?) {
        (self.change, self.start, self.formerStart) = (change, start, formerStart)
    }

    /// As it is to whoever had the appointment before.
    var away: ToldChange { ToldChange(.movedAway, formerStart ?? start, nil) }
}

// Practitioners are told by messages what they want to be told, in the transaction that ends the event's outbox message: a booking pays for
// none of it, and who wants nothing costs nothing.
extension Clinic {
    /// Queues a message for each channel that is wanted.
    func tell(_ told: ToldChange, with notice: Notice, _ wishes: StaffWishes, in transaction: any WriteTransaction) throws {
        guard settings.messages != nil, let appointment = notice.appointment else { return }
        guard wishes.isSoon([told.start, told.formerStart].compactMap(\.self), at: surroundings.clock.now) else { return }
        let channels = wishes.channels(for: told.change)
        for (index, channel) in channels.enumerated() {
            try queue(
                Message(
                    id: surroundings.identifiers.next(Message.self), notice: notice.id, patient: notice.recipient.of(),
                    appointment: appointment, kind: told.change.kind, change: told.change, start: told.start, minutes: nil,
                    place: index + 1, notBy: channels.filter { $0 != channel }, state: .queued, createdAt: notice.at,
                    dueAt: notice.at),
                in: transaction)
        }
    }

    /// What decides by which channel a message to a practitioner goes: what they have said, as it stands now. Who does not work here any more
    /// wants nothing.
    func reaching(
        _ message: Message, _ matter: Matter, of practitioner: ID<Resource>, _ change: VisitChange, _ keys: FieldKeys,
        in transaction: any ReadTransaction
    ) throws -> Reaching {
        var contact = StaffContact(of: practitioner)
        if try directory.current(transaction).resources[practitioner]?.active == true,
            let known = try transaction.first(StaffContactOf(practitioner: practitioner))
        {
            contact = try keys.open(known)
        }
        return Reaching(
            kind: message.kind, preferences: contact.preferences(for: change), addresses: contact.addresses,
            channels: settings.messages?.channels ?? [], start: message.start, zone: matter.zone)
    }

    /// What a message says of the appointment besides time and place.
    func staffFacts(
        _ change: VisitChange, _ appointment: Appointment, _ directory: Directory, _ keys: FieldKeys,
        in transaction: any ReadTransaction
    ) throws -> StaffFacts {
        let names = try appointment.patients.prefix(Self.peopleNamed).map { patient in
            try transaction.first(PatientByID(id: patient.of())).map { try keys.open($0).name.masked } ?? "***"
        }
        let more = appointment.patients.count - names.count
        let people = names.joined(separator: ", ") + (more > 0 ? " +\(more)" : "")
        return StaffFacts(change: change, visit: directory.visitTypes[appointment.visitType]?.name ?? "", people: people)
    }

    /// Of a group's patients.
    private static let peopleNamed = 3
}

extension VisitChange {
    /// What became of the appointment since makes untrue what was to be said of it.
    func isOvertaken(by appointment: Appointment, of practitioner: ID<Resource>, at start: Instant?) -> Bool {
        let isTheirs = appointment.practitioner == practitioner
        switch self {
        case .created, .confirmed, .moved:
            return !appointment.state.holdsItsTime || appointment.visit.from != start || !isTheirs
        case .cancelled: return appointment.state != .cancelled
        case .movedAway: return isTheirs
        }
    }
}
