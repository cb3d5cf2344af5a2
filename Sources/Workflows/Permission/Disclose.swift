import Notation
import People
import Scheduling
import Storage

/// One read of somebody's data while it happens: what it looks at, decides, and leaves for its record.
final class Look: Deciding {
    let looking: any ReadTransaction
    let call: Call
    let now: Instant
    var trail = Trail()

    init(_ transaction: any ReadTransaction, _ call: Call, _ now: Instant) {
        looking = transaction
        self.call = call
        self.now = now
    }
}

extension Clinic {
    /// Shows somebody's data: reads it, writes down who was shown what, and only then answers. What could not be recorded is not
    /// shown, and what is refused, or is not there, is recorded like what is: as much is written, so nobody can tell them apart by the
    /// time it takes.
    ///
    /// The read may come from a replica or a reader beside the writer, so its record has a transaction of its own, shared with whoever
    /// writes at the same moment.
    ///
    /// - Parameters:
    ///   - act: the record's verb: `read.appointment`.
    ///   - subject: what it is about, until `body` knows better.
    func disclose<Value: Sendable, Subject>(
        _ act: String, _ subject: ID<Subject>, to call: Call, _ body: @escaping @Sendable (Look) throws -> Value
    ) async throws -> Value {
        let now = surroundings.clock.now
        let seen = try await database.read { transaction -> Seen<Value> in
            let look = Look(transaction, call, now)
            look.trail.isAbout(subject)
            do {
                let value = try body(look)
                return Seen(result: .success(value), trail: look.trail)
            } catch let refusal as Refusal {
                return Seen(result: .failure(refusal), trail: look.trail)
            }
        }
        if let subject = seen.trail.subject {
            let entry = AuditEntry(
                id: surroundings.identifiers.next(AuditEntry.self), subject: subject, at: now, by: call.by, act: act,
                fromState: nil, toState: nil, reason: nil, overridden: [], requestID: call.requestID,
                circumstances: seen.trail.circumstances(of: call, outcome: seen.outcome))
            let sealed = try await self.sealed(entry)
            try await database.writeTogether(foreseen: []) { transaction in
                try transaction.post(InsertAudit(entry: sealed))
                try transaction.post(InsertUnsealed(entry: entry))
            }
        }
        return try seen.result.get()
    }

    private struct Seen<Value: Sendable>: Sendable {
        let result: Result<Value, Refusal>
        let trail: Trail

        var outcome: String {
            switch result {
            case .success: AuditEntry.Circumstances.done
            case .failure(let refusal): trail.outcome(of: refusal)
            }
        }
    }
}
