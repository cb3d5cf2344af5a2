public import Notation
import People
import Scheduling
import Storage

extension Clinic {
    /// Ends a hold whose time has passed. Confirmed or already ended in the meantime: nothing to do. The timer in the
    /// outbox calls it, and the sweeper for whatever the timer missed (MC-5).
    func expire(_ id: ID<Appointment>, in transaction: any WriteTransaction) throws {
        let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "hold-expiry"))
        guard let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try story.opened($0) }),
            appointment.holdHasExpired(at: story.now)
        else {
            return
        }
        let expired = try appointment.expired(by: story.call.caller.principal, at: story.now)
        try story.end(expired, was: appointment, kind: .expired)
        story.sealHooks()
    }

    /// Ends every hold that is overdue by more than `grace`. Returns how many.
    @discardableResult
    public func sweepHolds(grace: Span = .seconds(10), limit: Int = 200) async throws -> Int {
        try await endOverdueHolds(grace: grace, limit: limit).repaired
    }

    func endOverdueHolds(grace: Span = .seconds(10), limit: Int = 200) async throws -> SweepOutcome {
        try await withKeys {
            try await database.write { [self] transaction in
                let overdue = try transaction.fetch(OverdueHolds(before: surroundings.clock.now - grace, limit: limit))
                for hold in overdue { try expire(hold.id, in: transaction) }
                return SweepOutcome(repaired: overdue.count, oldest: overdue.first?.heldUntil)
            }
        }
    }

    /// Forgets stored answers past their time. Returns how many.
    @discardableResult
    public func forgetExpiredAnswers(limit: Int = 1000) async throws -> Int {
        try await database.write { [self] transaction in
            try transaction.run(ForgetExpiredAttempts(before: surroundings.clock.now, limit: limit))
        }
    }
}
