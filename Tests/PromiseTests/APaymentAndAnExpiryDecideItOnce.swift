import Notation
import Partners
import People
import Scheduling
import Secrecy
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// A hold's end and its payment come at one moment, at different nodes with different clocks: one of them decides it (HB-3).
    @Suite struct APaymentAndAnExpiryDecideItOnce {
        private func ahead(_ paying: PayingClinic, by span: Span) -> Clinic {
            let clock = ManualClock(paying.clock.now + span)
            let surroundings = Surroundings(
                clock: clock, identifiers: Version7Identifiers(clock: clock, random: paying.fixture.random),
                random: paying.fixture.random)
            return Clinic(database: paying.fixture.database, surroundings: surroundings, master: TestKeys.master)
        }

        @Test(arguments: Engine.allCases) func `whoever is first, the patient has the time once and has paid once`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine, patients: 8, practitioners: 8) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                var intents: [Payment] = []
                for patient in 0..<8 { intents.append(try await paying.held(patient: patient, with: patient, at: start).intent) }
                // For one node the holds have a second left, for the other they are over.
                paying.clock.advance(by: .minutes(5) - .seconds(1))
                let late = ahead(paying, by: .seconds(2))
                for intent in intents { try await paying.tell(paying.desk.pay(intent.id)) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 { group.addTask { _ = try await late.sweepHolds(grace: .zero, limit: 3) } }
                    for number in 0..<3 { group.addTask { try await paying.deliver(named: "w\(number)") } }
                    try await group.waitForAll()
                }
                try await paying.deliver()
                for patient in 0..<8 {
                    let alive = try await paying.alive(of: patient)
                    #expect(alive.count == 1 && alive[0].state == .booked && alive[0].visit.from == start, "\(patient): \(alive)")
                    let standing = try await paying.standing(alive[0].id)
                    #expect(standing.payment.state == .paid && standing.refunds.isEmpty)
                }
                #expect(try await paying.numbers() == Array(1...8))
                try await paying.fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases) func `of the patient who paid late and another who wants the time, one has it`(
            engine: Engine
        ) async throws {
            try await PayingClinic.open(engine, patients: 12, practitioners: 6) { paying in
                let start = paying.plan.time(day: 3, hour: 9)
                var intents: [Payment] = []
                for patient in 0..<6 { intents.append(try await paying.held(patient: patient, with: patient, at: start).intent) }
                paying.clock.advance(by: .minutes(5))
                for intent in intents { try await paying.tell(paying.desk.pay(intent.id)) }
                let fixture = paying.fixture
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await fixture.clinic.sweepHolds(grace: .zero) }
                    for number in 0..<6 {
                        group.addTask {
                            _ = await fixture.book(patient: 6 + number, with: number, at: start, by: paying.plan.desk())
                        }
                    }
                    group.addTask { try await paying.deliver(named: "one") }
                    group.addTask { try await paying.deliver(named: "other") }
                    try await group.waitForAll()
                }
                try await paying.deliver()
                var paid = 0
                for (patient, intent) in intents.enumerated() {
                    let (payer, other) = (try await paying.alive(of: patient), try await paying.alive(of: 6 + patient))
                    #expect(payer.count + other.count == 1, "\(patient)")
                    paid += payer.count
                    let back = paying.desk.refunds.filter { $0.payment == intent.id }.map(\.amount.amount)
                    #expect(back == (payer.isEmpty ? [4500] : []), "who has no time has their money")
                    #expect(try await paying.notices(.refund, to: patient).count == (payer.isEmpty ? 1 : 0))
                    #expect(try await paying.notices(.honoured, to: patient).count == payer.count)
                }
                #expect(try await paying.numbers() == Array(1..<1 + paid))
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: a node that goes by an old look, and writes whatever the version, books what is sold`(engine: Engine)
            async throws
        {
            try await PayingClinic.open(engine) { paying in
                let (fixture, start) = (paying.fixture, paying.plan.time(day: 3, hour: 9))
                let (hold, intent) = try await paying.held(at: start)
                let memory = Memory()
                let careless = Clinic(
                    database: TamperedDatabase(fixture.database) { OldLook($0, memory) },
                    surroundings: Surroundings(
                        clock: ManualClock(paying.clock.now), identifiers: fixture.surroundings.identifiers,
                        random: fixture.random), master: TestKeys.master)
                // It looks while the hold runs: the provider says that the bank is at it.
                try await paying.tell(paying.desk.change(intent.id, to: .processing), at: careless)
                try await paying.deliver(at: careless)
                paying.clock.advance(by: .minutes(6))
                try await fixture.clinic.sweepHolds()
                #expect(await fixture.book(patient: 1, at: start).refusal == .paymentNeeded)
                #expect(await fixture.book(patient: 1, at: start, by: paying.plan.desk()).told?.state == .booked)
                try await paying.tell(paying.desk.pay(intent.id), at: careless)
                try await paying.deliver(at: careless)
                #expect(try await paying.state(hold.id) == .booked, "two have one time")
                let violations = try await fixture.violations()
                #expect(!violations.isEmpty)
            }
        }
    }
}

private final class Memory: Sendable {
    private let kept = Mutex<(any Sendable)?>(nil)
    func first(_ row: (any Sendable)?) -> (any Sendable)? {
        kept.withLock { kept in
            if kept == nil { kept = row }
            return kept
        }
    }
}

/// Gives for an appointment that is to be changed what was seen of one the first time, and writes whatever the version.
private final class OldLook: PassingTransaction {
    private let memory: Memory

    init(_ inner: any WriteTransaction, _ memory: Memory) {
        self.memory = memory
        super.init(inner)
    }

    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        let row = try super.first(query)
        guard "\(Asked.self)" == "AppointmentToChange" else { return row }
        return memory.first(row) as? Asked.Row
    }

    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard "\(Asked.self)" == "UpdateAppointment" else { return try super.run(command) }
        return try super.run(Unchecked(bindings: [command.bindings[0], command.bindings[1]]))
    }

    private struct Unchecked: Command {
        static let sql: SQL = """
            UPDATE appointment SET state = $2, held_until = NULL, cancelled_at = NULL, cancelled_by = NULL, cancellation_reason = NULL,
                version = version + 1 WHERE id = $1
            """
        let bindings: [SQLValue]
    }
}
