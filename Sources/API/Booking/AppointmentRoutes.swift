import Notation
import People
import Scheduling
import Workflows

/// Appointments: book, hold, and everything that happens to them. A new verb is a new sub-resource.
struct AppointmentRoutes {
    var routes: [Route] { [book, list, read, audit] + verbs }

    private var book: Route {
        Route(
            .post, "/v1/appointments", "bookAppointment", "Book an appointment, or hold its time",
            takes: "BookingRequest", gives: "Appointment", status: 201, alsoGives: [200],
            problems: [
                .unknownReference, .unsuitable, .holdsSuspended, .tooManyHolds, .tooManyAppointments, .startInThePast,
                .timeUnavailable, .patientBusy, .identifierAlreadyUsed, .recordClosed, .paymentNeeded,
                .bookedElsewhere,
            ]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let request = BookingRequest(fields, content: exchange.content)
            try fields.check()
            let caller = exchange.caller
            return try await exchange.watched(isHold: request.isHold) {
                Answer(
                    try await clinic.book(
                        request, call: exchange.call,
                        wording: exchange.wording { $0.appointment.stored(status: $0.existedBefore ? 200 : 201, for: caller) }))
            }
        }
    }

    private var list: Route {
        Route(
            .get, "/v1/appointments", "listAppointments", "Appointments of a patient, of a practitioner, or of a day",
            query: [
                QueryParameter("patient", "uuid", "Only this patient's"),
                QueryParameter("practitioner", "uuid", "Only this practitioner's"),
                QueryParameter("from", "date-time", "Starting at or after; the default is now"),
                QueryParameter("to", "date-time", "Starting before; the default is a year after from"),
            ] + pageParameters, gives: "AppointmentPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let patient = fields.optionalID("patient", Patient.self)
            let practitioner = fields.optionalID("practitioner", Resource.self)
            if patient != nil && practitioner != nil { fields.reject("practitioner", "cannot be combined with patient") }
            let from = fields.optionalInstant("from") ?? clinic.surroundings.clock.now
            let to = fields.optionalInstant("to") ?? from + .days(366)
            let page = fields.page()
            try fields.check()
            let list = patient.map { AppointmentList.ofPatient($0) } ?? practitioner.map { .ofPractitioner($0) } ?? .ofDay
            let found = try await clinic.appointments(
                list, in: TimeRange(from: from, to: to), page: page, for: exchange.call)
            return found.answer { $1.write(to: &$0, for: exchange.caller) }
        }
    }

    private var read: Route {
        Route(
            .get, "/v1/appointments/{id}", "readAppointment", "One appointment", gives: "Appointment", alsoGives: [304],
            problems: [.notFound]
        ) { exchange, clinic in
            let appointment = try await clinic.appointment(try exchange.id(), for: exchange.call)
            let etag = appointment.etag
            if exchange.hasAlready(etag) { return Answer(status: 304).cached("private, no-store", etag: etag) }
            return Answer.json { appointment.write(to: &$0, for: exchange.caller) }.cached("private, no-store", etag: etag)
        }
    }

    private var audit: Route {
        Route(
            .get, "/v1/appointments/{id}/audit", "auditAppointment", "Everything that was done to an appointment",
            query: pageParameters, gives: "AuditPage", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let page = fields.page()
            try fields.check()
            return try await clinic.audit(of: try exchange.id(), page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var verbs: [Route] {
        [
            verb(
                "confirmation", "confirmAppointment", "Turn a hold into a booking", takes: "ConfirmationRequest",
                problems: [.holdExpired, .paymentNeeded, .overrideNeedsReason, .bookedElsewhere]
            ) { exchange, fields, clinic in
                let reason = fields.optionalText("unpaidReason", max: 500).map { Personal($0) }
                if reason != nil, !exchange.caller.isStaff { fields.reject("unpaidReason", "is for the clinic's staff to give") }
                try fields.check()
                let reply = try await clinic.confirm(
                    try exchange.target(), unpaidReason: reason, call: exchange.call, wording: exchange.appointmentWording)
                if case .done = reply, exchange.caller.role == .patient { exchange.holds.giveBack() }
                return reply
            },
            verb(
                "cancellation", "cancelAppointment", "Cancel a hold or a booking", takes: "CancellationRequest",
                problems: [.cancellationTooLate, .bookedElsewhere]
            ) { exchange, fields, clinic in
                let reason = fields.optionalChoice("reason", Cancellation.Reason.self) ?? exchange.caller.usualReason
                let note = fields.optionalText("note", max: 500).map { Personal($0) }
                if !exchange.caller.mayGive(reason) { fields.reject("reason", "is not one this token's role can give") }
                try fields.check()
                return try await clinic.cancel(
                    try exchange.target(), reason: reason, note: note, call: exchange.call, wording: exchange.appointmentWording)
            },
            verb(
                "rescheduling", "rescheduleAppointment", "Move to another time, in one step", takes: "MoveRequest",
                problems: [
                    .unknownReference, .unsuitable, .startInThePast, .timeUnavailable, .patientBusy, .cancellationTooLate,
                    .recordClosed,
                    .holdExpired, .bookedElsewhere,
                ]
            ) { exchange, fields, clinic in
                let move = MoveRequest(fields)
                try fields.check()
                return try await clinic.reschedule(
                    try exchange.target(), to: move, call: exchange.call, wording: exchange.appointmentWording)
            },
            step("arrival", "arriveAppointment", "The patient is in the building", .arrive),
            step("check-in", "checkInAppointment", "The patient is checked in", .checkIn),
            step("fulfilment", "fulfilAppointment", "The visit took place", .fulfil),
            step("no-show", "missAppointment", "The patient did not come", .noShow),
            verb(
                "error-mark", "markAppointmentAsError", "It should never have been written", takes: "ErrorMarkRequest",
                problems: [.bookedElsewhere]
            ) {
                let note = Personal($1.text("note", max: 500))
                try $1.check()
                return try await $2.markError(try $0.target(), note: note, call: $0.call, wording: $0.appointmentWording)
            },
        ]
    }

    private func step(_ name: String, _ operation: String, _ summary: String, _ step: DayStep) -> Route {
        verb(name, operation, summary) {
            try $1.check()
            return try await $2.advance(try $0.target(), step, call: $0.call, wording: $0.appointmentWording)
        }
    }

    private func verb(
        _ name: String, _ operation: String, _ summary: String, takes: String? = nil, problems: [ProblemType] = [],
        handler: @escaping @Sendable (Exchange, Fields, Clinic) async throws -> Reply<Appointment>
    ) -> Route {
        Route(
            .post, "/v1/appointments/{id}/\(name)", operation, summary, takes: takes, gives: "Appointment",
            problems: [.notFound, .transitionNotAllowed, .changedMeanwhile] + problems
        ) { exchange, clinic in
            Answer(try await handler(exchange, exchange.fields(), clinic))
        }
    }
}

extension Exchange {
    fileprivate func target() throws(Problem) -> AppointmentTarget {
        AppointmentTarget(id: try id(), expectedVersion: try expectedVersion())
    }

    /// Counts a time that a patient holds, unless nothing new is held after all.
    fileprivate func watched(isHold: Bool, _ book: () async throws -> Answer) async throws -> Answer {
        guard isHold, caller.role == .patient else { return try await book() }
        try holds.begin()
        do {
            let answer = try await book()
            if answer.status != 201 || answer.isRepeat { holds.giveBack() }
            return answer
        } catch {
            holds.giveBack()
            throw error
        }
    }

    fileprivate var appointmentWording: Wording<Appointment> {
        let caller = caller
        return wording { $0.stored(status: 200, for: caller) }
    }
}

extension Appointment {
    fileprivate func stored(status: Int, for caller: Caller) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json, for: caller)
        return StoredAnswer(
            status: status, etag: etag, location: status == 201 ? "/v1/appointments/\(id)" : nil, body: json.bytes)
    }
}

extension Caller {
    var usualReason: Cancellation.Reason {
        switch role {
        case .patient: .patient
        case .practitioner: .practitioner
        case .desk, .admin, .billing, .privacy, .service: .desk
        }
    }

    /// A patient cannot say that the practitioner cancelled.
    func mayGive(_ reason: Cancellation.Reason) -> Bool {
        role == .patient ? reason == .patient || reason == .other : reason != .expired
    }
}
