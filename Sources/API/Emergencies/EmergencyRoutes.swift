import Identity
import Notation
import People
import Scheduling
import Workflows

/// Breaking the glass, and looking into who did.
struct EmergencyRoutes {
    var routes: [Route] { [breakGlass, list, end, review] }

    private var breakGlass: Route {
        .proven(
            .post, "/v1/patients/{id}/emergency-access", "breakGlass",
            "Look at a patient one does not care for, in an emergency, for an hour", takes: "EmergencyRequest",
            gives: "EmergencyAccess", status: 201, alsoGives: [200],
            problems: [.notFound, .credentialsWrong, .tooManyTries]
        ) { exchange, premises in
            let fields = exchange.fields()
            let reason = Personal(fields.text("reason", max: 500))
            let password = fields.optionalText("password", max: 128)
            let code = fields.optionalText("code", max: 32)
            if (password == nil) == (code == nil) { fields.reject("password", "either this or code is needed") }
            try fields.check()
            let proof = code.map { Reauthentication.code($0) } ?? .password(Password(password ?? ""))
            do {
                let (access, isNew) = try await premises.accounts.breakGlass(
                    for: try exchange.id("id", Patient.self), reason: reason, proof: proof, in: try exchange.ownSession(),
                    call: exchange.call)
                let now = premises.clinic.surroundings.clock.now
                return Answer.json(status: isNew ? 201 : 200) { access.write(to: &$0, now: now) }
            } catch Refusal.patientUnknown {
                throw Problem(.notFound)
            }
        }
    }

    private var list: Route {
        Route(
            .get, "/v1/emergency-accesses", "listEmergencyAccesses", "Who broke the glass, and what was found",
            query: [QueryParameter("state", "review", "Only those nobody has looked into yet: unreviewed")] + pageParameters,
            gives: "EmergencyAccessPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let state = fields.optionalChoice("state", ReviewState.self)
            let page = fields.page()
            try fields.check()
            let now = clinic.surroundings.clock.now
            return try await clinic.emergencies(onlyUnreviewed: state == .unreviewed, page: page, for: exchange.call)
                .answer { $1.write(to: &$0, now: now) }
        }
    }

    private var end: Route {
        Route(
            .delete, "/v1/emergency-accesses/{id}", "endEmergencyAccess", "Be done before the hour is over",
            gives: "EmergencyAccess", problems: [.notFound]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.endEmergency(
                    try exchange.id(), call: exchange.call, wording: exchange.emergencyWording(clinic)))
        }
    }

    private var review: Route {
        Route(
            .post, "/v1/emergency-accesses/{id}/review", "reviewEmergencyAccess",
            "Say whether there was reason to break the glass",
            takes: "EmergencyReview", gives: "EmergencyAccess", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let verdict = fields.choice("verdict", EmergencyAccess.Verdict.self)
            let note = fields.optionalText("note", max: 500).map { Personal($0) }
            try fields.check()
            return Answer(
                try await clinic.review(
                    try exchange.id(), verdict, note: note, call: exchange.call, wording: exchange.emergencyWording(clinic)))
        }
    }

    private enum ReviewState: String, CaseIterable { case unreviewed }
}

extension Exchange {
    fileprivate func emergencyWording(_ clinic: Clinic) -> Wording<EmergencyAccess> {
        let now = clinic.surroundings.clock.now
        return wording { access in
            var json = JSONWriter()
            access.write(to: &json, now: now)
            return StoredAnswer(status: 200, body: json.bytes)
        }
    }
}
