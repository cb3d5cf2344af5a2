import Notation
import Outbox
import Partners
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

/// A clinic whose practitioner's calendar is somebody else's (GF-2).
struct ElsewhereFixture {
    let fixture: ClinicFixture
    let theirs: TheirCalendar
    let engine: Engine
    let heard = Heard()

    /// What was reported, for logs.
    final class Heard: Sendable {
        private let reports = Mutex<[SchedulingReport]>([])
        func note(_ report: SchedulingReport) { reports.withLock { $0.append(report) } }
        var all: [SchedulingReport] { reports.withLock { $0 } }
    }

    static func settings() -> ClinicSettings {
        var settings = ClinicSettings()
        settings.schedulingProviders = ["north"]
        settings.remindersBefore = []
        return settings
    }

    static func open(
        _ engine: Engine, knowsRepeats: Bool = true, _ body: (ElsewhereFixture) async throws -> Void
    ) async throws {
        let plan = ClinicPlan {
            $0.provider = "north"
            $0.patients = 40
        }
        try await ClinicFixture.open(engine, plan, settings: settings()) { fixture in
            try await body(
                ElsewhereFixture(
                    fixture: fixture, theirs: TheirCalendar(fixture.clock, knowsRepeats: knowsRepeats), engine: engine))
        }
    }

    var start: Instant { fixture.plan.time(day: 3, hour: 9) }
    private var desk: SchedulingDesk {
        let heard = heard
        return SchedulingDesk(fixture.clinic, partner: theirs) { heard.note($0) }
    }

    func worker() -> Outbox {
        Outbox(
            database: fixture.database, surroundings: fixture.surroundings, workerName: "worker",
            handlers: fixture.clinic.deliveries.merging(desk.deliveries) { $1 })
    }

    /// Delivers what is due, and what falls due until `span` is over.
    func run(for span: Span = .zero) async throws {
        let (worker, end) = (worker(), fixture.clock.now + span)
        while true {
            try await worker.rescueLeases()
            while try await worker.step() > 0 {}
            if fixture.clock.now >= end { return }
            fixture.clock.advance(by: min(.seconds(5), end - fixture.clock.now))
        }
    }

    func sweep() async throws -> SweepOutcome { try await desk.sweep().round() }

    func book(patient: Int = 0, at start: Instant? = nil, isHold: Bool = false) async throws -> Told {
        try #require(await fixture.book(patient: patient, at: start ?? self.start, isHold: isHold).told)
    }

    func found(_ id: ID<Appointment>) async throws -> Appointment {
        try await fixture.clinic.appointment(id, for: .looking(fixture.plan.desk()))
    }

    func notices(of patient: Int = 0) async throws -> [Notice] {
        try await fixture.clinic.mailbox(
            of: fixture.plan.patient(patient).of(), page: PageRequest(limit: 50), for: .looking(fixture.plan.desk())
        ).elements
    }

    /// Claims and appointments fit, whoever wrote them.
    func isSound() async throws {
        let report = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count)
        #expect(report.problems == [])
    }

    func tasks() async throws -> [ClinicTask] {
        try await fixture.clinic.tasks(onlyOpen: true, page: PageRequest(limit: 100), for: .looking(fixture.plan.desk())).elements
    }
}

extension Promises {
    /// GF-2: what somebody else's calendar has to agree to is booked with their yes and given back with their no.
    @Suite struct AnotherCalendarAgrees {
        @Test(arguments: Engine.allCases) func `a provider's yes books, and nobody is told before`(engine: Engine) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                let told = try await clinic.book()
                #expect(told.state == .pending)
                var found = try await clinic.found(told.id)
                #expect(found.external?.state == .pending && found.external?.attempts == 0 && found.external?.provider == "north")
                #expect(try await clinic.notices().isEmpty)
                try await clinic.run()
                found = try await clinic.found(told.id)
                #expect(found.state == .booked && found.heldUntil == nil)
                #expect(found.external?.state == .confirmed && found.external?.attempts == 1)
                #expect(clinic.theirs.standing.map(\.time) == [clinic.start])
                #expect(try await clinic.notices().map(\.kind) == [.confirmation])
                let report = try #require(clinic.heard.all.first)
                #expect(report.outcome == .confirmed && report.attempt == 1 && report.requestID == found.external?.requestID)
                // The other side of it: somebody whose practitioner's calendar is the clinic's own needs nobody's word.
                #expect(await clinic.fixture.book(patient: 1, at: clinic.start).refusal == .practitionerTaken)
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases) func `a provider's no gives the time back, and the patient hears whose word it was`(
            engine: Engine
        ) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.refuses)
                let told = try await clinic.book()
                #expect(
                    await clinic.fixture.book(patient: 1, at: clinic.start).refusal == .practitionerTaken,
                    "the negative control: until they say no, it is taken")
                try await clinic.run()
                let found = try await clinic.found(told.id)
                #expect(found.state == .cancelled && found.cancellation?.reason == .providerFailed)
                #expect(found.external?.state == .failed && found.external?.lastAnswer == "slot_taken")
                let notices = try await clinic.notices()
                #expect(notices.map(\.kind) == [.cancellation] && notices.allSatisfy { $0.payload.contains("provider-failed") })
                clinic.theirs.become(.agrees)
                let next = try await clinic.book(patient: 1)
                try await clinic.run()
                #expect(try await clinic.found(next.id).state == .booked)
                #expect(clinic.theirs.standing.count == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `silence gives the time back after its time, and gives up there what may be there`(
            engine: Engine
        ) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.hangs)
                let told = try await clinic.book()
                try await clinic.run(for: .minutes(14))
                #expect(try await clinic.found(told.id).state == .pending)
                try await clinic.run(for: .minutes(2))
                var found = try await clinic.found(told.id)
                #expect(found.state == .cancelled && found.cancellation?.reason == .providerFailed)
                #expect(found.external?.state == .cancelling, "nobody knows whether they have it")
                #expect((found.external?.attempts ?? 0) > 3 && clinic.heard.all.contains { $0.outcome == .gaveUp })
                clinic.theirs.become(.agrees)
                try await clinic.run(for: .hours(1))
                found = try await clinic.found(told.id)
                #expect(found.external?.state == .cancelled && clinic.theirs.standing.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `who is left alone is not asked, and that is no attempt`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.agrees, after: [.isLeftAlone, .isLeftAlone, .pends])
                let told = try await clinic.book()
                try await clinic.run()
                #expect(try await clinic.found(told.id).external?.attempts == 0)
                try await clinic.run(for: .seconds(10))
                var found = try await clinic.found(told.id)
                #expect(found.state == .pending && found.external?.lastAnswer == "pending" && found.external?.attempts == 1)
                clinic.theirs.set(try #require(clinic.theirs.standing.first).id) { $0 = .confirmed }
                try await clinic.run(for: .seconds(20))
                found = try await clinic.found(told.id)
                #expect(found.state == .booked)
            }
        }

        @Test(arguments: Engine.allCases) func `a yes to another time is none`(engine: Engine) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.mishears)
                let told = try await clinic.book()
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.found(told.id).state == .cancelled)
                #expect(clinic.theirs.standing.isEmpty)
            }
        }

        // MARK: Lost answers

        @Test(arguments: Engine.allCases) func `a timeout that was in fact done is found, and never booked twice`(engine: Engine)
            async throws
        {
            // A calendar that knows no repeats: whoever asks twice has two.
            try await ElsewhereFixture.open(engine, knowsRepeats: false) { clinic in
                clinic.theirs.become(.agrees, after: [.agreesUnheard])
                let told = try await clinic.book()
                try await clinic.run(for: .seconds(30))
                let found = try await clinic.found(told.id)
                #expect(found.state == .booked && found.external?.attempts == 2)
                #expect(clinic.theirs.most == 1 && clinic.theirs.standing.count == 1)
                #expect(clinic.theirs.calls == ["request", "entry"], "who asks again looks first")
            }
        }

        @Test(arguments: Engine.allCases) func `would be seen: who cannot look before asking again is booked twice`(
            engine: Engine
        )
            async throws
        {
            try await ElsewhereFixture.open(engine, knowsRepeats: false) { clinic in
                clinic.theirs.become(.agrees, after: [.agreesUnheard])
                clinic.theirs.forgetWhatIsThere()
                _ = try await clinic.book()
                try await clinic.run(for: .seconds(30))
                #expect(clinic.theirs.most == 2, "the negative control")
            }
        }

        // MARK: Cancelling, moving, holding

        @Test(arguments: Engine.allCases) func `who cancels is cancelled there too, at any moment`(engine: Engine) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                let desk = clinic.fixture.plan.desk()
                // Before anybody has asked: there is nothing to cancel there.
                let early = try await clinic.book()
                await clinic.fixture.cancel(early.id, by: desk)
                try await clinic.run(for: .minutes(2))
                #expect(clinic.theirs.calls.isEmpty)
                #expect(try await clinic.found(early.id).external?.state == .cancelled)
                // While an answer is lost.
                clinic.theirs.become(.agrees, after: [.agreesUnheard])
                let lost = try await clinic.book(patient: 1)
                try await clinic.run()
                await clinic.fixture.cancel(lost.id, by: desk)
                try await clinic.run(for: .minutes(2))
                #expect(try await clinic.found(lost.id).external?.state == .cancelled && clinic.theirs.standing.isEmpty)
                // When it is booked.
                let booked = try await clinic.book(patient: 2)
                try await clinic.run()
                #expect(clinic.theirs.standing.count == 1)
                await clinic.fixture.cancel(booked.id, by: desk)
                try await clinic.run(for: .minutes(2))
                #expect(clinic.theirs.standing.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `a move is agreed to before the old time is given up there`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let (desk, later) = (clinic.fixture.plan.desk(), clinic.start + .hours(2))
                let told = try await clinic.book()
                #expect(
                    await clinic.fixture.move(told.id, to: later, by: desk).refusal == .transitionNotAllowed,
                    "not while they are asked")
                try await clinic.run()
                #expect(await clinic.fixture.move(told.id, to: later, by: desk).told?.state == .booked)
                #expect(clinic.theirs.standing.map(\.time) == [clinic.start])
                try await clinic.run(for: .minutes(2))
                #expect(clinic.theirs.standing.map(\.time) == [later])
                #expect(try await clinic.found(told.id).external?.state == .confirmed)
                // They do not take the next one: it is over here and there, and a human hears of it.
                clinic.theirs.become(.refuses)
                _ = await clinic.fixture.move(told.id, to: later + .hours(1), by: desk)
                try await clinic.run(for: .minutes(2))
                let found = try await clinic.found(told.id)
                #expect(found.state == .cancelled && found.cancellation?.reason == .providerFailed)
                #expect(clinic.theirs.standing.isEmpty)
                #expect(try await clinic.tasks().map(\.kind) == [.providerMoveRefused])
            }
        }

        @Test(arguments: Engine.allCases) func `what they agreed to moves with its series, and not while they are asked`(
            engine: Engine
        ) async throws {
            let plan = ClinicPlan {
                $0.practitioners = 2
                $0.policy.latestHorizonDays = 60
            }
            try await ClinicFixture.open(engine, plan, settings: ElsewhereFixture.settings()) { fixture in
                let clinic = ElsewhereFixture(fixture: fixture, theirs: TheirCalendar(fixture.clock), engine: engine)
                let directory = try await fixture.clinic.directory(for: plan.admin())
                var practitioner = try #require(directory.resources[plan.practitioner(1)])
                (practitioner.version, practitioner.provider) = (practitioner.version + 1, "north")
                _ = try await fixture.clinic.change(
                    .storeResource(practitioner), call: Call(caller: plan.admin(), requestID: "store"), wording: .anything()
                ).value()
                let call = Call(caller: plan.desk(), requestID: "series")
                let series = try await fixture.clinic.bookSeries(
                    SeriesRequest(
                        visitType: plan.consultation, practitioner: plan.practitioner(0), patients: [plan.patient(1)],
                        plan: SeriesPlan(rule: try RecurrenceRule("FREQ=WEEKLY;COUNT=3"), start: clinic.start)),
                    call: call, wording: .anything()
                ).value()
                // One of them is given to the colleague whose calendar is another's.
                let second = series.visits[1]
                #expect(await fixture.move(second.id, to: second.visit.from, with: 1, by: plan.desk()).told?.state == .booked)
                func later() async throws -> Reply<SeriesWithVisits> {
                    try await fixture.clinic.rescheduleSeries(
                        SeriesTarget(id: series.series.id, scope: .all), to: clinic.start + .hours(1), call: call,
                        wording: .anything())
                }
                #expect(try await later().refusal == .transitionNotAllowed, "not while they are asked")
                try await clinic.run()
                #expect(clinic.theirs.standing.map(\.time) == [second.visit.from])
                let moved = try await later().value()
                #expect(moved.visits.map(\.visit.from) == series.visits.map { $0.visit.from + .hours(1) })
                try await clinic.run(for: .minutes(2))
                #expect(clinic.theirs.standing.map(\.time) == [second.visit.from + .hours(1)])
                #expect(try await clinic.found(second.id).external?.state == .confirmed)
                #expect(try await clinic.sweep() == SweepOutcome())
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases) func `a hold is asked for when it is confirmed, and confirmed by them`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let patient = clinic.fixture.plan.patientCaller(0)
                let hold = try await clinic.book(isHold: true)
                try await clinic.run(for: .minutes(1))
                #expect(clinic.theirs.calls.isEmpty)
                #expect(await clinic.fixture.confirm(hold.id, by: patient).told?.state == .pending)
                #expect(await clinic.fixture.confirm(hold.id, by: patient).refusal == .transitionNotAllowed)
                try await clinic.run(for: .minutes(6))
                #expect(try await clinic.found(hold.id).state == .booked, "though the hold would be over by now")
            }
        }

        @Test(arguments: Engine.allCases) func `nobody's calendar is one the clinic does not work with`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let (plan, admin) = (clinic.fixture.plan, Call(caller: clinic.fixture.plan.admin(), requestID: "store"))
                let directory = try await clinic.fixture.clinic.directory(for: plan.admin())
                var practitioner = try #require(directory.resources[plan.practitioner(0)])
                practitioner.version += 1
                practitioner.provider = "nowhere"
                let silent = Wording<Directory>(
                    done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })
                let refused = try await clinic.fixture.clinic.change(.storeResource(practitioner), call: admin, wording: silent)
                #expect(refused.refusal == .providerUnknown)
            }
        }

        // MARK: Crashes

        /// One life after the other, each a step longer: before and after each commit, and before and after each call.
        @Test(arguments: Engine.allCases, [TheirCalendar.Manner.agrees, .refuses])
        func `a crash in every step leaves one appointment here and one there, or none`(
            engine: Engine, manner: TheirCalendar.Manner
        ) async throws {
            try await ElsewhereFixture.open(engine, knowsRepeats: false) { clinic in
                let fixture = clinic.fixture
                var (steps, ended) = (0, false)
                while !ended {
                    let start = fixture.plan.time(day: 3 + steps / 14, hour: 8, minute: 30 * (steps % 14))
                    let told = try await clinic.book(patient: steps % 40, at: start)
                    let life = Life(steps)
                    let theirs = TheirCalendar(fixture.clock, knowsRepeats: false, life: life)
                    theirs.become(manner)
                    ended = try await live(life, theirs, clinic)
                    theirs.isCalledByTheLiving()
                    // Another program takes up what the first one left, as soon as its leases are over.
                    try await live(Life(.max), theirs, clinic, for: .minutes(5))
                    let found = try await clinic.found(told.id)
                    let situation = "killed after \(steps) steps: \(found.state), \(theirs.standing), \(theirs.calls)"
                    if manner == .agrees {
                        #expect(found.state == .booked && theirs.standing.map(\.time) == [start], "\(situation)")
                    } else {
                        #expect(found.state == .cancelled && theirs.standing.isEmpty, "\(situation)")
                    }
                    #expect(theirs.most <= 1, "\(situation)")
                    steps += 1
                    try #require(steps < 100, "it never came to its end")
                }
                #expect(steps > 6, "there were steps to be killed in")
                try await clinic.isSound()
            }
        }

        /// Whether it came to its end alive.
        @discardableResult
        private func live(
            _ life: Life, _ theirs: TheirCalendar, _ clinic: ElsewhereFixture, for span: Span = .zero
        ) async throws -> Bool {
            let fixture = clinic.fixture
            let database = MortalDatabase(inner: fixture.database, life: life)
            let program = Clinic(
                database: database, surroundings: fixture.surroundings, master: TestKeys.master,
                settings: ElsewhereFixture.settings())
            let worker = Outbox(
                database: database, surroundings: fixture.surroundings, workerName: "mortal",
                handlers: program.deliveries.merging(SchedulingDesk(program, partner: theirs).deliveries) { $1 })
            let end = fixture.clock.now + span
            do {
                try await program.readKeys()
                while true {
                    try await worker.rescueLeases()
                    while try await worker.step() > 0 {}
                    if fixture.clock.now >= end { return !life.isOver }
                    fixture.clock.advance(by: .seconds(10))
                }
            } catch StorageFault.closed where life.isOver {
                return false
            }
        }

        // MARK: What does not fit

        @Test(arguments: Engine.allCases) func `a request whose message was lost is asked for again`(engine: Engine) async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let told = try await clinic.book()
                try await clinic.fixture.execute("DELETE FROM outbox WHERE topic = 'scheduling.request'")
                try await clinic.run(for: .minutes(3))
                #expect(try await clinic.found(told.id).state == .pending, "the negative control: nobody asks")
                let outcome = try await clinic.sweep()
                #expect(outcome.repaired == 1 && outcome.oldest != nil)
                try await clinic.run()
                #expect(try await clinic.found(told.id).state == .booked)
                #expect(try await clinic.sweep() == SweepOutcome())
            }
        }

        @Test(arguments: Engine.allCases) func `what they did after it was given up is given up there`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.agrees, after: [.hangs])
                let told = try await clinic.book()
                try await clinic.run()
                await clinic.fixture.cancel(told.id, by: clinic.fixture.plan.desk())
                try await clinic.run(for: .minutes(2))
                let external = try #require(try await clinic.found(told.id).external)
                #expect(external.state == .cancelled)
                // The first request was on its way all the time.
                let id = String(external.requestID.dropLast(":request".count))
                clinic.theirs.put(
                    SchedulingEntry(
                        id: id, requestID: external.requestID, state: .confirmed, time: clinic.start,
                        updatedAt: clinic.fixture.clock.now, reason: nil))
                #expect(clinic.theirs.standing.count == 1, "the negative control: without the sweep it stays")
                #expect(try await clinic.sweep().repaired == 1)
                try await clinic.run(for: .minutes(1))
                #expect(clinic.theirs.standing.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `an answer that came after all is found by looking`(engine: Engine) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                clinic.theirs.become(.pends)
                let told = try await clinic.book()
                try await clinic.run()
                clinic.theirs.set(try #require(clinic.theirs.standing.first).id) { $0 = .confirmed }
                #expect(try await clinic.sweep().repaired == 1)
                #expect(try await clinic.found(told.id).state == .booked)
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.notices().map(\.kind) == [.confirmation], "once")
            }
        }

        /// They have changed nothing, so nothing of what they say shows it.
        @Test(arguments: Engine.allCases) func `a time that was changed here and that nobody told them of is carried there`(
            engine: Engine
        ) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                let (told, before) = (try await clinic.book(), clinic.start - .hours(1))
                try await clinic.run()
                let known = try #require(clinic.theirs.standing.first)
                clinic.theirs.put(
                    SchedulingEntry(
                        id: known.id, requestID: known.requestID, state: .confirmed, time: before, updatedAt: known.updatedAt,
                        reason: nil))
                try await clinic.fixture.execute("UPDATE external_entry SET start_at = \(engine.typed(before))")
                try await clinic.run(for: .minutes(5))
                #expect(clinic.theirs.standing.map(\.time) == [before], "the negative control: they keep the old time")
                #expect(try await clinic.sweep().repaired == 1)
                #expect(try await clinic.sweep().repaired == 0, "they are asked once")
                try await clinic.run(for: .minutes(1))
                #expect(clinic.theirs.standing.map(\.time) == [clinic.start])
                #expect(try await clinic.found(told.id).state == .booked)
                #expect(try await clinic.sweep() == SweepOutcome())
            }
        }

        @Test(arguments: Engine.allCases) func `what is over here and stands there is given up there`(engine: Engine) async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let told = try await clinic.book()
                try await clinic.run()
                let id = try #require(clinic.theirs.standing.first).id
                await clinic.fixture.cancel(told.id, by: clinic.fixture.plan.desk())
                try await clinic.run(for: .minutes(1))
                // As if nobody had told them.
                clinic.theirs.set(id) { $0 = .confirmed }
                try await clinic.fixture.execute("UPDATE external_entry SET state = 'confirmed'")
                #expect(try await clinic.sweep().repaired == 1)
                try await clinic.run(for: .minutes(1))
                #expect(clinic.theirs.standing.isEmpty)
            }
        }

        @Test(arguments: Engine.allCases)
        func `another time of theirs, and what they do not give up for hours, is shown to a human once`(engine: Engine)
            async throws
        {
            try await ElsewhereFixture.open(engine) { clinic in
                let told = try await clinic.book()
                try await clinic.run()
                let known = try #require(clinic.theirs.standing.first)
                clinic.theirs.put(
                    SchedulingEntry(
                        id: known.id, requestID: known.requestID, state: .confirmed, time: clinic.start + .hours(1),
                        updatedAt: clinic.fixture.clock.now, reason: nil))
                for round in 0..<3 { #expect(try await clinic.sweep().raised == (round == 0 ? 1 : 0)) }
                var tasks = try await clinic.tasks()
                #expect(tasks.map(\.kind) == [.providerTimeDiffers] && tasks[0].appointment == told.id)
                #expect(try JSON(parsing: tasks[0].details)["theirTime"]?.string == "\(clinic.start + .hours(1))")
                clinic.theirs.become(.hangs)
                await clinic.fixture.cancel(told.id, by: clinic.fixture.plan.desk())
                for _ in 0..<18 {
                    try await clinic.run()
                    clinic.fixture.clock.advance(by: .minutes(10))
                }
                tasks = try await clinic.tasks()
                #expect(tasks.map(\.kind) == [.providerTimeDiffers, .providerWithdrawalStuck])
                #expect(try JSON(parsing: tasks[1].details)["provider"]?.string == "north")
            }
        }

        @Test(arguments: Engine.allCases)
        func `what they end by themselves, and what nobody here knows, is shown to a human once`(
            engine: Engine
        ) async throws {
            try await ElsewhereFixture.open(engine) { clinic in
                let told = try await clinic.book()
                try await clinic.run()
                clinic.theirs.set(try #require(clinic.theirs.standing.first).id) { $0 = .cancelled }
                let stranger = ID<ElsewhereFixture.Heard>(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)
                clinic.theirs.put(
                    SchedulingEntry(
                        id: "\(stranger)", requestID: "\(stranger):request", state: .confirmed, time: clinic.start,
                        updatedAt: clinic.fixture.clock.now, reason: nil))
                for round in 0..<3 { #expect(try await clinic.sweep().raised == (round == 0 ? 2 : 0)) }
                let kinds = try await clinic.tasks().map(\.kind.rawValue).sorted()
                #expect(kinds == ["provider-cancelled", "provider-entry-unknown"])
                #expect(try await clinic.found(told.id).state == .booked, "a human decides")
            }
        }
    }
}
