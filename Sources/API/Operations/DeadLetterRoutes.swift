import Notation
import Outbox
import Workflows

/// What could not be delivered and was given up: shown, tried again, or discarded.
struct DeadLetterRoutes {
    var routes: [Route] { [list, read, replayOne, replayMany, discardOne, discardMany] }

    private var list: Route {
        Route(
            .get, "/v1/dead-letters", "listDeadLetters", "Deliveries that were given up, oldest first",
            query: [
                QueryParameter("topic", "topic", "Only those of a topic: `appointment.event`"),
                QueryParameter("diedFrom", "date-time", "Only those given up at this time or later"),
                QueryParameter("diedBefore", "date-time", "Only those given up before this time"),
            ] + pageParameters, gives: "DeadLetterPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let filter = DeadLetterFilter(fields)
            let page = fields.page()
            try fields.check()
            return try await clinic.deadLetters(filter, page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var read: Route {
        Route(
            .get, "/v1/dead-letters/{id}", "readDeadLetter", "One of them, with what it was to deliver",
            query: [QueryParameter("texts", "texts", "shown: also texts, which may be somebody's; masked unless asked for")],
            gives: "DeadLetter", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let texts = fields.optionalChoice("texts", Texts.self)
            try fields.check()
            let opened = try await clinic.deadLetter(try exchange.id(), isUnmasked: texts == .shown, for: exchange.call)
            var answer = Answer.json { opened.letter.write(to: &$0, payload: opened.payload) }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var replayOne: Route {
        Route(
            .post, "/v1/dead-letters/{id}/replay", "replayDeadLetter", "Deliver it after all, with all its attempts",
            gives: "Mended", problems: [.notFound]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.replay(.one(try exchange.id()), call: exchange.call, wording: exchange.mended))
        }
    }

    private var replayMany: Route {
        Route(
            .post, "/v1/dead-letter-replays", "replayDeadLetters", "The same for many, at most a thousand at once",
            takes: "DeadLetterFilter", gives: "Mended"
        ) { exchange, clinic in
            let fields = exchange.fields()
            let filter = DeadLetterFilter(fields)
            fields.mustName(filter)
            try fields.check()
            return Answer(try await clinic.replay(.matching(filter), call: exchange.call, wording: exchange.mended))
        }
    }

    private var discardOne: Route {
        Route(
            .post, "/v1/dead-letters/{id}/discard", "discardDeadLetter", "Give it up for good, and say why", takes: "Reason",
            gives: "Mended", problems: [.notFound]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let reason = Personal(fields.text("reason", max: 500))
            try fields.check()
            return Answer(
                try await clinic.discard(.one(try exchange.id()), reason: reason, call: exchange.call, wording: exchange.mended))
        }
    }

    private var discardMany: Route {
        Route(
            .post, "/v1/dead-letter-discards", "discardDeadLetters", "The same for many, at most a thousand at once",
            takes: "DeadLetterDiscarding", gives: "Mended"
        ) { exchange, clinic in
            let fields = exchange.fields()
            let filter = DeadLetterFilter(fields)
            fields.mustName(filter)
            let reason = Personal(fields.text("reason", max: 500))
            try fields.check()
            return Answer(
                try await clinic.discard(.matching(filter), reason: reason, call: exchange.call, wording: exchange.mended))
        }
    }

    private enum Texts: String, CaseIterable { case masked, shown }
}

extension Fields {
    /// Nobody means all of them without having said so.
    fileprivate func mustName(_ filter: DeadLetterFilter) {
        if filter.namesNothing { reject("topic", "either this, diedFrom or diedBefore is needed") }
    }
}

extension Exchange {
    fileprivate var mended: Wording<Mended> {
        wording { mended in
            var json = JSONWriter()
            json.object { json in
                json.member("count", mended.count)
                json.member("more", mended.isMore)
            }
            return StoredAnswer(status: 200, body: json.bytes)
        }
    }
}
