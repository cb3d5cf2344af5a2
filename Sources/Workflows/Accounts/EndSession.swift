import Identity
import Notation
import People
import Storage

extension WriteTransaction {
    /// Ends a session for good; its access tokens are refused from the commit on.
    func end(
        _ session: SessionRecord, _ reason: SessionEnd, by: String, requestID: String, _ surroundings: Surroundings,
        _ ended: EndedSessions
    ) throws {
        let now = surroundings.clock.now
        guard try run(EndSession(id: session.id, at: now, reason: reason)) == 1 else { return }
        try audit("session.ended", of: session.account, by: by, reason: reason.rawValue, requestID: requestID, surroundings)
        afterCommit { ended.add(session.id, at: now) }
    }

    /// Ends all sessions of an account but one, however many there are.
    func endAll(
        of account: ID<Account>, sparing: ID<Session>? = nil, _ reason: SessionEnd, by: String, requestID: String,
        _ surroundings: Surroundings, _ ended: EndedSessions
    ) throws {
        let now = surroundings.clock.now
        let sessions = try fetch(
            EndSessions(account: account, sparing: sparing ?? ID(high: 0, low: 0), at: now, reason: reason))
        if sessions.isEmpty { return }
        try audit("sessions.ended", of: account, by: by, reason: reason.rawValue, requestID: requestID, surroundings)
        afterCommit { for session in sessions { ended.add(session, at: now) } }
    }
}
