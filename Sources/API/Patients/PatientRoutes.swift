import Notation
import People
import Scheduling
import Workflows

/// Patients as booking needs them.
struct PatientRoutes {
    var routes: [Route] { [create, read, replace] }

    private var create: Route {
        Route(
            .post, "/v1/patients", "createPatient", "Register a patient", takes: "Patient", gives: "Patient", status: 201,
            problems: [.identifierAlreadyUsed]
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
            problems: [.notFound, .changedMeanwhile], needsIfMatch: true
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
