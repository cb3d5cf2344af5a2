import Notation

/// Health, metrics, and the explanations of problems.
struct OperationsRoutes {
    let operations: Operations

    var routes: [Route] { [live, ready, health, metrics, securityText, problems, problem] }

    private var live: Route {
        Route.open(.get, "/health/live", "live", "The process answers", gives: "Health") { _ in
            Answer.json { $0.object { $0.member("status", "ok") } }
        }
    }

    private var ready: Route {
        Route.open(
            .get, "/health/ready", "ready", "The server takes requests", gives: "Health", problems: [.unavailable]
        ) {
            _ in
            if let trouble = await operations.readiness() { throw Problem(.unavailable, detail: trouble) }
            return Answer.json { $0.object { $0.member("status", "ok") } }
        }
    }

    private var health: Route {
        Route.open(.get, "/health", "health", "Every part, one by one", gives: "Health", alsoGives: [503]) { _ in
            let parts = await operations.deepHealth()
            let isWell = parts.allSatisfy { $0.state == "ok" }
            return Answer.json(status: isWell ? 200 : 503) { json in
                json.object { json in
                    json.member("status", isWell ? "ok" : "failing")
                    json.member("version", operations.version)
                    json.name("parts")
                    json.object { json in for part in parts { json.member(part.name, part.state) } }
                }
            }
        }
    }

    private var metrics: Route {
        Route.open(.get, "/metrics", "metrics", "Metrics for Prometheus") { _ in
            Answer(contentType: "text/plain; version=0.0.4; charset=utf-8", body: await operations.metrics())
        }
    }

    private var securityText: Route {
        Route.open(
            .get, "/.well-known/security.txt", "securityText", "Whom to tell of a weakness (RFC 9116)", problems: [.notFound]
        ) { _ in
            guard let text = await operations.securityText() else { throw Problem(.notFound) }
            return Answer(contentType: "text/plain; charset=utf-8", body: Array(text.description.utf8))
        }
    }

    private var problems: Route {
        Route.open(.get, "/problems", "listProblems", "Every problem this server answers with", gives: "ProblemTypeList") {
            _ in
            Answer.json { json in
                json.object { json in
                    json.name("items")
                    json.array(of: ProblemType.allCases) { $1.write(to: &$0) }
                }
            }
        }
    }

    private var problem: Route {
        Route.open(
            .get, "/problems/{id}", "readProblem", "What a problem means and what to do", gives: "ProblemType",
            problems: [.notFound]
        ) { exchange in
            guard let type = exchange.parameters["id"].flatMap(ProblemType.init) else { throw Problem(.notFound) }
            return Answer.json { type.write(to: &$0) }
        }
    }
}

extension ProblemType {
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", rawValue)
            json.member("status", status)
            json.member("title", title)
            json.member("explanation", explanation)
            json.member("retry", retry.rawValue)
        }
    }
}
