import Notation
public import Outbox
import Partners
import People
import Scheduling
import Storage

extension Clinic {
    /// What the outbox does with each topic. All of it happens in the database, in the transaction that ends the message,
    /// so each effect is there once, however often a worker dies or two work at the same time (MC-12).
    public var deliveries: [String: OutboxHandler] {
        [
            Topic.event: .transactional { [self] in try announce($1, in: $0) },
            Topic.reminder: .transactional { [self] in try remind($1, in: $0) },
            Topic.emergency: .transactional { [self] in try tellOfEmergency($1, in: $0) },
            Topic.delay: .transactional { [self] in try tellOfDelay($1, in: $0) },
            Topic.freedTime: .transactional { [self] in try offerFreed($1, in: $0) },
            Topic.holdExpiry: .transactional { [self] transaction, delivery in
                try expire(try delivery.appointment(), in: transaction)
                return .done
            },
            Topic.incomingPayments: hearing(PaymentNews.init(document:)) { [self] in try hear($0, at: $1, in: $2) },
            Topic.incomingTexts: hearing(TextNews.init(document:)) { [self] in try hear($0, at: $1, in: $2) },
        ]
    }

    /// Turns an event into a notice for each patient and the practitioner, whoever was the practitioner before among them, and into what others
    /// want to be told of it.
    private func announce(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let event = try delivery.document()
        let named = event["kind"]?.string.flatMap(AppointmentEvent.Kind.init)
        let practitioner = event["practitioner"]?.string.flatMap { ID<Caller>($0) }
        let former = event["formerPractitioner"]?.string.flatMap { ID<Caller>($0) }
        var told: [WhoIsTold.Row] = []
        if let named, let practitioner {
            let asked = WhoIsTold(practitioner: practitioner.of(), former: (former ?? practitioner).of())
            told = try transaction.fetch(asked).sorted()
            try tellOthers(named, event, told, delivery, in: transaction)
        }
        guard let named, let kind = named.notice else { return .done }
        let appointment = try delivery.appointment(event)
        let start = event["start"]?.string ?? ""
        // Who is told that it is over, and did not end it, hears whose word it was.
        let isTheirs = event["reason"]?.string == Cancellation.Reason.providerFailed.rawValue
        let payload = isTheirs ? #"{"start":"\#(start)","reason":"provider-failed"}"# : #"{"start":"\#(start)"}"#
        // Who gives back what was only held for them, or lets an offer pass, had no appointment that anybody could cancel.
        let isGivenBack = event["givenBack"] != nil
        let patients = (event["patients"]?.array ?? []).compactMap { $0.string.flatMap { ID<Caller>($0) } }
        for patient in patients {
            let payload = isGivenBack ? #"{"start":"\#(start)","givenBack":true}"# : payload
            try tell(patient, .patient, kind, appointment, payload: payload, in: transaction)
        }
        let change = ToldChange(named, event)
        if let practitioner {
            let notice = try tell(practitioner, .practitioner, kind, appointment, payload: payload, in: transaction)
            if let change, let wishes = told.wishes(of: practitioner) { try tell(change, with: notice, wishes, in: transaction) }
        }
        if let former, former != practitioner {
            let payload =
                #"{"start":"\#(event["formerStart"]?.string ?? start)","givenTo":"\#(practitioner?.description ?? "")"}"#
            let notice = try tell(former, .practitioner, kind, appointment, payload: payload, in: transaction)
            if let change, let wishes = told.wishes(of: former) { try tell(change.away, with: notice, wishes, in: transaction) }
        }
        return .done
    }

    /// Reminds the patients of a visit that is still theirs at that time, and leaves the next reminder behind. Cancelled or
    /// moved meanwhile: nothing is sent.
    private func remind(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let reminder = try delivery.document()
        guard let appointment = try transaction.first(AppointmentToChange(id: try delivery.appointment(reminder)))?.kept,
            appointment.state == .booked, let start = reminder["start"]?.string, start == appointment.visit.from.description,
            surroundings.clock.now < appointment.visit.from
        else { return .cancel }
        let minutes = reminder["minutesBefore"]?.integer ?? 0
        let payload = #"{"start":"\#(start)","minutesBefore":\#(minutes)}"#
        for patient in appointment.patients {
            try tell(patient.of(), .patient, .reminder, appointment.id, payload: payload, in: transaction)
        }
        let next = OutboxMessage.reminder(
            appointment, after: .minutes(Int(minutes)), of: settings.remindersBefore,
            surroundings.identifiers.next(OutboxMessage.self), surroundings.clock.now)
        if let next { try transaction.post(next) }
        return .done
    }

    /// Tells the privacy officers; where a clinic has none, its admins.
    private func tellOfEmergency(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let officers = try transaction.fetch(SubjectsOfRole(role: .privacy))
        let (told, role) =
            officers.isEmpty ? (try transaction.fetch(SubjectsOfRole(role: .admin)), Role.admin) : (officers, .privacy)
        for recipient in told { try tell(recipient, role, .emergency, nil, payload: delivery.payload, in: transaction) }
        return .done
    }
}

extension Delivery {
    fileprivate func document() throws -> JSON { try JSON(parsing: payload) }

    fileprivate func appointment() throws -> ID<Appointment> { try appointment(document()) }

    fileprivate func appointment(_ document: JSON) throws -> ID<Appointment> {
        guard let id = document["appointment"]?.string.flatMap({ ID<Appointment>($0) }) else {
            throw StorageFault.statement("an outbox message names no appointment")
        }
        return id
    }
}

extension [WhoIsTold.Row] {
    fileprivate func wishes(of practitioner: ID<Caller>) -> StaffWishes? {
        for case .practitioner(let id, let wishes) in self where id == practitioner.of() { return wishes }
        return nil
    }
}

extension AppointmentEvent.Kind {
    /// What people are told about it; nil for what happens in front of their eyes.
    fileprivate var notice: Notice.Kind? {
        switch self {
        case .booked, .confirmed: .confirmation
        case .cancelled: .cancellation
        case .expired: .expiry
        case .rescheduled: .move
        case .held, .arrived, .checkedIn, .fulfilled, .noShow, .enteredInError: nil
        }
    }
}
