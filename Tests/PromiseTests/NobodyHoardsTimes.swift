import Notation
import Outbox
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// No patient has more than the clinic lets them have at once, however many requests they send, and who grabs times and lets them
    /// go is noticed (OWASP API6:2023).
    @Suite struct NobodyHoardsTimes {
        private static func settings(_ limits: PatientLimits) -> ClinicSettings {
            var settings = ClinicSettings()
            settings.patientLimits = limits
            return settings
        }
        private static let few = settings(PatientLimits(holds: 3, appointments: 5))
        private static let plan = ClinicPlan { $0.practitioners = 2 }

        /// Sixty-four requests of one patient, at sixty-four times, through two programs.
        private func rush(_ fixture: ClinicFixture, isHold: Bool) async throws -> [Outcome] {
            let another = try await fixture.anotherClinic()
            let starts = Self.plan.starts(onDays: 3..<7)
            return await withTaskGroup(of: Outcome.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        await fixture.book(
                            patient: 1, with: number % 2, at: starts[number], isHold: isHold,
                            at: number.isMultiple(of: 3) ? another : fixture.clinic)
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
        }

        @Test(arguments: Engine.allCases)
        func `of sixty-four holds one patient asks for at once they get as many as one may have`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan, settings: Self.few) { fixture in
                let outcomes = try await rush(fixture, isHold: true)
                #expect(outcomes.count { $0.told != nil } == 3)
                #expect(outcomes.allSatisfy { $0.told != nil || $0.refusal == .tooManyHolds })
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `of sixty-four bookings one patient asks for at once they get as many as one may have`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan, settings: Self.few) { fixture in
                let outcomes = try await rush(fixture, isHold: false)
                #expect(outcomes.count { $0.told != nil } == 5)
                #expect(outcomes.allSatisfy { $0.told != nil || $0.refusal == .tooManyAppointments })
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody counts, one patient gets all of them`(engine: Engine) async throws {
            try await ClinicFixture.open(
                engine, Self.plan, settings: Self.few, sabotage: { TamperedDatabase.uncounted($0) }
            ) { fixture async throws in
                #expect(try await rush(fixture, isHold: true).count { $0.told != nil } > 3)
            }
        }

        /// Each would see one place left before either takes it.
        @Test func `of two programs that count before either writes, one gets the last place`() async throws {
            let one = Self.settings(PatientLimits(holds: 1))
            try await ClinicFixture.open(.postgres, Self.plan, settings: one) { fixture in
                let meeting = TwoLookFirst(fixture.database, at: .patient, patience: 1)
                let programs = [1, 2].map { _ in
                    Clinic(
                        database: meeting, surroundings: fixture.surroundings, master: TestKeys.master, settings: one)
                }
                for program in programs { try await program.open() }
                meeting.begin()
                let outcomes = await withTaskGroup(of: Outcome.self) { group in
                    for (number, program) in programs.enumerated() {
                        let start = Self.plan.time(day: 3, hour: 9 + number)
                        group.addTask { await fixture.book(patient: 1, with: number, at: start, isHold: true, at: program) }
                    }
                    return await group.reduce(into: [Outcome]()) { $0.append($1) }
                }
                #expect(outcomes.count { $0.told != nil } == 1, "\(outcomes)")
            }
        }

        @Test(arguments: Engine.allCases)
        func `the desk books as many as it likes, and what has ended makes room`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan, settings: Self.few) { fixture in
                let starts = Self.plan.starts(onDays: 3..<7)
                for number in 0..<8 {
                    #expect(await fixture.book(patient: 1, at: starts[number], by: Self.plan.desk()).told != nil)
                }
                #expect(await fixture.book(patient: 1, at: starts[8]).refusal == .tooManyAppointments)
                #expect(await fixture.book(patient: 2, at: starts[8]).told != nil)
                var held: [Told] = []
                for number in 9..<12 { held.append(try #require(await fixture.hold(patient: 3, at: starts[number]).told)) }
                #expect(await fixture.hold(patient: 3, at: starts[12]).refusal == .tooManyHolds)
                #expect(await fixture.confirm(held[0].id, by: Self.plan.patientCaller(3)).told?.state == .booked)
                #expect(await fixture.hold(patient: 3, at: starts[12]).told != nil)
                // Holds that are over count no more, also when nobody has swept them yet.
                fixture.clock.advance(by: .minutes(5))
                #expect(await fixture.hold(patient: 3, at: starts[13]).told != nil)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who grabs times and lets them go may hold none for a while, and that is audited once`(engine: Engine) async throws {
            let watchful = Self.settings(PatientLimits(lapses: 4))
            try await ClinicFixture.open(engine, Self.plan, settings: watchful) { fixture in
                let (starts, patient) = (Self.plan.starts(onDays: 3..<7), Self.plan.patientCaller(1))
                let worker = fixture.worker()
                // Given back, expired by its timer, or swept: it comes to the same.
                for number in 0..<2 {
                    let held = try #require(await fixture.hold(patient: 1, at: starts[number]).told)
                    #expect(await fixture.cancel(held.id, by: patient).told?.state == .cancelled)
                }
                #expect(await fixture.hold(patient: 1, at: starts[2]).told != nil)
                fixture.clock.advance(by: .minutes(5))
                while try await worker.step() > 0 {}
                #expect(await fixture.hold(patient: 1, at: starts[3]).told != nil)
                fixture.clock.advance(by: .minutes(6))
                #expect(try await fixture.clinic.sweepHolds() == 1)
                #expect(await fixture.hold(patient: 1, at: starts[4]).refusal == .holdsSuspended)
                #expect(await fixture.book(patient: 1, at: starts[4]).told != nil, "to book is no grabbing")
                #expect(await fixture.hold(patient: 2, at: starts[5]).told != nil)
                #expect(await fixture.hold(patient: 1, at: starts[6], by: Self.plan.desk()).told != nil)
                let audited = try await fixture.database.read { try $0.fetch(Suspensions()) }
                #expect(audited == [Self.plan.patient(1)])
                // The first two are forgotten, the others count on.
                fixture.clock.advance(by: .minutes(50))
                #expect(try await fixture.clinic.forgetOldHolds() == 2)
                #expect(await fixture.hold(patient: 1, at: starts[7]).told != nil)
            }
        }

        @Test(arguments: Engine.allCases)
        func `who confirms what they hold is never taken for one who grabs`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan, settings: Self.settings(PatientLimits(lapses: 2))) { fixture in
                let (starts, patient) = (Self.plan.starts(onDays: 3..<7), Self.plan.patientCaller(1))
                for number in 0..<6 {
                    let held = try #require(await fixture.hold(patient: 1, at: starts[number]).told)
                    #expect(await fixture.confirm(held.id, by: patient).told?.state == .booked)
                    if number < 3 { #expect(await fixture.cancel(held.id, by: patient).told != nil) }
                }
            }
        }
    }
}

/// Whose holds were suspended, by the audit.
private struct Suspensions: Query {
    static let sql: SQL = "SELECT subject_id FROM audit WHERE act = 'patient.holds-suspended'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<Participant> { try columns.id(0) }
}
