public import Storage
import Workflows

extension ClinicFixture {
    /// Makes the clinic in an empty database of the test's own, which stays the test's to close.
    public static func open<Answer>(
        on database: any Database, _ plan: ClinicPlan = ClinicPlan(), seed: UInt64 = 1,
        _ body: (ClinicFixture) async throws -> Answer
    ) async throws -> Answer {
        let clock = ManualClock(plan.startsAt)
        try await Migrator(database, migrations: Schema.migrations, clock: clock).up()
        let fixture = ClinicFixture(plan, database, clock, seed: seed)
        _ = try await fixture.clinic.importClinic(plan.document())
        return try await body(fixture)
    }
}
