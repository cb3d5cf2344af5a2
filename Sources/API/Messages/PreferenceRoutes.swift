import Notation
import People
import Workflows

/// How a patient wants to be reached, and what became of what they were told.
struct PreferenceRoutes {
    var routes: [Route] { [read, change, messages] }

    private var read: Route {
        Route(
            .get, "/v1/patients/{id}/preferences", "readPreferences", "By which channels a patient wants to be reached, and when",
            gives: "Preferences", problems: [.notFound]
        ) { exchange, clinic in
            let preferences = try await clinic.preferences(of: try exchange.id(), for: exchange.call)
            var answer = Answer(preferences.stored)
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var change: Route {
        Route(
            .put, "/v1/patients/{id}/preferences", "setPreferences",
            "Say anew how a patient wants to be reached; a consent that is left out stays as it is", takes: "PreferencesRequest",
            gives: "Preferences", problems: [.notFound, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let request = PreferencesRequest(fields)
            try fields.check()
            return Answer(
                try await clinic.setPreferences(
                    of: try exchange.id(), to: request, expectedVersion: try exchange.expectedVersion(), call: exchange.call,
                    wording: exchange.wording { $0.stored }))
        }
    }

    private var messages: Route {
        Route(
            .get, "/v1/patients/{id}/messages", "listMessages", "What went out to a patient, and what became of it",
            query: pageParameters, gives: "MessagePage", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let page = fields.page()
            try fields.check()
            return try await clinic.messages(of: try exchange.id(), page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }
}

extension ContactPreferences {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: 200, etag: version == 0 ? nil : "\"v\(version)\"", body: json.bytes)
    }
}

/// Patients who asked to be called, in answer to a reminder.
struct CallRequestRoutes {
    var routes: [Route] { [list, settle] }

    private var list: Route {
        Route(
            .get, "/v1/call-requests", "listCallRequests", "Who has asked to be called and was not yet, longest waiting first",
            query: pageParameters, gives: "MessagePage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let page = fields.page()
            try fields.check()
            return try await clinic.openCalls(page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var settle: Route {
        Route(
            .post, "/v1/call-requests/{id}/completion", "completeCallRequest", "Note that the patient was called",
            gives: "Message",
            problems: [.notFound]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.settleCall(
                    try exchange.id(), call: exchange.call,
                    wording: exchange.wording { message in
                        var json = JSONWriter()
                        message.write(to: &json)
                        return StoredAnswer(status: 200, body: json.bytes)
                    }))
        }
    }
}

/// That a practitioner runs late.
struct DelayRoutes {
    var routes: [Route] { [announce] }

    private var announce: Route {
        Route(
            .post, "/v1/practitioners/{id}/delay", "announceDelay",
            "Tell the patients of the visits that are left today that they begin later: each visit once of so many minutes",
            takes: "DelayRequest", gives: "Delay", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let minutes = fields.integer("minutes", in: 5...480)
            let from = fields.optionalInstant("from")
            try fields.check()
            return Answer(
                try await clinic.announceDelay(
                    of: try exchange.id(), minutes: minutes, from: from, call: exchange.call,
                    wording: exchange.wording { delay in
                        var json = JSONWriter()
                        delay.write(to: &json)
                        return StoredAnswer(status: 200, body: json.bytes)
                    }))
        }
    }
}
