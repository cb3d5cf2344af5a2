import Notation
import Workflows

/// What has changed, for systems that follow the clinic.
struct ChangeRoutes {
    var routes: [Route] { [list] }

    private var list: Route {
        Route(
            .get, "/v1/changes", "listChanges", "What has changed, in an order that leaves nothing out",
            query: [
                QueryParameter(
                    "after", "changes",
                    "`next` of the answer before; `now` for nothing that has happened so far; default: from the beginning"),
                QueryParameter("limit", "changesLimit", "How many at most, 1 to 1000; the default is 100"),
            ], gives: "ChangeFeed", problems: [.cursorGone]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let from = fields.changesFrom("after")
            let limit = fields.optionalInteger("limit", in: 1...1_000) ?? 100
            try fields.check()
            do {
                return try await clinic.changes(from, limit: limit, for: exchange.call).answer
            } catch ChangesFault.cursorGone {
                throw Problem(.cursorGone)
            }
        }
    }
}

extension Fields {
    fileprivate func changesFrom(_ name: String) -> ChangesFrom {
        guard let text = optionalText(name, max: 64) else { return .beginning }
        if text == "now" { return .now }
        if let cursor = ChangeCursor(text) { return .after(cursor) }
        reject(name, "is not one this server gave")
        return .now
    }
}

extension ChangePage {
    fileprivate var answer: Answer {
        var answer = Answer.json(reserving: 64 + changes.count * 220) { json in
            json.object { json in
                json.name("items")
                json.array(of: changes) { $1.write(to: &$0) }
                json.member("next", next?.description)
                json.member("more", hasMore)
            }
        }
        answer.cacheControl = "private, no-store"
        return answer
    }
}
