internal import Notation
internal import Storage

// Deliveries whose whole effect is in the database.
extension Outbox {
    /// Handles and finishes a batch in one transaction, each message in a savepoint of its own. When the transaction as
    /// a whole is refused, one of them is to blame: each then gets its own, so the others do not fail with it.
    ///
    /// Where bodies that wait at the same time share a transaction anyway, each message is a body of its own.
    func deliverTransactional(_ batch: [Claimed]) async throws {
        if database.gainsFromForesight { return try await deliverSideBySide(batch) }
        do {
            try await deliverTogether(batch)
        } catch  where batch.count > 1 && !isAboutTheDatabase(error) {
            for claimed in batch { try await deliverAlone(claimed) }
        }
    }

    private func deliverSideBySide(_ batch: [Claimed]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for claimed in batch {
                group.addTask { [self] in
                    do {
                        report(try await database.writeTogether(foreseen: []) { [self] in try deliverPosted(claimed, in: $0) })
                    } catch is LeaseLost {
                        report(.stale(topic: claimed.delivery.topic))
                    } catch  where !isAboutTheDatabase(error) {
                        try await settle([Ended(claimed: claimed, settlement: failure(of: claimed, error))])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The effect and the end of a delivery, in the body's own transaction or a shared one.
    private func deliverPosted(_ claimed: Claimed, in transaction: any WriteTransaction) throws -> OutboxEvent {
        var settlement = Settlement(state: .expired)
        if !claimed.hasExpired(at: now) {
            settlement = self.settlement(for: try handle(claimed.delivery, in: transaction), of: claimed, now: now)
        }
        try transaction.postSettlement(claimed, as: settlement, now: now)
        return event(for: settlement, of: claimed, isStale: false)
    }

    private func deliverTogether(_ batch: [Claimed]) async throws {
        let events = try await database.write { [self] transaction in
            try batch.map { try deliver($0, in: transaction) }
        }
        events.forEach(report)
    }

    private func deliverAlone(_ claimed: Claimed) async throws {
        do {
            try await deliverTogether([claimed])
        } catch  where !isAboutTheDatabase(error) {
            try await settle([Ended(claimed: claimed, settlement: failure(of: claimed, error))])
        }
    }

    /// The effect and the end of a delivery, or neither. When the lease is lost the savepoint takes the effect back:
    /// whoever holds the message now makes it.
    private func deliver(_ claimed: Claimed, in transaction: any WriteTransaction) throws -> OutboxEvent {
        if claimed.hasExpired(at: now) { return try end(claimed, as: Settlement(state: .expired), in: transaction) }
        do {
            return try transaction.savepoint {
                let settlement = settlement(for: try handle(claimed.delivery, in: transaction), of: claimed, now: now)
                guard try transaction.settle(claimed, as: settlement, now: now) else { throw LeaseLost() }
                return event(for: settlement, of: claimed, isStale: false)
            }
        } catch is LeaseLost {
            return .stale(topic: claimed.delivery.topic)
        } catch  where !isAboutTheDatabase(error) {
            return try end(claimed, as: failure(of: claimed, error), in: transaction)
        }
    }

    private func handle(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        guard case .transactional(let body) = handlers[delivery.topic] else {
            throw DeliveryFault("nobody here delivers \(delivery.topic)")
        }
        return try body(transaction, delivery)
    }

    private func failure(of claimed: Claimed, _ error: any Error) -> Settlement {
        settlement(forFailure: quietDescription(of: error), of: claimed, now: now)
    }

    func end(_ claimed: Claimed, as settlement: Settlement, in transaction: any WriteTransaction) throws -> OutboxEvent {
        let isFresh = try transaction.settle(claimed, as: settlement, now: now)
        return event(for: settlement, of: claimed, isStale: !isFresh)
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
