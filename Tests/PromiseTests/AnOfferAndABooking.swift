import Notation
import Outbox
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-9: whoever is offered a time and whoever books it by hand cannot both have it, no chain goes round, and no crash loses an offer.
    @Suite struct AnOfferAndABooking {
        /// Frees a time, and lets a worker offer it while somebody books it. Gives how many have it then.
        private func race(_ waitlist: WaitlistFixture, at start: Instant, _ worker: Outbox, _ other: Clinic) async throws -> Int {
            try await waitlist.free(start)
            async let booked = waitlist.fixture.book(patient: 6, at: start, by: waitlist.plan.desk(), at: other)
            async let stepped = worker.step()
            _ = try await (booked, stepped)
            try await waitlist.work()
            return try await waitlist.holders(of: start).count
        }

        @Test(arguments: Engine.allCases) func `an offer and a manual booking cannot both win`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, missesAtMost: 1_000) { waitlist in
                for patient in 1...3 { _ = try await waitlist.join(patient).value() }
                let other = try await waitlist.fixture.anotherClinic()
                let worker = waitlist.fixture.worker()
                var (offered, refused) = (0, 0)
                for start in waitlist.plan.starts(onDays: 5..<7) {
                    let holders = try await race(waitlist, at: start, worker, other)
                    #expect(holders == 1)
                    let offers = try await waitlist.offers(at: start)
                    if let open = offers.first(where: { $0.state == .open }) {
                        offered += 1
                        let patient = try #require(try await waitlist.thinking(at: start).first)
                        _ = try await waitlist.decline(open, by: patient).value()
                    } else {
                        refused += 1
                        #expect(offers.last?.explanation.contains("practitionerTaken") == true, "\(offers)")
                    }
                }
                #expect(offered + refused == 32)
                try await waitlist.isSound()
            }
        }

        /// Both look at the same moment and find the time free.
        private func together(unguarded: Bool) async throws -> Int {
            try await WaitlistFixture.result(.postgres) { waitlist in
                if unguarded { try await waitlist.fixture.execute(Unguarded.sql) }
                _ = try await waitlist.join(1).value()
                let start = waitlist.start()
                try await waitlist.free(start)
                let meeting = TwoLookFirst(waitlist.fixture.database)
                let programs = [1, 2].map { _ in
                    Clinic(
                        database: meeting, surroundings: waitlist.fixture.surroundings, master: TestKeys.master)
                }
                for program in programs { try await program.open() }
                let worker = Outbox(
                    database: meeting, surroundings: waitlist.fixture.surroundings, workerName: "meeting",
                    handlers: programs[0].deliveries)
                if unguarded {
                    // The primary key of the claims knows one moment only.
                    try await waitlist.fixture.execute("ALTER TABLE claim DROP CONSTRAINT claim_pkey")
                }
                meeting.begin()
                async let booked = waitlist.fixture.book(patient: 6, at: start, by: waitlist.plan.desk(), at: programs[1])
                async let stepped = worker.step()
                _ = try await (booked, stepped)
                waitlist.fixture.clock.advance(by: .minutes(1))
                return try await waitlist.holders(of: start).count
            }
        }

        @Test func `of an offer and a booking that find the time free together, one has it`() async throws {
            #expect(try await together(unguarded: false) == 1)
        }

        @Test func `would be seen: without the claims both have it`() async throws {
            #expect(try await together(unguarded: true) == 2)
        }

        @Test(arguments: Engine.allCases)
        func `nobody is offered the same time twice, and no chain goes round`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, missesAtMost: 1_000) { waitlist in
                let offers = try await goRound(waitlist)
                #expect(offers.count { $0.recipient != nil } == 2, "one for each who waits")
                #expect(Set(offers.compactMap(\.recipient?.patient)).count == 2)
                #expect(offers.filter { $0.state == .nobody }.allSatisfy { $0.explanation.contains(#""had-this-offer":"#) })
                #expect(Set(offers.map(\.chain)).count == 3)
                // Who gives a time back is not offered it.
                _ = try await waitlist.join(3).value()
                try await waitlist.free(waitlist.start(6), by: 3)
                try await waitlist.work()
                #expect(try await !waitlist.thinking(at: waitlist.start(6)).contains(3))
                try await waitlist.isSound()
            }
        }

        /// Two wait for a time; it is freed three times, and all they do is wait.
        private func goRound(_ waitlist: WaitlistFixture) async throws -> [WaitlistOffer] {
            for patient in 1...2 { _ = try await waitlist.join(patient).value() }
            let (start, worker) = (waitlist.start(10), waitlist.fixture.worker())
            for _ in 0..<3 {
                try await waitlist.free(start)
                for _ in 0..<6 {
                    try await waitlist.work(worker)
                    waitlist.fixture.clock.advance(by: .hours(4))
                }
            }
            return try await waitlist.offers(at: start)
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody remembers and the schema does not mind, it goes round`(engine: Engine) async throws {
            try await WaitlistFixture.open(
                engine, missesAtMost: 1_000,
                sabotage: { TamperedDatabase($0) { BlindTo($0, ["SELECT patient_id, chain_id, entry_id FROM waitlist_offer"]) } }
            ) { waitlist in
                try await waitlist.fixture.execute("DROP INDEX waitlist_offer_once")
                for patient in 1...2 { _ = try await waitlist.join(patient).value() }
                let (start, worker) = (waitlist.start(10), waitlist.fixture.worker())
                try await waitlist.free(start)
                for _ in 0..<12 {
                    try await waitlist.work(worker)
                    waitlist.fixture.clock.advance(by: .hours(4))
                }
                let offers = try await waitlist.offers(at: start)
                #expect(offers.count { $0.recipient != nil } == 12, "the same people, again and again")
            }
        }

        /// Breaks off the transaction that offers a time at each of its statements in turn, and lets another worker go on.
        @Test(arguments: Engine.allCases) func `a crash between steps loses no offer`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine, missesAtMost: 1_000) { waitlist in
                _ = try await waitlist.join(1).value()
                let starts = waitlist.plan.starts(onDays: 5..<10)
                for (place, start) in starts.enumerated() {
                    try await waitlist.free(start)
                    let isOver = await brokenOff(waitlist, after: place)
                    waitlist.fixture.clock.advance(by: .minutes(3))
                    try await waitlist.work()
                    let offers = try await waitlist.offers(at: start)
                    #expect(offers.map(\.state) == [.open], "broken off after \(place)")
                    #expect(try await waitlist.holders(of: start).count == 1)
                    #expect(try await waitlist.notices(.offer) == place + 1, "told once")
                    if isOver {
                        #expect(place > 5)
                        return try await waitlist.isSound()
                    }
                    // Refused at each of its statements, too: what the next is owed is not lost.
                    _ = try await waitlist.decline(try #require(offers.first), by: 1).value()
                    try await waitlist.work()
                }
                Issue.record("it never came to its end")
            }
        }

        /// Whether it came to its end before it was broken off.
        private func brokenOff(_ waitlist: WaitlistFixture, after count: Int) async -> Bool {
            let left = Statements(count)
            let failing = TamperedDatabase(waitlist.fixture.database) { BreakingOff($0, left) }
            let clinic = Clinic(
                database: failing, surroundings: waitlist.fixture.surroundings, master: TestKeys.master,
                settings: waitlist.fixture.clinic.settings)
            // Only what is offered is broken off, not the worker's own work before and after.
            let handlers: [String: OutboxHandler] = [
                Topic.freedTime: .transactional { transaction, delivery in
                    guard case .transactional(let offer)? = clinic.deliveries[Topic.freedTime] else { return .done }
                    return try offer(BreakingOff(transaction, left), delivery)
                }
            ]
            let worker = Outbox(
                database: waitlist.fixture.database, surroundings: waitlist.fixture.surroundings, workerName: "breaking",
                handlers: handlers)
            _ = try? await worker.step()
            return !left.isOver
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: a clinic that forgets to say that a time is free offers nothing`(engine: Engine) async throws {
            try await WaitlistFixture.open(engine) { waitlist in
                _ = try await waitlist.join(1).value()
                let forgetful = Clinic(
                    database: TamperedDatabase(waitlist.fixture.database) { BlindTo($0, ["SELECT 1 FROM waitlist_entry"]) },
                    surroundings: waitlist.fixture.surroundings, master: TestKeys.master)
                try await waitlist.free(waitlist.start(), at: forgetful)
                try await waitlist.work()
                let offers = try await waitlist.offers()
                #expect(offers == [])
            }
        }
    }
}

extension WaitlistFixture {
    static func result<Answer: Sendable>(
        _ engine: Engine, _ body: (WaitlistFixture) async throws -> Answer
    ) async throws -> Answer {
        var answer: Answer?
        try await open(engine) { answer = try await body($0) }
        return try #require(answer)
    }
}

private final class Statements: Sendable {
    private let left: Mutex<Int>
    init(_ count: Int) { left = Mutex(count) }

    var isOver: Bool { left.withLock { $0 < 0 } }

    func count() throws {
        left.withLock { $0 -= 1 }
        if isOver { throw StorageFault.full }
    }
}

/// Fails after some statements that write, like a machine whose power goes.
private final class BreakingOff: PassingTransaction {
    private let left: Statements

    init(_ inner: any WriteTransaction, _ left: Statements) {
        self.left = left
        super.init(inner)
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        try left.count()
        return try super.run(command)
    }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        try left.count()
        try super.post(command, orElse: fault)
    }
}
