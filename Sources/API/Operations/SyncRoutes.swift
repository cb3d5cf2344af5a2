import Notation
import Workflows

/// How the systems outside do that the clinic keeps in step with.
struct SyncRoutes {
    var routes: [Route] { [read, retry, reconcile] }

    private var read: Route {
        Route(.get, "/v1/sync", "readSync", "How the systems outside do that the clinic keeps in step with", gives: "SyncList") {
            exchange, clinic in
            var answer = Answer(try await clinic.syncStates(for: exchange.call).stored)
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var retry: Route {
        Route(.post, "/v1/sync/retry", "retrySync", "Try at once what waits for another try", gives: "SyncList") {
            exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.hurrySync(call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }

    private var reconcile: Route {
        Route(
            .post, "/v1/sync/reconciliation", "reconcileSync",
            "Hear once more what has changed outside since yesterday; what is behind there is sent within a minute",
            gives: "SyncList"
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.hearSyncAgain(call: exchange.call, wording: exchange.wording { $0.stored }))
        }
    }
}

extension [SyncState] {
    fileprivate var stored: StoredAnswer {
        var json = JSONWriter()
        json.object { json in
            json.name("items")
            json.array(of: self) { $1.write(to: &$0) }
        }
        return StoredAnswer(status: 200, body: json.bytes)
    }
}
