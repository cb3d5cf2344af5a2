public import Storage
public import Workflows

extension ClinicFixture {
    /// Makes the clinic in an empty database of the test's own, which stays the test's to close.
    ///
    /// - Parameter clock: whose time it goes by; nil is one of its own that stands still.
    public static func open<Answer>(
        on database: any Database, _ plan: ClinicPlan = ClinicPlan(), settings: ClinicSettings = ClinicSettings(),
        clock: ManualClock? = nil, seed: UInt64 = 1, _ body: (ClinicFixture) async throws -> Answer
    ) async throws -> Answer {
        let clock = clock ?? ManualClock(plan.startsAt)
        try await Migrator(database, migrations: Schema.migrations, clock: clock).up()
        let fixture = ClinicFixture(plan, database, clock, settings, seed: seed)
        _ = try await fixture.clinic.importClinic(plan.document())
        return try await body(fixture)
    }
}
