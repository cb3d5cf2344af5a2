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

extension Promises {
    /// GF-6, in every history a seed can tell: whoever books and gives up here and there, whatever phase comes next, and whatever fails and is
    /// repeated on the way. Once both systems are quiet no time is somebody's twice, nothing that was said is lost, and both have the same.
    @Suite(.serialized) struct BothSystemsAgreeInTheEnd {
        private func play(_ seeds: Range<UInt64>, on engine: Engine, _ fault: ReplacingDay.Fault? = nil) async throws
            -> [ReplacingDay]
        {
            var days: [ReplacingDay] = []
            for seed in seeds {
                switch engine {
                case .sqlite: days.append(try ReplacingDay(seed, .sqlite, fault))
                case .postgres:
                    try await Engine.withPostgres { _, url in days.append(try ReplacingDay(seed, .postgres(url: url), fault)) }
                }
                if fault != nil, days.last?.flaws.isEmpty == false { break }
            }
            return days
        }

        private static let wanted = [
            "sold there", "ended there", "moved there", "booked here", "held here", "confirmed here", "cancelled here",
            "moved here",
            "refused here", "switched", "went back", "looked on again", "lost on the way", "lost on the way back",
            "outcome unknown",
            "overloaded",
        ]

        @Test(arguments: [(Engine.sqlite, 0..<30), (.postgres, 40..<43)] as [(Engine, Range<UInt64>)])
        func `whatever happens in which order`(engine: Engine, seeds: Range<UInt64>) async throws {
            let days = try await play(seeds, on: engine)
            for day in days { #expect(day.flaws.isEmpty, "seed \(day.seed): \(day.flaws)") }
            let happened = days.reduce(into: [String: Int]()) { $0.merge($1.happened) { $0 + $1 } }
            print("replacing: \(happened.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
            if engine == .sqlite { for what in Self.wanted { #expect(happened[what, default: 0] > 0, "\(what) never happened") } }
        }

        @Test func `the same seed is the same day`() async throws {
            let days = [try ReplacingDay(3, .sqlite), try ReplacingDay(4, .sqlite), try ReplacingDay(3, .sqlite)]
            #expect(days[0].end == days[2].end && days[0].end != days[1].end && !days[0].end.isEmpty)
        }

        @Test(arguments: ReplacingDay.Fault.allCases) func `would be seen: a planted fault is found`(
            fault: ReplacingDay.Fault
        ) async throws {
            let days = try await play(0..<80, on: .sqlite, fault)
            #expect(days.contains { !$0.flaws.isEmpty })
            print("planted fault \(fault.rawValue): found at seed \(days.last?.seed ?? 0): \(days.last?.flaws.first ?? "")")
        }
    }
}

/// One history of a clinic that replaces another system, from its seed. It is over when it is made.
final class ReplacingDay: Sendable {
    enum Fault: String, CaseIterable {
        /// What is asked for from here is agreed to, whoever has the time.
        case agreesToEverything = "agrees-to-everything"
        /// Whoever asks here is answered by a clinic that does not see the phase.
        case seesNoPhase = "sees-no-phase"
    }

    private struct Notes {
        var isCalm = false
        var isOver = false
        /// Whether patients are let in at the old system's counter.
        var isOpenThere = true
        /// Names there of what somebody ended or moved at that counter, and the times that were left by it.
        var endedThere: Set<String> = []
        var leftThere: Set<String> = []
        /// Names there of what somebody here has given up or moved.
        var touchedHere: Set<String> = []
        var givenUp: Set<ID<Appointment>> = []
        var moved: Set<ID<Appointment>> = []
        /// What was somebody's appointment at some moment, as they were told.
        var said: Set<ID<Appointment>> = []
        var happened: [String: Int] = [:]
        var flaws: [String] = []
        var end = ""
    }

    let seed: UInt64
    private let fault: Fault?
    private let random: SeededRandom
    private let clock: ManualClock
    private let plan: ClinicPlan
    private let old: TheOldSystem
    private let store: any Database
    private let starts: [Instant]
    private let patientsHere: [Int]
    private let patientsThere: [Int]
    private let notes = Mutex(Notes())

    var flaws: [String] { notes.withLock { $0.flaws } }
    var happened: [String: Int] { notes.withLock { $0.happened } }
    /// What was there at the end, as one text.
    var end: String { notes.withLock { $0.end } }
    private var isCalm: Bool { notes.withLock { $0.isCalm } }
    private var isOver: Bool { notes.withLock { $0.isOver } }

    init(_ seed: UInt64, _ engine: SimulatedEngine, _ fault: Fault? = nil) throws {
        self.seed = seed
        self.fault = fault
        random = SeededRandom(seed: seed)
        plan = ClinicPlan {
            $0.practitioners = 2
            $0.patients = 60
        }
        clock = ManualClock(plan.startsAt)
        old = TheOldSystem(clock)
        if fault == .agreesToEverything { old.become(.overbooks) }
        store = try engine.emptyDatabase()
        // Few times and many who want them.
        starts = Array(plan.starts(onDays: 3..<4).prefix(5))
        let share = Replacement(phase: .dual, share: 5)
        patientsHere = (0..<plan.patients).filter { [plan] in share.takesBookings(of: plan.patient($0)) }
        patientsThere = Array((0..<plan.patients).filter { [plan] in !share.takesBookings(of: plan.patient($0)) }.prefix(8))
        let ended = Interleaving.run(random.branch(), clock, limit: .days(2)) { [self] in
            do {
                try await ClinicFixture.open(on: store, plan, settings: Self.settings, clock: clock, seed: seed) {
                    try await live($0)
                }
            } catch { complain("it broke off: \(error)") }
        }
        if !ended { complain("it came to a standstill") }
    }

    private static let settings: ClinicSettings = {
        var settings = ClinicSettings()
        settings.remindersBefore = []
        settings.legacy = LegacyRules()
        return settings
    }()

    private func note(_ what: String) { notes.withLock { $0.happened[what, default: 0] += 1 } }
    private func complain(_ what: String) { notes.withLock { $0.flaws.append(what) } }

    private func pause(_ chance: SeededRandom, upTo longest: Span) async {
        try? await clock.sleep(until: clock.now + chance.span(upTo: longest))
    }

    // MARK: The day

    private func live(_ fixture: ClinicFixture) async throws {
        try await go(to: .shadow, fixture.clinic)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2 { group.addTask { await self.work("worker-\(number)") } }
            group.addTask { await self.sweep() }
            group.addTask { await self.watch() }
            group.addTask {
                await withTaskGroup(of: Void.self) { people in
                    for number in 0..<3 { people.addTask { await self.callHere(number, fixture) } }
                    for _ in 0..<2 { people.addTask { await self.callThere() } }
                    people.addTask { await self.direct(fixture.clinic) }
                }
                // From here on nothing fails, and whatever is due is carried.
                self.notes.withLock { $0.isCalm = true }
                await self.calmDown()
                self.notes.withLock { $0.isOver = true }
            }
        }
        try await look(fixture.clinic)
    }

    /// Until nothing is on its way, and a little longer; or so long that it never will be.
    private func calmDown() async {
        for _ in 0..<45 {
            try? await clock.sleep(until: clock.now + .minutes(1))
            let left = (try? await store.read { try $0.fetch(Unfinished()) }) ?? []
            if !left.isEmpty, left.allSatisfy({ $0.1 == 0 }) { break }
        }
        try? await clock.sleep(until: clock.now + .minutes(3))
    }

    /// One program: a clinic with chance of its own, and a way to the database on which things go wrong.
    private func program(seesPhase: Bool = true) async -> (clinic: Clinic, database: any Database, surroundings: Surroundings) {
        let chance = random.branch()
        let surroundings = Surroundings(
            clock: clock, identifiers: Version7Identifiers(clock: clock, random: chance), random: chance)
        var database: any Database = FarDatabase(day: self, inner: store, chance: random.branch())
        if !seesPhase { database = TamperedDatabase(database) { BlindTo($0, ["FROM legacy_phase"]) } }
        let clinic = Clinic(database: database, surroundings: surroundings, master: TestKeys.master, settings: Self.settings)
        while (try? await clinic.readKeys()) == nil {}
        return (clinic, database, surroundings)
    }

    private func work(_ name: String) async {
        let (clinic, database, surroundings) = await program()
        let chance = random.branch()
        let way = FarSystem(day: self, inner: old, chance: random.branch())
        let calendars = CalendarsAndLegacy(calendars: nil, legacy: way, called: Replacement.provider)
        let handlers = clinic.deliveries.merging(SchedulingDesk(clinic, partner: calendars).deliveries) { $1 }
            .merging(LegacyDesk(clinic, legacy: way).deliveries) { $1 }
        let outbox = Outbox(database: database, surroundings: surroundings, workerName: name, handlers: handlers)
        while !isOver {
            if chance.below(4) == 0 { _ = try? await outbox.rescueLeases() }
            if (try? await outbox.step()) ?? 0 == 0 { await pause(chance, upTo: .seconds(15)) }
        }
    }

    private func sweep() async {
        let (clinic, _, _) = await program()
        let chance = random.branch()
        let way = FarSystem(day: self, inner: old, chance: random.branch())
        let calendars = CalendarsAndLegacy(calendars: nil, legacy: way, called: Replacement.provider)
        let (legacy, asked) = (LegacyDesk(clinic, legacy: way).sweep(), SchedulingDesk(clinic, partner: calendars).sweep())
        while !isOver {
            _ = try? await legacy.round()
            _ = try? await asked.round()
            _ = try? await clinic.sweepHolds()
            // What happens there may be known late here.
            if isCalm { try? await clock.sleep(until: clock.now + .seconds(15)) } else { await pause(chance, upTo: .seconds(90)) }
        }
    }

    /// What is somebody's appointment, they have been told of.
    private func watch() async {
        while !isOver {
            let booked = (try? await store.read { try $0.fetch(Standing()) })?.filter { $0.state == .booked } ?? []
            notes.withLock { $0.said.formUnion(booked.map(\.id)) }
            try? await clock.sleep(until: clock.now + .seconds(20))
        }
    }

    // MARK: Who wants what

    private func callHere(_ number: Int, _ fixture: ClinicFixture) async {
        let chance = random.branch()
        let (clinic, _, _) = await program(seesPhase: fault != .seesNoPhase)
        for turn in 0..<10 {
            await pause(chance, upTo: .minutes(2))
            let start = chance.one(of: starts)!
            if chance.below(10) < 5 {
                let request = BookingRequest(
                    visitType: plan.consultation, practitioner: plan.practitioner(chance.below(2)), start: start,
                    patients: [plan.patient(chance.one(of: patientsHere)!)], isHold: chance.below(3) == 0)
                await pursue(.book(request), "\(number)-\(turn)", fixture, at: clinic, chance)
                continue
            }
            let alive = (try? await store.read { try $0.fetch(Standing()) }) ?? []
            guard let one = chance.one(of: alive) else { continue }
            let ask: Ask =
                switch (chance.below(2), one.state) {
                case (0, _): .cancel(one.id)
                case (_, .pending): .confirm(one.id)
                default: .move(one.id, MoveRequest(start: start))
                }
            await pursue(ask, "\(number)-\(turn)", fixture, at: clinic, chance)
        }
    }

    /// Asks until there is an answer, under one key.
    private func pursue(_ ask: Ask, _ key: String, _ fixture: ClinicFixture, at clinic: Clinic, _ chance: SeededRandom) async {
        let theirs = await theirNames(of: ask.appointment)
        mark(ask, theirs)
        for _ in 0..<50 {
            let outcome = await fixture.ask(ask, by: plan.desk(), key: key, at: clinic)
            if outcome.isDefinite { return heard(outcome, ask) }
            await pause(chance, upTo: .seconds(5))
        }
        complain("nobody answered \(ask.text)")
    }

    private func theirNames(of appointment: ID<Appointment>?) async -> [String] {
        guard let appointment else { return [] }
        return (try? await store.read { try $0.fetch(TheirNames(appointment: appointment)) }) ?? []
    }

    /// Before it is asked: from then on it may happen.
    private func mark(_ ask: Ask, _ theirs: [String]) {
        notes.withLock { notes in
            switch ask {
            case .cancel(let id, _): notes.givenUp.insert(id)
            case .move(let id, _, _): notes.moved.insert(id)
            default: return
            }
            notes.touchedHere.formUnion(theirs)
        }
    }

    private func heard(_ outcome: Outcome, _ ask: Ask) {
        guard let told = outcome.told else { return note("refused here") }
        if told.state == .booked { notes.withLock { _ = $0.said.insert(told.id) } }
        switch ask {
        case .book(let request): note(request.isHold ? "held here" : "booked here")
        case .confirm: note("confirmed here")
        case .cancel: note("cancelled here")
        case .move: note("moved here")
        default: break
        }
    }

    /// Their own counter keeps everybody from being in two places.
    private func callThere() async {
        let chance = random.branch()
        for _ in 0..<16 {
            await pause(chance, upTo: .minutes(1))
            let (isOpen, start) = (notes.withLock { $0.isOpenThere }, chance.one(of: starts)!)
            if chance.below(10) < 6 {
                let patient = plan.patient(chance.one(of: patientsThere)!).description
                let isElsewhere = old.standing.contains { $0.visit.patient.revealed == patient && $0.visit.start == start }
                guard isOpen, !isElsewhere else { continue }
                let entry = old.ask(
                    patient: patient, with: plan.practitioner(chance.below(2)).description, plan.consultation.description,
                    at: start,
                    careful: true)
                if entry.state == .booked { note("sold there") }
                continue
            }
            guard isOpen || chance.below(4) == 0, let entry = chance.one(of: old.standing) else { continue }
            let isFree = !old.standing.contains {
                $0.visit.start == start
                    && ($0.visit.practitioner == entry.visit.practitioner || $0.visit.patient == entry.visit.patient)
            }
            // What was made here is not moved there.
            let isMove = isOpen && isFree && entry.requestID.hasPrefix("counter") && chance.below(3) == 0
            notes.withLock {
                $0.endedThere.insert(entry.id)
                $0.leftThere.insert(Self.place(entry))
            }
            if isMove { old.move(entry.id, to: start) } else { old.end(entry.id) }
            note(isMove ? "moved there" : "ended there")
        }
    }

    // MARK: Who decides on the phase

    private func direct(_ clinic: Clinic) async {
        let chance = random.branch()
        do {
            await pause(chance, upTo: .minutes(3))
            try await beginDual(clinic)
            for _ in 0..<3 {
                await pause(chance, upTo: .minutes(4))
                if chance.below(4) == 0 {
                    try await go(to: .shadow, clinic)
                    await pause(chance, upTo: .minutes(2))
                    try await beginDual(clinic)
                    note("looked on again")
                    continue
                }
                guard try await doSwitch(clinic) else { continue }
                await pause(chance, upTo: .minutes(4))
                if chance.below(4) > 0 { try await goBack(clinic) } else { return }
            }
        } catch { complain("who decides on the phase broke off: \(error)") }
    }

    private func beginDual(_ clinic: Clinic) async throws {
        try await go(to: .dual, clinic)
        _ = try await clinic.setLegacyShare(5, call: call, wording: .anything()).value()
        _ = try await clinic.beginBackfill(call: call, wording: .anything()).value()
    }

    /// As the guide has it: the counter there is closed, and what was sold last is known here.
    private func doSwitch(_ clinic: Clinic) async throws -> Bool {
        notes.withLock { $0.isOpenThere = false }
        let closed = clock.now
        for _ in 0..<60 {
            try? await clock.sleep(until: clock.now + .seconds(10))
            guard let known = try await clinic.legacyStatus().caughtUpAt, known > closed else { continue }
            let reply = try await clinic.changePhase(
                to: .switched, despite: Personal("nothing was compared"), call: call, wording: .anything())
            guard case .refused = reply else {
                note("switched")
                return true
            }
        }
        notes.withLock { $0.isOpenThere = true }
        return false
    }

    private func goBack(_ clinic: Clinic) async throws {
        try await go(to: .returning, clinic)
        for _ in 0..<120 {
            try? await clock.sleep(until: clock.now + .seconds(10))
            if try await clinic.legacyStatus().phase == .dual {
                notes.withLock { $0.isOpenThere = true }
                return note("went back")
            }
        }
        complain("the way back has not ended in twenty minutes: \(try await clinic.legacyStatus())")
    }

    private var call: Call { Call(caller: plan.admin(), requestID: "replace") }

    private func go(to phase: Replacement.Phase, _ clinic: Clinic) async throws {
        _ = try await clinic.changePhase(to: phase, call: call, wording: .anything()).value()
    }

    // MARK: How it ended

    private static func place(_ entry: LegacyEntry) -> String { "\(entry.visit.practitioner) \(entry.visit.start)" }

    private func look(_ clinic: Clinic) async throws {
        let status = try await clinic.legacyStatus()
        let all = try await store.read { try $0.fetch(Everything()) }
        let (booked, standing) = (all.filter { $0.state == .booked }, old.standing)
        let (here, there) = (booked.map(\.place).sorted(), standing.map(Self.place).sorted())
        let notes = notes.withLock { $0 }
        if ![.dual, .switched].contains(status.phase) { complain("it ended as \(status.phase)") }
        if here != there {
            complain("\(Set(here).subtracting(there).sorted()) only here, \(Set(there).subtracting(here).sorted()) only there")
        }
        if Set(here).count < here.count { complain("somebody is booked twice here") }
        if old.overlaps > 0 { complain("somebody is booked twice there") }
        // Who was sold a time there has it, unless somebody gave it up, here or there.
        for entry in old.all where entry.requestID.hasPrefix("counter") && entry.state == .cancelled {
            if !notes.endedThere.contains(entry.id), !notes.touchedHere.contains(entry.id) {
                complain("\(entry.id) was taken from who had it")
            }
        }
        // Who was told that they have a time here has it; or has given it up, or moved it, or it was ended there.
        for one in all where notes.said.contains(one.id) && one.state != .booked && !notes.givenUp.contains(one.id) {
            if !notes.moved.contains(one.id), !notes.leftThere.contains(one.place) {
                complain("\(one.id) was lost: \(one.state)")
            }
        }
        for (what, count) in try await store.read({ try $0.fetch(Unfinished()) }) where count > 0 { complain("\(count) \(what)") }
        let report = try await ClinicCheck.run(store, newestSchema: Schema.migrations.count)
        for problem in report.problems { complain(problem) }
        self.notes.withLock { $0.end = (here + ["/"] + there + [clock.now.description]).joined(separator: "\n") }
    }

    private struct Standing: Query {
        static let sql: SQL = "SELECT id, state FROM appointment WHERE state IN ('pending', 'booked') ORDER BY id"
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> (id: ID<Appointment>, state: AppointmentState) {
            (id: try columns.id(0), state: AppointmentState(rawValue: try columns.text(1))!)
        }
    }

    private struct TheirNames: Query {
        static let sql: SQL = "SELECT their_id FROM legacy_booking WHERE appointment_id = $1 ORDER BY their_id"
        let appointment: ID<Appointment>
        var bindings: [SQLValue] { [.id(appointment)] }
        static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
    }

    private struct Everything: Query {
        static let sql: SQL = "SELECT id, state, practitioner_id, start_at FROM appointment ORDER BY id"
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> (id: ID<Appointment>, state: AppointmentState, place: String) {
            let practitioner: ID<Resource> = try columns.id(2)
            return (
                id: try columns.id(0), state: AppointmentState(rawValue: try columns.text(1))!,
                place: "\(practitioner) \(try columns.instant(3))"
            )
        }
    }

    private struct Unfinished: Query {
        static let sql: SQL = """
            SELECT 'changes on their way', count(*) FROM outbox WHERE topic = 'legacy.change' AND state IN ('ready', 'running')
            UNION ALL SELECT 'dead letters', count(*) FROM outbox WHERE state = 'dead'
            UNION ALL SELECT 'open requests', count(*) FROM external_entry WHERE state IN ('pending', 'cancelling')
            UNION ALL SELECT 'that could not be taken over, or would not be taken', count(*) FROM task
                WHERE kind IN ('legacy-not-taken', 'legacy-refuses')
            """
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> (String, Int) { (try columns.text(0), try columns.int(1)) }
    }

    // MARK: What lies between

    /// A way to the old system on which requests get lost, and answers do.
    private struct FarSystem: LegacySystem {
        let day: ReplacingDay
        let inner: TheOldSystem
        let chance: SeededRandom

        private func away<Value>(_ call: () async -> Ending<Value>) async -> Ending<Value> {
            await day.pause(chance, upTo: .seconds(3))
            let roll = day.isCalm ? 1_000 : chance.below(1_000)
            if roll < 80 {
                day.note("lost on the way")
                return .later(after: nil, reason: "nobody is there")
            }
            let ending = await call()
            await day.pause(chance, upTo: .seconds(3))
            if roll < 160 {
                day.note("lost on the way back")
                return roll < 120 ? .later(after: nil, reason: "no answer in time") : .unknown(reason: "it broke off")
            }
            return ending
        }

        func changes(after change: Int, limit: Int) async -> Ending<LegacyChanges> {
            await away { await inner.changes(after: change, limit: limit) }
        }

        func find(_ requestID: EffectKey) async -> Ending<LegacyEntry?> { await away { await inner.find(requestID) } }

        func book(_ visit: LegacyVisit, requestID: EffectKey) async -> Ending<LegacyEntry> {
            await away { await inner.book(visit, requestID: requestID) }
        }

        func cancel(_ id: String, key: EffectKey) async -> Ending<LegacyEntry> { await away { await inner.cancel(id, key: key) } }
    }

    /// A way to the database: slow at both ends, full now and then, and sometimes nobody hears that it was committed.
    private struct FarDatabase: Database {
        let day: ReplacingDay
        let inner: any Database
        let chance: SeededRandom

        func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
            await day.pause(chance, upTo: .milliseconds(100))
            let answer = try await inner.read(body)
            await day.pause(chance, upTo: .milliseconds(100))
            return answer
        }

        func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
            await day.pause(chance, upTo: .milliseconds(100))
            let roll = day.isCalm ? 1_000 : chance.below(1_000)
            if roll < 20 {
                day.note("overloaded")
                throw StorageFault.overloaded
            }
            let answer = try await inner.write(body)
            await day.pause(chance, upTo: .milliseconds(100))
            if roll < 40 {
                day.note("outcome unknown")
                throw StorageFault.outcomeUnknown
            }
            return answer
        }
    }
}
