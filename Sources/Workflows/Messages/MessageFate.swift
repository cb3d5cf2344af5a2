import Letters
import Notation
import Partners
import People
import Scheduling
import Secrecy
import Storage

// What becomes of a message, in the transaction that knows it.
extension Clinic {
    /// What decides by which channel it goes.
    func reaching(
        _ message: Message, _ matter: Matter, _ keys: FieldKeys, in transaction: any ReadTransaction
    ) throws -> Reaching {
        if let practitioner = message.practitioner, let change = message.change {
            return try reaching(message, matter, of: practitioner, change, keys, in: transaction)
        }
        let patient = try transaction.first(PatientByID(id: message.patient)).map { try keys.open($0) }
        var addresses = patient?.addresses ?? [:]
        // Each device has its own.
        if try !transaction.fetch(DevicesOf(patient: message.patient)).isEmpty { addresses[.push] = Personal("devices") }
        var preferences = try transaction.preferences(of: message.patient)
        // Who said with their wish when they are not to be disturbed has said it of what is offered.
        preferences.quiet = preferences.quiet ?? matter.quiet
        return Reaching(
            kind: message.kind, preferences: preferences,
            addresses: addresses, channels: settings.messages?.channels ?? [], start: message.start,
            zone: matter.zone)
    }

    /// What a message is about, as it stands now.
    struct Matter {
        let appointment: Appointment?
        let location: Location?
        let zone: Zone
        /// It would say what is no longer so.
        let isOvertaken: Bool
        /// Until when an offer stands.
        var until: Instant?
        /// What the wish that is offered something says of quiet hours.
        var quiet: ContactPreferences.QuietHours?
        /// What goes back of a payment.
        var amount: SpokenAmount?
        /// What a practitioner is told besides.
        var staff: StaffFacts?
    }

    func matter(of message: Message, _ keys: FieldKeys, in transaction: any ReadTransaction) throws -> Matter {
        guard let id = message.appointment else {
            return Matter(appointment: nil, location: nil, zone: .utc, isOvertaken: false)
        }
        let appointment = try transaction.first(AppointmentByID(id: id)).map { try keys.open($0) }
        let directory = try directory.current(transaction)
        let place = appointment?.location
        var matter = Matter(
            appointment: appointment, location: place.flatMap { directory.locations[$0] },
            zone: place.map { directory.wallClock(at: $0) } ?? .utc,
            isOvertaken: appointment.map { message.isOvertaken(by: $0) } ?? true)
        if let change = message.change, let appointment, !matter.isOvertaken {
            matter.staff = try staffFacts(change, appointment, directory, keys, in: transaction)
        }
        if message.kind == .refund { matter.amount = try transaction.first(NoticeByID(id: message.notice))?.amount }
        return message.kind == .offer ? try offering(matter, id, in: transaction) : matter
    }

    /// An offer says what is so until it is answered, or has ended.
    private func offering(_ matter: Matter, _ hold: ID<Appointment>, in transaction: any ReadTransaction) throws -> Matter {
        guard !matter.isOvertaken, let offer = try transaction.first(OpenOfferOfHold(hold: hold))?.recipient,
            surroundings.clock.now < offer.until
        else {
            return Matter(
                appointment: matter.appointment, location: matter.location, zone: matter.zone, isOvertaken: true)
        }
        var matter = matter
        matter.until = offer.until
        matter.quiet = try transaction.first(WaitlistPlaceByID(id: offer.entry))?.entry.quietHours.map {
            ContactPreferences.QuietHours(from: $0.from, until: $0.to)
        }
        return matter
    }

    /// It did not arrive by its channel; where there is another that may be used, that one is; each is used once.
    func fail(_ message: Message, _ reason: Message.Reason, _ keys: FieldKeys, in transaction: any WriteTransaction) throws {
        var failed = message
        (failed.state, failed.reason, failed.endedAt) = (.failed, reason, surroundings.clock.now)
        (failed.words, failed.unsureSince) = (nil, nil)
        try transaction.run(UpdateMessage(failed, keys))
        transaction.afterCommit { self.noteMessage(message.channel, reason.rawValue) }
        guard let channel = message.channel else { return }
        let matter = try matter(of: message, keys, in: transaction)
        guard !matter.isOvertaken,
            try reaching(message, matter, keys, in: transaction).next(after: message.notBy + [channel]) != nil
        else {
            return
        }
        try follow(failed, in: transaction)
    }

    func suppress(_ message: Message, _ reason: Message.Reason, _ keys: FieldKeys, in transaction: any WriteTransaction) throws {
        var suppressed = message
        (suppressed.state, suppressed.reason, suppressed.endedAt) = (.suppressed, reason, surroundings.clock.now)
        (suppressed.words, suppressed.unsureSince) = (nil, nil)
        try transaction.run(UpdateMessage(suppressed, keys))
        transaction.afterCommit { self.noteMessage(message.channel, reason.rawValue) }
    }

    /// What a carrier says of a message it has taken. It may say it late, twice and in any order.
    func note(
        _ state: TextState, of message: Message, carrierID: String, _ keys: FieldKeys, in transaction: any WriteTransaction
    ) throws {
        var next = message
        next.carrierID = carrierID
        next.unsureSince = nil
        let now = surroundings.clock.now
        switch state {
        case .delivered:
            // Also where another channel was used meanwhile: it is true of this one.
            guard message.state != .delivered, message.state != .suppressed else { return }
            (next.state, next.reason, next.endedAt, next.words) = (.delivered, nil, now, nil)
            next.handedAt = message.handedAt ?? now
            try transaction.run(UpdateMessage(next, keys))
            transaction.afterCommit { self.noteMessage(message.channel, Message.State.delivered.rawValue) }
        case .failed:
            guard message.state == .sending || message.state == .handedOver else { return }
            try fail(next, .notDelivered, keys, in: transaction)
        case .accepted, .sent:
            guard message.state == .sending else { return }
            (next.state, next.handedAt) = (.handedOver, now)
            try transaction.run(UpdateMessage(next, keys))
        }
    }
}

extension Message {
    /// A visit that was given up, or has another time, makes untrue what was to be said of it; that it was given up stays true.
    fileprivate func isOvertaken(by appointment: Appointment) -> Bool {
        if let practitioner, let change { return change.isOvertaken(by: appointment, of: practitioner, at: start) }
        return switch kind {
        case .cancellation: appointment.state != .cancelled
        case .expiry, .correction, .refund: false
        case .offer: appointment.state != .pending
        case .reminder, .delay: appointment.state != .booked || appointment.visit.from != start
        case .confirmation, .move, .honoured:
            !appointment.state.holdsItsTime || appointment.state == .pending || appointment.visit.from != start
        }
    }
}

extension Notice {
    /// What goes back, where it says so.
    fileprivate var amount: SpokenAmount? {
        guard let json = try? JSON(parsing: payload), let amount = json["amount"]?.integer,
            let currency = json["currency"]?.string
        else { return nil }
        return SpokenAmount(amount: Int(amount), currency: currency)
    }
}

extension Patient {
    /// Where each channel leads, of what the record has.
    fileprivate var addresses: [Channel: Personal<String>] {
        var addresses: [Channel: Personal<String>] = [:]
        addresses[.email] = email.flatMap { MailAddress($0.revealed)?.text }
        addresses[.sms] = phone.flatMap { PhoneNumber(NormalForm.phone($0.revealed))?.text }
        return addresses
    }
}
