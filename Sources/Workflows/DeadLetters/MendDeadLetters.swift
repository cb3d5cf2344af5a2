public import Notation
public import Outbox
public import People
import Scheduling
import Storage

/// Which dead letters somebody wants to do something with.
public enum DeadLetterChoice: Sendable {
    case one(ID<OutboxMessage>)
    /// At most `Mended.most` at once, oldest first.
    case matching(DeadLetterFilter)
}

/// What became of dead letters.
public struct Mended: Sendable {
    public static let most = 1_000
    public let count: Int
    /// More are there that were meant as well: ask again.
    public let isMore: Bool
}

extension Clinic {
    /// Makes dead letters ready again, with all their attempts and in the order they had. Each leaves a record.
    public func replay(_ choice: DeadLetterChoice, call: Call, wording: Wording<Mended>) async throws -> Reply<Mended> {
        try await mend(choice, "dead-letter.replayed", nil, call, wording) { transaction, letter, now in
            try transaction.replayDeadLetter(letter, now: now)
        }
    }

    /// Gives dead letters up for good. Each leaves a record with the reason.
    public func discard(
        _ choice: DeadLetterChoice, reason: Personal<String>, call: Call, wording: Wording<Mended>
    ) async throws -> Reply<Mended> {
        try await mend(choice, "dead-letter.discarded", reason, call, wording) { transaction, letter, now in
            try transaction.discardDeadLetter(letter, now: now)
        }
    }

    private func mend(
        _ choice: DeadLetterChoice, _ act: String, _ reason: Personal<String>?, _ call: Call, _ wording: Wording<Mended>,
        _ body: @escaping @Sendable (any WriteTransaction, ID<OutboxMessage>, Instant) throws -> Bool
    ) async throws -> Reply<Mended> {
        let reply = try await perform(call, wording: wording) { story in
            story.trail.isAbout(choice.subject)
            try story.require(.replayDeadLetters)
        } act: { story, _ in
            let letters = try story.letters(choice)
            var count = 0
            for letter in letters.prefix(Mended.most) {
                // Somebody else may have been quicker.
                guard try body(story.transaction, letter.id, story.now) else { continue }
                count += 1
                try story.auditChange(of: letter.subject?.of() ?? letter.id.of(), act, reason: reason)
            }
            if case .one = choice, count == 0 { throw Refusal.recordUnknown }
            return Mended(count: count, isMore: letters.count > Mended.most)
        }
        if case .done = reply { afterChange() }
        return reply
    }
}

extension Story {
    fileprivate func letters(_ choice: DeadLetterChoice) throws -> [DeadLetter] {
        switch choice {
        case .one(let id): try transaction.first(DeadLetterByID(id)).map { [$0.letter] } ?? []
        case .matching(let filter): try transaction.fetch(DeadLetters(filter, limit: Mended.most + 1))
        }
    }
}

extension DeadLetterChoice {
    fileprivate var subject: ID<AuditSubject> {
        if case .one(let id) = self { id.of() } else { AuditSubject.everybody }
    }
}
