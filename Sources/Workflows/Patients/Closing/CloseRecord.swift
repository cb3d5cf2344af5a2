public import Notation
public import People
import Scheduling
import Storage

extension Accounts {
    /// Closes a patient's record: it takes no bookings any more, its login is closed with it, and it is found by those only who answer for
    /// closed ones. It is kept as long as the clinic's rules say, and may be opened again until it is erased. A repeat gives what there is.
    ///
    /// - Parameter cancelling: cancel what is ahead, as the caller may do one by one, when it is the patient's alone. Otherwise, and where
    ///   others share it, the record stays open: `.appointmentsAhead`, `.sharedAppointmentAhead`.
    public func closeRecord(
        of id: ID<Patient>, reason: Personal<String>, cancelling: Bool, call: Call, wording: Wording<RecordStanding>
    ) async throws -> Reply<RecordStanding> {
        try await clinic.perform(call, wording: wording) { story in
            try story.standing(of: id, allowing: .closeRecords)
        } act: { [self] story, standing in
            switch standing.state {
            case .closed: return try story.repeated(standing)
            case .erased: throw Refusal.recordUnknown
            case .open: break
            }
            try story.withdrawEverywhere(id)
            try story.clearAhead(of: id, cancelling: cancelling)
            guard try story.transaction.run(SetClosed(id: id, at: story.now)) == 1 else { throw Refusal.changedMeanwhile }
            let closure = RecordClosure(
                patient: id, reason: reason, by: call.caller.principal, accounts: try closeLogins(of: id, story))
            try story.transaction.run(InsertClosure(closure: try story.keys.seal(closure)))
            try story.transaction.run(EraseDevices(patient: id))
            try story.auditChange(of: id.of(), "patient.closed", reason: reason)
            return try story.current(id)
        }
    }

    /// Opens a closed record again, with the logins that were closed with it. A repeat gives what there is.
    public func reopenRecord(
        of id: ID<Patient>, reason: Personal<String>, call: Call, wording: Wording<RecordStanding>
    ) async throws -> Reply<RecordStanding> {
        try await clinic.perform(call, wording: wording) { story in
            try story.standing(of: id, allowing: .keepClosedRecords)
        } act: { [self] story, standing in
            switch standing.state {
            case .open: return try story.repeated(standing)
            case .erased: throw Refusal.recordUnknown
            case .closed: break
            }
            guard try story.transaction.run(SetClosed(id: id, at: nil)) == 1 else { throw Refusal.changedMeanwhile }
            try reopenLogins(standing.closure?.accounts ?? [], of: id, story)
            try story.transaction.run(DeleteClosure(patient: id))
            try story.auditChange(of: id.of(), "patient.reopened", reason: reason)
            return try story.current(id)
        }
    }

    /// Nobody signs in as this patient any more. An account that is something else besides goes on as that.
    private func closeLogins(of id: ID<Patient>, _ story: Story) throws -> [String] {
        let (transaction, agent, request) = (story.transaction, story.agent, story.call.origin)
        return try transaction.fetch(AccountsOfSubject(subject: id.of())).compactMap { known in
            guard let account = try transaction.first(AccountToChange(id: known))?.kept, account.state != .closed else {
                return nil
            }
            let isMore = try transaction.fetch(RolesOfAccount(account: known)).count > 1
            if isMore {
                try transaction.run(DeleteAccountPlaces(account: known, role: .patient))
                try transaction.run(DeleteAccountRole(account: known, role: .patient))
                try audit("account.role-revoked", of: known, by: agent, request: request, in: transaction)
            } else {
                try transaction.run(SetAccountState(account: known, state: .closed))
                try audit("account.closed", of: known, by: agent, request: request, in: transaction)
            }
            try endAll(of: known, isMore ? .rolesChanged : .accountClosed, by: agent, request: request, in: transaction)
            return "\(known):\(isMore ? "role" : account.state.rawValue)"
        }
    }

    private func reopenLogins(_ accounts: [String], of id: ID<Patient>, _ story: Story) throws {
        let (transaction, agent, request) = (story.transaction, story.agent, story.call.origin)
        for words in accounts.map({ $0.split(separator: ":").map(String.init) }) where words.count == 2 {
            guard let known = ID<Account>(words[0]), let account = try transaction.first(AccountToChange(id: known))?.kept else {
                continue
            }
            if let state = Account.State(rawValue: words[1]), account.state == .closed {
                try transaction.run(SetAccountState(account: known, state: state))
                try audit("account.\(state.rawValue)", of: known, by: agent, request: request, in: transaction)
            } else if words[1] == "role",
                try !transaction.fetch(RolesOfAccount(account: known)).contains(where: { $0.role == .patient })
            {
                try transaction.run(
                    InsertAccountRole(account: known, caller: Caller(role: .patient, subject: id.of())))
                try audit("account.role-granted", of: known, by: agent, request: request, in: transaction)
            }
        }
    }
}

extension Clinic {
    /// Keeps a record from being erased until the hold is lifted, whatever the rules say. A repeat gives what there is.
    public func holdRecord(
        of id: ID<Patient>, reason: Personal<String>, call: Call, wording: Wording<RecordStanding>
    ) async throws -> Reply<RecordStanding> {
        try await perform(call, wording: wording) { story in
            try story.standing(of: id, allowing: .keepClosedRecords)
        } act: { story, standing in
            if standing.state == .erased { throw Refusal.recordUnknown }
            if standing.hold != nil { return try story.repeated(standing) }
            let hold = LegalHold(patient: id, reason: reason, by: call.caller.principal, at: story.now)
            try story.transaction.run(InsertLegalHold(hold: try story.keys.seal(hold)))
            try story.auditChange(of: id.of(), "patient.held", reason: reason)
            return try story.current(id)
        }
    }

    /// Lets the rules decide again. A repeat gives what there is.
    public func liftHold(of id: ID<Patient>, call: Call, wording: Wording<RecordStanding>) async throws -> Reply<RecordStanding> {
        try await perform(call, wording: wording) { story in
            try story.standing(of: id, allowing: .keepClosedRecords)
        } act: { story, standing in
            if standing.hold == nil { return try story.repeated(standing) }
            try story.transaction.run(DeleteLegalHold(patient: id))
            try story.auditChange(of: id.of(), "patient.hold-lifted")
            return try story.current(id)
        }
    }
}

extension Story {
    /// How a record stands that is going to be changed, for a caller who may. Whoever books for the patient meanwhile comes before this
    /// story or after it.
    func standing(of id: ID<Patient>, allowing act: Act) throws -> RecordStanding {
        trail.isAbout(id, [id])
        try require(act)
        guard let standing = try transaction.standing(of: id, keys, held: true) else { throw Refusal.recordUnknown }
        return standing
    }

    func current(_ id: ID<Patient>) throws -> RecordStanding {
        guard let standing = try transaction.standing(of: id, keys) else { throw Refusal.recordUnknown }
        return standing
    }

    /// It is as it should be already.
    func repeated(_ standing: RecordStanding) throws -> RecordStanding {
        try recordRepeat()
        return standing
    }

    /// Nothing is left ahead afterwards, or nothing has changed.
    fileprivate func clearAhead(of id: ID<Patient>, cancelling: Bool) throws {
        let ahead = try transaction.fetch(AheadOfRecord(patient: id, now: now))
        if ahead.isEmpty { return }
        guard cancelling else { throw Refusal.appointmentsAhead }
        for one in ahead {
            let appointment = try permitted(one) { .changeAppointment(patients: $0, practitioner: $1) }
            if appointment.patients.count > 1 { throw Refusal.sharedAppointmentAhead }
            let cancelled = try appointment.cancelled(
                by: call.caller.principal, at: now, reason: call.caller.isStaff ? .desk : .patient,
                policy: policy(of: appointment),
                byStaff: call.caller.isStaff)
            try end(cancelled, was: appointment, kind: .cancelled)
        }
        trail.isAbout(id, [id])
        answerSubject = id.of()
    }
}
