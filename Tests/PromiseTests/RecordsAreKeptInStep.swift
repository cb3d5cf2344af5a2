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

/// A hospital's records, as badly behaved as a test wants them.
final class TheirRecords: RecordsSystem {
    enum Manner: Sendable {
        case takes, takesUnheard, isDown, refuses
        /// Is left alone by the breaker.
        case isLeftAlone
        /// Says something nobody understands.
        case mumbles
    }

    struct Record: Sendable {
        let id: String
        var version: Int
        var content: RecordsAppointment
        /// Of every content it ever had.
        var history: [RecordsAppointment]
        var changedAt: Instant
    }

    private struct State {
        var records: [String: Record] = [:]
        var manner = Manner.takes
        var script: [Manner] = []
        var doubles = 0
    }
    private let state = Mutex(State())
    /// Who checks no versions writes whatever comes last.
    private let checksVersions: Bool
    private let clock: ManualClock
    /// How many a page has.
    private let pageLength: Int

    init(_ clock: ManualClock, checksVersions: Bool = true, pageLength: Int = 2) {
        (self.clock, self.checksVersions, self.pageLength) = (clock, checksVersions, pageLength)
    }

    func become(_ manner: Manner, after script: [Manner] = []) { state.withLock { ($0.manner, $0.script) = (manner, script) } }
    var all: [Record] { state.withLock { $0.records.values.sorted { $0.id < $1.id } } }

    func change(_ key: String, _ body: (inout Record) -> Void) {
        state.withLock { state in
            guard var record = state.records[key] else { return }
            body(&record)
            record.version += 1
            record.changedAt = clock.now
            state.records[key] = record
        }
    }

    func remove(_ key: String) { state.withLock { $0.records[key] = nil } }

    private static func version(_ record: Record) -> RecordsVersion {
        RecordsVersion(id: record.id, version: "\(record.version)")
    }

    private func ask<Value: Sendable>(_ body: (inout State) -> Value) -> Ending<Value> {
        state.withLock { state in
            let manner = state.script.isEmpty ? state.manner : state.script.removeFirst()
            switch manner {
            case .isDown: return .later(after: nil, reason: "no answer in time")
            case .refuses: return .never(reason: "422")
            case .isLeftAlone: return .postponed(after: .seconds(5), reason: "left alone")
            case .mumbles: return .unknown(reason: "an answer that cannot be read")
            case .takesUnheard:
                _ = body(&state)
                return .later(after: nil, reason: "no answer in time")
            case .takes: return .done(body(&state))
            }
        }
    }

    func create(_ appointment: RecordsAppointment) async -> Ending<RecordsVersion> {
        ask { [clock = self.clock] state in
            if let known = state.records[appointment.identifier.text] { return Self.version(known) }
            let record = Record(
                id: "r\(state.records.count)", version: 1, content: appointment, history: [appointment],
                changedAt: clock.now)
            state.records[appointment.identifier.text] = record
            return Self.version(record)
        }
    }

    func update(_ appointment: RecordsAppointment, at version: RecordsVersion) async -> Ending<RecordsChange> {
        let (checks, clock) = (checksVersions, clock)
        return ask { state in
            guard var record = state.records[appointment.identifier.text], !checks || "\(record.version)" == version.version
            else {
                return .conflict
            }
            record.version += 1
            record.content = appointment
            record.history.append(appointment)
            record.changedAt = clock.now
            state.records[appointment.identifier.text] = record
            return .changed(Self.version(record))
        }
    }

    func find(_ identifier: EffectKey) async -> Ending<RecordsEntry?> {
        ask { $0.records[identifier.text].map(Self.entry) }
    }

    func changes(since: Instant, after: String?) async -> Ending<Partners.Page<RecordsEntry>> {
        let (skip, length) = (after.flatMap { Int($0) } ?? 0, pageLength)
        return ask { state in
            let found = state.records.values.filter { $0.changedAt >= since }.sorted {
                ($0.changedAt, $0.id) < ($1.changedAt, $1.id)
            }
            let isMore = skip + length < found.count
            return Partners.Page(found.dropFirst(skip).prefix(length).map(Self.entry), next: isMore ? "\(skip + length)" : nil)
        }
    }

    private static func entry(_ record: Record) -> RecordsEntry {
        RecordsEntry(
            identifier: record.content.identifier.text, version: version(record), status: record.content.status.rawValue,
            start: record.content.start, end: record.content.end, changedAt: record.changedAt)
    }
}

extension Promises {
    /// MC-2, HB-4: what a hospital's records have of an appointment is what it is here, in the end.
    @Suite struct RecordsAreKeptInStep {
        struct Stage {
            let fixture: ClinicFixture
            let theirs: TheirRecords
            let desk: RecordsDesk

            func run(for span: Span = .zero) async throws {
                let worker = Outbox(
                    database: fixture.database, surroundings: fixture.surroundings, workerName: "worker",
                    handlers: fixture.clinic.deliveries.merging(desk.deliveries) { $1 })
                let end = fixture.clock.now + span
                while true {
                    try await worker.rescueLeases()
                    while try await worker.step() > 0 {}
                    if fixture.clock.now >= end { return }
                    fixture.clock.advance(by: min(.minutes(1), end - fixture.clock.now))
                }
            }

            func book(_ patient: Int = 0, hour: Int = 9) async throws -> Told {
                try #require(await fixture.book(patient: patient, at: fixture.plan.time(day: 5, hour: hour)).told)
            }

            func tasks() async throws -> [ClinicTask] {
                try await fixture.clinic.tasks(
                    onlyOpen: true, page: PageRequest(limit: 50), for: .looking(fixture.plan.desk())
                ).elements
            }

            func state() async throws -> SyncState {
                try #require(try await fixture.clinic.syncStates(for: .looking(fixture.plan.desk())).first)
            }
        }

        static func open(
            _ engine: Engine, checksVersions: Bool = true, sabotage: (any Database) -> any Database = { $0 },
            _ body: (Stage) async throws -> Void
        ) async throws {
            var settings = ClinicSettings()
            settings.keepsRecords = true
            settings.remindersBefore = []
            try await ClinicFixture.open(engine, settings: settings, sabotage: sabotage) { fixture in
                let theirs = TheirRecords(fixture.clock, checksVersions: checksVersions)
                try await body(Stage(fixture: fixture, theirs: theirs, desk: RecordsDesk(fixture.clinic, records: theirs)))
            }
        }

        @Test(arguments: Engine.allCases)
        func `what was made and never heard of, and is cancelled before the next try, is cancelled there`(engine: Engine)
            async throws
        {
            try await Self.open(engine) { stage in
                stage.theirs.become(.takesUnheard)
                let told = try await stage.book()
                try await stage.run()
                #expect(stage.theirs.all.map(\.content.status) == [.booked])
                _ = await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                stage.theirs.become(.takes)
                try await stage.run(for: .minutes(6))
                #expect(stage.theirs.all.map(\.content.status) == [.cancelled])
                #expect(try await stage.tasks().isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `each change stands there, once and in its order`(engine: Engine) async throws {
            try await Self.open(engine) { stage in
                let (fixture, desk) = (stage.fixture, stage.fixture.plan.desk())
                let told = try await stage.book()
                try await stage.run()
                let later = fixture.plan.time(day: 5, hour: 11)
                _ = await fixture.move(told.id, to: later, by: desk)
                try await stage.run()
                await fixture.cancel(told.id, by: desk)
                try await stage.run()
                let record = try #require(stage.theirs.all.first)
                #expect(stage.theirs.all.count == 1 && record.version == 3)
                #expect(record.history.map(\.status) == [.booked, .booked, .cancelled])
                #expect(record.history.map(\.start) == [told.start, later, later])
                let state = try await stage.state()
                #expect(state.failures == 0 && state.lastSuccess == fixture.clock.now && state.waiting == 0)
                // What was only held, or was over before they heard of it, is none of theirs.
                let held = try #require(await fixture.hold(patient: 1, at: fixture.plan.time(day: 6, hour: 9)).told)
                await fixture.cancel(held.id, by: desk)
                try await stage.run()
                #expect(stage.theirs.all.count == 1)
            }
        }

        @Test(arguments: Engine.allCases)
        func `it is tried at once, after five minutes, after thirty, and a human hears after two hours`(
            engine: Engine
        ) async throws {
            try await Self.open(engine) { stage in
                stage.theirs.become(.isDown)
                let told = try await stage.book()
                try await stage.run()
                #expect(try await stage.state().failures == 2, "and once more at once")
                try await stage.run(for: .minutes(6))
                #expect(try await stage.state().failures == 3)
                try await stage.run(for: .minutes(31))
                #expect(try await stage.state().failures == 4)
                #expect(try await stage.tasks().isEmpty)
                try await stage.run(for: .minutes(120))
                let task = try #require(try await stage.tasks().first)
                #expect(task.kind == .systemFailing && told.start > task.at, "of the system, once")
                #expect(try await stage.tasks().count == 1)
                var state = try await stage.state()
                #expect(state.waiting == 1 && state.lastError == "no answer in time" && state.lastSuccess == nil)
                stage.theirs.become(.takes)
                #expect(try await stage.fixture.clinic.hurrySync() == 1)
                try await stage.run()
                state = try await stage.state()
                #expect(state.failures == 0 && stage.theirs.all.count == 1, "by hand, without waiting")
            }
        }

        @Test(arguments: Engine.allCases) func `an answer that was lost leaves one record, as the appointment is`(engine: Engine)
            async throws
        {
            try await Self.open(engine) { stage in
                stage.theirs.become(.takes, after: [.takesUnheard])
                let told = try await stage.book()
                try await stage.run(for: .minutes(10))
                #expect(stage.theirs.all.count == 1 && stage.theirs.all.first?.content.status == .booked)
                stage.theirs.become(.takes, after: [.takesUnheard])
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                try await stage.run(for: .minutes(10))
                #expect(stage.theirs.all.first?.content.status == .cancelled)
                #expect(try await stage.tasks().isEmpty, "our own word is nobody else's")
            }
        }

        @Test(arguments: Engine.allCases) func `what somebody changed there is written over, and a human hears of it`(
            engine: Engine
        )
            async throws
        {
            try await Self.open(engine) { stage in
                let (told, desk) = (try await stage.book(), stage.fixture.plan.desk())
                try await stage.run()
                stage.theirs.change("\(told.id)") { $0.content = $0.content.at($0.content.start + .hours(1)) }
                await stage.fixture.cancel(told.id, by: desk)
                try await stage.run()
                let record = try #require(stage.theirs.all.first)
                #expect(record.version == 3 && record.content.status == .cancelled)
                #expect(try await stage.tasks().map(\.kind) == [.recordsConflict])
                // And what somebody took away there is there again.
                let second = try await stage.book(1, hour: 12)
                try await stage.run()
                stage.theirs.remove("\(second.id)")
                _ = await stage.fixture.move(second.id, to: stage.fixture.plan.time(day: 5, hour: 13), by: desk)
                try await stage.run()
                #expect(stage.theirs.all.contains { $0.content.start == stage.fixture.plan.time(day: 5, hour: 13) })
                #expect(try await stage.tasks().count == 2)
            }
        }

        /// A first try that never arrived is no excuse: what stands there is somebody else's word.
        @Test(arguments: Engine.allCases)
        func `what somebody changed there while we were failing is not taken for our own word`(engine: Engine) async throws {
            try await Self.open(engine) { stage in
                let (told, desk) = (try await stage.book(), stage.fixture.plan.desk())
                try await stage.run()
                stage.theirs.become(.takes, after: [.isDown, .isDown])
                stage.theirs.change("\(told.id)") { $0.content = $0.content.at($0.content.start + .hours(1)) }
                await stage.fixture.cancel(told.id, by: desk)
                try await stage.run(for: .minutes(10))
                #expect(stage.theirs.all.first?.content.status == .cancelled)
                #expect(try await stage.tasks().map(\.kind) == [.recordsConflict])
            }
        }

        /// The negative control: what was tried is not kept.
        @Test(arguments: Engine.allCases)
        func `would be seen: where nobody knows what was tried, our own word is taken for somebody else's`(engine: Engine)
            async throws
        {
            try await Self.open(engine, sabotage: { TamperedDatabase($0) { Untried($0) } }) { stage in
                let (told, desk) = (try await stage.book(), stage.fixture.plan.desk())
                try await stage.run()
                stage.theirs.become(.isDown, after: [.takesUnheard])
                _ = await stage.fixture.move(told.id, to: stage.fixture.plan.time(day: 5, hour: 11), by: desk)
                try await stage.run(for: .minutes(1))
                _ = await stage.fixture.move(told.id, to: stage.fixture.plan.time(day: 5, hour: 13), by: desk)
                stage.theirs.become(.takes)
                try await stage.run(for: .minutes(20))
                #expect(try await stage.tasks().map(\.kind) == [.recordsConflict])
            }
        }

        @Test(arguments: Engine.allCases)
        func `what we have sent unheard is our own word, also when it has changed here since`(engine: Engine) async throws {
            try await Self.open(engine) { stage in
                let (told, desk) = (try await stage.book(), stage.fixture.plan.desk())
                try await stage.run()
                stage.theirs.become(.isDown, after: [.takesUnheard])
                _ = await stage.fixture.move(told.id, to: stage.fixture.plan.time(day: 5, hour: 11), by: desk)
                try await stage.run(for: .minutes(1))
                _ = await stage.fixture.move(told.id, to: stage.fixture.plan.time(day: 5, hour: 13), by: desk)
                stage.theirs.become(.takes)
                try await stage.run(for: .minutes(20))
                #expect(stage.theirs.all.first?.content.start == stage.fixture.plan.time(day: 5, hour: 13))
                #expect(try await stage.tasks().isEmpty)
            }
        }

        @Test(arguments: Engine.allCases) func `would be seen: records without versions are written over and nobody hears`(
            engine: Engine
        ) async throws {
            try await Self.open(engine, checksVersions: false) { stage in
                let told = try await stage.book()
                try await stage.run()
                stage.theirs.change("\(told.id)") { $0.content = $0.content.at($0.content.start + .hours(1)) }
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                try await stage.run()
                #expect(try await stage.tasks().isEmpty, "the negative control")
            }
        }

        @Test(arguments: Engine.allCases) func `what is refused for good is shown to a human at once`(engine: Engine) async throws
        {
            try await Self.open(engine) { stage in
                stage.theirs.become(.refuses)
                _ = try await stage.book()
                try await stage.run()
                #expect(try await stage.tasks().map(\.kind) == [.recordsBehind])
            }
        }

        @Test(arguments: Engine.allCases) func `a change whose message was lost is found by looking`(engine: Engine) async throws
        {
            try await Self.open(engine) { stage in
                let told = try await stage.book()
                try await stage.fixture.execute("DELETE FROM outbox WHERE topic = 'records.change'")
                try await stage.run(for: .minutes(3))
                #expect(stage.theirs.all.isEmpty, "the negative control: nobody sends it")
                let found = try await stage.desk.sweep().round()
                #expect(found.repaired == 1 && found.oldest != nil)
                try await stage.run()
                #expect(stage.theirs.all.count == 1, "\(told)")
                #expect(try await stage.desk.sweep().round() == SweepOutcome())
                #expect(try await stage.fixture.clinic.reconcileRecords() == 0)
            }
        }
    }
}

extension RecordsAppointment {
    /// The same at another time, as long.
    func at(_ start: Instant) -> RecordsAppointment {
        RecordsAppointment(
            identifier: identifier, status: status, start: start, end: start + (end - self.start), participants: participants)
    }

    func being(_ status: Status) -> RecordsAppointment {
        RecordsAppointment(identifier: identifier, status: status, start: start, end: end, participants: participants)
    }
}

/// Keeps nothing of what was sent and not answered for.
private final class Untried: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        if Asked.sql.sqlite.hasPrefix("UPDATE records_link SET tried") { return 1 }
        return try super.run(command)
    }
}
