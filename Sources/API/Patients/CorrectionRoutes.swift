import Notation
import People
import Scheduling
import Workflows

/// Asking that a record be corrected, and deciding on it (45 CFR 164.526, GDPR Article 16).
struct CorrectionRoutes {
    var routes: [Route] { [ask, list, read, accept, deny, putOff, disagree] }

    private var ask: Route {
        Route(
            .post, "/v1/patients/{id}/corrections", "askCorrection", "Ask that a field of a record say something else",
            takes: "CorrectionRequest", gives: "Correction", status: 201,
            problems: [.notFound, .recordDiffers, .correctionOpen]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let request = CorrectionRequest(fields)
            try fields.check()
            return Answer(
                try await clinic.askCorrection(
                    request, of: try exchange.id(), call: exchange.call, wording: exchange.corrections(clinic, status: 201)))
        }
    }

    private var list: Route {
        Route(
            .get, "/v1/corrections", "listCorrections",
            "Requests for correction: those nobody has decided come by their due dates",
            query: [
                QueryParameter("state", "correctionState", "Only those nobody has decided: open"),
                QueryParameter("patient", "uuid", "Only those about a patient"),
            ] + pageParameters, gives: "CorrectionPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let state = fields.optionalChoice("state", OpenState.self)
            let patient = fields.optionalID("patient", Patient.self)
            if state != nil, patient != nil { fields.reject("patient", "is not for a list of what is open") }
            let page = fields.page()
            try fields.check()
            let list = patient.map { CorrectionList.ofPatient($0) } ?? (state == .open ? .open : .everything)
            let now = clinic.surroundings.clock.now
            return try await clinic.corrections(list, page: page, for: exchange.call).answer { $1.write(to: &$0, now: now) }
        }
    }

    private var read: Route {
        Route(
            .get, "/v1/corrections/{id}", "readCorrection", "One request for correction", gives: "Correction",
            problems: [.notFound]
        ) { exchange, clinic in
            let correction = try await clinic.correction(try exchange.id(), for: exchange.call)
            var answer = Answer(correction.stored(status: 200, at: clinic.surroundings.clock.now))
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var accept: Route {
        Route(
            .post, "/v1/corrections/{id}/acceptance", "acceptCorrection", "Make the record say what it should",
            gives: "Correction",
            problems: [.notFound, .recordDiffers, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.acceptCorrection(
                    try exchange.correction(), call: exchange.call, wording: exchange.corrections(clinic)))
        }
    }

    private var deny: Route {
        Route(
            .post, "/v1/corrections/{id}/denial", "denyCorrection", "Leave the record as it is, and say on what ground",
            takes: "CorrectionDenial", gives: "Correction", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let basis = fields.choice("basis", Correction.Basis.self)
            let reason = Personal(fields.text("reason", max: 1_000))
            try fields.check()
            return Answer(
                try await clinic.denyCorrection(
                    try exchange.correction(), on: basis, reason: reason, call: exchange.call,
                    wording: exchange.corrections(clinic)))
        }
    }

    private var putOff: Route {
        Route(
            .post, "/v1/corrections/{id}/extension", "extendCorrection", "Take thirty days more, once",
            takes: "CorrectionExtension",
            gives: "Correction", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let reason = Personal(fields.text("reason", max: 500))
            try fields.check()
            return Answer(
                try await clinic.extendCorrection(
                    try exchange.correction(), reason: reason, call: exchange.call, wording: exchange.corrections(clinic)))
        }
    }

    private var disagree: Route {
        Route(
            .post, "/v1/corrections/{id}/disagreement", "disagreeWithDenial",
            "Say why a denial is wrong: it goes with the record from then on", takes: "Disagreement", gives: "Correction",
            problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let statement = Personal(fields.text("disagreement", max: 4_000))
            try fields.check()
            return Answer(
                try await clinic.disagree(
                    with: try exchange.correction(), statement, call: exchange.call, wording: exchange.corrections(clinic)))
        }
    }

    private enum OpenState: String, CaseIterable { case open }
}

extension Exchange {
    fileprivate func correction() throws -> CorrectionTarget {
        CorrectionTarget(id: try id(), expectedVersion: try expectedVersion())
    }

    fileprivate func corrections(_ clinic: Clinic, status: Int = 200) -> Wording<Correction> {
        let now = clinic.surroundings.clock.now
        return wording { $0.stored(status: status, at: now) }
    }
}

extension Correction {
    fileprivate func stored(status: Int, at now: Instant) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json, now: now)
        return StoredAnswer(
            status: status, etag: "\"v\(version)\"", location: status == 201 ? "/v1/corrections/\(id)" : nil, body: json.bytes)
    }
}
