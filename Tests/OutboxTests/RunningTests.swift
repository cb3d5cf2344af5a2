import Notation
import Outbox
import Storage
import Testing

@Suite struct Running {
    @Test func `a running worker is woken by its bell and delivers both kinds`() async throws {
        try await Workshop.open { workshop in
            let delivered = Notes<String>()
            let both = Gate()
            @Sendable func note(_ topic: String) -> Verdict {
                delivered.add(topic)
                if delivered.count == 2 { both.open() }
                return .done
            }
            let worker = workshop.worker([
                "quick": .transactional { _, delivery in note(delivery.topic) },
                "slow": .external { note($0.topic) },
            ])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                let quick = workshop.message("quick"), slow = workshop.message("slow")
                try await workshop.database.write { transaction in
                    try transaction.enqueue(quick)
                    try transaction.enqueue(slow)
                    transaction.afterCommit { worker.wake() }
                }
                await both.pass()
                group.cancelAll()
            }
            #expect(delivered.all.sorted() == ["quick", "slow"])
            #expect(try await workshop.database.read { try $0.outboxDepth(topics: ["quick", "slow"], now: workshop.clock.now) }.ready == 0)
        }
    }

    @Test func `a worker nobody wakes finds a message within a second`() async throws {
        try await Workshop.open { workshop in
            let done = Gate()
            let worker = workshop.worker(["note": .transactional { _, _ in done.open(); return .done }])
            let inASecond = workshop.clock.now + .seconds(1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                while !workshop.clock.isAwaited(at: inASecond) { await Task.yield() }
                try await workshop.put("note")
                workshop.clock.advance(to: inASecond)
                await done.pass()
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test func `a graceful stop gives leases back as if they had never been taken`() async throws {
        try await Workshop.open { workshop in
            let ids = try await [1, 2, 3].asyncMap { _ in try await workshop.put("note") }
            let started = Notes<Int>()
            let all = Gate()
            let clock = workshop.clock
            let worker = workshop.worker([
                "note": .external { _ in
                    started.add(1)
                    if started.count == 3 { all.open() }
                    try await clock.sleep(until: clock.now + .hours(1))
                    return .done
                }
            ])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                await all.pass()
                group.cancelAll()
                try await group.waitForAll()
            }
            for id in ids {
                let row = try await workshop.row(id)
                #expect(row.state == "ready" && row.attempt == 0 && row.lastError == nil && row.lease == 1)
            }
            #expect(workshop.events.all.filter { $0 == .interrupted(topic: "note") }.count == 3)
        }
    }

    @Test func `what a handler finished while the program stops is recorded`() async throws {
        try await Workshop.open { workshop in
            let id = try await workshop.put("note")
            let started = Gate(), release = Gate()
            let worker = workshop.worker(["note": .external { _ in
                started.open()
                await release.pass()
                return .done
            }])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                await started.pass()
                group.cancelAll()
                release.open()
                try await group.waitForAll()
            }
            #expect(try await workshop.row(id).state == "done")
        }
    }

    @Test func `a slow receiver does not hold up the others`() async throws {
        try await Workshop.open { workshop in
            var settings = OutboxSettings()
            settings.concurrency = 2
            let stuck = Gate(), quick = Gate()
            try await workshop.put("stuck")
            for _ in 0..<5 { try await workshop.put("quick") }
            let delivered = Notes<Int>()
            let worker = workshop.worker(settings: settings, [
                "stuck": .external { _ in await stuck.pass(); return .done },
                "quick": .external { _ in
                    delivered.add(1)
                    if delivered.count == 5 { quick.open() }
                    return .done
                },
            ])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                group.addTask {
                    // Short rests and polls pass; no lease and no deadline does.
                    while !Task.isCancelled {
                        workshop.clock.advance(by: .milliseconds(1))
                        await Task.yield()
                    }
                }
                await quick.pass()
                stuck.open()
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(delivered.count == 5)
        }
    }

    @Test func `a closed database ends the worker`() async throws {
        try await Workshop.open { workshop in
            let worker = workshop.worker(database: KillingDatabase(workshop.database, [1: .beforeCommit]), ["note": .effect()])
            await #expect(throws: StorageFault.closed) { try await worker.run() }
        }
    }

    @Test func `a full disk is reported, and the worker goes on when there is room again`() async throws {
        try await Workshop.open { workshop in
            try await workshop.put("note")
            let done = Gate()
            let worker = workshop.worker(
                database: KillingDatabase(workshop.database, [1: .full, 2: .full]),
                ["note": .transactional { _, _ in done.open(); return .done }])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                let inASecond = workshop.clock.now + .seconds(1)
                while !workshop.clock.isAwaited(at: inASecond) { await Task.yield() }
                workshop.clock.advance(to: inASecond)
                await done.pass()
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(workshop.events.all.contains { if case .failed = $0 { true } else { false } })
        }
    }
}
