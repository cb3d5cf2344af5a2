import Moving
import Notation
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

@Suite(.serialized)
struct MovesUnderLoad {
    static let plan = ClinicPlan {
        $0.practitioners = 6
        $0.patients = 60
        $0.policy.cancellationCutoffMinutes = 0
    }

    @Test(arguments: Route.all)
    func `a clinic that moves while it books loses nothing and is never double-booked`(_ route: Route) async throws {
        try await route.withTarget { target in
            try await Self.withClinic(route.from) { fixture, redirected, source in
                let crowd = Crowd(fixture)
                let move = Move(
                    from: source, called: "the old place", to: target, called: "the new place",
                    .small { ($0.pageRows, $0.rowsCheckedInPause) = (150, 1_000_000) })
                let report = try await crowd.working {
                    await crowd.hasBooked(200)
                    let report = try await move.run()
                    // Whoever was refused waits; nobody else is on the way once all of them wait.
                    await crowd.allWait()
                    #expect(try await everything(in: source) == everything(in: target))
                    redirected.lead(to: target)
                    crowd.goOn.open()
                    await crowd.hasBooked(400)
                    return report
                }
                #expect(try await fixture.violations() == [])
                #expect(report.tables.allSatisfy { $0.checksum != nil })
                #expect(report.followed > 0)
                #expect(report.pauseSeconds < 10)
                #expect(crowd.refusedByTheMove > 0)
                // And back, with all that has happened since.
                let before = try await everything(in: target)
                _ = try await move.back()
                #expect(try await everything(in: source) == before)
                redirected.lead(to: source)
                #expect(try await fixture.violations() == [])
                let booked = await fixture.book(at: fixture.plan.time(day: 15, hour: 9), by: fixture.plan.desk())
                #expect(booked.told != nil)
            }
        }
    }

    @Test(arguments: [Route(from: .sqlite, to: .postgres), Route(from: .postgres, to: .postgres)])
    func `a mover that forgets the log is caught`(_ route: Route) async throws {
        try await route.withTarget { target in
            try await Self.withClinic(route.from) { fixture, redirected, source in
                let crowd = Crowd(fixture)
                let move = Move(
                    from: Forgetful(source), called: "the old place", to: target, called: "the new place",
                    .small { ($0.pageRows, $0.rowsCheckedInPause) = (150, 1_000_000) })
                try await crowd.working {
                    await crowd.hasBooked(200)
                    await #expect(throws: MoveFault.self) { try await move.run() }
                }
                #expect(try await everything(in: source) != everything(in: target))
                #expect(try await fixture.violations() == [])
            }
        }
    }

    static func withClinic<Answer>(
        _ engine: Engine, _ body: (ClinicFixture, Redirected, any Database) async throws -> Answer
    ) async throws -> Answer {
        let seen = Mutex<(Redirected, any Database)?>(nil)
        return try await ClinicFixture.open(
            engine, plan,
            sabotage: { database in
                let redirected = Redirected(database)
                seen.withLock { $0 = (redirected, database) }
                return redirected
            },
            { fixture in
                let (redirected, source) = seen.withLock { $0! }
                return try await body(fixture, redirected, source)
            })
    }
}

/// A database that loses half of the change log before it is read.
struct Forgetful: Database {
    let inner: any Database

    init(_ inner: any Database) { self.inner = inner }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try? await inner.write { try $0.execute("DELETE FROM move_log WHERE number % 2 = 0") }
        return try await inner.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await inner.write(body)
    }

    func doing(_ work: Work) -> any Database { Forgetful(inner.doing(work)) }
}

/// Callers who book and cancel without a rest. Who hears that the clinic is moving waits, and asks again with the same key.
final class Crowd: Sendable {
    let goOn = Gate()
    private let fixture: ClinicFixture
    private let isOver = Atomic(false)
    private let booked = Atomic(0)
    private let waiting = Atomic(0)
    private let refused = Atomic(0)
    private static let callers = 8

    init(_ fixture: ClinicFixture) { self.fixture = fixture }

    var refusedByTheMove: Int { refused.load(ordering: .relaxed) }

    func working<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.callers { group.addTask { await self.work(number) } }
            defer {
                isOver.store(true, ordering: .sequentiallyConsistent)
                goOn.open()
            }
            return try await body()
        }
    }

    func hasBooked(_ count: Int) async {
        while booked.load(ordering: .relaxed) < count { await rest() }
    }

    func allWait() async {
        while waiting.load(ordering: .relaxed) < Self.callers { await rest() }
    }

    private func rest() async { try? await MachineClock().sleep(until: MachineClock().now + .milliseconds(5)) }

    private func work(_ number: Int) async {
        let random = SeededRandom(seed: UInt64(number))
        let starts = fixture.plan.starts(onDays: 2..<14)
        var mine: [Told] = []
        var asked = 0
        while !isOver.load(ordering: .relaxed) {
            asked += 1
            let ask: Ask
            if mine.count > 3 || (!mine.isEmpty && random.below(3) == 0) {
                ask = .cancel(mine.removeFirst().id)
            } else {
                ask = .book(
                    BookingRequest(
                        id: nil, visitType: fixture.plan.consultation,
                        practitioner: fixture.plan.practitioner(random.below(fixture.plan.practitioners)),
                        start: starts[random.below(starts.count)],
                        patients: [fixture.plan.patient(random.below(fixture.plan.patients))], isHold: random.below(8) == 0))
            }
            try? await MachineClock().sleep(until: MachineClock().now + .milliseconds(50))
            let outcome = await insist(ask, number, key: "caller-\(number)-\(asked)")
            if case .book = ask, let told = outcome.told {
                mine.append(told)
                booked.add(1, ordering: .relaxed)
            }
        }
    }

    /// Until there is a definite answer.
    private func insist(_ ask: Ask, _ number: Int, key: String) async -> Outcome {
        while true {
            let outcome = await fixture.ask(ask, by: fixture.plan.desk(number), key: key)
            if outcome.isDefinite { return outcome }
            if outcome == .failed(StorageFault.moving.description) {
                refused.add(1, ordering: .relaxed)
                waiting.add(1, ordering: .relaxed)
                await goOn.pass()
                waiting.subtract(1, ordering: .relaxed)
            }
        }
    }
}
