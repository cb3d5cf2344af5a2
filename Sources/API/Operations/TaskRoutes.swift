import Notation
import People
import Workflows

/// What only a human can settle.
struct TaskRoutes {
    var routes: [Route] { [list, complete] }

    private var list: Route {
        Route(
            .get, "/v1/tasks", "listTasks", "What only a human can settle: those nobody has settled come by their age",
            query: [QueryParameter("state", "taskState", "Only those nobody has settled: open")] + pageParameters,
            gives: "TaskPage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let state = fields.optionalChoice("state", OpenState.self)
            let page = fields.page()
            try fields.check()
            return try await clinic.tasks(onlyOpen: state == .open, page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var complete: Route {
        Route(
            .post, "/v1/tasks/{id}/completion", "completeTask", "Say that a task is settled, and why", takes: "Reason",
            gives: "Task",
            problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let reason = Personal(fields.text("reason", max: 500))
            try fields.check()
            return Answer(
                try await clinic.completeTask(
                    TaskTarget(id: try exchange.id(), expectedVersion: try exchange.expectedVersion()), reason: reason,
                    call: exchange.call,
                    wording: exchange.wording { task in
                        var json = JSONWriter()
                        task.write(to: &json)
                        return StoredAnswer(status: 200, etag: "\"v\(task.version)\"", body: json.bytes)
                    }))
        }
    }

    private enum OpenState: String, CaseIterable { case open }
}
