public import Notation
import Scheduling
import Storage

/// That a system outside has failed for so long that a human is told, or is back.
public struct SyncOutage: Sendable, Equatable {
    public enum Turn: String, Sendable, CaseIterable { case began, ended }
    public let system: String
    public let turn: Turn
    public let since: Instant
    /// Why it failed last; nil once it is back.
    public let reason: String?
}

extension Clinic {
    /// A system that has failed for so long is out.
    static let outageAfter = Span.hours(2)

    /// Notes that a system has not done what it was asked for. The first time it has failed for two hours a human is told, once until it is
    /// back. Returns whether it is out.
    @discardableResult
    func noteFailure(
        of system: String, _ reason: String, telling: @escaping @Sendable (SyncOutage) -> Void,
        in transaction: any WriteTransaction
    ) throws -> Bool {
        try transaction.run(NoteSyncFailure(system: system, now: surroundings.clock.now, error: reason))
        return try lookForOutage(of: system, telling: telling, in: transaction)
    }

    /// Also while it is left alone and nobody asks it anything.
    @discardableResult
    func lookForOutage(
        of system: String, telling: @escaping @Sendable (SyncOutage) -> Void, in transaction: any WriteTransaction
    ) throws -> Bool {
        let now = surroundings.clock.now
        guard let state = try transaction.first(SyncStateOf(system: system)), let since = state.failingSince,
            now - since >= Self.outageAfter
        else { return false }
        if state.alertedAt != nil { return true }
        try transaction.run(NoteAlerted(system: system, at: now))
        try raise(
            TaskDraft(.systemFailing, key: Self.outageKey(system, since)) { json in
                json.member("system", system)
                json.member("since", since)
                json.member("failures", state.failures)
                json.member("reason", state.lastError)
            }, in: transaction)
        let outage = SyncOutage(system: system, turn: .began, since: since, reason: state.lastError)
        transaction.afterCommit { telling(outage) }
        return true
    }

    /// Notes that a system did what it was asked for. Where it was out, the task is settled: nobody has to look any more.
    func noteSuccess(
        of system: String, telling: @escaping @Sendable (SyncOutage) -> Void, in transaction: any WriteTransaction
    ) throws {
        if let state = try transaction.first(SyncStateOf(system: system)), state.alertedAt != nil, let since = state.failingSince
        {
            try settle(.systemFailing, key: Self.outageKey(system, since), in: transaction)
            let outage = SyncOutage(system: system, turn: .ended, since: since, reason: nil)
            transaction.afterCommit { telling(outage) }
        }
        try transaction.run(NoteSyncSuccess(system: system, now: surroundings.clock.now))
    }

    private static func outageKey(_ system: String, _ since: Instant) -> String { "\(system):\(since)" }
}
