import Notation
public import Sealing
import Storage

extension Clinic {
    /// Seals what has been recorded since the last seal, at most `limit` records, in one transaction: the seal is there and nothing
    /// waits for it any more, or nothing has happened. Nil when nothing waits.
    ///
    /// Nobody waits for a seal: a record is written with the change it tells of, and sealed afterwards. Two nodes that seal at
    /// the same time want the same number; one of them is refused and finds less to do.
    @discardableResult
    public func sealAudit(with key: SealKey, limit: Int = 1_000) async throws -> Seal? {
        try await database.doing(.background).write { [surroundings, database] transaction in
            let records = try transaction.recordsToSeal(limit)
            guard let first = records.first, let newest = records.last else { return nil }
            let last = try transaction.first(LastSeal())
            let seal = try Seal(
                number: (last?.number ?? 0) + 1, at: surroundings.clock.now, over: records.map(\.digest),
                after: last?.link ?? Seal.beginning, signedWith: key)
            try transaction.post(InsertSeal(seal: seal, records: records))
            if database.isShared {
                for record in records { try transaction.post(DeleteUnsealed(id: record.id)) }
            } else {
                try transaction.post(DeleteUnsealedRange(first: first.id, last: newest.id))
            }
            return seal
        }
    }
}

extension ReadTransaction {
    /// The first that wait, up to one that is gone: it was deleted behind the program's back before it was sealed. Such a one goes on
    /// waiting, for whoever verifies, and is passed over.
    fileprivate func recordsToSeal(_ limit: Int) throws -> [SealedRecord] {
        var after: ID<AuditEntry> = ID(high: 0, low: 0)
        while true {
            let waiting = try fetch(UnsealedRecords(after: after, limit: limit))
            let there = waiting.drop { $0.entry == nil }.prefix { $0.entry != nil }
            if !there.isEmpty { return there.compactMap { $0.entry.map { SealedRecord($0) } } }
            guard waiting.count == limit, let last = waiting.last else { return [] }
            after = last.id
        }
    }
}
