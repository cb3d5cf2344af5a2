import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct Fencing {
    /// Worker A is paused in the middle of a delivery, as by SIGSTOP: its clock stands, so it sends no heartbeat. B takes
    /// the message over and finishes it; then A comes back and says that it is dead.
    private func stateAfterAPausedWorkerReturns(_ workshop: Workshop, _ database: any Database) async throws -> String {
        let id = try await workshop.put("note")
        let frozen = ManualClock(.monday)
        let started = Gate()
        let resumed = Gate()
        let paused = workshop.worker(
            named: "paused", clock: frozen, database: database,
            [
                "note": .external { _ in
                    started.open()
                    await resumed.pass()
                    return .dead(reason: "a stale verdict")
                }
            ])
        let other = workshop.worker(named: "other", database: database, ["note": .external { _ in .done }])
        async let step = paused.step()
        await started.pass()
        workshop.clock.advance(by: .seconds(61))
        #expect(try await other.rescueLeases() == 1)
        #expect(try await other.step() == 1)
        resumed.open()
        _ = try await step
        return try await workshop.row(id).state
    }

    @Test(arguments: Engine.allCases)
    func `a worker paused past its lease cannot overwrite what another did`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let state = try await stateAfterAPausedWorkerReturns(workshop, workshop.database)
            #expect(state == "done")
            #expect(workshop.events.all.contains(.stale(topic: "note")))
        }
    }

    @Test(arguments: Engine.allCases)
    func `negative control: without the fence the stale verdict stands, and this suite would notice`(engine: Engine) async throws
    {
        try await Workshop.open(engine) { workshop in
            let state = try await stateAfterAPausedWorkerReturns(workshop, TamperedDatabase.unfenced(workshop.database))
            #expect(state == "dead")
            #expect(!workshop.events.all.contains(.stale(topic: "note")))
        }
    }

    /// Ends are written together; the lease of each is looked at by itself.
    @Test(arguments: Engine.allCases)
    func `of deliveries that end together the ones whose lease was lost change nothing, and the others count`(engine: Engine)
        async throws
    {
        try await Workshop.open(engine) { workshop in
            var ids: [ID<OutboxMessage>] = []
            for _ in 0..<6 { ids.append(try await workshop.put("note")) }
            let (all, lost) = (ids, [ids[1], ids[4]])
            let worker = workshop.worker([
                "note": .external { delivery in
                    // When the last of them has begun, two are taken away.
                    guard delivery.id == all[5] else { return .done }
                    try await workshop.database.write { transaction in
                        for id in lost { try transaction.run(TakeOver(id: id)) }
                    }
                    return .retry(after: .seconds(5), reason: "busy")
                }
            ])
            #expect(try await worker.step() == 6)
            for id in ids {
                let row = try await workshop.row(id)
                let wanted = lost.contains(id) ? "running" : id == ids[5] ? "ready" : "done"
                #expect(row.state == wanted && row.lease == (lost.contains(id) ? 2 : 1), "\(row)")
            }
            #expect(try await workshop.row(ids[5]).lastError == "busy")
            let told = workshop.events.all
            #expect(told.count { $0 == .stale(topic: "note") } == 2 && told.count == 6, "\(told)")
        }
    }

    /// A holds the message in a transaction that takes its time. B looks meanwhile and finds nothing it may take.
    @Test func `what one worker holds in its transaction no other takes`() async throws {
        try await Workshop.open(.postgres) { workshop in
            let id = try await workshop.put("note")
            let (holds, hasLooked) = (Gate(), Gate())
            let a = workshop.worker(
                named: "a",
                [
                    "note": .transactional { transaction, delivery in
                        holds.open()
                        hasLooked.hold(seconds: 8)
                        try transaction.run(AddEffect(id: delivery.id, worker: "a"))
                        return .done
                    }
                ])
            let b = workshop.worker(named: "b", ["note": .effect(by: "b")])
            async let step = a.step()
            await holds.pass()
            #expect(try await b.step() == 0)
            hasLooked.open()
            #expect(try await step == 1)
            #expect(try await b.step() == 0)
            #expect(try await workshop.effects(of: id) == ["a"])
        }
    }

    /// Cancelling does not wait for a worker that may be waiting for what is cancelled.
    @Test func `what a worker holds is not cancelled, and nobody waits for it`() async throws {
        try await Workshop.open(.postgres) { workshop in
            let subject = workshop.identifiers.next(OutboxSubject.self)
            let id = try await workshop.put("note") { $0.subject = subject }
            let (holds, hasTried) = (Gate(), Gate())
            let worker = workshop.worker([
                "note": .transactional { _, _ in
                    holds.open()
                    hasTried.hold(seconds: 8)
                    return .done
                }
            ])
            async let step = worker.step()
            await holds.pass()
            let now = workshop.clock.now
            let cancelled = try await workshop.database.write {
                try $0.cancelWaiting(subject: subject, topics: ["note"], now: now)
            }
            hasTried.open()
            #expect(cancelled == 0)
            #expect(try await step == 1)
            #expect(try await workshop.state(id) == "gone")
        }
    }

    @Test func `heartbeats keep the lease of a delivery that takes long`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            let worker = workshop.worker([
                "note": .external { _ in
                    try await workshop.pass(.minutes(4)); return .done
                }
            ])
            async let step = worker.step()
            for _ in 1...23 {
                try await workshop.pass(.seconds(10))
                #expect(try await worker.rescueLeases() == 0)
            }
            #expect(try await step == 1)
            let row = try await workshop.row(id)
            #expect(row.state == "done" && row.lease == 1)
        }
    }

    @Test func `a delivery whose lease was lost is called off`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            let worker = workshop.worker([
                "note": .external { _ in
                    try await workshop.pass(.minutes(4)); return .done
                }
            ])
            let start = workshop.clock.now
            async let step = worker.step()
            try await workshop.pass(.seconds(1))
            // An operator takes it away by hand.
            try await workshop.database.write { try $0.execute("UPDATE outbox SET lease = lease + 1") }
            _ = try await step
            #expect(workshop.clock.now == start + .seconds(15), "the next heartbeat found out")
            #expect(try await workshop.row(id).state == "running")
            #expect(workshop.events.all == [.stale(topic: "note")])
        }
    }

    @Test(arguments: Engine.allCases, [KillingDatabase.Death.beforeCommit, .afterCommit])
    func `a kill around the commit leaves a transactional effect exactly once`(engine: Engine, death: KillingDatabase.Death)
        async throws
    {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let killed = workshop.worker(
                named: "killed", database: KillingDatabase(workshop.database, [1: death]), ["note": .effect()])
            await #expect(throws: StorageFault.closed) { try await killed.step() }
            // At once: there is no lease to wait for.
            let other = workshop.worker(named: "other", ["note": .effect()])
            #expect(try await other.step() == (death == .beforeCommit ? 1 : 0))
            #expect(try await workshop.effects(of: id).count == 1)
            #expect(try await workshop.state(id) == "gone")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a kill between sending and recording sends again, under the same identifier`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let sent = Notes<ID<OutboxMessage>>()
            let handlers: [String: OutboxHandler] = [
                "note": .external {
                    sent.add($0.id); return .done
                }
            ]
            // The first write is the claim, the second the finish.
            let killed = workshop.worker(
                named: "killed", database: KillingDatabase(workshop.database, [2: .beforeCommit]), handlers)
            await #expect(throws: StorageFault.closed) { try await killed.step() }
            workshop.clock.advance(by: .seconds(61))
            let other = workshop.worker(named: "other", handlers)
            try await other.rescueLeases()
            #expect(try await other.step() == 1)
            #expect(sent.all == [id, id])
            #expect(workshop.events.all.contains(.rescued(topic: "note", isDead: false)))
        }
    }

    @Test(arguments: Engine.allCases)
    func `a message whose workers always die is dead after its last attempt`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note") { $0.maxAttempts = 2 }
            for _ in 1...2 {
                let killed = workshop.worker(
                    database: KillingDatabase(workshop.database, [2: .beforeCommit]), ["note": .external { _ in .done }])
                _ = try? await killed.step()
                workshop.clock.advance(by: .seconds(61))
                try await workshop.worker([:]).rescueLeases()
            }
            #expect(try await workshop.row(id).state == "dead")
        }
    }
}

/// Another worker has the message by now.
private struct TakeOver: Command {
    static let sql: SQL = "UPDATE outbox SET lease = lease + 1 WHERE id = $1"
    var bindings: [SQLValue] { [.id(id)] }
    let id: ID<OutboxMessage>
}
