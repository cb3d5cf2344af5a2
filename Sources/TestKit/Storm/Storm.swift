import Notation
import Outbox
import Scheduling
import Storage
import Synchronization
import Workflows

/// How much of a storm.
public struct StormPlan: Sendable {
    /// Contended attempts in the rush, besides those that sell what is left afterwards.
    public var attempts = 100_000
    public var callers = 64
    public var practitioners = 1
    /// The window everybody wants, from the third day on.
    public var days = 1
    public var seed: UInt64 = 1

    public init(attempts: Int, practitioners: Int) {
        self.attempts = attempts
        self.practitioners = practitioners
        days = max(1, 8 / practitioners)
    }

    var dayRange: Range<Int> { 3..<(3 + days) }

    /// The clinic of the storm: more patients than can be served at once, and no notice or cut-off in the way.
    public var clinic: ClinicPlan {
        ClinicPlan {
            $0.practitioners = practitioners
            $0.patients = callers + max(200, 2 * practitioners)
            $0.policy.cancellationCutoffMinutes = 0
        }
    }
}

/// What a storm left behind.
public struct StormReport: Sendable {
    public var attempts = 0
    /// Attempts that changed something.
    public var changes = 0
    public var refusals = 0
    public var repeats = 0
    public var failures = 0
    public var seconds = 0.0
    /// The longest any caller waited for an answer, in seconds, and what 99 of 100 waited at most.
    public var longestWait = 0.0
    public var wait99 = 0.0
    public var sold = 0
    public var capacity = 0
    /// Times the index or the database still offers.
    public var unsold = 0
    public var violations: [Violation] = []

    public var attemptsPerSecond: Double { seconds > 0 ? Double(attempts) / seconds : 0 }
}

/// Everybody wants the same times at once: holds, bookings, confirmations, moves, cancellations and repeats, as fast as
/// the clinic answers (MA-4, HB-2). Then the holds nobody confirmed run out, and what is free is sold.
public struct Storm: Sendable {
    let plan: StormPlan
    let fixture: ClinicFixture

    public init(_ plan: StormPlan, in fixture: ClinicFixture) {
        self.plan = plan
        self.fixture = fixture
    }

    /// Runs it all and looks the database over.
    public func run() async throws -> StormReport {
        var report = await rush()
        try await endAbandonedHolds()
        await sellTheRest()
        try await deliverEverything()
        report.capacity = fixture.plan.capacity(ofDays: plan.dayRange)
        report.sold = try await fixture.database.read { try $0.first(LiveAppointments()) ?? 0 }
        report.unsold = try await offersLeft()
        report.violations = try await fixture.violations()
        return report
    }

    /// Only the rush, for storms that are meant to do damage.
    public func rush() async -> StormReport {
        let started = ContinuousClock.now
        let callers = await withTaskGroup(of: StormCaller.self) { group in
            for number in 0..<plan.callers {
                group.addTask {
                    var caller = StormCaller(number, plan, fixture)
                    await caller.rush(attempts: (plan.attempts + number) / plan.callers)
                    return caller
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return report(of: callers, seconds: (ContinuousClock.now - started).seconds)
    }

    private func report(of callers: [StormCaller], seconds: Double) -> StormReport {
        var report = StormReport()
        report.seconds = seconds
        for caller in callers {
            report.attempts += caller.waits.count
            report.changes += caller.changes
            report.refusals += caller.refusals
            report.repeats += caller.repeats
            report.failures += caller.failures
        }
        let waits = callers.flatMap(\.waits).sorted()
        report.longestWait = waits.last ?? 0
        report.wait99 = waits.isEmpty ? 0 : waits[waits.count * 99 / 100]
        return report
    }

    /// Half of the holds were left alone. Their time comes back, by the timer or by the sweeper.
    private func endAbandonedHolds() async throws {
        fixture.clock.advance(by: .minutes(6))
        while try await fixture.clinic.sweepHolds() > 0 {}
    }

    /// Callers go on until the index has nothing more to offer.
    private func sellTheRest() async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<plan.callers {
                group.addTask {
                    var caller = StormCaller(number, plan, fixture)
                    while await caller.buyAnythingLeft() {}
                }
            }
        }
    }

    /// Four workers at once, until nothing is due.
    private func deliverEverything() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                let worker = fixture.worker(named: "worker-\(number)")
                group.addTask { while try await worker.step() > 0 {} }
            }
            try await group.waitForAll()
        }
    }

    /// Free times in the index, and starts the deciding code would still give away.
    private func offersLeft() async throws -> Int {
        let (clinicPlan, clinic) = (fixture.plan, fixture.clinic)
        let range = clinicPlan.range(ofDays: plan.dayRange)
        let search = TimeSearch(visitType: clinicPlan.consultation, range: range, limit: 100)
        var count = try clinic.freeTimes(search, for: clinicPlan.desk()).elements.count
        let someone = clinicPlan.patient(0)
        for practitioner in clinicPlan.practitionerIDs {
            for start in clinicPlan.starts(onDays: plan.dayRange) {
                let wish = Wish(visitType: clinicPlan.consultation, practitioner: practitioner, start: start, patients: [someone])
                let objections = try await clinic.objections(to: wish, for: .looking(clinicPlan.desk()))
                if !objections.contains(.practitionerTaken) { count += 1 }
            }
        }
        return count
    }
}

struct LiveAppointments: Query {
    static let sql: SQL = "SELECT count(*) FROM appointment WHERE state NOT IN ('cancelled', 'entered-in-error')"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
