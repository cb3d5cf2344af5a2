internal import Notation
internal import Storage
internal import Synchronization

// Deliveries whose whole effect is in the database.
extension Outbox {
    /// Takes what is due, handles it and ends it, all in one transaction: the lock on a message's row is its lease, and a
    /// worker that dies leaves everything as it was. Returns how many messages were handled; 0 means that nothing was due.
    ///
    /// When the transaction is refused, one of them is to blame: each then gets its own, so the others do not fail with it.
    func deliverTransactional() async throws -> Int {
        guard !transactional.topics.isEmpty else { return 0 }
        while true {
            let batch = Batch()
            do {
                let round = try await deliverTogether(batch)
                round.events.forEach(report)
                if round.handled > 0 || round.isOver { return round.handled }
            } catch  where !batch.taken.isEmpty && !isAboutTheDatabase(error) {
                for claimed in batch.taken { try await deliverAlone(claimed) }
                return batch.taken.count
            }
        }
    }

    private struct Round: Sendable {
        var events: [OutboxEvent] = []
        var handled = 0
        /// Nothing was found, expired or moved aside, so another look would find nothing either.
        var isOver = false
    }

    /// What the transaction holds, for the case that it comes to nothing.
    private final class Batch: Sendable {
        private let messages = Mutex<[Claimed]>([])
        var taken: [Claimed] { messages.withLock { $0 } }
        func keep(_ claimed: [Claimed]) { messages.withLock { $0 = claimed } }
    }

    private func deliverTogether(_ batch: Batch) async throws -> Round {
        let topics = shuffled(transactional.topics)
        return try await database.write { [self] transaction in
            let now = now
            let outlook = transactional.horizon.outlook(topics, now: now)
            let due = try transaction.fetch(TakeDue(now: now, outlook: outlook, limit: settings.batch)).sorted(by: Claimed.inTurn)
            transactional.horizon.saw(outlook, due, isCutShort: due.count == settings.batch, from: now, to: self.now)
            batch.keep(due)
            var round = Round()
            for claimed in due {
                if !claimed.hasExpired(at: self.now) { round.handled += 1 }
                round.events.append(try deliver(claimed, in: transaction))
            }
            if due.isEmpty { round.isOver = try stepAside(settings.batch, outlook, now, transaction) == 0 }
            return round
        }
    }

    /// What has failed before is handled in a savepoint, so that it cannot spoil the batch again.
    private func deliver(_ claimed: Claimed, in transaction: any WriteTransaction) throws -> OutboxEvent {
        if claimed.delivery.attempt > 1 { return try deliverCarefully(claimed, in: transaction) }
        return try conclude(claimed, as: handled(claimed, in: transaction), in: transaction)
    }

    private func deliverCarefully(_ claimed: Claimed, in transaction: any WriteTransaction) throws -> OutboxEvent {
        let settlement: Settlement
        do {
            settlement = try transaction.savepoint { try handled(claimed, in: transaction) }
        } catch  where !isAboutTheDatabase(error) {
            settlement = failure(of: claimed, error)
        }
        return try conclude(claimed, as: settlement, in: transaction)
    }

    /// One message in a transaction of its own. What is refused only at the commit fails it as well.
    private func deliverAlone(_ claimed: Claimed) async throws {
        do {
            let event = try await database.write { [self] in
                try $0.first(TakeAgain(claimed: claimed)) == nil ? nil : try deliverCarefully(claimed, in: $0)
            }
            if let event { report(event) }
        } catch  where !isAboutTheDatabase(error) {
            let event = try await database.write { [self] in
                try $0.first(TakeAgain(claimed: claimed)) == nil
                    ? nil : try conclude(claimed, as: failure(of: claimed, error), in: $0)
            }
            if let event { report(event) }
        }
    }

    private func handled(_ claimed: Claimed, in transaction: any WriteTransaction) throws -> Settlement {
        if claimed.hasExpired(at: now) { return Settlement(state: .expired) }
        guard case .transactional(let body) = handlers[claimed.delivery.topic] else {
            throw DeliveryFault("nobody here delivers \(claimed.delivery.topic)")
        }
        return settlement(for: try body(transaction, claimed.delivery), of: claimed, now: now)
    }

    private func conclude(_ claimed: Claimed, as settlement: Settlement, in transaction: any WriteTransaction) throws
        -> OutboxEvent
    {
        try transaction.conclude(claimed, as: settlement, now: now)
        return event(for: settlement, of: claimed, isStale: false)
    }

    private func failure(of claimed: Claimed, _ error: any Error) -> Settlement {
        settlement(forFailure: quietDescription(of: error), of: claimed, now: now)
    }
}

/// Whether an error says something about the database rather than about the message that met it. Such an error ends the
/// transaction and counts as nobody's failed attempt.
func isAboutTheDatabase(_ error: any Error) -> Bool {
    switch error as? StorageFault {
    case nil, .constraint, .statement, .timedOut: false
    default: true
    }
}
