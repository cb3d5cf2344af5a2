public import Identity
public import Notation
public import People
import Outbox
import Scheduling
import Storage

/// What shows that it is still the one who signed in.
public enum Reauthentication: Sendable {
    case password(Password)
    /// What their authenticator shows.
    case code(String)
}

extension Accounts {
    /// Breaks the glass: for an hour whoever this session belongs to may look at one patient whom they do not care for. They show once
    /// more who they are, say why, and the privacy officer hears of it at once.
    ///
    /// A repeat while the glass is broken gives what there is; nothing is broken twice. Throws `.credentialsWrong`, `.codeWrong`,
    /// `.tooManyTries`, and refuses whom the table does not allow it and a patient who is not there.
    public func breakGlass(
        for patient: ID<Patient>, reason: Personal<String>, proof: Reauthentication, in own: ID<Session>, call: Call
    ) async throws -> (access: EmergencyAccess, isNew: Bool) {
        guard call.caller.may(.breakGlass(patient)) else {
            try await clinic.recordRefusedGlass(patient, call, outcome: Objection.notForThisRole.rawValue)
            throw Refusal.notPermitted
        }
        let name = emergencyFailureName(own)
        return try await trying(in: own, countedAs: name, request: call.origin) { place, account in
            if case .password(let password) = proof {
                let known = account.passwordHash
                guard try await place.run({ known.matches(password) }) else { throw AccountFault.credentialsWrong }
            }
            let (clinic, ring) = (clinic, ring)
            let answer = try await clinic.withKeys {
                try await database.write { [self] transaction -> Broken in
                    let now = clinic.surroundings.clock.now
                    let (fresh, session) = try owner(of: own, stillWith: account.passwordHash, in: transaction)
                    if case .code(let code) = proof {
                        guard let factor = try transaction.first(SecondFactorOf(account: fresh.id)), factor.isConfirmed,
                            try transaction.use(code, of: factor, fresh.id, ring, at: now)
                        else { throw AccountFault.codeWrong }
                    }
                    guard session.caller.principal == call.caller.principal else { throw AccountFault.sessionEnded }
                    try transaction.post(ForgetLoginFailures(name: name))
                    return try clinic.breakGlass(for: patient, reason, call, now, transaction)
                }
            }
            switch answer {
            case .broken(let access, let isNew): return (access, isNew)
            case .nobody: throw Refusal.patientUnknown
            }
        }
    }
}

private enum Broken: Sendable {
    case broken(EmergencyAccess, isNew: Bool)
    case nobody
}

extension Clinic {
    fileprivate func breakGlass(
        for patient: ID<Patient>, _ reason: Personal<String>, _ call: Call, _ now: Instant, _ transaction: any WriteTransaction
    ) throws -> Broken {
        guard try transaction.first(PatientExists(id: patient)) != nil else {
            try transaction.recordGlass("refused.breakGlass", patient, call, outcome: "unknown", self)
            return .nobody
        }
        let keys = try transaction.held(keys)
        if let open = try transaction.first(BrokenGlass(principal: call.caller.principal, patient: patient, now: now)),
            let access = try transaction.first(EmergencyByID(id: open)).map({ try keys.open($0) })
        {
            try transaction.recordGlass("repeated.breakGlass", patient, call, self)
            return .broken(access, isNew: false)
        }
        let access = EmergencyAccess(
            id: surroundings.identifiers.next(EmergencyAccess.self), principal: call.caller.principal, patient: patient,
            reason: reason, begunAt: now, endsAt: now + EmergencyAccess.lasting, review: nil)
        try transaction.run(InsertEmergency(access: try keys.seal(access)))
        try transaction.recordGlass("emergency.begun", patient, call, reason: reason, self)
        try transaction.post(.emergency(access, surroundings.identifiers.next(OutboxMessage.self), now))
        transaction.afterCommit { [self] in afterChange() }
        return .broken(access, isNew: true)
    }

    /// Somebody wanted to break the glass whose role does not.
    fileprivate func recordRefusedGlass(_ patient: ID<Patient>, _ call: Call, outcome: String) async throws {
        try await withKeys {
            try await database.write { [self] in
                try $0.recordGlass("refused.breakGlass", patient, call, outcome: outcome, self)
            }
        }
    }
}

extension WriteTransaction {
    fileprivate func recordGlass(
        _ act: String, _ patient: ID<Patient>, _ call: Call, reason: Personal<String>? = nil,
        outcome: String = AuditEntry.Circumstances.done, _ clinic: Clinic
    ) throws {
        let entry = AuditEntry(
            id: clinic.surroundings.identifiers.next(AuditEntry.self), subject: patient.of(), at: clinic.surroundings.clock.now,
            by: call.by, act: act, fromState: nil, toState: nil, reason: reason, overridden: [], requestID: call.requestID,
            circumstances: AuditEntry.Circumstances(
                role: call.caller.role, purpose: .brokenGlass, address: call.address, operation: call.operation, outcome: outcome,
                patients: [patient], query: nil))
        try post(record: try clinic.sealedNow(entry))
        try post(InsertUnsealed(entry: entry))
    }
}
