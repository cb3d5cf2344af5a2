import Notation
import Scheduling
import Workflows

/// How the system the clinic had before is replaced, step by step and back (GF-6).
struct LegacyRoutes {
    var routes: [Route] { [read, compare, change, share, backfill] }

    private var read: Route {
        Route(
            .get, "/v1/legacy", "readLegacy", "How far the replacement of the other system is, and what is in the way",
            gives: "Legacy"
        ) { exchange, clinic in
            let status = try await clinic.legacyStatus(for: exchange.call)
            var answer = Answer.json { status.write(to: &$0) }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var compare: Route {
        Route(
            .get, "/v1/legacy/comparison", "compareLegacy", "How far both systems decide the same requests alike",
            query: [QueryParameter("last", "comparedRequests", "How many requests, the last ones; 1000 unless said otherwise")],
            gives: "LegacyComparison"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let last = fields.optionalInteger("last", in: 1...100_000) ?? 1_000
            try fields.check()
            let comparison = try await clinic.compareWithLegacy(last: last, for: exchange.call)
            var answer = Answer.json { comparison.write(to: &$0) }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var change: Route {
        Route(
            .post, "/v1/legacy/phase", "changeLegacyPhase", "Go one step on, or back", takes: "LegacyPhase", gives: "Legacy",
            problems: [.transitionNotAllowed, .notReadyToSwitch, .unknownReference]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let phase = fields.choice("phase", Replacement.Phase.self)
            let despite = fields.optionalText("despite", max: 500).map { Personal($0) }
            try fields.check()
            return Answer(
                try await clinic.changePhase(to: phase, despite: despite, call: exchange.call, wording: exchange.legacy))
        }
    }

    private var share: Route {
        Route(
            .post, "/v1/legacy/share", "shareLegacy", "Say how many of the patients book here while both are in use",
            takes: "LegacyShare", gives: "Legacy", problems: [.unknownReference]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let percent = fields.integer("percent", in: Replacement.shares)
            try fields.check()
            return Answer(try await clinic.setLegacyShare(percent, call: exchange.call, wording: exchange.legacy))
        }
    }

    private var backfill: Route {
        Route(
            .post, "/v1/legacy/backfill", "backfillLegacy",
            "Begin to take over what is booked there; again, to try once more what could not be", gives: "Legacy",
            problems: [.transitionNotAllowed, .unknownReference]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.beginBackfill(call: exchange.call, wording: exchange.legacy))
        }
    }
}

extension Exchange {
    fileprivate var legacy: Wording<LegacyStatus> {
        wording { status in
            var json = JSONWriter()
            status.write(to: &json)
            return StoredAnswer(status: 200, body: json.bytes)
        }
    }
}
