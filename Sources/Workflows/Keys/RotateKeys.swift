import Notation
import People
import Scheduling
import Secrecy
import Storage

/// Why keys cannot be changed now.
public enum RotationFault: Error, Sendable, Equatable {
    /// Somebody else has just rotated them.
    case rotatedMeanwhile
}

extension Clinic {
    /// Every key there ever was, by purpose and version.
    public func dataKeys() async throws -> [DataKeyRecord] { try await database.read { try $0.fetch(AllDataKeys()) } }

    /// Makes a new key, with which everything is sealed from this commit on, on every node; returns its version. What the old one sealed
    /// is opened with it until it is sealed anew (`sealAnewStep`). Throws `.rotatedMeanwhile` when somebody else was first.
    @discardableResult
    public func rotateKeys(by: String) async throws -> Int {
        try await keys.refresh(from: database)
        let before = try await dataKeys()
        guard let clinic = before.first?.clinic else { throw SecrecyFault.dataKeysGone }
        var new: [(key: DataKey, wrapped: WrappedKey)] = []
        for purpose in [DataKey.Purpose.field, .record] {
            let last = before.filter { $0.purpose == purpose }.map(\.version).max() ?? 0
            let key = DataKey.make(purpose, version: last + 1, surroundings.random)
            new.append((key, try await keys.wrapped(key, clinic)))
        }
        try await database.write { [self, new] transaction in
            // Whoever writes holds the directory as it is: nobody is in the middle of sealing with the old key.
            _ = try transaction.first(TakenDirectoryRevision())
            let present = try transaction.fetch(AllDataKeys())
            guard present.count == before.count else { throw RotationFault.rotatedMeanwhile }
            for (key, wrapped) in new {
                try transaction.run(SupersedeDataKey(purpose: key.purpose))
                try transaction.run(
                    InsertDataKey(
                        purpose: key.purpose, version: key.version, clinic: clinic, wrapped: wrapped, at: surroundings.clock.now))
            }
            try transaction.run(AdvanceDirectoryRevision())
            try record("keys.rotated", of: clinic, by: by, in: transaction)
        }
        try await keys.refresh(from: database)
        return new[0].key.version
    }

    /// Wraps every key anew with the first of the master keys at hand; returns how many that changed. The others are needed no
    /// more, once every node has been given the first.
    @discardableResult
    public func rewrapKeys(by: String) async throws -> Int {
        var changed = 0
        for record in try await dataKeys() where record.state != .retired {
            let key = try await keys.unwrapped(record)
            let wrapped = try await keys.wrapped(key, record.clinic)
            if wrapped.master == record.wrapped.master { continue }
            changed += try await withKeys {
                try await database.write { [self] transaction in
                    let count = try transaction.run(RewrapDataKey(record: record, wrapped: wrapped))
                    if count == 1 { try self.record("keys.rewrapped", of: record.clinic, by: by, in: transaction) }
                    return count
                }
            }
        }
        return changed
    }

    /// Ends the walk: looks once more whether anything is left under an older key, and takes the key away when nothing is. Otherwise the
    /// walk begins again.
    func retireOldKeys(than version: Int, _ progress: inout SealingProgress) async throws {
        let left = try await sealedFields().filter { $0.key != version }.values.reduce(0, +)
        let (surroundings, walk) = (surroundings, NoteKeyWalk(version: version, place: 0))
        guard left == 0 else {
            progress.isDone = false
            return try await database.write { transaction in try transaction.run(walk) }
        }
        let done = NoteKeyWalk(version: version, place: SealedTable.all.count, doneAt: surroundings.clock.now)
        try await database.write { [self] transaction in
            _ = try transaction.first(TakenDirectoryRevision())
            let records = try transaction.fetch(AllDataKeys())
            // Another rotation came between: then its walk is the one that counts.
            guard records.contains(where: { $0.purpose == .field && $0.version == version && $0.state == .active }) else {
                return
            }
            try transaction.run(done)
            guard try transaction.run(RetireDataKeys(before: version, at: surroundings.clock.now)) > 0 else { return }
            try transaction.run(AdvanceDirectoryRevision())
            try record("keys.retired", of: records[0].clinic, by: Caller.clinic.principal, in: transaction)
        }
    }

    /// How many fields each version has sealed; 0 stands for those that are plain. Reads everything there is.
    public func sealedFields() async throws -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for table in SealedTable.all {
            var after = ID<SealedRow>(high: 0, low: 0)
            while true {
                let rows = try await database.doing(.background).read { [after] in
                    try $0.fetch(SealedRows(table: table, after: after, limit: 500))
                }
                for text in rows.flatMap({ zip(table.columns, $0.texts) }) {
                    if let sealed = text.1 { counts[FieldCipher.version(of: sealed) ?? 0, default: 0] += 1 }
                }
                guard rows.count == 500, let last = rows.last else { break }
                after = last.id
            }
        }
        var (account, issuer) = (ID<Account>(high: 0, low: 0), "")
        while true {
            let rows = try await database.doing(.background).read { [account, issuer] in
                try $0.fetch(SealedLinks(account: account, issuer: issuer, limit: 500))
            }
            for row in rows { counts[FieldCipher.version(of: row.kept.subject.revealed) ?? 0, default: 0] += 1 }
            guard rows.count == 500, let last = rows.last else { break }
            (account, issuer) = (last.kept.account, last.kept.issuer)
        }
        var (key, principal) = ("", "")
        while true {
            let rows = try await database.doing(.background).read { [key, principal] in
                try $0.fetch(SealedAnswers(key: key, principal: principal, limit: 500))
            }
            for row in rows { counts[FieldCipher.version(of: row.body) ?? 0, default: 0] += 1 }
            guard rows.count == 500, let last = rows.last else { return counts }
            (key, principal) = (last.key, last.principal)
        }
    }
}

extension ClinicKeys {
    func wrapped(_ key: DataKey, _ clinic: ID<Clinic>) async throws -> WrappedKey {
        try await key.wrapped(by: master, clinic: clinic.bytes)
    }

    func unwrapped(_ record: DataKeyRecord) async throws -> DataKey {
        try await DataKey(
            record.wrapped, purpose: record.purpose, version: record.version, clinic: record.clinic.bytes, master: master)
    }
}

extension Clinic {
    /// Writes down what was done with the clinic's keys.
    fileprivate func record(
        _ act: String, of clinic: ID<Clinic>, by: String, in transaction: any WriteTransaction
    ) throws {
        let entry = AuditEntry(
            id: surroundings.identifiers.next(AuditEntry.self), subject: clinic.of(), at: surroundings.clock.now, by: by,
            act: act, fromState: nil, toState: nil, reason: nil, overridden: [], requestID: "keys",
            circumstances: AuditEntry.Circumstances(
                role: .admin, purpose: .operations, address: nil, operation: nil, outcome: AuditEntry.Circumstances.done,
                patients: [], query: nil))
        try transaction.post(InsertAudit(entry: try sealedNow(entry)))
        try transaction.post(InsertUnsealed(entry: entry))
    }
}
