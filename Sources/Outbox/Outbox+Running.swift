internal import Notation
internal import Storage

extension Outbox {
    /// Works until its task is cancelled, then finishes what is under way, gives back what it cannot finish, and returns.
    /// Throws only when the database has been closed under it.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.runTransactional() }
            group.addTask { try await self.runExternal() }
            group.addTask { try await self.every(self.settings.rescue, "rescue leases") { _ = try await self.rescueLeases() } }
            group.addTask { try await self.every(self.settings.sweep, "sweep") { _ = try await self.sweep() } }
            // One that throws ends the others.
            for try await _ in group {}
        }
    }

    private func runTransactional() async throws {
        while !Task.isCancelled {
            try await survive("deliver") {
                guard try await self.isDue(self.transactional, self.transactional.topics) else { return }
                let start = self.now
                _ = try await self.deliverTransactional()
                await self.rest(since: start)
            }
        }
    }

    /// Keeps up to `concurrency` deliveries of each topic under way: a free place is filled without waiting for the slowest.
    private func runExternal() async throws {
        let places = Places(settings)
        let queue = SettlingQueue()
        try await withThrowingDiscardingTaskGroup { group in
            while !Task.isCancelled {
                try await survive("claim") {
                    let (topics, limit) = places.open(self.external.topics, atMost: self.settings.batch)
                    if limit == 0, !self.external.topics.isEmpty {
                        return await self.external.bell.wait(until: self.now + self.settings.poll, clock: self.surroundings.clock)
                    }
                    guard try await self.isDue(self.external, topics) else { return }
                    let start = self.now
                    let batch = try await self.claim(self.external, topics, limit: limit)
                    for claimed in batch {
                        places.take(claimed.delivery.topic)
                        group.addTask { await self.deliver(claimed, places, queue) }
                    }
                    await self.rest(since: start, thereIsMore: batch.count == limit)
                }
            }
        }
    }

    private func deliver(_ claimed: Claimed, _ places: Places, _ queue: SettlingQueue) async {
        let ended = await attempt(claimed)
        guard queue.add(ended) else { return }
        while let batch = queue.take() {
            await settleStubbornly(batch)
            places.give(back: batch.map(\.claimed.delivery.topic))
            external.bell.ring()
        }
    }

    /// A result that is not recorded is delivered again, so a database that refuses is asked a few times.
    private func settleStubbornly(_ batch: [Ended]) async {
        for attempt in 1...5 {
            do {
                return try await settle(batch)
            } catch {
                report(.failed(doing: "settle", error: quietDescription(of: error)))
                if attempt < 5 { try? await surroundings.clock.sleep(until: now + settings.poll) }
            }
        }
    }

    /// True at once when something is due; otherwise sleeps until it may be. A look costs a read, so an idle worker never
    /// touches the writer.
    private func isDue(_ lane: Lane, _ topics: [String]) async throws -> Bool {
        guard !topics.isEmpty else {
            try await surroundings.clock.sleep(until: now + .hours(1))
            return false
        }
        let outlook = lane.horizon.outlook(topics, now: now)
        let start = now
        let due = try await database.read { try $0.first(NextDue(outlook: outlook)) ?? nil }
        lane.horizon.saw(outlook, [], isCutShort: true, from: start, to: now)
        if let due, due <= now { return true }
        let sleepUntil = now + settings.poll
        await lane.bell.wait(until: due.map { min($0, sleepUntil) } ?? sleepUntil, clock: surroundings.clock)
        return false
    }

    /// After a batch the worker rests three times as long as the batch took, unless it is set otherwise, so that it never
    /// has more than a quarter of the database's one writer, however much there is to deliver: in a rush bookings come
    /// first and notices a few seconds later. The short rest it takes in any case, unless there is more already, lets messages gather that
    /// would otherwise be claimed one by one.
    private func rest(since start: Instant, thereIsMore: Bool = false) async {
        let took = min((now - start) * settings.modesty, settings.poll)
        let rest = max(thereIsMore ? .zero : settings.rest, took)
        if rest > .zero { try? await surroundings.clock.sleep(until: now + rest) }
    }

    private func every(_ interval: Span, _ doing: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        while !Task.isCancelled {
            if election.isElected() { try await survive(doing, body) }
            try? await surroundings.clock.sleep(until: now + interval)
        }
    }

    /// Reports what went wrong and pauses. Only a closed database ends the worker.
    private func survive(_ doing: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            return
        } catch StorageFault.closed {
            throw StorageFault.closed
        } catch {
            report(.failed(doing: doing, error: quietDescription(of: error)))
            try? await surroundings.clock.sleep(until: now + settings.poll)
        }
    }
}
