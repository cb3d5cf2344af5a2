import Moving
import Notation
import Storage
import TestKit
import Testing
import Workflows

/// A closed record takes no appointments, and brings along those it had.
@Suite(.serialized)
struct ClosedRecordsGoAlong {
    private static let plan = ClinicPlan()

    @Test(arguments: Route.all)
    func `with what was before they were closed, and what came to nothing`(_ route: Route) async throws {
        try await route.withTarget { target in
            try await route.from.withDatabase { source in
                try await ClinicFixture.open(on: source, Self.plan) { fixture in
                    let desk = Self.plan.desk()
                    #expect(await fixture.book(patient: 1, at: Self.plan.time(day: 2, hour: 9), by: desk).told != nil)
                    let ahead = try #require(await fixture.book(patient: 1, at: Self.plan.time(day: 5, hour: 9), by: desk).told)
                    #expect(await fixture.cancel(ahead.id, by: desk).told != nil)
                    let closed = route.from.typed(Self.plan.time(day: 3, hour: 9))
                    try await fixture.execute(
                        "UPDATE patient SET closed_at = \(closed) WHERE id = \(route.from.typed(Self.plan.patient(1)))")
                    _ = try await Move(from: source, called: "a", to: target, called: "b", .small()).run()
                    let (before, after) = (try await everything(in: source), try await everything(in: target))
                    #expect(before == after)
                    #expect(after.count { $0.hasPrefix("appointment_patient:") } == 2)
                }
            }
        }
    }
}
