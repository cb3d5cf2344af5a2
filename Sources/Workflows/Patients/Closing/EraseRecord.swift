public import Notation
public import People
import Scheduling
import Secrecy
import Storage

extension Accounts {
    /// Erases a closed record that no rule and no hold keeps, at the request of whom it is about (GDPR Article 17). A repeat gives what there
    /// is.
    public func eraseRecord(
        of id: ID<Patient>, call: Call, wording: Wording<RecordStanding>
    ) async throws -> Reply<RecordStanding> {
        try await clinic.perform(call, wording: wording) { story in
            try story.standing(of: id, allowing: .keepClosedRecords)
        } act: { [self] story, standing in
            if standing.state == .erased { return try story.repeated(standing) }
            try standing.mayBeErased(at: story.now)
            try erase(standing, story)
            return try story.current(id)
        }
    }

    /// Erases every closed record whose time is over, each in a transaction of its own: whenever this is broken off, a record is whole or
    /// gone, and the next call goes on. Returns how many.
    ///
    /// - Parameters:
    ///   - by: who at the command line; nil for a server's own round.
    ///   - isDryRun: erases nothing and only says what would be.
    ///   - each: hears of each record.
    @discardableResult
    public func eraseDue(
        by: String? = nil, isDryRun: Bool = false, _ each: @Sendable (RecordStanding) throws -> Void = { _ in }
    ) async throws -> Int {
        var (count, after) = (0, ID<Patient>(high: 0, low: 0))
        while true {
            let (due, last) = try await due(after: after)
            for standing in due {
                try Task.checkCancellation()
                if !isDryRun {
                    let isErased = try await eraseIfDue(standing.patient, by: by)
                    if !isErased { continue }
                }
                count += 1
                try each(standing)
            }
            guard let last else { return count }
            after = last
        }
    }

    private static let recordsAtOnce = 100

    /// Of the next closed records those whose time is over, and after which to go on; nil at the end.
    private func due(after: ID<Patient>) async throws -> (due: [RecordStanding], last: ID<Patient>?) {
        let (clinic, now) = (clinic, surroundings.clock.now)
        return try await clinic.withKeys {
            let keys = try clinic.keys.ring()
            return try await clinic.database.doing(.background).read { transaction in
                let page = try transaction.fetch(ClosedRecords(after: after, limit: Self.recordsAtOnce))
                let standings = try page.compactMap { try transaction.standing(of: $0, keys) }
                return (standings.filter { $0.isDue(at: now) }, page.count == Self.recordsAtOnce ? page.last : nil)
            }
        }
    }

    /// Looks once more, with the record held: somebody may have opened it again, or placed a hold.
    private func eraseIfDue(_ id: ID<Patient>, by: String?) async throws -> Bool {
        let clinic = clinic
        return try await clinic.withKeys {
            try await clinic.database.doing(.background).write { [self] transaction in
                var call = Call(caller: .clinic, requestID: by == nil ? "erase-due" : "command-line", operation: "eraseDue")
                call.operatorName = by
                let story = try Story(transaction, clinic: clinic, call: call)
                guard let standing = try transaction.standing(of: id, try story.keys, held: true), standing.isDue(at: story.now)
                else {
                    return false
                }
                story.trail.isAbout(id, [id])
                try erase(standing, story)
                story.sealHooks()
                return true
            }
        }
    }

    /// Takes away whatever says who it was. Appointments stay as numbers, and the audit as the law asks, both under an identifier that
    /// belongs to nobody any more.
    private func erase(_ standing: RecordStanding, _ story: Story) throws {
        let (id, transaction) = (standing.patient, story.transaction)
        for appointment in try transaction.fetch(AllAppointmentsOf(patient: id)) {
            try transaction.run(EraseWords(appointment: appointment))
            try transaction.run(EraseReasons(subject: appointment.of()))
            try transaction.run(EraseAnswers(subject: appointment.of()))
            try transaction.run(ErasePayerSecret(appointment: appointment))
        }
        try transaction.run(EraseReasons(subject: id.of()))
        try transaction.run(EraseAnswers(subject: id.of()))
        try transaction.run(EraseNotices(recipient: id.of()))
        try transaction.run(EraseMessages(patient: id))
        try transaction.run(ErasePreferences(patient: id))
        try transaction.run(EraseConsents(patient: id))
        try transaction.run(EraseDevices(patient: id))
        try transaction.run(EraseCorrections(patient: id))
        try transaction.run(EraseHolds(patient: id))
        try transaction.run(EraseOffers(patient: id))
        try transaction.run(EraseWaiting(patient: id))
        try transaction.run(EraseEmergencies(patient: id))
        try transaction.run(EraseLegacyRows(patient: id.of()))
        try transaction.run(EraseLegacyClaims(patient: id.of()))
        try transaction.run(DeleteLegalHold(patient: id))
        try eraseLogins(of: id, standing.closure?.accounts ?? [], transaction)
        try transaction.run(DeleteClosure(patient: id))
        let place = FieldPlace(table: Patient.table, column: "name", row: id.bytes)
        let name = try story.keys.cipher.seal("erased", at: place)
        guard try transaction.run(ErasePatient(id: id, sealedName: name, at: story.now)) == 1 else {
            throw Refusal.changedMeanwhile
        }
        try story.record(
            AuditEntry(
                id: story.newID(), subject: id.of(), at: story.now, by: story.call.by, act: "patient.erased", fromState: nil,
                toState: nil, reason: nil, overridden: [], requestID: story.call.requestID, circumstances: story.circumstances()))
    }

    private func eraseLogins(of id: ID<Patient>, _ closed: [String], _ transaction: any WriteTransaction) throws {
        for account in try transaction.fetch(AccountsOfSubject(subject: id.of())) {
            if let known = try transaction.first(AccountToChange(id: account)).map({ try keys.open($0) }) {
                try transaction.post(ForgetLoginFailures(name: failureName(known.login)))
            }
            try transaction.run(EraseSessions(account: account))
            try transaction.run(EraseSecondFactor(account: account))
            try transaction.run(EraseRecoveryCodes(account: account))
            try transaction.run(EraseEmail(account: account))
            try transaction.run(EraseLetters(account: account))
            try transaction.run(EraseLinks(account: account))
            try transaction.run(ErasePlaces(account: account))
            try transaction.run(EraseRoles(account: account))
            try transaction.run(EraseAccount(account: account))
        }
        // Who is something else besides keeps the account.
        for words in closed where words.hasSuffix(":role") {
            if let account = ID<Account>(String(words.dropLast(5))) { try transaction.run(EraseRoleSessions(account: account)) }
        }
    }
}
