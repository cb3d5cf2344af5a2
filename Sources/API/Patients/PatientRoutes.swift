import Notation
import People
import Scheduling
import Workflows

/// Patients as booking needs them.
struct PatientRoutes {
    var routes: [Route] { [create, find, read, replace, export] }

    private var export: Route {
        Route(
            .get, "/v1/patients/{id}/export", "exportPatient", "Everything the clinic has about a patient, for the patient",
            gives: "PatientExport", problems: [.notFound]
        ) { exchange, clinic in
            do {
                let export = try await clinic.exportRecord(of: try exchange.id(), call: exchange.call)
                var answer = Answer.json { export.write(to: &$0) }
                answer.cacheControl = "private, no-store"
                return answer
            } catch Refusal.patientUnknown {
                throw Problem(.notFound)
            }
        }
    }

    private var find: Route {
        Route(
            .get, "/v1/patients", "findPatients",
            "Patients by e-mail address, telephone or record number: the whole of it, never a part",
            query: [
                QueryParameter("email", "text", "The e-mail address; capitals do not count"),
                QueryParameter("phone", "text", "The telephone number; blanks, hyphens and brackets do not count"),
                QueryParameter("identifier", "text", "The clinic's own number for the patient; blanks and hyphens do not count"),
            ] + pageParameters, gives: "PatientPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let clues = [("email", PatientClue.Kind.email, 254), ("phone", .phone, 32), ("identifier", .recordNumber, 64)]
                .compactMap { name, kind, most in
                    fields.optionalText(name, max: most).map { PatientClue(kind, Personal($0)) }
                }
            if clues.count != 1 { fields.reject("email", "is needed, or phone, or identifier: exactly one of them") }
            let page = fields.page()
            try fields.check()
            return try await clinic.patients(clues[0], page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var create: Route {
        Route(
            .post, "/v1/patients", "createPatient", "Register a patient", takes: "Patient", gives: "Patient", status: 201,
            problems: [.identifierAlreadyUsed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let id = fields.optionalID("id", Patient.self) ?? clinic.surroundings.identifiers.next(Patient.self)
            let patient = Patient(fields, id: id)
            try fields.check()
            return Answer(
                try await clinic.store(patient, call: exchange.call, wording: exchange.wording { $0.stored(status: 201) }))
        }
    }

    private var read: Route {
        Route(.get, "/v1/patients/{id}", "readPatient", "One patient", gives: "Patient", problems: [.notFound]) {
            exchange, clinic in
            do {
                let patient = try await clinic.patient(try exchange.id(), for: exchange.call)
                var answer = Answer(patient.stored(status: 200))
                answer.cacheControl = "private, no-store"
                return answer
            } catch Refusal.patientUnknown {
                throw Problem(.notFound)
            }
        }
    }

    private var replace: Route {
        Route(
            .put, "/v1/patients/{id}", "replacePatient", "Change a patient's details", takes: "Patient", gives: "Patient",
            problems: [.notFound, .changedMeanwhile, .recordClosed], needsIfMatch: true
        ) { exchange, clinic in
            let id = try exchange.id("id", Patient.self)
            let fields = exchange.fields()
            if let named = fields.optionalID("id", Patient.self), named != id {
                fields.reject("id", "is not the one in the address")
            }
            guard let expected = try exchange.expectedVersion() else {
                throw Problem(.preconditionRequired, detail: "Name the version: * is not enough.")
            }
            let patient = Patient(fields, id: id, version: expected + 1)
            try fields.check()
            return Answer(
                try await clinic.store(patient, call: exchange.call, wording: exchange.wording { $0.stored(status: 200) }))
        }
    }
}

extension Patient {
    fileprivate func stored(status: Int) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(
            status: status, etag: "\"v\(version)\"", location: status == 201 ? "/v1/patients/\(id)" : nil, body: json.bytes)
    }
}
