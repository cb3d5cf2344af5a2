import Notation
import Workflows

/// Where a practitioner is reached outside the mailbox, of what they are told there, and what became of it.
struct StaffContactRoutes {
    var routes: [Route] { [read, change, messages] }

    private var read: Route {
        Route(
            .get, "/v1/practitioners/{id}/contact", "readPractitionerContact",
            "Where a practitioner is told of changes of their appointments, and of which", gives: "StaffContact",
            problems: [.notFound]
        ) { exchange, clinic in
            var answer = Answer(try await clinic.staffContact(of: try exchange.id(), for: exchange.call).stored)
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var change: Route {
        Route(
            .put, "/v1/practitioners/{id}/contact", "setPractitionerContact",
            "Say anew, as a whole, where a practitioner is told of changes of their appointments, and of which",
            takes: "StaffContactRequest", gives: "StaffContact", problems: [.notFound, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let contact = StaffContact(of: try exchange.id(), fields)
            try fields.check()
            return Answer(
                try await clinic.setStaffContact(
                    contact, expectedVersion: try exchange.expectedVersion(), call: exchange.call,
                    wording: exchange.wording { $0.stored }))
        }
    }

    private var messages: Route {
        Route(
            .get, "/v1/practitioners/{id}/messages", "listPractitionerMessages",
            "What went out to a practitioner, and what became of it", query: pageParameters, gives: "StaffMessagePage",
            problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let page = fields.page()
            try fields.check()
            return try await clinic.messages(ofPractitioner: try exchange.id(), page: page, for: exchange.call).answer {
                $1.write(to: &$0)
            }
        }
    }
}

extension StaffContact {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: 200, etag: version == 0 ? nil : "\"v\(version)\"", body: json.bytes)
    }
}
