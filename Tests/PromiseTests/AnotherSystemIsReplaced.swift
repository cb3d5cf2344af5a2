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

/// A clinic that replaces another system (GF-6).
struct ReplacingFixture {
    let fixture: ClinicFixture
    let old: TheOldSystem

    static func open(
        _ engine: Engine, compared: Int = 10, price: Price? = nil, sabotage: (any Database) -> any Database = { $0 },
        _ body: (ReplacingFixture) async throws -> Void
    ) async throws {
        var settings = ClinicSettings()
        settings.remindersBefore = []
        var rules = LegacyRules()
        rules.compared = compared
        settings.legacy = rules
        let plan = ClinicPlan {
            $0.practitioners = 2
            $0.patients = 240
            $0.price = price
        }
        try await ClinicFixture.open(engine, plan, settings: settings, sabotage: sabotage) { fixture in
            try await body(ReplacingFixture(fixture: fixture, old: TheOldSystem(fixture.clock)))
        }
    }

    var plan: ClinicPlan { fixture.plan }
    private var admin: Call { Call(caller: plan.admin(), requestID: "replace") }
    private static let wording = Wording<LegacyStatus>(
        done: { _ in StoredAnswer(status: 200, body: []) }, refused: { _ in StoredAnswer(status: 409, body: []) })

    func desk(_ clinic: Clinic? = nil) -> LegacyDesk { LegacyDesk(clinic ?? fixture.clinic, legacy: old) }

    @discardableResult
    func go(to phase: Replacement.Phase, despite: String? = nil) async throws -> Refusal? {
        try await fixture.clinic.changePhase(
            to: phase, despite: despite.map { Personal($0) }, call: admin, wording: Self.wording
        ).refusal
    }

    func share(_ percent: Int) async throws {
        let reply = try await fixture.clinic.setLegacyShare(percent, call: admin, wording: Self.wording)
        try #require(reply.refusal == nil)
    }

    func backfill() async throws {
        let reply = try await fixture.clinic.beginBackfill(call: admin, wording: Self.wording)
        try #require(reply.refusal == nil)
    }

    func status() async throws -> LegacyStatus { try await fixture.clinic.legacyStatus() }
    func comparison() async throws -> LegacyComparison { try await fixture.clinic.compareWithLegacy(last: 1_000) }

    func worker(
        _ clinic: Clinic? = nil, on database: (any Database)? = nil, report: @escaping @Sendable (LegacyReport) -> Void = { _ in }
    ) -> Outbox {
        let clinic = clinic ?? fixture.clinic
        let calendars = CalendarsAndLegacy(calendars: nil, legacy: old, called: Replacement.provider)
        let handlers = clinic.deliveries.merging(SchedulingDesk(clinic, partner: calendars).deliveries) { $1 }
            .merging(LegacyDesk(clinic, legacy: old, report: report).deliveries) { $1 }
        return Outbox(
            database: database ?? fixture.database, surroundings: fixture.surroundings, workerName: "worker", handlers: handlers)
    }

    /// What a server does, for so long.
    func run(for span: Span = .zero) async throws {
        let (worker, end) = (worker(), fixture.clock.now + span)
        let sweep = desk().sweep()
        while true {
            _ = try? await sweep.round()
            try await worker.rescueLeases()
            while try await worker.step() > 0 {}
            if fixture.clock.now >= end { return }
            fixture.clock.advance(by: min(.seconds(5), end - fixture.clock.now))
        }
    }

    /// Asks the old system at its own counter.
    @discardableResult
    func askThere(
        patient: Int, with practitioner: Int = 0, at start: Instant, minutes: Int = 30, careful: Bool? = nil
    ) -> LegacyEntry {
        old.ask(
            patient: plan.patient(patient).description, with: plan.practitioner(practitioner).description,
            plan.consultation.description, at: start, minutes: minutes, careful: careful)
    }

    /// Patients who book here at a share of so many percent, and those who do not.
    func patients(at share: Int, isHere: Bool) -> [Int] {
        let replacement = Replacement(phase: .dual, share: share)
        return (0..<plan.patients).filter { replacement.takesBookings(of: plan.patient($0)) == isHere }
    }

    func tasks() async throws -> [ClinicTask] {
        try await fixture.clinic.tasks(onlyOpen: true, page: PageRequest(limit: 100), for: .looking(plan.desk())).elements
    }

    func found(_ id: ID<Appointment>) async throws -> Appointment {
        try await fixture.clinic.appointment(id, for: .looking(plan.desk()))
    }

    /// What is booked here, by practitioner and start.
    func bookedHere() async throws -> Set<String> {
        Set(try await fixture.database.read { try $0.fetch(Booked()) })
    }
    var bookedThere: Set<String> { Set(old.standing.map { "\($0.visit.practitioner) \($0.visit.start)" }) }

    private struct Booked: Query {
        static let sql: SQL = "SELECT practitioner_id, start_at FROM appointment WHERE state = 'booked' ORDER BY id"
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> String {
            let practitioner: ID<Resource> = try columns.id(0)
            return "\(practitioner) \(try columns.instant(1))"
        }
    }

    func isSound() async throws {
        let report = try await ClinicCheck.run(fixture.database, newestSchema: Schema.migrations.count)
        #expect(report.problems == [])
    }
}

extension Promises {
    /// GF-6: a shadow changes nothing.
    @Suite struct AShadowChangesNothing {
        /// Thirty requests, some of which this clinic would have decided otherwise.
        private func ask(_ clinic: ReplacingFixture) {
            for number in 0..<20 {
                let start = clinic.plan.starts(onDays: 3..<5)[number]
                clinic.askThere(patient: number, with: number % 2, at: start)
            }
            // The same again is refused there, and would be here.
            clinic.askThere(patient: 30, at: clinic.plan.starts(onDays: 3..<5)[0])
            // Booked twice, nobody of that name, outside of hours, too long, a stranger.
            clinic.askThere(patient: 31, at: clinic.plan.starts(onDays: 3..<5)[2], careful: false)
            clinic.old.ask(
                patient: clinic.plan.patient(32).description, with: "dr-nobody", clinic.plan.consultation.description,
                at: clinic.plan.time(day: 6, hour: 9))
            clinic.askThere(patient: 33, at: clinic.plan.time(day: 6, hour: 20))
            clinic.askThere(patient: 34, at: clinic.plan.time(day: 6, hour: 10), minutes: 60)
            clinic.old.ask(
                patient: "nobody-7", with: clinic.plan.practitioner(0).description, clinic.plan.consultation.description,
                at: clinic.plan.time(day: 6, hour: 12))
        }

        @Test(arguments: Engine.allCases) func `what is asked there is decided here too, and nothing else changes`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                #expect(try await clinic.go(to: .shadow) == nil)
                let before = try await clinic.fixture.contents()
                ask(clinic)
                try await clinic.run(for: .minutes(2))
                let comparison = try await clinic.comparison()
                #expect(comparison.count == 26 && comparison.matched == 21)
                #expect(
                    comparison.kinds == [
                        "practitionerTaken": 1, "practitionerUnknown": 1, "outsideWorkingHours": 1, "endDiffers": 1,
                        "patientUnknown": 1,
                    ])
                #expect(!comparison.isWithinTolerance && comparison.differences.count == 5)
                #expect(try await clinic.fixture.contents() == before, "nobody else sees anything of it")
                let start = clinic.plan.starts(onDays: 3..<5)[1]
                // Nobody books here, and the time is not taken here either.
                #expect(await clinic.fixture.book(patient: 40, at: start).refusal == .bookedElsewhere)
                #expect(try await clinic.go(to: .off) == nil)
                #expect(await clinic.fixture.book(patient: 40, at: clinic.plan.starts(onDays: 3..<5)[0]).told?.state == .booked)
                #expect(try await clinic.fixture.contents() != before, "the negative control: what somebody does is seen")
            }
        }

        @Test(arguments: Engine.allCases) func `each change counts once, whoever dies when`(engine: Engine) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                #expect(try await clinic.go(to: .shadow) == nil)
                ask(clinic)
                var (steps, isOver) = (0, false)
                while !isOver {
                    let life = Life(steps)
                    clinic.old.isCalled(by: life)
                    let mortal = Clinic(
                        database: MortalDatabase(inner: clinic.fixture.database, life: life),
                        surroundings: clinic.fixture.surroundings, master: TestKeys.master)
                    do {
                        try await mortal.readKeys()
                        try await clinic.desk(mortal).follow()
                        isOver = !life.isOver
                    } catch { #expect(life.isOver) }
                    steps += 1
                }
                #expect(steps > 3)
                clinic.old.isCalled(by: nil)
                try await clinic.desk().follow()
                let once = try await clinic.comparison()
                #expect(once.count == 26 && once.mismatched == 5)
                // Everything once more, as after a restored backup of the feed's place.
                try await clinic.fixture.execute("UPDATE legacy_feed SET change = 0")
                try await clinic.desk().follow()
                #expect(try await clinic.comparison() == once)
            }
        }

        /// GF's criterion: of a thousand shadowed requests fewer than one in a thousand differs.
        @Test(arguments: Engine.allCases) func `a thousand requests are decided alike, and one that is not is one too many`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine, compared: 1_000) { clinic in
                #expect(try await clinic.go(to: .shadow) == nil)
                let starts = clinic.plan.starts(onDays: 1..<19)
                var made: [LegacyEntry] = []
                for number in 0..<560 {
                    made.append(clinic.askThere(patient: number % 240, with: number % 2, at: starts[number / 2]))
                }
                // Somebody else wants what is taken.
                for number in 0..<340 {
                    clinic.askThere(patient: (number + 120) % 240, with: number % 2, at: starts[number / 2])
                }
                try await clinic.desk().follow()
                for entry in made.suffix(100) { clinic.old.end(entry.id) }
                try await clinic.desk().follow()
                for number in 460..<560 { clinic.askThere(patient: number % 240, with: number % 2, at: starts[number / 2]) }
                try await clinic.desk().follow()
                let comparison = try await clinic.comparison()
                #expect(comparison.count == 1_000 && comparison.mismatched == 0, "\(comparison.text)")
                #expect(comparison.isWithinTolerance)
                #expect(try await clinic.go(to: .dual) == nil)
                #expect(try await clinic.status().hindrances == [.backfillNotBegun])
                // The negative control: they book one time twice.
                clinic.askThere(patient: 239, at: starts[0], careful: false)
                try await clinic.desk().follow()
                #expect(try await clinic.comparison().kinds == ["practitionerTaken": 1])
                #expect(try await clinic.status().hindrances == [.backfillNotBegun, .tooManyDiffer])
            }
        }

        @Test(arguments: Engine.allCases) func `what was ended there before anybody looked had taken its time meanwhile`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                #expect(try await clinic.go(to: .shadow) == nil)
                let start = clinic.plan.time(day: 3, hour: 9)
                let first = clinic.askThere(patient: 0, at: start)
                clinic.fixture.clock.advance(by: .seconds(1))
                #expect(clinic.askThere(patient: 1, at: start).state == .refused)
                clinic.fixture.clock.advance(by: .seconds(1))
                clinic.old.end(first.id)
                clinic.fixture.clock.advance(by: .seconds(1))
                #expect(clinic.askThere(patient: 2, at: start).state == .booked)
                try await clinic.desk().follow()
                let comparison = try await clinic.comparison()
                #expect(comparison.count == 3 && comparison.mismatched == 0, "\(comparison.text)")
            }
        }
    }

    /// GF-6: while both are in use, a time is booked once.
    @Suite struct TwoSystemsBookATimeOnce {
        @Test(arguments: Engine.allCases) func `a share of the patients books here, with their agreement; all others hear where`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                #expect(try await clinic.go(to: .shadow) == nil)
                #expect(try await clinic.go(to: .dual) == nil)
                let (here, elsewhere) = (clinic.patients(at: 1, isHere: true), clinic.patients(at: 5, isHere: false))
                let later = clinic.patients(at: 5, isHere: true).filter { !here.contains($0) }
                let start = clinic.plan.time(day: 3, hour: 9)
                let mine = try #require(here.first)
                let other = try #require(elsewhere.first)
                let new = try #require(later.first)
                let told = try #require(await clinic.fixture.book(patient: mine, at: start).told)
                #expect(told.state == .pending)
                #expect(await clinic.fixture.book(patient: other, at: start + .hours(1)).refusal == .bookedElsewhere)
                #expect(await clinic.fixture.book(patient: new, at: start + .hours(1)).refusal == .bookedElsewhere)
                try await clinic.run()
                #expect(try await clinic.found(told.id).state == .booked)
                #expect(clinic.old.standing.map(\.visit.start) == [start])
                // While the clinic runs.
                try await clinic.share(5)
                let second = try #require(await clinic.fixture.book(patient: new, at: start + .hours(1)).told)
                clinic.old.become(.refuses)
                try await clinic.run()
                let refused = try await clinic.found(second.id)
                #expect(refused.state == .cancelled && refused.cancellation?.reason == .providerFailed)
                clinic.old.become(.careful)
                // What they have takes its time here at once.
                clinic.askThere(patient: other, at: start + .hours(2))
                try await clinic.desk().follow()
                #expect(await clinic.fixture.book(patient: mine, at: start + .hours(2)).refusal == .practitionerTaken)
                // Whoever cancels here cancels there.
                #expect(await clinic.fixture.cancel(told.id, by: clinic.plan.patientCaller(mine)).told?.state == .cancelled)
                try await clinic.run(for: .seconds(10))
                #expect(!clinic.old.standing.contains { $0.visit.start == start })
                try await clinic.isSound()
            }
        }

        /// Forty times that somebody wants in both.
        private func race(_ clinic: ReplacingFixture) async throws -> (double: Int, booked: Int) {
            #expect(try await clinic.go(to: .shadow) == nil)
            #expect(try await clinic.go(to: .dual) == nil)
            try await clinic.share(5)
            try await clinic.backfill()
            let here = clinic.patients(at: 5, isHere: true)
            let elsewhere = clinic.patients(at: 5, isHere: false)
            let starts = clinic.plan.starts(onDays: 3..<6)
            let worker = clinic.worker()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for (number, start) in starts.enumerated() {
                        await clinic.fixture.book(patient: here[number % here.count], at: start)
                        await Task.yield()
                    }
                }
                group.addTask {
                    for (number, start) in starts.enumerated().reversed() {
                        clinic.askThere(patient: elsewhere[number % elsewhere.count], at: start)
                        await Task.yield()
                    }
                }
                group.addTask {
                    for _ in 0..<60 {
                        _ = try? await worker.step()
                        _ = try? await clinic.desk().follow()
                        _ = try? await clinic.desk().takeOver(atMost: 50)
                    }
                }
            }
            try await clinic.run(for: .minutes(20))
            try await clinic.isSound()
            return (double: clinic.old.overlaps, booked: try await clinic.bookedHere().count)
        }

        @Test(arguments: Engine.allCases) func `whoever wants a time in both systems at once, one of them has it`(engine: Engine)
            async throws
        {
            try await ReplacingFixture.open(engine) { clinic in
                let end = try await race(clinic)
                #expect(end.double == 0)
                #expect(end.booked == clinic.plan.starts(onDays: 3..<6).count, "each time is somebody's, and is here as well")
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                #expect(try await clinic.tasks().isEmpty)
            }
        }

        /// The planted fault: a system whose agreement is worth nothing.
        @Test(arguments: Engine.allCases) func `would be seen: where they agree to everything, times are booked twice`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                clinic.old.become(.overbooks)
                _ = try await race(clinic)
                // Where the race was won by one side every time, there is a time that is somebody's all the same.
                clinic.askThere(patient: clinic.patients(at: 5, isHere: false)[1], at: clinic.plan.starts(onDays: 3..<6)[0])
                try await clinic.desk().follow()
                _ = try await clinic.desk().takeOver(atMost: 50)
                #expect(clinic.old.overlaps > 0)
                // Here nobody is, and somebody hears of each.
                #expect(try await clinic.tasks().contains { $0.kind == .legacyNotTaken })
            }
        }
    }

    /// GF-6: a switch and its way back lose nothing.
    @Suite struct ASwitchLosesNothing {
        /// Both in use, with twelve of theirs taken over.
        private func inUse(_ clinic: ReplacingFixture) async throws {
            #expect(try await clinic.go(to: .shadow) == nil)
            for number in 0..<12 {
                clinic.askThere(patient: number, with: number % 2, at: clinic.plan.starts(onDays: 3..<4)[number])
            }
            try await clinic.run()
            #expect(try await clinic.go(to: .dual) == nil)
            #expect(try await clinic.go(to: .switched) == .notReadyToSwitch)
            #expect(try await clinic.status().hindrances == [.backfillNotBegun])
            try await clinic.backfill()
            try await clinic.run()
            let status = try await clinic.status()
            #expect(status.taken == 12 && status.waiting == 0 && status.hindrances == [])
        }

        @Test(arguments: Engine.allCases) func `what is booked there is taken over once, and nobody is told twice`(engine: Engine)
            async throws
        {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                let notices = try await clinic.fixture.clinic.mailbox(
                    of: clinic.plan.patient(0).of(), page: PageRequest(limit: 50), for: .looking(clinic.plan.desk()))
                #expect(notices.elements.isEmpty)
                // Their word: what they end is ended, what they alone may change is not changed here.
                let ended = clinic.old.standing[0]
                clinic.old.end(ended.id)
                try await clinic.run()
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                try await clinic.backfill()
                try await clinic.run(for: .seconds(10))
                #expect(try await clinic.status().taken == 12, "again is the same as once")
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases) func `a switch is refused until everything is here and both say the same`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                #expect(try await clinic.go(to: .switched) == .transitionNotAllowed)
                #expect(try await clinic.go(to: .shadow) == nil)
                for number in 0..<9 { clinic.askThere(patient: number, at: clinic.plan.starts(onDays: 3..<4)[number]) }
                #expect(try await clinic.go(to: .dual) == nil)
                #expect(try await clinic.status().hindrances == [.feedBehind, .backfillNotBegun, .tooFewCompared])
                try await clinic.backfill()
                clinic.askThere(patient: 20, at: clinic.plan.starts(onDays: 3..<4)[0], careful: false)
                try await clinic.run()
                #expect(try await clinic.status().hindrances == [.notTaken, .tooManyDiffer])
                #expect(try await clinic.tasks().map(\.kind) == [.legacyNotTaken])
                #expect(try await clinic.go(to: .switched) == .notReadyToSwitch)
                clinic.fixture.clock.advance(by: .minutes(2))
                #expect(
                    try await clinic.go(to: .switched, despite: "looked at it") == .notReadyToSwitch,
                    "what would lose something is set aside by nobody")
                try await clinic.run()
                #expect(try await clinic.go(to: .switched, despite: "looked at it") == nil)
                #expect(await clinic.fixture.book(patient: 30, at: clinic.plan.time(day: 5, hour: 9)).told?.state == .booked)
            }
        }

        /// Books, moves and cancels here after the switch, and goes back.
        private func work(_ clinic: ReplacingFixture, _ round: Int) async throws {
            let (day, offset) = (4 + round % 10, round / 20)
            let desk = clinic.plan.desk()
            let starts = clinic.plan.starts(onDays: day..<(day + 1))
            var told: [Told] = []
            for number in 0..<3 {
                let outcome = await clinic.fixture.book(
                    patient: 20 + (round * 3 + number) % 200, with: round / 10 % 2, at: starts[offset * 3 + number], by: desk)
                told.append(try #require(outcome.told))
            }
            #expect(await clinic.fixture.move(told[1].id, to: starts[8 + offset], by: desk).told?.state == .booked)
            #expect(await clinic.fixture.cancel(told[2].id, by: desk).told?.state == .cancelled)
        }

        @Test(arguments: Engine.allCases, [TheOldSystem.Manner.careful, .unheard])
        func `a crash in every step leaves each appointment there once, and there is a way back`(
            engine: Engine, manner: TheOldSystem.Manner
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                var (steps, round, isOver) = (0, 0, false)
                while !isOver, round < 39 {
                    try await work(clinic, round)
                    round += 1
                    if manner == .unheard { clinic.old.become(.careful, after: [.unheard, .careful, .unheard]) }
                    let life = Life(steps)
                    clinic.old.isCalled(by: life)
                    let database = MortalDatabase(inner: clinic.fixture.database, life: life)
                    var settings = ClinicSettings()
                    settings.legacy = LegacyRules()
                    let mortal = Clinic(
                        database: database, surroundings: clinic.fixture.surroundings, master: TestKeys.master,
                        settings: settings)
                    do {
                        try await mortal.readKeys()
                        let worker = clinic.worker(mortal, on: database)
                        while try await worker.step() > 0 {}
                    } catch { #expect(life.isOver) }
                    isOver = !life.isOver
                    clinic.old.isCalled(by: nil)
                    clinic.old.become(.careful)
                    // Another program takes up what the first one left, as soon as its leases are over.
                    try await clinic.run(for: .minutes(5))
                    let (here, there) = (try await clinic.bookedHere(), clinic.bookedThere)
                    #expect(here == there && clinic.old.overlaps == 0, "killed after \(steps) steps")
                    #expect(clinic.old.standing.count == here.count, "killed after \(steps) steps")
                    steps += 4
                }
                #expect(steps > 6)
                // And back: nobody books until they have everything, then they are the truth again.
                try await work(clinic, 39)
                clinic.old.become(.hangs)
                #expect(try await clinic.go(to: .returning) == nil)
                #expect(
                    await clinic.fixture.book(patient: 230, at: clinic.plan.time(day: 15, hour: 9)).refusal == .bookedElsewhere)
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.status().phase == .returning)
                #expect(try await clinic.status().hindrances == [.notThereYet])
                clinic.old.become(.careful)
                try await clinic.run(for: .minutes(3))
                #expect(try await clinic.status().phase == .dual)
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                #expect(try await clinic.tasks().isEmpty)
                try await clinic.isSound()
            }
        }

        /// Changes are told one by one and in any order: a time is asked for while it is given up.
        @Test(arguments: Engine.allCases) func `a time that changes hands here does so there, whatever fails on the way`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                let desk = clinic.plan.desk()
                let starts = clinic.plan.starts(onDays: 5..<6)
                var told: [Told] = []
                for number in 0..<3 {
                    told.append(try #require(await clinic.fixture.book(patient: 30 + number, at: starts[number], by: desk).told))
                }
                try await clinic.run()
                // Two change places, a third has the time of one who does not come; the first calls fail.
                clinic.old.become(.careful, after: [.hangs, .unheard, .hangs, .hangs])
                #expect(await clinic.fixture.move(told[0].id, to: starts[8], by: desk).told != nil)
                #expect(await clinic.fixture.move(told[1].id, to: starts[0], by: desk).told != nil)
                #expect(await clinic.fixture.move(told[0].id, to: starts[1], by: desk).told != nil)
                #expect(await clinic.fixture.cancel(told[2].id, by: desk).told?.state == .cancelled)
                #expect(await clinic.fixture.book(patient: 40, at: starts[2], by: desk).told?.state == .booked)
                try await clinic.run(for: .minutes(5))
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                #expect(clinic.old.overlaps == 0 && clinic.old.standing.count == 15)
                #expect(try await clinic.tasks().isEmpty, "they said no to ours, and not for good")
                #expect(try await clinic.status().hindrances.isEmpty)
                try await clinic.isSound()
                // The negative control: a no to what is theirs is one for a human.
                clinic.old.become(.refuses)
                #expect(await clinic.fixture.book(patient: 41, at: starts[10], by: desk).told?.state == .booked)
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.tasks().map(\.kind) == [.legacyRefuses])
            }
        }

        /// They say no to one because of another that we give up there at the same moment, and whoever hears of it looks only afterwards.
        @Test(arguments: Engine.allCases) func `a no on its way while the time is given up there is none`(engine: Engine)
            async throws
        {
            #expect(try await tasksOfCrossing(engine) { $0 } == [])
        }

        /// The negative control: whoever looks only for what stands there now.
        @Test(arguments: Engine.allCases) func `would be seen: who forgets what stood there leaves it to a human`(engine: Engine)
            async throws
        {
            let tasks = try await tasksOfCrossing(engine) { TamperedDatabase($0) { ForgetsWhatWasGivenUp($0) } }
            #expect(tasks == [.legacyRefuses])
        }

        private func tasksOfCrossing(_ engine: Engine, sabotage: (any Database) -> any Database) async throws -> [ClinicTask.Kind]
        {
            var tasks: [ClinicTask.Kind] = []
            try await ReplacingFixture.open(engine, sabotage: sabotage) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                let (desk, start) = (clinic.plan.desk(), clinic.plan.starts(onDays: 5..<6)[0])
                let first = try #require(await clinic.fixture.book(patient: 30, at: start, by: desk).told)
                try await clinic.run()
                #expect(await clinic.fixture.cancel(first.id, by: desk).told?.state == .cancelled)
                #expect(await clinic.fixture.book(patient: 31, at: start, by: desk).told?.state == .booked)
                let (isRefused, isGivenUp) = (Gate(), Gate())
                clinic.old.crosses(isRefused, isGivenUp)
                let worker = clinic.worker { report in
                    if report.what == .cancelled, report.appointment == first.id { isGivenUp.open() }
                }
                while try await worker.step() > 0 {}
                try await clinic.run(for: .minutes(1))
                #expect(clinic.old.all.contains { $0.state == .refused }, "they did say no")
                try await clinic.isSound()
                tasks = try await clinic.tasks().map(\.kind)
                #expect(try await (clinic.bookedHere() == clinic.bookedThere) == tasks.isEmpty)
            }
            return tasks
        }

        /// The planted fault: a system that knows nothing of what it was asked, so that looking first is in vain.
        @Test(arguments: Engine.allCases) func `would be seen: who cannot look before asking again has it there twice`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                clinic.old.forgetWhatWasAsked()
                clinic.old.become(.overbooks, after: [.unheard])
                let start = clinic.plan.time(day: 5, hour: 9)
                #expect(await clinic.fixture.book(patient: 30, at: start).told?.state == .booked)
                let worker = clinic.worker()
                for _ in 0..<20 {
                    while try await worker.step() > 0 {}
                    clinic.fixture.clock.advance(by: .seconds(5))
                }
                #expect(clinic.old.standing.count { $0.visit.start == start } == 2)
            }
        }

        @Test(arguments: Engine.allCases) func `whoever looks on again gives up there what is given up here`(engine: Engine)
            async throws
        {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                let start = clinic.plan.time(day: 5, hour: 9)
                let told = try #require(await clinic.fixture.book(patient: 30, at: start).told)
                try await clinic.run(for: .seconds(10))
                #expect(clinic.old.standing.contains { $0.visit.start == start })
                #expect(try await clinic.go(to: .returning) == nil)
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.go(to: .shadow) == nil)
                #expect(await clinic.fixture.cancel(told.id, by: clinic.plan.desk()).told?.state == .cancelled)
                try await clinic.run(for: .seconds(10))
                #expect(!clinic.old.standing.contains { $0.visit.start == start })
            }
        }

        /// Their agreement was heard once; what they said last counts.
        @Test(arguments: Engine.allCases) func `what they agreed to before the switch and end after it is made anew there`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                let start = clinic.plan.time(day: 5, hour: 9)
                let mine = try #require(clinic.patients(at: 1, isHere: true).first)
                let told = try #require(await clinic.fixture.book(patient: mine, at: start).told)
                try await clinic.run(for: .seconds(10))
                #expect(try await clinic.found(told.id).state == .booked)
                #expect(try await clinic.go(to: .switched) == nil)
                clinic.old.end(try #require(clinic.old.standing.first { $0.visit.start == start }).id)
                try await clinic.run(for: .minutes(3))
                #expect(clinic.old.standing.count { $0.visit.start == start } == 1)
                #expect(try await clinic.tasks().map(\.kind) == [.legacyDiffers])
                #expect(try await clinic.go(to: .returning) == nil)
                try await clinic.run(for: .minutes(1))
                #expect(try await clinic.status().phase == .dual, "nothing is in the way back")
                #expect(try await clinic.bookedHere() == clinic.bookedThere)
                try await clinic.isSound()
            }
        }

        @Test(arguments: Engine.allCases)
        func `what they do not take, and what they end when it is not theirs to, a human hears of`(
            engine: Engine
        ) async throws {
            try await ReplacingFixture.open(engine) { clinic in
                try await inUse(clinic)
                #expect(try await clinic.go(to: .switched) == nil)
                clinic.old.become(.refuses)
                let start = clinic.plan.time(day: 5, hour: 9)
                let told = try #require(await clinic.fixture.book(patient: 30, at: start).told)
                try await clinic.run(for: .minutes(3))
                #expect(try await clinic.found(told.id).state == .booked, "this clinic is the truth")
                #expect(try await clinic.tasks().map(\.kind) == [.legacyRefuses])
                clinic.old.become(.careful)
                let taken = clinic.old.standing[0]
                clinic.old.end(taken.id)
                try await clinic.run(for: .minutes(3))
                #expect(
                    try await clinic.tasks().map(\.kind).sorted { $0.rawValue < $1.rawValue } == [.legacyDiffers, .legacyRefuses])
                #expect(clinic.bookedThere.contains("\(taken.visit.practitioner) \(taken.visit.start)"), "it is made anew")
                try await clinic.isSound()
            }
        }
    }
}

/// Knows only what stands in the other system now.
private final class ForgetsWhatWasGivenUp: PassingTransaction {
    override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
        if Asked.sql.sqlite.contains("updated_at >= $6") { return nil }
        return try super.first(query)
    }
}
