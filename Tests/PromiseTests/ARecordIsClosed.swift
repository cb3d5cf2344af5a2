import Notation
import Outbox
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// A closed record takes no bookings, whoever books at the same moment.
    @Suite struct ARecordIsClosed {
        private static let plan = ClinicPlan {
            $0.patients = 24
            $0.practitioners = 2
        }

        private func close(
            _ patient: Int, _ house: AccountFixture, at accounts: Accounts? = nil, cancelling: Bool = false,
            by caller: Caller? = nil,
            key: String? = nil
        ) async throws -> Reply<RecordStanding> {
            let attempt = key.map { Attempt(key: $0, operation: "closePatient", fingerprint: [1]) }
            let plan = house.fixture.plan
            return try await (accounts ?? house.accounts).closeRecord(
                of: plan.patient(patient).of(), reason: Personal("moved away"), cancelling: cancelling,
                call: Call(caller: caller ?? plan.desk(), requestID: "close", attempt: attempt), wording: .standing)
        }

        /// Closed records with something ahead.
        private func mistakes(_ fixture: ClinicFixture) async throws -> Int {
            try await fixture.database.read { try $0.first(BookedThoughClosed()) } ?? 0
        }

        @Test(arguments: Engine.allCases) func `of a booking and a closing at once, one wins`(engine: Engine) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let (fixture, plan) = (house.fixture, Self.plan)
                let another = try await fixture.anotherClinic()
                let starts = plan.starts(onDays: 3..<8)
                var (booked, closed) = (0, 0)
                for patient in 2..<24 {
                    async let booking = fixture.book(
                        patient: patient, with: patient % 2, at: starts[patient], by: plan.desk(),
                        at: patient.isMultiple(of: 3) ? another : fixture.clinic)
                    async let closing = close(patient, house)
                    let (outcome, reply) = (await booking, try await closing)
                    if outcome.told != nil {
                        booked += 1
                        #expect(reply.refusal == .appointmentsAhead, "\(reply)")
                    } else {
                        closed += 1
                        #expect(outcome.refusal == .patientClosed && reply.refusal == nil, "\(outcome) \(reply)")
                    }
                }
                #expect(booked + closed == 22)
                #expect(try await mistakes(fixture) == 0)
                try await fixture.keepsEveryPromise()
            }
        }

        @Test(arguments: Engine.allCases)
        func `the schema has the last word: a program that does not look is refused, and without the guard it books`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let (fixture, plan) = (house.fixture, Self.plan)
                _ = try await close(2, house).value()
                let blind = Clinic(
                    database: TamperedDatabase(fixture.database) { Unseeing($0) }, surroundings: fixture.surroundings,
                    master: TestKeys.master)
                try await blind.open()
                let start = plan.time(day: 3, hour: 9)
                let refused = await fixture.book(patient: 2, at: start, by: plan.desk(), at: blind)
                #expect(refused.refusal == .patientClosed)
                #expect(try await mistakes(fixture) == 0)
                try await fixture.execute(
                    SQL(
                        sqlite: "DROP TRIGGER appointment_patient_insert",
                        postgres: "DROP TRIGGER appointment_patient_insert ON appointment_patient"))
                let booked = await fixture.book(patient: 2, at: start, by: plan.desk(), at: blind)
                #expect(booked.told != nil, "the negative control")
                #expect(try await mistakes(fixture) == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `what is past is not moved ahead of a closed record`(engine: Engine) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let (fixture, plan) = (house.fixture, Self.plan)
                let visit = try #require(await fixture.book(patient: 2, at: plan.time(day: 2, hour: 9), by: plan.desk()).told)
                fixture.clock.advance(by: .days(2) + .hours(4))
                _ = try await close(2, house).value()
                let moved = await fixture.move(visit.id, to: plan.time(day: 5, hour: 9), by: plan.desk())
                #expect(moved.told == nil, "\(moved)")
                #expect(try await mistakes(fixture) == 0)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what is ahead is cancelled when that is asked for, with its consequences, and never what others share`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let (fixture, plan) = (house.fixture, Self.plan)
                for day in 3..<6 {
                    #expect(await fixture.book(patient: 2, at: plan.time(day: day, hour: 9), by: plan.desk()).told != nil)
                }
                #expect(await fixture.hold(patient: 2, at: plan.time(day: 6, hour: 9)).told != nil)
                var reply = try await close(2, house)
                #expect(reply.refusal == .appointmentsAhead)
                reply = try await close(2, house, cancelling: true)
                #expect(try reply.value().state == .closed)
                #expect(try await mistakes(fixture) == 0)
                // Their times are free again, and the practitioner is told.
                #expect(await fixture.book(patient: 3, at: plan.time(day: 3, hour: 9), by: plan.desk()).told != nil)
                let worker = fixture.worker()
                while try await worker.step() > 0 {}
                let told = try await fixture.database.read { try $0.first(Cancellations()) }
                #expect(told == 8, "four for the patient, four for the practitioner")
                // The checker knows what was asked through the fixture, and nobody asked for these.
                let violations = try await fixture.violations().filter { $0.promise != .noGhosts }
                #expect(violations.isEmpty, "\(violations)")
            }
        }

        @Test(arguments: Engine.allCases) func `a double click closes once, under one key or two`(engine: Engine) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                async let first = close(2, house, key: "click")
                async let second = close(2, house, key: "click")
                async let third = close(2, house, key: "another")
                for reply in [try await first, try await second, try await third] { #expect(reply.refusal == nil, "\(reply)") }
                let closings = try await house.fixture.database.read { try $0.first(Closings()) }
                #expect(closings == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `its login is closed with it, and opened with it`(engine: Engine) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let grant = try await house.signIn(login: AccountFixture.patient)
                _ = try await close(1, house).value()
                #expect(await refusal { try await house.signIn(login: AccountFixture.patient) } == .credentialsWrong)
                #expect(await refusal { try await house.refresh(grant.refreshToken) } == .sessionEnded)
                let again = try await house.accounts.reopenRecord(
                    of: Self.plan.patient(1).of(), reason: Personal("the wrong one"),
                    call: Call(caller: Self.plan.admin(), requestID: "open"), wording: .standing)
                #expect(try again.value().state == .open)
                _ = try await house.signIn(login: AccountFixture.patient)
                #expect(await house.fixture.book(patient: 1, at: Self.plan.time(day: 3, hour: 9)).told != nil)
            }
        }

        @Test(arguments: Engine.allCases) func `who is something else besides goes on as that`(engine: Engine) async throws {
            try await AccountFixture.open(engine, plan: Self.plan) { house in
                let login = "both@clinic.example"
                try await house.accounts.create(
                    login: login, password: AccountFixture.password, roles: [Self.plan.desk(1), Self.plan.patientCaller(5)],
                    by: "test",
                    request: "test")
                _ = try await close(5, house).value()
                let roles = try await house.accounts.roles(login: login)
                #expect(roles.map(\.role) == [.desk])
                _ = try await house.signIn(login: login)
                _ = try await house.accounts.reopenRecord(
                    of: Self.plan.patient(5).of(), reason: Personal("the wrong one"),
                    call: Call(caller: Self.plan.admin(), requestID: "open"), wording: .standing
                ).value()
                let after = try await house.accounts.roles(login: login)
                #expect(Set(after.map(\.role)) == [.desk, .patient])
            }
        }
    }
}

private struct BookedThoughClosed: Query {
    static let sql: SQL = """
        SELECT count(*) FROM patient JOIN appointment_patient ON appointment_patient.patient_id = patient.id
        JOIN appointment ON appointment.id = appointment_patient.appointment_id
        WHERE patient.closed_at <= appointment_patient.start_at AND appointment.state IN ('pending', 'booked')
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct Cancellations: Query {
    static let sql: SQL = "SELECT count(*) FROM notice WHERE kind = 'cancellation'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct Closings: Query {
    static let sql: SQL = "SELECT count(*) FROM audit WHERE act = 'patient.closed'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// Takes every record for open.
private final class Unseeing: PassingTransaction {
    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        if Asked.sql.sqlite.hasPrefix("SELECT CASE WHEN closed_at IS NULL"), let open = true as? Asked.Row { return open }
        return try super.first(query)
    }
}
