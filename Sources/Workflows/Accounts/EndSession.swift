import Identity
import Notation
import People
import Storage

extension Accounts {
    /// Ends a session for good; its access tokens are refused from the commit on, and the device it was on hears nothing more.
    func end(
        _ session: SessionRecord, _ reason: SessionEnd, by agent: Agent, request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        let (now, ended) = (surroundings.clock.now, ended)
        guard try transaction.run(EndSession(id: session.id, at: now, reason: reason)) == 1 else { return }
        try transaction.run(ForgetDevicesOfSession(session: session.id))
        try audit("session.ended", of: session.account, by: agent, reason: reason.rawValue, request: request, in: transaction)
        transaction.afterCommit { ended.add(session.id, at: now) }
    }

    /// Ends all sessions of an account but one, however many there are.
    func endAll(
        of account: ID<Account>, sparing: ID<Session>? = nil, _ reason: SessionEnd, by agent: Agent, request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        let (now, ended) = (surroundings.clock.now, ended)
        let sessions = try transaction.fetch(
            EndSessions(account: account, sparing: sparing ?? ID(high: 0, low: 0), at: now, reason: reason))
        if sessions.isEmpty { return }
        for session in sessions { try transaction.run(ForgetDevicesOfSession(session: session)) }
        try audit("sessions.ended", of: account, by: agent, reason: reason.rawValue, request: request, in: transaction)
        transaction.afterCommit { for session in sessions { ended.add(session, at: now) } }
    }
}
