public import Notation
public import People
import Scheduling
public import Storage

extension Clinic {
    /// Writes down, in this transaction, that a human has to decide. Once for each key: who looks again raises nothing new. True when it was
    /// not known before.
    @discardableResult
    public func raise(_ draft: TaskDraft, in transaction: any WriteTransaction) throws -> Bool {
        if try transaction.first(TaskByKey(kind: draft.kind, key: draft.key)) != nil { return false }
        let task = InsertTask(id: surroundings.identifiers.next(ClinicTask.self), draft: draft, now: surroundings.clock.now)
        guard try transaction.run(task) == 1 else { return false }
        let kind = draft.kind
        transaction.afterCommit { self.noteRaised(kind) }
        return true
    }

    /// What it was raised for is over: nobody has to look any more. Nothing happens where somebody has settled it, or there is none.
    func settle(_ kind: ClinicTask.Kind, key: String, in transaction: any WriteTransaction) throws {
        guard var task = try transaction.first(TaskOfKey(kind: kind, key: key)), task.state == .open else { return }
        task.state = .done
        task.completion = ClinicTask.Completion(by: Caller.clinic.principal, at: surroundings.clock.now)
        task.version += 1
        try transaction.run(CompleteTask(task: task))
    }

    /// Tasks for humans: those nobody has settled, the longest waiting first, or all there were.
    public func tasks(onlyOpen: Bool, page: PageRequest, for call: Call) async throws -> Page<ClinicTask> {
        try await disclose("read.tasks", AuditSubject.everybody, to: call) { look in
            look.trail.query = "\(onlyOpen ? "state=open&" : "")limit=\(page.limit)"
            try look.require(.keepTasks)
            let after = page.after ?? .start
            let found =
                if onlyOpen {
                    try look.looking.fetch(
                        OpenTasks(
                            after: Cursor(at: max(after.at, Instant(microseconds: 0)), id: after.id), limit: page.limit + 1))
                } else {
                    try look.looking.fetch(TasksAfter(after: after.id.of(), limit: page.limit + 1))
                }
            let answer = page.page(found) { Cursor(at: $0.at, id: $0.id.of()) }
            look.trail.concerns(answer.elements.compactMap { $0.patient?.of() })
            return answer
        }
    }

    /// Says that a task is settled, and why; the words go into the audit of what it is about. Once: who comes second hears
    /// `transitionNotAllowed`.
    public func completeTask(
        _ target: TaskTarget, reason: Personal<String>, call: Call, wording: Wording<ClinicTask>
    ) async throws -> Reply<ClinicTask> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(target.id)
            try story.require(.keepTasks)
            guard let task = try story.transaction.first(TaskToChange(id: target.id)) else { throw Refusal.recordUnknown }
            story.trail.isAbout(task.subject, [task.patient?.of()].compactMap { $0 })
            return task
        } act: { story, task in
            if let expected = target.expectedVersion, expected != task.version { throw Refusal.changedMeanwhile }
            guard task.state == .open else { throw Refusal.transitionNotAllowed }
            var next = task
            next.state = .done
            next.completion = ClinicTask.Completion(by: call.caller.principal, at: story.now)
            next.version += 1
            guard try story.transaction.run(CompleteTask(task: next)) == 1 else { throw Refusal.changedMeanwhile }
            try story.auditChange(of: task.subject, "task.completed", reason: reason)
            return next
        }
    }

    /// How many tasks wait, and since when the oldest does; nil when none does.
    public func taskDepth() async throws -> (open: Int, oldest: Instant?) {
        try await database.doing(.background).read { try $0.first(TaskDepth()) } ?? (0, nil)
    }
}

extension ClinicTask {
    /// What the record of it is about.
    fileprivate var subject: ID<AuditSubject> { appointment?.of() ?? patient?.of() ?? id.of() }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("kind", kind.rawValue)
            json.member("appointment", appointment)
            json.member("patient", patient)
            json.name("details")
            json.raw(Array(details.utf8))
            json.member("at", at)
            json.member("state", state.rawValue)
            json.member("doneBy", completion?.by)
            json.member("doneAt", completion?.at)
            json.member("version", version)
        }
    }
}
