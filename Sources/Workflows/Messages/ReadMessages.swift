import Letters
public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// What a patient was told outside the mailbox and what became of it, oldest first: for the patient, and for whoever looks after how they
    /// are reached. To others there is nobody.
    public func messages(of patient: ID<Patient>, page: PageRequest, for call: Call) async throws -> Page<Message> {
        let sealed = try await disclose("read.messages", patient, to: call) { look in
            look.trail.query = "limit=\(page.limit)"
            look.trail.concerns([patient])
            let isThere = try look.looking.first(PatientByID(id: patient)) != nil
            guard try look.permits(.keepPreferences(patient)), isThere else { throw Refusal.recordUnknown }
            let after: ID<Message> = (page.after ?? .start).id.of()
            let found = try look.looking.fetch(MessagesOfPatient(patient: patient, after: after, limit: page.limit + 1))
            return page.page(found.map(\.kept)) { Cursor(at: $0.createdAt, id: $0.id.of()) }
        }
        return try await opened(sealed)
    }

    /// Who has asked to be called and was not yet, whoever has waited longest first.
    public func openCalls(page: PageRequest, for call: Call) async throws -> Page<Message> {
        let sealed = try await disclose("read.calls", AuditSubject.everybody, to: call) { look in
            look.trail.query = "limit=\(page.limit)"
            try look.require(.readWholeMailbox)
            let after = page.after ?? .start
            let start = Cursor(at: max(after.at, Instant(microseconds: 0)), id: after.id)
            let found = try look.looking.fetch(OpenCalls(after: start, limit: page.limit + 1))
            let answer = page.page(found.map(\.kept)) { Cursor(at: $0.answer?.at ?? $0.createdAt, id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.patient))
            return answer
        }
        return try await opened(sealed)
    }

    /// Notes that somebody has called back. A repeat gives who had.
    public func settleCall(_ id: ID<Message>, call: Call, wording: Wording<Message>) async throws -> Reply<Message> {
        try await perform(call, wording: wording) { story in
            let patient = try story.transaction.first(MessageToChange(id: id))?.kept.patient
            story.trail.isAbout(patient ?? id.of(), patient.map { [$0] } ?? [])
            try story.require(.readWholeMailbox)
        } act: { story, _ in
            guard let message = try story.transaction.first(MessageToChange(id: id)).map({ try story.keys.open($0) }),
                message.answer?.answer == .call
            else { throw Refusal.recordUnknown }
            if message.settlement != nil {
                try story.recordRepeat()
                return message
            }
            try story.transaction.run(SettleCall(id: id, by: call.caller.principal, at: story.now))
            try story.auditChange(of: message.patient.of(), "call.settled")
            var settled = message
            settled.settlement = Message.Settlement(by: call.caller.principal, at: story.now)
            return settled
        }
    }

    func allMessages(of patient: ID<Patient>) async throws -> [Message] {
        var (found, after): ([Message], ID<Message>) = ([], ID(high: 0, low: 0))
        while true {
            let page = try await database.read { [after] in
                try $0.fetch(MessagesOfPatient(patient: patient, after: after, limit: 500))
            }
            found += try await opened(page)
            guard page.count == 500, let last = page.last else { return found }
            after = last.kept.id
        }
    }
}
