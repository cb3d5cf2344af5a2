import Notation
import People
import Scheduling
import Sealing

extension AuditEntry {
    /// As it was found under its subject, which the question named and the answer does not.
    func of(_ subject: ID<AuditSubject>) -> AuditEntry {
        var entry = self
        entry.subject = subject
        return entry
    }

    /// Of everything the record says, as it stands in the database. The order of the fields is fixed for good: a digest that was
    /// sealed is computed again years later.
    var digest: [UInt8] {
        var bytes = CanonicalBytes()
        bytes.add(circumstances == nil ? "mediconnect audit record 1" : "mediconnect audit record 2")
        bytes.add(subject)
        bytes.add(id)
        bytes.add(at)
        bytes.add(by)
        bytes.add(act)
        bytes.add(fromState?.rawValue)
        bytes.add(toState?.rawValue)
        bytes.add(reason?.revealed)
        bytes.add(overridden.isEmpty ? nil : overridden.joined(separator: " "))
        bytes.add(requestID)
        if let circumstances { circumstances.add(to: &bytes) }
        return bytes.digest
    }
}

extension AuditEntry.Circumstances {
    fileprivate func add(to bytes: inout CanonicalBytes) {
        bytes.add(role?.rawValue)
        bytes.add(purpose.rawValue)
        bytes.add(address)
        bytes.add(operation)
        bytes.add(outcome)
        bytes.add(patients.map(\.description).joined(separator: " "))
        bytes.add(query)
    }
}

/// A record and what it was when it was sealed.
struct SealedRecord: Equatable {
    static let byteCount = 64

    let subject: ID<AuditSubject>
    let id: ID<AuditEntry>
    let digest: [UInt8]

    init(_ entry: AuditEntry) { (subject, id, digest) = (entry.subject, entry.id, entry.digest) }

    /// Of 64 bytes.
    init(_ bytes: ArraySlice<UInt8>) {
        func number(_ place: Int) -> UInt64 {
            bytes.dropFirst(place * 8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
        subject = ID(high: number(0), low: number(1))
        id = ID(high: number(2), low: number(3))
        digest = Array(bytes.dropFirst(32).prefix(32))
    }

    func write(to bytes: inout CanonicalBytes) {
        bytes.add(subject)
        bytes.add(id)
        bytes.add(raw: digest)
    }

    static func list(_ bytes: [UInt8]) -> [SealedRecord] {
        stride(from: 0, to: bytes.count - bytes.count % byteCount, by: byteCount).map {
            SealedRecord(bytes[$0..<$0 + byteCount])
        }
    }
}
