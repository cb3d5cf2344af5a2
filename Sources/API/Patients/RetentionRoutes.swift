import Notation
import People
import Workflows

/// Closing a record, how long it is kept, and erasing it (GDPR Articles 17 and 18).
struct RetentionRoutes {
    var routes: [Route] { [read, close, reopen, hold, lift, erase] }

    private var read: Route {
        Route(
            .get, "/v1/patients/{id}/retention", "readRetention", "Whether a record is closed, and what keeps it",
            gives: "Retention",
            problems: [.notFound]
        ) { exchange, clinic in
            let standing = try await clinic.standing(of: try exchange.id(), for: exchange.call)
            var answer = Answer.json { standing.write(to: &$0) }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var close: Route {
        .forPremises(
            .post, "/v1/patients/{id}/close", "closePatient",
            "End a record: no bookings, no login; kept as long as the rules say",
            takes: "ClosingRequest", gives: "Retention",
            problems: [.notFound, .appointmentsAhead, .changedMeanwhile, .transitionNotAllowed]
        ) { exchange, premises in
            let fields = exchange.fields()
            let reason = Personal(fields.text("reason", max: 500))
            let cancelling = fields.optionalBool("cancelAppointments") ?? false
            try fields.check()
            return Answer(
                try await premises.accounts.closeRecord(
                    of: try exchange.id(), reason: reason, cancelling: cancelling, call: exchange.call, wording: exchange.standing
                ))
        }
    }

    private var reopen: Route {
        .forPremises(
            .post, "/v1/patients/{id}/reopen", "reopenPatient", "Open a closed record again, with its login", takes: "Reason",
            gives: "Retention", problems: [.notFound, .changedMeanwhile]
        ) { exchange, premises in
            let reason = try exchange.reason()
            return Answer(
                try await premises.accounts.reopenRecord(
                    of: try exchange.id(), reason: reason, call: exchange.call, wording: exchange.standing))
        }
    }

    private var hold: Route {
        Route(
            .post, "/v1/patients/{id}/legal-hold", "holdPatient", "Keep a record from being erased, whatever the rules say",
            takes: "Reason", gives: "Retention", problems: [.notFound]
        ) { exchange, clinic in
            let reason = try exchange.reason()
            return Answer(
                try await clinic.holdRecord(
                    of: try exchange.id(), reason: reason, call: exchange.call, wording: exchange.standing))
        }
    }

    private var lift: Route {
        Route(
            .delete, "/v1/patients/{id}/legal-hold", "liftHold", "Let the rules decide again", gives: "Retention",
            problems: [.notFound]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.liftHold(of: try exchange.id(), call: exchange.call, wording: exchange.standing))
        }
    }

    private var erase: Route {
        .forPremises(
            .post, "/v1/patients/{id}/erasure", "erasePatient", "Erase a closed record that no rule keeps, for good",
            gives: "Retention", problems: [.notFound, .recordKept, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, premises in
            try exchange.fields().check()
            return Answer(
                try await premises.accounts.eraseRecord(
                    of: try exchange.id(), call: exchange.call, wording: exchange.standing))
        }
    }
}

extension Exchange {
    fileprivate func reason() throws -> Personal<String> {
        let fields = fields()
        let reason = Personal(fields.text("reason", max: 500))
        try fields.check()
        return reason
    }

    fileprivate var standing: Wording<RecordStanding> {
        wording { standing in
            var json = JSONWriter()
            standing.write(to: &json)
            return StoredAnswer(status: 200, body: json.bytes)
        }
    }
}
