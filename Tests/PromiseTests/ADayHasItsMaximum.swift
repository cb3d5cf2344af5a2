import Notation
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A practitioner sees no more people a day than was agreed, however many ask at once.
    @Suite struct ADayHasItsMaximum {
        private static let plan = ClinicPlan { $0.maximumPerDay = 3 }

        @Test(arguments: Engine.allCases)
        func `of a crowd that asks at once, as many are booked as the day takes`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let starts = Self.plan.starts(onDays: 3..<4)
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for number in 0..<8 { group.addTask { await fixture.book(patient: number, at: starts[number]) } }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0.told != nil } == 3)
                try await fixture.keepsEveryPromise()
            }
        }

        /// Each sees one place left before either takes it.
        @Test func `of two programs that count before either writes, one gets the last place`() async throws {
            let plan = ClinicPlan { $0.maximumPerDay = 1 }
            try await ClinicFixture.open(.postgres, plan) { fixture in
                let meeting = TwoLookFirst(fixture.database, at: .count, patience: 1)
                let programs = [1, 2].map { _ in
                    Clinic(database: meeting, surroundings: fixture.surroundings, master: TestKeys.master)
                }
                for program in programs { try await program.open() }
                meeting.begin()
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for (number, program) in programs.enumerated() {
                        let start = plan.time(day: 3, hour: 9 + number)
                        group.addTask { await fixture.book(patient: number, at: start, at: program) }
                    }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0.told != nil } == 1, "\(outcomes)")
            }
        }
    }
}
