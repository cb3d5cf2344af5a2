import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A refused request leaves the database as it was, to the last row, with and without a key.
    @Suite struct ARefusalChangesNothing {
        private static let plan = ClinicPlan {
            $0.practitioners = 2
            $0.maximumPerDay = 3
        }

        /// Somebody has 9:00 and somebody else 10:00 on the third day with the first practitioner.
        private func withTwoBookings(_ engine: Engine, _ body: (ClinicFixture, Told, Told) async throws -> Void) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let first = try #require(await fixture.book(patient: 0, at: Self.plan.time(day: 3, hour: 9)).told)
                let second = try #require(await fixture.book(patient: 1, at: Self.plan.time(day: 3, hour: 10)).told)
                try await body(fixture, first, second)
                try await fixture.keepsEveryPromise()
            }
        }

        /// Sends it twice, under a key and without, and compares everything before and after.
        private func isRefused(_ ask: Ask, _ refusal: Refusal, by caller: Caller? = nil, _ fixture: ClinicFixture) async throws {
            let before = try await fixture.contents()
            for key in [nil, "key-\(ask.text)"] {
                let outcome = await fixture.ask(ask, by: caller ?? Self.plan.desk(), key: key)
                #expect(outcome == .refused(refusal), "\(ask.text)")
            }
            let after = try await fixture.contents()
            #expect(before == after, "\(ask.text)")
        }

        private static let places: [(Instant, Int?, Refusal)] = [
            (plan.time(day: 3, hour: 10), nil, .practitionerTaken),
            (plan.time(day: 3, hour: 20), nil, .outsideWorkingHours),
            (plan.time(day: 3, hour: 11, minute: 5), nil, .startOffGrid),
            (plan.time(day: 0, hour: 5), nil, .startIsInThePast),
            (plan.time(day: 60, hour: 9), nil, .beyondHorizon),
            (plan.time(day: 3, hour: 11), 7, .practitionerUnknown),
        ]

        @Test(arguments: Engine.allCases)
        func `a reschedule that is refused changes nothing`(engine: Engine) async throws {
            try await withTwoBookings(engine) { fixture, first, _ in
                for (start, practitioner, refusal) in Self.places {
                    let move = MoveRequest(start: start, practitioner: practitioner.map(Self.plan.practitioner))
                    try await isRefused(.move(first.id, move), refusal, fixture)
                }
                let stale = MoveRequest(start: Self.plan.time(day: 3, hour: 11))
                try await isRefused(.move(first.id, stale, version: 7), .changedMeanwhile, fixture)
                try await isRefused(.move(first.id, stale), .appointmentUnknown, by: Self.plan.patientCaller(1), fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a booking that is refused changes nothing`(engine: Engine) async throws {
            try await withTwoBookings(engine) { fixture, _, _ in
                for (start, practitioner, refusal) in Self.places {
                    let request = BookingRequest(
                        visitType: Self.plan.consultation, practitioner: Self.plan.practitioner(practitioner ?? 0), start: start,
                        patients: [Self.plan.patient(2)])
                    try await isRefused(.book(request), refusal, fixture)
                }
                let twice = BookingRequest(
                    visitType: Self.plan.consultation, practitioner: Self.plan.practitioner(1),
                    start: Self.plan.time(day: 3, hour: 9), patients: [Self.plan.patient(0)])
                try await isRefused(.book(twice), .patientTaken, fixture)
            }
        }

        /// Has no room for the record of a refusal.
        private final class Full: PassingTransaction {
            override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
                let isRefusal = command.bindings.contains {
                    if case .text(let text) = $0 { text.hasPrefix("refused.") } else { false }
                }
                if Asked.sql.sqlite.contains("INTO audit "), isRefusal { throw StorageFault.full }
                try super.post(command, orElse: fault)
            }
        }

        private struct Count: Query {
            static let sql: SQL = "SELECT count(*) FROM idempotency"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
        }

        @Test(arguments: Engine.allCases, [false, true])
        func `a refusal is told and kept together with its record, or not at all`(engine: Engine, isFull: Bool) async throws {
            func sabotage(_ database: any Database) -> any Database {
                isFull ? TamperedDatabase(database) { Full($0) } : database
            }
            try await ClinicFixture.open(engine, Self.plan, sabotage: sabotage) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                _ = await fixture.book(patient: 0, at: start, key: "first")
                let outcome = await fixture.book(patient: 1, at: start, key: "second")
                let kept = try await fixture.database.read { try $0.first(Count()) }
                let records = try await fixture.database.read { try $0.fetch(Rulings()) }
                #expect((outcome == .refused(.practitionerTaken)) == !isFull, "\(outcome)")
                #expect(kept == (isFull ? 1 : 2) && records == (isFull ? [] : ["practitionerTaken"]))
            }
        }

        private struct Rulings: Query {
            static let sql: SQL = "SELECT outcome FROM audit WHERE act LIKE 'refused.%'"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        @Test(arguments: Engine.allCases)
        func `what cannot be done to an appointment changes nothing`(engine: Engine) async throws {
            try await withTwoBookings(engine) { fixture, first, second in
                await fixture.cancel(second.id, by: Self.plan.desk())
                for ask in [Ask.confirm(first.id), .confirm(second.id), .cancel(second.id), .advance(second.id, .arrive)] {
                    try await isRefused(ask, .transitionNotAllowed, fixture)
                }
                try await isRefused(.cancel(first.id, version: 2), .changedMeanwhile, fixture)
                fixture.clock.advance(to: first.start - .hours(1))
                try await isRefused(.cancel(first.id), .cancellationTooLate, by: Self.plan.patientCaller(0), fixture)
            }
        }
    }
}
