import Identity
public import Letters
import Notation
import People
import Scheduling
import Storage

/// What came of an answer.
public enum AnswerOutcome: String, Sendable, CaseIterable {
    case taken
    /// The same was said before; nothing changed.
    case saidBefore = "said-before"
    /// The visit has begun, has another time, or was given up.
    case over
    /// It is too late to cancel without calling.
    case tooLate = "too-late"
    /// The patient alone cannot cancel it: others take part.
    case shared
    /// What is offered costs something: it is paid by whoever signs in, and taken with that.
    case mustBePaid = "must-be-paid"
    /// It is no code of ours.
    case unknown
}

extension Messages {
    /// Takes what somebody answers by the link of a message. Whoever has the link is believed to be whom it was sent to. A reminder's is good
    /// until the visit begins, for this visit at this time, and each answer counts once; an offer's until it is answered or ends.
    public func answer(code text: String, _ answer: VisitAnswer, request: RequestOrigin) async throws -> AnswerOutcome {
        guard let code = keyring.ring.messageCode(text, for: .answer) else { return .unknown }
        return try await clinic.withKeys {
            try await clinic.database.write { transaction in
                try clinic.take(answer, to: code.message.of(), by: "link", request, in: transaction)
            }
        }
    }

    /// Ends messages to the address one went to. False when the code is none of ours; a repeat changes nothing.
    public func unsubscribe(code text: String, request: RequestOrigin) async throws -> Bool {
        guard let code = keyring.ring.messageCode(text, for: .unsubscribe) else { return false }
        return try await clinic.withKeys {
            try await clinic.database.write { transaction in
                guard let found = try transaction.first(MessageByID(id: code.message.of())), let channel = found.kept.channel
                else { return false }
                let message = found.kept
                if let practitioner = message.practitioner {
                    let keys = try transaction.held(clinic.keys)
                    guard let address = try keys.open(found).address else { return false }
                    try clinic.withdraw(
                        channel, ofPractitioner: practitioner, at: keys.digest(ofMessageTo: address, by: channel), by: "link",
                        request, in: transaction)
                    return true
                }
                try clinic.withdraw(channel, of: message.patient, by: "link", request, in: transaction)
                return true
            }
        }
    }
}

extension Clinic {
    /// Takes an answer to a message, in this transaction: the visit changes with it or not at all.
    func take(
        _ answer: VisitAnswer, to id: ID<Message>, by way: String, _ request: RequestOrigin, in transaction: any WriteTransaction
    ) throws -> AnswerOutcome {
        guard let message = try transaction.first(MessageToChange(id: id))?.kept, message.kind.asksForAnswer,
            let appointment = message.appointment, let start = message.start
        else { return .unknown }
        if message.answer?.answer == answer { return .saidBefore }
        let caller = Caller(role: .patient, subject: message.patient.of())
        let call = Call(
            caller: caller, requestID: request.id, operation: request.operation ?? "answerVisit", address: request.address)
        let story = try Story(transaction, clinic: self, call: call)
        let said = Message.Answer(answer: answer, by: way, at: story.now)
        do {
            try transaction.savepoint {
                if message.kind == .offer {
                    try story.take(said, toOffer: message, appointment)
                } else {
                    try story.take(said, to: message, appointment, start)
                }
            }
        } catch let refusal as Refusal {
            story.forgetHints()
            try story.recordRuling(refusal)
            return AnswerOutcome(refusal)
        }
        story.sealHooks()
        transaction.afterCommit { self.afterChange() }
        return .taken
    }

    /// Nothing goes there from now on.
    func withdraw(
        _ channel: Channel, of patient: ID<Patient>, by way: String, _ request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        let caller = Caller(role: .patient, subject: patient.of())
        guard try transaction.withdraw(channel, of: patient, by: "\(caller.principal) \(way)", at: surroundings.clock.now) else {
            return
        }
        let call = Call(
            caller: caller, requestID: request.id, operation: request.operation ?? "withdrawConsent", address: request.address)
        let story = try Story(transaction, clinic: self, call: call)
        story.trail.isAbout(patient, [patient])
        try story.auditChange(of: patient.of(), "consent.withdrawn")
        story.sealHooks()
    }
}

extension Story {
    fileprivate func take(
        _ said: Message.Answer, to message: Message, _ id: ID<Appointment>, _ start: Instant
    ) throws {
        trail.isAbout(message.patient, [message.patient])
        // Held until the end: of two who answer at once, the second sees what the first has done.
        guard let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try opened($0) }),
            appointment.state == .booked, appointment.visit.from == start, now < start,
            appointment.patients.contains(message.patient.of())
        else { throw Refusal.transitionNotAllowed }
        // Given up before, and booked again since: this message asked about the first time.
        guard try transaction.run(AnswerMessage(id: message.id, answer: said)) == 1 else { throw Refusal.transitionNotAllowed }
        if said.answer == .cancel {
            let patients = appointment.patients.map { $0.of(Patient.self) }
            try require(.changeAppointment(patients: patients, practitioner: appointment.practitioner.of()), patients: patients)
            let cancelled = try appointment.cancelled(
                by: call.caller.principal, at: now, reason: .patient, policy: policy(of: appointment), byStaff: false)
            try end(cancelled, was: appointment, kind: .cancelled)
        }
        trail.isAbout(message.patient, [message.patient])
        try auditChange(of: message.patient.of(), "visit.\(said.answer.rawValue)")
    }
}

extension Story {
    /// As if the patient had signed in and answered: the hold is theirs, or goes to the next.
    fileprivate func take(_ said: Message.Answer, toOffer message: Message, _ hold: ID<Appointment>) throws {
        trail.isAbout(message.patient, [message.patient])
        guard let appointment = try transaction.first(AppointmentToChange(id: hold)).map({ try opened($0) }),
            appointment.patients.contains(message.patient.of()), try openOffer(of: hold) != nil
        else { throw Refusal.transitionNotAllowed }
        guard try transaction.run(AnswerMessage(id: message.id, answer: said)) == 1 else { throw Refusal.transitionNotAllowed }
        let patients = appointment.patients.map { $0.of(Patient.self) }
        try require(.changeAppointment(patients: patients, practitioner: appointment.practitioner.of()), patients: patients)
        switch said.answer {
        case .confirm: _ = try accept(appointment)
        case .cancel: _ = try decline(appointment)
        case .call: break
        }
        trail.isAbout(message.patient, [message.patient])
        try auditChange(of: message.patient.of(), "offer.\(said.answer.rawValue)")
    }

    /// What a hold stands for, while it can be answered.
    func openOffer(of hold: ID<Appointment>) throws -> WaitlistOffer? {
        guard let offer = try transaction.first(OpenOfferOfHold(hold: hold)), let recipient = offer.recipient,
            now < recipient.until
        else { return nil }
        return offer
    }
}

extension AnswerOutcome {
    fileprivate init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .cancellationTooLate: .tooLate
            case .notPermitted: .shared
            case .paymentNeeded: .mustBePaid
            default: .over
            }
    }
}
