public import Notation
public import Outbox
import People
import Scheduling
public import Storage
public import Workflows

/// A clinic of its own for one test: a fresh database, a clock that stands still, chance from a seed, and helpers that
/// ask like callers do, without HTTP.
///
/// ```swift
/// try await ClinicFixture.open { fixture in
///     let booked = await fixture.book(patient: 1, at: fixture.plan.time(day: 2, hour: 9))
///     #expect(booked.told?.state == .booked)
/// }
/// ```
public final class ClinicFixture: Sendable {
    public let plan: ClinicPlan
    public let clock: ManualClock
    public let random: SeededRandom
    public let surroundings: Surroundings
    /// The database as the clinic sees it, behind whatever a test put in its way.
    public let database: any Database
    public let clinic: Clinic
    private let settings: ClinicSettings
    /// Everything asked through the fixture.
    public let history = History()

    /// Makes the clinic, lends it to `body` and takes everything away again, also when `body` throws.
    ///
    /// - Parameter sabotage: what a test puts between the clinic and its database; by default nothing.
    public static func open<Answer>(
        _ engine: Engine = .sqlite, _ plan: ClinicPlan = ClinicPlan(), settings: ClinicSettings = ClinicSettings(),
        seed: UInt64 = 1,
        sabotage: (any Database) -> any Database = { $0 }, _ body: (ClinicFixture) async throws -> Answer
    ) async throws -> Answer {
        try await engine.withDatabase { database in
            let clock = ManualClock(plan.startsAt)
            try await Migrator(database, migrations: Schema.migrations, clock: clock).up()
            let fixture = ClinicFixture(plan, sabotage(database), clock, settings, seed: seed)
            _ = try await fixture.clinic.importClinic(plan.document())
            return try await body(fixture)
        }
    }

    init(
        _ plan: ClinicPlan, _ database: any Database, _ clock: ManualClock, _ settings: ClinicSettings = ClinicSettings(),
        seed: UInt64
    ) {
        self.plan = plan
        self.clock = clock
        self.database = database
        self.settings = settings
        random = SeededRandom(seed: seed)
        surroundings = Surroundings(clock: clock, identifiers: Version7Identifiers(clock: clock, random: random), random: random)
        clinic = Clinic(database: database, surroundings: surroundings, master: TestKeys.master, settings: settings)
    }

    /// A second program at the same database, with an index of its own.
    ///
    /// - Parameter observer: hears what comes of what is asked of it.
    public func anotherClinic(observer: any ClinicObserver = NobodyWatches()) async throws -> Clinic {
        let clinic = Clinic(
            database: database, surroundings: surroundings, master: TestKeys.master, settings: settings, observer: observer)
        try await clinic.open()
        return clinic
    }

    /// A worker that delivers the clinic's outbox.
    public func worker(named name: String = "worker", settings: OutboxSettings = OutboxSettings()) -> Outbox {
        Outbox(
            database: database, surroundings: surroundings, workerName: name, settings: settings, handlers: clinic.deliveries)
    }

    /// Hand-typed SQL, in a transaction of its own.
    public func execute(_ text: String) async throws { try await execute(SQL(text)) }
    public func execute(_ sql: SQL) async throws { try await database.write { try $0.execute(sql) } }

    /// Everything the database has, as one text: two are equal when nothing was changed between them.
    public func contents() async throws -> String { try await database.read { try Snapshot(reading: $0).text } }

    /// Everything the database and the callers disagree about.
    ///
    /// - Parameter isQuiet: nothing is on its way any more: what was due is done.
    public func violations(isQuiet: Bool = false) async throws -> [Violation] {
        let (now, tries, plan) = (clock.now, history.all, plan)
        let snapshot = try await database.read { try Snapshot(reading: $0) }
        return Checker.violations(in: snapshot, tries, plan, now: now, isQuiet: isQuiet)
    }
}
