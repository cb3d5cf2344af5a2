import Notation
import Outbox
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// Visits that come again are booked whole or not at all, changed as far as was said, and keep their hour.
    @Suite struct ASeriesIsWhole {
        private static let plan = ClinicPlan { $0.policy.latestHorizonDays = 200 }

        private func request(_ rule: String, at start: Instant, patient: Int = 1, _ plan: ClinicPlan = plan) throws
            -> SeriesRequest
        {
            SeriesRequest(
                visitType: plan.consultation, practitioner: plan.practitioner(0), patients: [plan.patient(patient)],
                plan: SeriesPlan(rule: try RecurrenceRule(rule), start: start))
        }

        private func call(_ caller: Caller, key: String? = nil) -> Call {
            Call(
                caller: caller, requestID: "series",
                attempt: key.map { Attempt(key: $0, operation: "bookSeries", fingerprint: [1]) })
        }

        private func book(
            _ request: SeriesRequest, at clinic: Clinic, by caller: Caller = plan.desk(), key: String? = nil
        ) async throws -> Reply<SeriesWithVisits> {
            try await clinic.bookSeries(request, call: call(caller, key: key), wording: .anything())
        }

        private func day(_ start: Instant, _ fixture: ClinicFixture) async throws -> [Appointment] {
            try await fixture.clinic.appointments(
                .ofPractitioner(Self.plan.practitioner(0)), in: TimeRange(from: start, to: start + .minutes(1)),
                page: PageRequest(limit: 200), for: .looking(Self.plan.desk())
            ).elements.filter(\.state.holdsItsTime)
        }

        private func isSound(_ fixture: ClinicFixture, sourceLocation: SourceLocation = #_sourceLocation) async throws {
            let report = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count)
            #expect(report.problems == [], sourceLocation: sourceLocation)
        }

        // MARK: Whole or not at all

        /// Somebody books the sixth of ten while the series is being booked. Gives how many of the series there are.
        private func race(_ fixture: ClinicFixture, at start: Instant, _ other: Clinic) async throws -> (
            series: Int, single: Bool
        ) {
            let request = try request("FREQ=WEEKLY;COUNT=10", at: start)
            async let series = book(request, at: fixture.clinic)
            async let single = fixture.book(patient: 2, at: start + .days(35), by: Self.plan.desk(), at: other)
            let (all, one) = (try await series, await single)
            let visits = try await fixture.clinic.appointments(
                .ofPatient(Self.plan.patient(1).of()), in: TimeRange(from: start, to: start + .days(100)),
                page: PageRequest(limit: 200), for: .looking(Self.plan.desk())
            ).elements.count {
                $0.visit.from.microseconds % Span.days(1).microseconds == start.microseconds % Span.days(1).microseconds
            }
            #expect((all.refusal == nil) == (visits == 10), "\(visits)")
            return (visits, one.told != nil)
        }

        @Test(arguments: Engine.allCases) func `a series is booked whole or not at all`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let other = try await fixture.anotherClinic()
                for half in 0..<16 {
                    let start = Self.plan.time(day: 3, hour: 8, minute: half * 30)
                    let (series, single) = try await race(fixture, at: start, other)
                    #expect(series == (single ? 0 : 10), "one of them has the sixth week")
                    let sixth = try await day(start + .days(35), fixture)
                    #expect(sixth.count == 1)
                }
                try await isSound(fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a series that meets a booking in its middle leaves nothing behind, and a repeat is told the same`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                #expect(await fixture.book(patient: 2, at: start + .days(21), by: Self.plan.desk()).told != nil)
                let request = try request("FREQ=WEEKLY;COUNT=10", at: start)
                let refused = try await book(request, at: fixture.clinic, key: "first")
                #expect(refused.refusal == .practitionerTaken)
                let count = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count).appointments
                #expect(count == 1)
                let left = try await fixture.database.read { try $0.first(SeriesCount()) }
                #expect(left == 0)
                guard case .repeated = try await book(request, at: fixture.clinic, key: "first") else {
                    Issue.record("decided again")
                    return
                }
                var repaired = request
                repaired.plan.replacements = [
                    Zone.utc.day(at: start + .days(21)): start + .days(21) + .minutes(30)
                ]
                let booked = try await book(repaired, at: fixture.clinic, key: "second").value()
                #expect(booked.visits.count == 10 && booked.visits[3].visit.from == start + .days(21) + .minutes(30))
                guard case .repeated = try await book(repaired, at: fixture.clinic, key: "second") else {
                    Issue.record("booked twice")
                    return
                }
                try await isSound(fixture)
            }
        }

        /// The planted fault: what is booked before the visit that cannot be had stays.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nothing is undone, half a series is left`(engine: Engine) async throws {
            try await ClinicFixture.open(
                engine, Self.plan, sabotage: { TamperedDatabase($0) { NothingUndone($0) } }
            ) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                #expect(await fixture.book(patient: 2, at: start + .days(21), by: Self.plan.desk()).told != nil)
                _ = try await book(try request("FREQ=WEEKLY;COUNT=10", at: start), at: fixture.clinic)
                let count = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count).appointments
                #expect(count == 4)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a proposal names what is in the way and what is free near it, and writes nothing`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                try await fixture.clinic.open()
                let start = Self.plan.time(day: 3, hour: 9)
                #expect(await fixture.book(patient: 2, at: start + .days(7), by: Self.plan.desk()).told != nil)
                #expect(await fixture.book(patient: 2, at: start + .days(7) + .minutes(30), by: Self.plan.desk()).told != nil)
                let request = try request("FREQ=WEEKLY;COUNT=4", at: start)
                let before = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count).appointments
                let proposal = try await fixture.clinic.proposeSeries(request, for: call(Self.plan.desk()))
                #expect(!proposal.isPossible && proposal.visits.map(\.refusal) == [nil, .practitionerTaken, nil, nil])
                let repairs = proposal.visits[1].repairs.map(\.start)
                #expect(repairs == [-30, -60, 60].map { start + .days(7) + .minutes($0) })
                let after = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count).appointments
                #expect(after == before)
                await #expect(throws: Refusal.notPermitted) {
                    try await fixture.clinic.proposeSeries(request, for: call(Self.plan.patientCaller(3)))
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `a series has an end, and patients have no more than their limit`(engine: Engine) async throws {
            var settings = ClinicSettings()
            settings.patientLimits = PatientLimits(appointments: 5)
            try await ClinicFixture.open(engine, Self.plan, settings: settings) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                for (rule, refusal) in [
                    ("FREQ=DAILY;COUNT=54", Refusal.seriesTooLong), ("FREQ=YEARLY;COUNT=3", .seriesTooLong),
                    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", .seriesEmpty), ("FREQ=WEEKLY;COUNT=40", .beyondHorizon),
                ] {
                    let reply = try await book(try request(rule, at: start), at: fixture.clinic)
                    #expect(reply.refusal == refusal, "\(rule)")
                }
                var reply = try await book(
                    try request("FREQ=WEEKLY;COUNT=6", at: start), at: fixture.clinic, by: Self.plan.patientCaller(1))
                #expect(reply.refusal == .tooManyAppointments)
                reply = try await book(
                    try request("FREQ=WEEKLY;COUNT=5", at: start), at: fixture.clinic, by: Self.plan.patientCaller(1))
                #expect(try reply.value().visits.count == 5)
                reply = try await book(
                    try request("FREQ=WEEKLY;COUNT=2", at: start + .hours(2)), at: fixture.clinic, by: Self.plan.patientCaller(2))
                #expect(reply.refusal == .notPermitted, "for somebody else")
            }
        }

        // MARK: This, following or all

        private func change(
            _ scope: SeriesScope, of series: SeriesWithVisits, from place: Int? = nil, to start: Instant, _ fixture: ClinicFixture
        ) async throws -> Reply<SeriesWithVisits> {
            try await fixture.clinic.rescheduleSeries(
                SeriesTarget(id: series.series.id, scope: scope, appointment: place.map { series.visits[$0].id }), to: start,
                call: call(Self.plan.desk()), wording: .anything())
        }

        @Test(arguments: Engine.allCases) func `this, following or all`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                var series = try await book(try request("FREQ=WEEKLY;COUNT=6", at: start), at: fixture.clinic).value()
                func starts() -> [Instant] { series.visits.map(\.visit.from) }
                func weeks(_ minutes: [Int]) -> [Instant] {
                    minutes.enumerated().map { start + .days(7 * $0.offset) + .minutes($0.element) }
                }
                series = try await change(.this, of: series, from: 2, to: start + .days(14) + .minutes(60), fixture).value()
                #expect(starts() == weeks([0, 0, 60, 0, 0, 0]))
                // What was moved alone moves on with the others by as much.
                series = try await change(.following, of: series, from: 1, to: start + .days(7) + .minutes(30), fixture).value()
                #expect(starts() == weeks([0, 30, 90, 30, 30, 30]))
                // To where the next of them was: none is in another's way.
                series = try await change(.all, of: series, to: start + .days(7), fixture).value()
                #expect(
                    starts()
                        == [0, 30, 90, 30, 30, 30].enumerated().map { start + .days(7 + 7 * $0.offset) + .minutes($0.element) })
                #expect(series.series.version == 4)
                // One that cannot be had, and nothing is changed.
                #expect(
                    await fixture.book(patient: 2, at: start + .days(28) + .minutes(240), by: Self.plan.desk()).told != nil)
                let refused = try await change(.all, of: series, to: start + .days(7) + .minutes(210), fixture)
                #expect(refused.refusal == .practitionerTaken)
                let found = try await fixture.clinic.series(series.series.id, for: call(Self.plan.desk()))
                #expect(found.visits.map(\.visit.from) == starts() && found.series.version == 4)
                // Cancelled from the fifth on, then all that are left.
                let cut = try await cancel(.following, of: series, from: 4, fixture).value()
                #expect(cut.visits.map(\.state) == [.booked, .booked, .booked, .booked, .cancelled, .cancelled])
                let none = try await cancel(.all, of: series, fixture).value()
                #expect(none.visits.allSatisfy { $0.state == .cancelled })
                let over = try await cancel(.all, of: series, fixture)
                #expect(over.refusal == .transitionNotAllowed)
                try await isSound(fixture)
            }
        }

        private func cancel(
            _ scope: SeriesScope, of series: SeriesWithVisits, from place: Int? = nil, _ fixture: ClinicFixture
        ) async throws -> Reply<SeriesWithVisits> {
            try await fixture.clinic.cancelSeries(
                SeriesTarget(id: series.series.id, scope: scope, appointment: place.map { series.visits[$0].id }), reason: .desk,
                call: call(Self.plan.desk()), wording: .anything())
        }

        @Test(arguments: Engine.allCases)
        func `would be seen: a move that takes the new times before it gives up the old is in its own way`(
            engine: Engine
        ) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                let series = try await book(try request("FREQ=WEEKLY;COUNT=3", at: start), at: fixture.clinic).value()
                // One by one, as somebody would by hand.
                let moved = await fixture.move(series.visits[0].id, to: start + .days(7), by: Self.plan.desk())
                #expect(moved.refusal == .practitionerTaken)
                let reply = try await change(.all, of: series, to: start + .days(7), fixture)
                #expect(reply.refusal == nil)
            }
        }

        // MARK: By the wall

        private func hours(_ visits: [Appointment], _ zone: Zone) -> [Int] { visits.map { zone.minuteOfDay(at: $0.visit.from) } }

        /// The clinic goes to where clocks are put forward on 29 March 2026.
        private func withBerlin(_ engine: Engine, _ body: (ClinicFixture, Zone) async throws -> Void) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let zone = try #require(Zone.named("Europe/Berlin"))
                try await fixture.execute("UPDATE location SET zone = 'Europe/Berlin'")
                try await fixture.execute("UPDATE working_hours SET zone = 'Europe/Berlin'")
                let clinic = Clinic(
                    database: fixture.database, surroundings: fixture.surroundings, master: TestKeys.master)
                try await clinic.open()
                try await body(fixture, zone)
            }
        }

        @Test(arguments: Engine.allCases) func `a series keeps its hour over daylight saving`(engine: Engine) async throws {
            try await withBerlin(engine) { fixture, zone in
                let clinic = Clinic(database: fixture.database, surroundings: fixture.surroundings, master: TestKeys.master)
                let start = try #require(Instant("2026-03-18T08:00:00Z"))
                let series = try await book(try request("FREQ=WEEKLY;COUNT=4", at: start), at: clinic).value()
                #expect(series.series.zone == "Europe/Berlin")
                #expect(hours(series.visits, zone) == [540, 540, 540, 540])
                #expect(
                    series.visits.map(\.visit.from.description)
                        == ["2026-03-18T08:00:00Z", "2026-03-25T08:00:00Z", "2026-04-01T07:00:00Z", "2026-04-08T07:00:00Z"])
                // Moved over the change as well.
                let later = try #require(Instant("2026-04-01T08:30:00Z"))
                let moved = try await clinic.rescheduleSeries(
                    SeriesTarget(id: series.series.id, scope: .all), to: later, call: call(Self.plan.desk()), wording: .anything()
                ).value()
                #expect(hours(moved.visits, zone) == [630, 630, 630, 630])
                // The negative control: reckoned in weeks of 168 hours it would not.
                let reckoned = (0..<4).map { zone.minuteOfDay(at: start + .days(7 * $0)) }
                #expect(reckoned == [540, 540, 600, 600])
            }
        }

        // MARK: Nothing is left

        @Test(arguments: Engine.allCases)
        func `a cancelled series of events leaves no orphan hold`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let start = Self.plan.time(day: 3, hour: 9)
                let series = try await book(try request("FREQ=WEEKLY;COUNT=8", at: start), at: fixture.clinic).value()
                let before = try await fixture.database.read { try $0.first(LeftOver()) }
                // Practitioner and patient are claimed for each, and each has a reminder that waits.
                #expect(before == [8, 16, 8])
                // Somebody waits, so that what becomes free is held for them.
                let waitlist = WaitlistFixture(fixture: fixture)
                try await waitlist.stayAwake()
                _ = try await waitlist.join(3).value()
                _ = try await cancel(.all, of: series, fixture).value()
                try await waitlist.work()
                let offered = try await waitlist.offers(.open).count
                #expect(offered == 1, "one at a time")
                var left = try await fixture.database.read { try $0.first(LeftOver()) }
                #expect(left == [1, 2, 0], "the one that is offered")
                for _ in 0..<20 {
                    fixture.clock.advance(by: .hours(4))
                    try await waitlist.work()
                }
                left = try await fixture.database.read { try $0.first(LeftOver()) }
                #expect(left == [0, 0, 0])
                try await isSound(fixture)
            }
        }
    }
}

private struct SeriesCount: Query {
    static let sql: SQL = "SELECT count(*) FROM appointment_series"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// Appointments that hold their time, claims, and reminders that wait.
private struct LeftOver: Query {
    static let sql: SQL = """
        SELECT (SELECT count(*) FROM appointment WHERE state IN ('pending', 'booked')), (SELECT count(*) FROM claim),
            (SELECT count(*) FROM outbox WHERE topic = 'appointment.reminder' AND state = 'ready')
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> [Int] { try (0..<3).map { try columns.int($0) } }
}

/// Keeps what was done before a refusal.
private final class NothingUndone: PassingTransaction {
    override func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer { try body() }
}
