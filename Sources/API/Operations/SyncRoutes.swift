import Notation
import Workflows

/// How the systems outside do that the clinic keeps in step with.
struct SyncRoutes {
    var routes: [Route] { [read] }

    private var read: Route {
        Route(.get, "/v1/sync", "readSync", "How the systems outside do that the clinic keeps in step with", gives: "SyncList") {
            exchange, clinic in
            let states = try await clinic.syncStates(for: exchange.call)
            var answer = Answer.json { json in
                json.object { json in
                    json.name("items")
                    json.array(of: states) { $1.write(to: &$0) }
                }
            }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }
}
