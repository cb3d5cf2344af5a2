import Identity
import Notation
import People
import Scheduling
import Storage

extension Accounts {
    /// What came of an attempt to continue a session.
    private enum Turn {
        case turned(SessionRecord, hasFactor: Bool)
        /// Nothing continues it any more.
        case over
    }

    /// Continues a session with its newest token, or gives the same answer once more for the token before it. Throws
    /// `.sessionEnded` for every other, and ends the session when the token is an old one of it.
    public func refresh(_ token: String, request: RequestOrigin) async throws -> SessionGrant {
        guard let token = ring.refreshToken(token) else { throw AccountFault.sessionEnded }
        let turn = try await writing { [self] transaction -> Turn in
            while true {
                let now = surroundings.clock.now
                guard var session = try self.session(token.session, in: transaction), session.isOpen(at: now),
                    try transaction.first(AccountByID(id: session.account))?.kept.state == .active,
                    let caller = try transaction.roles(of: session.account).first(where: { $0.role == session.caller.role })
                else { return .over }
                session.caller = caller
                // A session that is open has shown the factor there is: adding one ends all that have not.
                let hasFactor =
                    try session.issuer != nil || transaction.first(SecondFactorOf(account: session.account))?.isConfirmed == true
                if token.turn == session.turn {
                    let end = min(now + settings.sessionLasting, session.createdAt + settings.sessionMaximum)
                    guard try transaction.run(TurnSession(id: session.id, turn: token.turn, at: now, expiresAt: end)) == 1 else {
                        continue
                    }
                    return .turned(session.turned(at: now, until: end), hasFactor: hasFactor)
                }
                if token.turn == session.turn - 1, now <= session.turnedAt + settings.lostAnswer {
                    return .turned(session, hasFactor: hasFactor)
                }
                try end(session, .reused, by: .caller(session.caller), request: request, in: transaction)
                return .over
            }
        }
        guard case .turned(let session, let hasFactor) = turn else { throw AccountFault.sessionEnded }
        return grant(session, hasFactor: hasFactor)
    }
}

extension SessionRecord {
    func isOpen(at now: Instant) -> Bool { endedAt == nil && expiresAt > now }

    fileprivate func turned(at now: Instant, until end: Instant) -> SessionRecord {
        SessionRecord(
            id: id, account: account, caller: caller, device: device, turn: turn + 1, turnedAt: now, createdAt: createdAt,
            expiresAt: end, endedAt: nil, issuer: issuer)
    }
}
