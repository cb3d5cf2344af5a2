import Notation
import People
import Scheduling
import Secrecy
import Storage

/// How far a clinic is with sealing everything with its newest key.
public struct SealingProgress: Sendable, Equatable {
    /// How many rows were looked at in this step, and how many fields of them were sealed anew.
    public var looked = 0
    public var sealed = 0
    public var isDone = false
}

// One walk through all tables, in small steps, each of which leaves behind where it got to. Whoever writes meanwhile writes with the
// newest key, so what lies behind the walk stays done; a step that meets a row somebody has just written leaves it alone.
extension Clinic {
    /// The next step: some hundred rows. With the last one every older key is retired, for nothing is left that it sealed.
    ///
    /// It may be called by several programs at once, and broken off at any moment: what has been done stays done, and the next call goes
    /// on. It also seals what was written before there were keys.
    @discardableResult
    public func sealAnewStep(limit: Int = 500) async throws -> SealingProgress {
        try await keys.refresh(from: database)
        let keys = try keys.ring()
        let version = keys.cipher.activeVersion
        let walk = try await database.read { try $0.first(KeyWalk(version: version)) }
        if walk?.isDone == true { return SealingProgress(isDone: true) }
        let (place, position) = (walk?.place ?? 0, walk?.position ?? ID(high: 0, low: 0))
        if place < SealedTable.all.count { return try await seal(SealedTable.all[place], place, after: position, keys, limit) }
        var progress = try await sealAnswers(keys, limit)
        let links = try await sealLinks(keys, limit)
        (progress.looked, progress.sealed) = (progress.looked + links.looked, progress.sealed + links.sealed)
        if progress.isDone { try await retireOldKeys(than: version, &progress) }
        return progress
    }

    /// Walks to the end.
    public func sealAnew(_ each: @Sendable (SealingProgress) async throws -> Void = { _ in }) async throws {
        while true {
            let progress = try await sealAnewStep()
            if progress.isDone { return }
            try await each(progress)
        }
    }

    private func seal(
        _ table: SealedTable, _ place: Int, after: ID<SealedRow>, _ keys: FieldKeys, _ limit: Int
    ) async throws -> SealingProgress {
        let rows = try await database.doing(.background).read {
            try $0.fetch(SealedRows(table: table, after: after, limit: limit))
        }
        let version = keys.cipher.activeVersion
        let next =
            rows.count == limit
            ? NoteKeyWalk(version: version, place: place, position: rows[limit - 1].id)
            : NoteKeyWalk(version: version, place: place + 1)
        return try await database.doing(.background).write { [self, ring = self.keys] transaction in
            var progress = SealingProgress(looked: rows.count)
            guard try transaction.stillSeals(version, ring) else { return progress }
            for row in rows {
                let fields = try transaction.sealAnew(row, of: table, keys)
                progress.sealed += fields.count
                try index(row, of: table, fields, keys, in: transaction)
            }
            try transaction.run(next)
            return progress
        }
    }

    private func sealAnswers(_ keys: FieldKeys, _ limit: Int) async throws -> SealingProgress {
        var progress = SealingProgress(isDone: true)
        var (key, principal) = ("", "")
        while true {
            let rows = try await database.doing(.background).read { [key, principal] in
                try $0.fetch(SealedAnswers(key: key, principal: principal, limit: limit))
            }
            progress.looked += rows.count
            let old = rows.filter { FieldCipher.version(of: $0.body) != keys.cipher.activeVersion }
            if !old.isEmpty {
                progress.sealed += try await database.doing(.background).write { [ring = self.keys] transaction in
                    guard try transaction.stillSeals(keys.cipher.activeVersion, ring) else { return 0 }
                    return try old.reduce(0) { sum, row in
                        let kept = SealedAnswer(kept: StoredAnswer(status: 0, body: row.body))
                        let plain = try keys.open(kept, of: row.principal, under: row.key)
                        let new = try keys.seal(plain, of: row.principal, under: row.key).kept.body
                        return sum + (try transaction.run(ReplaceSealedAnswer(row: row, new: new)))
                    }
                }
            }
            guard rows.count == limit, let last = rows.last else { return progress }
            (key, principal) = (last.key, last.principal)
        }
    }
}

extension Clinic {
    /// There are few, of staff alone, so each time all are looked at.
    private func sealLinks(_ keys: FieldKeys, _ limit: Int) async throws -> SealingProgress {
        var progress = SealingProgress()
        var (account, issuer) = (ID<Account>(high: 0, low: 0), "")
        while true {
            let rows = try await database.doing(.background).read { [account, issuer] in
                try $0.fetch(SealedLinks(account: account, issuer: issuer, limit: limit))
            }
            progress.looked += rows.count
            let old = rows.filter { FieldCipher.version(of: $0.kept.subject.revealed) != keys.cipher.activeVersion }
            if !old.isEmpty {
                progress.sealed += try await database.doing(.background).write { [ring = self.keys] transaction in
                    guard try transaction.stillSeals(keys.cipher.activeVersion, ring) else { return 0 }
                    return try old.reduce(0) { sum, row in
                        let plain = try keys.open(row)
                        let digest = keys.digest(ofSubject: plain.subject, at: plain.issuer)
                        return sum
                            + (try transaction.run(ReplaceSealedLink(old: row, new: try keys.seal(plain), digest: digest)))
                    }
                }
            }
            guard rows.count == limit, let last = rows.last else { return progress }
            (account, issuer) = (last.kept.account, last.kept.issuer)
        }
    }

    /// Makes what finds a row that was plain until now and has just been sealed.
    private func index(
        _ row: SealedRows.Row, of table: SealedTable, _ fields: [SealedField], _ keys: FieldKeys,
        in transaction: any WriteTransaction
    ) throws {
        guard let first = fields.first(where: { $0.wasPlain && $0.column == table.columns[0] }) else { return }
        let plain = Personal(first.old)
        switch table.name {
        case Patient.table:
            try transaction.run(
                IndexPatient(id: row.id, sealedName: first.new, indexes: PatientIndexes(plain: row.texts, keys)))
        case AccountEmail.table:
            try transaction.run(IndexAddress(id: row.id, digest: keys.digest(ofAddress: plain)))
        case Account.table: try index(ID<Account>(high: row.id.high, low: row.id.low), by: plain, keys, in: transaction)
        default: break
        }
    }

    /// Two logins of an earlier version may be one to whoever types them: an accent put together in another way. The account that comes
    /// later is not found by it any more, and its record says so.
    private func index(
        _ account: ID<Account>, by login: Personal<String>, _ keys: FieldKeys, in transaction: any WriteTransaction
    ) throws {
        let index = IndexLogin(id: account.of(), digest: keys.digest(ofLogin: login))
        do { try transaction.savepoint { _ = try transaction.run(index) } } catch let fault as StorageFault
            where fault.isLoginTaken
        {
            try audit("account.login-shared", of: account, by: .caller(.clinic), request: "keys", in: transaction)
        }
    }
}

/// A field that has been sealed anew.
private struct SealedField {
    let column: String
    let old: String
    let new: String
    var wasPlain: Bool { FieldCipher.version(of: old) == nil }
}

extension WriteTransaction {
    /// Whether a version is the newest until this transaction ends. A walk that was overtaken by another rotation must not leave
    /// behind what it has sealed with its own key: the key may be retired before anybody looks there again.
    fileprivate func stillSeals(_ version: Int, _ keys: ClinicKeys) throws -> Bool {
        try held(keys).cipher.activeVersion == version
    }

    /// Seals a row's fields with the newest key unless they are; returns those that were.
    fileprivate func sealAnew(_ row: SealedRows.Row, of table: SealedTable, _ keys: FieldKeys) throws -> [SealedField] {
        var sealed: [SealedField] = []
        for (column, text) in zip(table.columns, row.texts) {
            guard let text, FieldCipher.version(of: text) != keys.cipher.activeVersion else { continue }
            let place = FieldPlace(table: table.name, column: column, row: row.id.bytes)
            let new = try keys.cipher.seal(try keys.cipher.open(text, at: place), at: place)
            guard try run(ReplaceSealed(table: table, column: column, id: row.id, old: text, new: new)) == 1 else {
                continue
            }
            sealed.append(SealedField(column: column, old: text, new: new))
        }
        return sealed
    }
}

extension PatientIndexes {
    /// Of texts as they stood in the columns `name`, `email`, `phone` and `record_number` before they were sealed.
    fileprivate init(plain texts: [String?], _ keys: FieldKeys) {
        email = texts[1].map { Self.digest(of: Personal($0), .email, keys) }
        phone = texts[2].map { Self.digest(of: Personal($0), .phone, keys) }
        recordNumber = texts[3].map { Self.digest(of: Personal($0), .recordNumber, keys) }
    }
}
