import Notation
import People
import Scheduling
import Workflows

/// Appointments that come again.
struct SeriesRoutes {
    var routes: [Route] { [book, read, ofAppointment, cancel, reschedule] }

    private enum Mode: String, CaseIterable { case book, propose }

    private var book: Route {
        Route(
            .post, "/v1/appointment-series", "bookSeries",
            "Book every visit of a series or none; or only say what each would meet, and what is free near it",
            takes: "SeriesRequest", gives: "SeriesOrProposal", status: 201, alsoGives: [200],
            problems: [
                .unknownReference, .unsuitable, .seriesUnfit, .tooManyAppointments, .startInThePast, .timeUnavailable,
                .patientBusy, .recordClosed, .bookedElsewhere,
            ]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let request = SeriesRequest(fields)
            let mode = fields.optionalChoice("mode", Mode.self) ?? .book
            try fields.check()
            let caller = exchange.caller
            switch mode {
            case .book:
                return Answer(
                    try await clinic.bookSeries(
                        request, call: exchange.call, wording: exchange.wording { $0.stored(status: 201, for: caller) }))
            case .propose:
                let proposal = try await clinic.proposeSeries(request, for: exchange.call)
                var answer = Answer.json { proposal.write(to: &$0, for: caller) }
                answer.cacheControl = "private, no-store"
                return answer
            }
        }
    }

    private var read: Route {
        Route(
            .get, "/v1/appointment-series/{id}", "readSeries", "A series and its appointments as they are now", gives: "Series",
            problems: [.notFound]
        ) { exchange, clinic in
            try await clinic.series(try exchange.id(), for: exchange.call).answer(for: exchange.caller)
        }
    }

    private var ofAppointment: Route {
        Route(
            .get, "/v1/appointments/{id}/series", "readSeriesOfAppointment", "The series an appointment belongs to",
            gives: "Series", problems: [.notFound]
        ) { exchange, clinic in
            try await clinic.series(of: try exchange.id(), for: exchange.call).answer(for: exchange.caller)
        }
    }

    private var cancel: Route {
        Route(
            .post, "/v1/appointment-series/{id}/cancellation", "cancelSeries",
            "Cancel one visit, it and those that follow, or all that are ahead", takes: "SeriesCancellation", gives: "Series",
            problems: [.notFound, .transitionNotAllowed, .changedMeanwhile, .cancellationTooLate]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let target = try exchange.target(fields)
            let reason =
                fields.optionalChoice("reason", Cancellation.Reason.self) ?? exchange.caller.usualReason
            let note = fields.optionalText("note", max: 500).map { Personal($0) }
            if !exchange.caller.mayGive(reason) { fields.reject("reason", "is not one this token's role can give") }
            try fields.check()
            return Answer(
                try await clinic.cancelSeries(
                    target, reason: reason, note: note, call: exchange.call, wording: exchange.seriesWording))
        }
    }

    private var reschedule: Route {
        Route(
            .post, "/v1/appointment-series/{id}/rescheduling", "rescheduleSeries",
            "Move one visit, it and those that follow, or all that are ahead, by as much on the wall clock",
            takes: "SeriesMove", gives: "Series",
            problems: [
                .notFound, .transitionNotAllowed, .changedMeanwhile, .cancellationTooLate, .unsuitable, .unknownReference,
                .startInThePast, .timeUnavailable, .patientBusy, .recordClosed, .holdExpired, .bookedElsewhere,
            ]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let target = try exchange.target(fields)
            let start = fields.instant("start")
            try fields.check()
            return Answer(
                try await clinic.rescheduleSeries(target, to: start, call: exchange.call, wording: exchange.seriesWording))
        }
    }
}

extension Exchange {
    /// Where only some are meant, the first of them is named.
    fileprivate func target(_ fields: Fields) throws -> SeriesTarget {
        let scope = fields.choice("scope", SeriesScope.self)
        let appointment = fields.optionalID("appointment", Appointment.self)
        if scope != .all, appointment == nil { fields.reject("appointment", "is missing: say which visit is meant") }
        if scope == .all, appointment != nil { fields.reject("appointment", "is not for all of them") }
        return SeriesTarget(
            id: try id(), scope: scope, appointment: appointment, expectedVersion: try expectedVersion())
    }

    fileprivate var seriesWording: Wording<SeriesWithVisits> {
        let caller = caller
        return wording { $0.stored(status: 200, for: caller) }
    }
}

extension SeriesWithVisits {
    fileprivate func stored(status: Int, for caller: Caller) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json, for: caller)
        return StoredAnswer(
            status: status, etag: etag, location: status == 201 ? "/v1/appointment-series/\(series.id)" : nil, body: json.bytes)
    }

    fileprivate func answer(for caller: Caller) -> Answer {
        var answer = Answer(stored(status: 200, for: caller))
        answer.cacheControl = "private, no-store"
        return answer
    }
}
