import Notation
import Scheduling
import Secrecy
public import Storage
import Synchronization

/// The keys of one clinic in one node: read when they are first needed, and again when something turns up that was sealed with a
/// key made elsewhere since. Reading them may take the time of a network, so it never happens inside a transaction: a body that
/// misses a key throws `SecrecyFault.keyNotRead` and is run again.
public final class ClinicKeys: Sendable {
    let master: any MasterKeys
    private let surroundings: Surroundings
    private let leavesPlain: Bool
    private let known = Mutex<FieldKeys?>(nil)

    /// - Parameter leavingPlain: see `FieldCipher`.
    init(master: any MasterKeys, surroundings: Surroundings, leavingPlain: Bool) {
        self.master = master
        leavesPlain = leavingPlain
        self.surroundings = surroundings
    }

    /// Reads the keys, and makes the first ones in a clinic that has none. Throws `SecrecyFault` with a sentence that says what to
    /// do when the master key does not fit.
    public func refresh(from database: any Database) async throws {
        var found = try await Self.found(in: database)
        if found.records.isEmpty {
            try await establish(in: database)
            found = try await Self.found(in: database)
        }
        let before = known.withLock { $0 }
        var keys = before?.keys ?? []
        for record in found.records where record.state != .retired {
            if keys.contains(where: { $0.purpose == record.purpose && $0.version == record.version }) { continue }
            keys.append(
                try await DataKey(
                    record.wrapped, purpose: record.purpose, version: record.version, clinic: record.clinic.bytes,
                    master: master))
        }
        guard let clinic = found.records.first?.clinic,
            let ring = FieldKeys(clinic, keys, revision: found.revision, leavingPlain: leavesPlain, surroundings.random)
        else { throw SecrecyFault.dataKeysGone }
        known.withLock { if $0.map({ $0.revision <= ring.revision }) ?? true { $0 = ring } }
    }

    /// The keys as they were when the directory had a revision, or later. Throws `.keyNotRead` when those at hand are older.
    func ring(asOf revision: Int64 = .min) throws -> FieldKeys {
        guard let ring = known.withLock({ $0 }), ring.revision >= revision else { throw SecrecyFault.keyNotRead(version: 0) }
        return ring
    }

    func opened(_ directory: Directory) throws -> Directory {
        guard directory.exceptions.values.contains(where: { $0.contains(where: \.isPersonal) }) else { return directory }
        return try ring().opened(directory)
    }

    private static func found(in database: any Database) async throws -> (revision: Int64, records: [DataKeyRecord]) {
        try await database.read { transaction in
            (try transaction.first(DirectoryRevision()) ?? 0, try transaction.fetch(AllDataKeys()))
        }
    }

    /// Two nodes may try at once; the one that holds the directory first has made them.
    private func establish(in database: any Database) async throws {
        let surroundings = surroundings
        let clinic = surroundings.identifiers.next(Clinic.self)
        var keys: [(DataKey.Purpose, WrappedKey)] = []
        for purpose in DataKey.Purpose.allCases {
            let key = DataKey.make(purpose, version: 1, surroundings.random)
            keys.append((purpose, try await key.wrapped(by: master, clinic: clinic.bytes)))
        }
        try await database.write { [keys] transaction in
            _ = try transaction.first(TakenDirectoryRevision())
            guard try transaction.fetch(AllDataKeys()).isEmpty else { return }
            let first = [
                try transaction.first(FirstPatientName()), try transaction.first(FirstLogin()),
                try transaction.first(FirstServiceName()),
            ].compactMap(\.self)
            if first.contains(where: { FieldCipher.version(of: $0) != nil }) { throw SecrecyFault.dataKeysGone }
            // In an empty clinic nothing is left to be sealed.
            if first.isEmpty { try transaction.run(NoteKeyWalk(version: 1, place: 0, doneAt: surroundings.clock.now)) }
            for (purpose, wrapped) in keys {
                try transaction.run(
                    InsertDataKey(
                        purpose: purpose, version: 1, clinic: clinic, wrapped: wrapped, at: surroundings.clock.now))
            }
        }
    }
}

extension Clinic {
    /// Reads the keys, and makes those of a new clinic. Throws with a sentence that says what to do when that cannot be.
    public func readKeys() async throws {
        do { try await keys.refresh(from: database) } catch let fault as SecrecyFault {
            throw StorageFault.cannotOpen(fault.description)
        }
    }

    /// Runs `body`, and again with the keys read anew when it met one this node did not know. More than once, because keys may be rotated,
    /// and the directory changed, while it runs.
    func withKeys<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        for _ in 0..<4 {
            do { return try await body() } catch SecrecyFault.keyNotRead { try await keys.refresh(from: database) }
        }
        return try await body()
    }

    /// Opens what was read.
    func opened<Value: Sealable>(_ sealed: Sealed<Value>) async throws -> Value {
        guard sealed.kept.isPersonal else { return sealed.kept }
        return try await withKeys { try keys.ring().open(sealed) }
    }

    func opened<Value: Sealable>(_ sealed: [Sealed<Value>]) async throws -> [Value] {
        guard sealed.contains(where: \.kept.isPersonal) else { return sealed.map(\.kept) }
        return try await withKeys {
            let ring = try keys.ring()
            return try sealed.map { try ring.open($0) }
        }
    }
}

extension Clinic {
    /// A record as it is written, whatever the transaction: its keys are kept for good, so it does not matter whether there is a newer one.
    func sealed(_ entry: AuditEntry) async throws -> Sealed<AuditEntry> {
        guard entry.isPersonal else { return Sealed(kept: entry) }
        return try await withKeys { try keys.ring().seal(entry) }
    }

    /// The same in a transaction that `withKeys` runs again when the keys are not known here yet.
    ///
    /// - Parameter keepingReason: the program has worded it: it speaks of nobody, and stays as it is.
    func sealedNow(_ entry: AuditEntry, keepingReason: Bool = false) throws -> Sealed<AuditEntry> {
        var entry = entry
        let reason = keepingReason ? entry.reason : nil
        if keepingReason { entry.reason = nil }
        guard entry.isPersonal else {
            entry.reason = reason ?? entry.reason
            return Sealed(kept: entry)
        }
        var kept = try keys.ring().seal(entry).kept
        kept.reason = reason ?? kept.reason
        return Sealed(kept: kept)
    }

    /// Opens what a page was read with.
    func opened<Value: Sealable>(_ page: Page<Value>) async throws -> Page<Value> {
        Page(elements: try await opened(page.elements.map { Sealed(kept: $0) }), next: page.next)
    }
}

extension WriteTransaction {
    /// The keys as they are until this transaction ends, for whoever tells no story.
    func held(_ keys: ClinicKeys) throws -> FieldKeys { try keys.ring(asOf: try first(HeldDirectoryRevision()) ?? 0) }
}

extension Story {
    /// The keys as they are while this story is told: nobody changes them before it has ended.
    var keys: FieldKeys { get throws { try clinic.keys.ring(asOf: directory.revision) } }

    /// Most have nothing in them that is sealed, and need no key.
    func sealed<Value: Sealable>(_ value: Value) throws -> Sealed<Value> {
        value.isPersonal ? try keys.seal(value) : Sealed(kept: value)
    }

    func opened<Value: Sealable>(_ sealed: Sealed<Value>) throws -> Value {
        sealed.kept.isPersonal ? try keys.open(sealed) : sealed.kept
    }
}
