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
            let state = try await stateAfterAPausedWorkerReturns(workshop, UnfencedDatabase(workshop.database))
            #expect(state == "dead")
            #expect(!workshop.events.all.contains(.stale(topic: "note")))
        }
    }

    @Test(arguments: Engine.allCases)
    func `the effect of a worker that lost its lease is undone with its completion`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let claimedByA = Notes<Int>()
            // A's write after its claim waits until B has finished.
            let turnstile = WaitingDatabase(inner: workshop.database, holdsWrite: 2)
            let a = workshop.worker(named: "a", clock: ManualClock(.monday), database: turnstile, ["note": .effect(by: "a")])
            let b = workshop.worker(named: "b", ["note": .effect(by: "b")])
            async let step = a.step()
            await turnstile.arrived.pass()
            claimedByA.add(try await workshop.row(id).lease)
            workshop.clock.advance(by: .seconds(61))
            try await b.rescueLeases()
            #expect(try await b.step() == 1)
            turnstile.release.open()
            _ = try await step
            #expect(claimedByA.all == [1])
            #expect(try await workshop.effects(of: id) == ["b"])
            #expect(workshop.events.all.filter { $0 == .stale(topic: "note") }.count == 1)
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
    func `a kill around the finish leaves a transactional effect exactly once`(engine: Engine, death: KillingDatabase.Death)
        async throws
    {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let killed = workshop.worker(
                named: "killed", database: KillingDatabase(workshop.database, [2: death]), ["note": .effect()])
            await #expect(throws: StorageFault.closed) { try await killed.step() }
            workshop.clock.advance(by: .seconds(61))
            let other = workshop.worker(named: "other", ["note": .effect()])
            try await other.rescueLeases()
            while try await other.step() > 0 {}
            #expect(try await workshop.effects(of: id).count == 1)
            #expect(try await workshop.row(id).state == "done")
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
                    database: KillingDatabase(workshop.database, [2: .beforeCommit]), ["note": .effect()])
                _ = try? await killed.step()
                workshop.clock.advance(by: .seconds(61))
                try await workshop.worker([:]).rescueLeases()
            }
            #expect(try await workshop.row(id).state == "dead")
            #expect(try await workshop.effects(of: id).isEmpty)
        }
    }
}

/// Holds one write back until the test lets it go.
struct WaitingDatabase: Database {
    let inner: any Database
    let holdsWrite: Int
    let arrived = Gate(), release = Gate()
    private let writes = Notes<Int>()

    init(inner: any Database, holdsWrite: Int) {
        self.inner = inner
        self.holdsWrite = holdsWrite
    }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        await hold()
        return try await inner.write(body)
    }

    func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        await hold()
        return try await inner.writeTogether(foreseen: foreseen, body)
    }

    var gainsFromForesight: Bool { inner.gainsFromForesight }

    private func hold() async {
        writes.add(1)
        guard writes.count == holdsWrite else { return }
        arrived.open()
        await release.pass()
    }
}
