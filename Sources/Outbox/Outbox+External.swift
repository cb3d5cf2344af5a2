internal import Notation
internal import Storage

// Deliveries that reach outside.
extension Outbox {
    /// A delivery that is over, and how.
    struct Ended: Sendable {
        let claimed: Claimed
        let settlement: Settlement
    }

    /// Delivers a batch side by side and finishes it in one transaction. Returns when the slowest is done.
    func deliverExternal(_ batch: [Claimed]) async throws {
        let ended = await withTaskGroup(of: Ended.self) { group in
            for claimed in batch { group.addTask { await self.attempt(claimed) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try await settle(ended)
    }

    func settle(_ batch: [Ended]) async throws {
        let areFresh = try await database.write { [self] in try $0.settle(batch, now: now) }
        for (ended, isFresh) in zip(batch, areFresh) {
            report(event(for: ended.settlement, of: ended.claimed, isStale: !isFresh))
        }
    }

    /// One delivery, with its lease kept and its time limited.
    func attempt(_ claimed: Claimed) async -> Ended {
        guard !Task.isCancelled else { return Ended(claimed: claimed, settlement: Self.interrupted) }
        guard !claimed.hasExpired(at: now) else { return Ended(claimed: claimed, settlement: Settlement(state: .expired)) }
        let (result, watch) = await handleUnderWatch(claimed)
        return Ended(claimed: claimed, settlement: settlement(of: claimed, result, watch))
    }

    /// A verdict counts even when the watch had given up by then: what was sent was sent. (If the lease was lost, the
    /// fence drops it.)
    private func settlement(of claimed: Claimed, _ result: Result<Verdict, any Error>, _ watch: Watch) -> Settlement {
        switch result {
        case .success(let verdict): settlement(for: verdict, of: claimed, now: now)
        case .failure where Task.isCancelled: Self.interrupted
        case .failure where watch == .tookTooLong:
            settlement(forFailure: "took longer than \(Int(settings.deadline.seconds)) s", of: claimed, now: now)
        case .failure(let error): settlement(forFailure: quietDescription(of: error), of: claimed, now: now)
        }
    }

    private enum Watch: Sendable { case over, tookTooLong, leaseLost }

    private enum Part: Sendable {
        case handler(Result<Verdict, any Error>)
        case watch(Watch)
    }

    /// Runs the handler and the watch over it; whichever ends first ends the other. When the program stops, both are
    /// cancelled, and the handler may still finish what it was doing.
    private func handleUnderWatch(_ claimed: Claimed) async -> (Result<Verdict, any Error>, Watch) {
        await withTaskGroup(of: Part.self) { group in
            group.addTask { .handler(await self.handle(claimed.delivery)) }
            group.addTask { .watch(await self.keepLease(of: claimed)) }
            var result = Result<Verdict, any Error>.failure(CancellationError())
            var watch = Watch.over
            for await part in group {
                switch part {
                case .handler(let answer): result = answer
                case .watch(let answer): watch = answer
                }
                group.cancelAll()
            }
            return (result, watch)
        }
    }

    private func handle(_ delivery: Delivery) async -> Result<Verdict, any Error> {
        do {
            guard case .external(let body) = handlers[delivery.topic] else {
                throw DeliveryFault("nobody here delivers \(delivery.topic)")
            }
            return .success(try await body(delivery))
        } catch {
            return .failure(error)
        }
    }

    /// Sends heartbeats until it is cancelled, the deadline passes or the lease turns out to be lost. A heartbeat the
    /// database refuses is tried again with the next: the lease outlives three of them.
    private func keepLease(of claimed: Claimed) async -> Watch {
        let deadline = now + settings.deadline
        while true {
            let next = min(now + settings.heartbeat, deadline)
            guard (try? await surroundings.clock.sleep(until: next)) != nil else { return .over }
            if now >= deadline { return .tookTooLong }
            if let isKept = try? await beat(claimed), !isKept { return .leaseLost }
        }
    }

    private func beat(_ claimed: Claimed) async throws -> Bool {
        try await database.write { [self] transaction in
            try transaction.run(Heartbeat(claimed: claimed, leaseUntil: now + settings.lease)) > 0
        }
    }
}
