public import Identity
public import Notation
import Storage
import Synchronization

/// The sessions that ended, and the services that were revoked, so recently that their access tokens have not expired yet. Every request
/// looks here, so it is in memory; what other nodes ended is read from the database twice a second.
public final class EndedSessions: Sendable {
    private struct State {
        var ended: [ID<Session>: Instant] = [:]
        var readUntil: Instant?
    }

    private let state = Mutex(State())

    public func has(_ session: ID<Session>) -> Bool { state.withLock { $0.ended[session] != nil } }

    func add(_ session: ID<Session>, at: Instant) {
        state.withLock { state in
            state.ended[session] = at
            // Where nobody refreshes, because there is one node, it tidies itself.
            if state.ended.count.isMultiple(of: 1_000) { state.ended = state.ended.filter { $0.value > at - .hours(1) } }
        }
    }

    /// Reads what has ended since the last time, or within `memory` the first time, and forgets what is older than that.
    func refresh(from database: any Database, now: Instant, memory: Span) async throws {
        let oldest = now - memory
        // Nodes' clocks differ, and a commit comes after its moment.
        let since = state.withLock { $0.readUntil }.map { max($0 - .minutes(5), oldest) } ?? oldest
        let found = try await database.read { transaction in
            try transaction.fetch(EndedSince(at: since)) + transaction.fetch(RevokedSince(at: since))
        }
        state.withLock { state in
            for session in found { state.ended[session.id] = session.at }
            if state.ended.count > 1_000 { state.ended = state.ended.filter { $0.value > oldest } }
            state.readUntil = now
        }
    }
}
