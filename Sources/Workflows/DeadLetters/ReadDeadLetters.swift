public import Notation
public import Outbox
public import People
import Scheduling
import Storage

/// A dead letter with what it was to deliver, as much of it as its reader may see.
public struct OpenedDeadLetter: Sendable {
    public let letter: DeadLetter
    /// A JSON document; texts in it are `‹masked›` unless the reader asked for them and may read them.
    public let payload: String
}

extension Clinic {
    /// What was given up, oldest first. Nothing in the list speaks of anybody.
    public func deadLetters(
        _ filter: DeadLetterFilter, page: PageRequest, for call: Call
    ) async throws -> Page<DeadLetter> {
        try await disclose("read.dead-letters", AuditSubject.everybody, to: call) { look in
            look.trail.query = "topic=\(filter.topic ?? "any")&limit=\(page.limit)"
            try look.require(.replayDeadLetters)
            let after: ID<OutboxMessage> = (page.after ?? .start).id.of()
            let found = try look.looking.fetch(DeadLetters(filter, after: after, limit: page.limit + 1))
            return page.page(found) { Cursor(at: $0.createdAt, id: $0.id.of()) }
        }
    }

    /// One of them. Throws `Refusal.recordUnknown` when no such message is dead.
    ///
    /// - Parameter isUnmasked: shows the texts in it, which may be somebody's, to who may read free text; the record says that it did.
    public func deadLetter(
        _ id: ID<OutboxMessage>, isUnmasked: Bool, for call: Call
    ) async throws -> OpenedDeadLetter {
        try await disclose(isUnmasked ? "read.dead-letter.unmasked" : "read.dead-letter", id, to: call) { look in
            try look.require(.replayDeadLetters)
            if isUnmasked { try look.require(.readFreeText) }
            guard let found = try look.looking.first(DeadLetterByID(id)) else { throw Refusal.recordUnknown }
            let payload = isUnmasked ? found.payload : try MaskedDocument.text(of: found.payload)
            return OpenedDeadLetter(letter: found.letter, payload: payload)
        }
    }
}
