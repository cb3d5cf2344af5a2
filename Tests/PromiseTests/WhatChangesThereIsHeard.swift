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
    /// MC-4: what somebody changes in a hospital's records is heard once, and nothing goes round in circles.
    @Suite struct WhatChangesThereIsHeard {
        private typealias Stage = RecordsAreKeptInStep.Stage

        /// Booked, and in step.
        private func inStep(_ stage: Stage, _ count: Int = 1) async throws -> [Told] {
            var told: [Told] = []
            for number in 0..<count { told.append(try await stage.book(number, hour: 8 + number)) }
            try await stage.run()
            #expect(try await stage.desk.feed().round() == SweepOutcome(), "our own words are nobody's news")
            return told
        }

        /// As a server does: hears twice a minute, and delivers.
        private func live(_ stage: Stage, _ span: Span) async throws {
            let end = stage.fixture.clock.now + span
            while stage.fixture.clock.now < end {
                _ = try await stage.desk.feed().round()
                try await stage.run(for: .minutes(1))
            }
        }

        private func kinds(_ stage: Stage) async throws -> [ClinicTask.Kind] { try await stage.tasks().map(\.kind) }

        @Test(arguments: Engine.allCases, [1, 5])
        func `a time moved there is put back, and a human hears what they wanted, once however often it is heard`(
            engine: Engine, count: Int
        ) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage, count)
                for one in told { stage.theirs.change("\(one.id)") { $0.content = $0.content.at($0.content.start + .hours(2)) } }
                try await live(stage, .minutes(10))
                #expect(stage.theirs.all.map(\.content.start).sorted() == told.map(\.start).sorted())
                #expect(stage.theirs.all.allSatisfy { $0.version == 3 }, "theirs, and ours once more")
                let tasks = try await stage.tasks()
                #expect(tasks.count == count && tasks.allSatisfy { $0.kind == .recordsChanged })
                let details = try JSON(parsing: tasks[0].details)
                #expect(details["what"]?.string == "moved" && details["putBack"]?.content == .bool(true))
                #expect(
                    details["theirStart"]?.string.flatMap { Instant($0) }
                        == (told.first { $0.id == tasks[0].appointment }?.start).map { $0 + .hours(2) })
            }
        }

        @Test(arguments: Engine.allCases)
        func `that it is cancelled there too; who insists is not fought with, and each time is shown`(engine: Engine) async throws
        {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage)[0]
                for round in 1...4 {
                    stage.theirs.change("\(told.id)") { $0.content = $0.content.being(.cancelled) }
                    try await live(stage, .minutes(5))
                    #expect(try await stage.tasks().count == round)
                }
                // Theirs four times, ours when it was made and once more.
                #expect(stage.theirs.all.map(\.version) == [6] && stage.theirs.all[0].content.status == .cancelled)
                let here = try await stage.fixture.clinic.appointment(told.id, for: .looking(stage.fixture.plan.desk()))
                #expect(here.state == .booked, "whether it is cancelled here, somebody decides")
                // What is decided here goes there over what they have, and is no conflict.
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                try await live(stage, .minutes(5))
                #expect(try await kinds(stage) == Array(repeating: .recordsChanged, count: 4))
            }
        }

        @Test(arguments: Engine.allCases)
        func `what has become of a visit is left as they say, and shown`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage)[0]
                stage.theirs.change("\(told.id)") { $0.content = $0.content.being(.fulfilled) }
                try await live(stage, .minutes(10))
                #expect(stage.theirs.all.map(\.version) == [2] && stage.theirs.all[0].content.status == .fulfilled)
                #expect(try await kinds(stage) == [.recordsChanged])
            }
        }

        @Test(arguments: Engine.allCases)
        func `what they write without changing anything is taken as the version to go on from`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage)[0]
                stage.theirs.change("\(told.id)") { _ in }
                try await live(stage, .minutes(2))
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                try await live(stage, .minutes(2))
                #expect(stage.theirs.all.map(\.version) == [3] && stage.theirs.all[0].content.status == .cancelled)
                #expect(try await stage.tasks().isEmpty)
            }
        }

        @Test(arguments: Engine.allCases)
        func `where the hearing breaks off it goes on, and nothing is heard twice`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage, 5)
                for one in told {
                    stage.fixture.clock.advance(by: .seconds(1))
                    stage.theirs.change("\(one.id)") { $0.content = $0.content.being(.noshow) }
                }
                // The first page, what stands there of its two, and then nothing more.
                stage.theirs.become(.isDown, after: [.takes, .takes, .takes])
                _ = try await stage.desk.feed().round()
                #expect(try await stage.tasks().count == 2)
                let states = try await stage.fixture.clinic.syncStates()
                #expect(states.first { $0.system == "records-in" }?.failures == 1)
                stage.theirs.become(.takes)
                try await live(stage, .minutes(5))
                #expect(try await stage.tasks().count == 5)
                let state = try await stage.fixture.clinic.syncStates().first { $0.system == "records-in" }
                #expect(state?.failures == 0 && state?.position.map { stage.fixture.clock.now - $0 <= .minutes(2) } == true)
                // By hand, from yesterday on: everything is known already.
                _ = try await stage.fixture.clinic.reconcileRecords()
                try await live(stage, .minutes(2))
                #expect(try await stage.tasks().count == 5)
            }
        }

        /// The overlap is two minutes: what is older is heard again only because nobody has gone on behind it.
        @Test(arguments: Engine.allCases, [TheirRecords.Manner.isDown, .isLeftAlone, .mumbles])
        func `what they do not say how it stands is heard again, however long ago it was changed`(
            engine: Engine, manner: TheirRecords.Manner
        ) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage, 3)
                for one in told {
                    stage.fixture.clock.advance(by: .minutes(1))
                    stage.theirs.change("\(one.id)") { $0.content = $0.content.being(.cancelled) }
                }
                let second = stage.fixture.clock.now - .minutes(1)
                stage.fixture.clock.advance(by: .minutes(10))
                // The list and what stands of the first, and not of the second.
                stage.theirs.become(.takes, after: [.takes, .takes, manner])
                _ = try await stage.desk.feed().round()
                #expect(try await stage.tasks().count == 1)
                let state = try await stage.fixture.clinic.syncStates().first { $0.system == "records-in" }
                #expect(state?.position == second, "as far as everything before it was dealt with")
                #expect(state?.failures == (manner == .isLeftAlone ? 0 : 1))
                stage.fixture.clock.advance(by: .hours(1))
                try await live(stage, .minutes(2))
                let tasks = try await stage.tasks()
                #expect(tasks.count == 3 && tasks.allSatisfy { $0.kind == .recordsChanged })
                #expect(stage.theirs.all.allSatisfy { $0.content.status == .booked }, "put back")
                let after = try await stage.fixture.clinic.syncStates().first { $0.system == "records-in" }
                #expect(after?.failures == 0 && after?.position.map { stage.fixture.clock.now - $0 <= .minutes(2) } == true)
            }
        }

        @Test(arguments: Engine.allCases)
        func `what they never say how it stands is shown to a human as their list had it, and nothing waits for it`(
            engine: Engine
        ) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage, 2)
                for one in told {
                    stage.fixture.clock.advance(by: .seconds(10))
                    stage.theirs.change("\(one.id)") { $0.content = $0.content.being(.cancelled) }
                }
                stage.theirs.become(.takes, after: [.takes, .refuses])
                _ = try await stage.desk.feed().round()
                let tasks = try await stage.tasks()
                #expect(tasks.map(\.kind) == [.recordsChanged, .recordsChanged])
                let details = try JSON(parsing: try #require(tasks.first { $0.appointment == told[0].id }).details)
                #expect(details["what"]?.string == "unread" && details["theirStatus"]?.string == "cancelled")
                #expect(details["reason"]?.string == "422" && details["putBack"]?.content == .bool(false))
            }
        }

        @Test(arguments: Engine.allCases)
        func `what of ours is on its way meets theirs by its version, and one task tells of it`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let told = try await inStep(stage)[0]
                stage.theirs.change("\(told.id)") { $0.content = $0.content.at($0.content.start + .hours(2)) }
                await stage.fixture.cancel(told.id, by: stage.fixture.plan.desk())
                _ = try await stage.desk.feed().round()
                #expect(try await stage.tasks().isEmpty)
                try await live(stage, .minutes(5))
                #expect(try await kinds(stage) == [.recordsConflict] && stage.theirs.all[0].content.status == .cancelled)
            }
        }

        /// The negative control: nobody remembers what was put back, or which version is theirs.
        @Test(arguments: Engine.allCases)
        func `would be seen: where what was put back is forgotten, two systems fight without end`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine, sabotage: { TamperedDatabase($0) { Forgetful($0) } }) { stage in
                let told = try await inStep(stage)[0]
                for _ in 1...4 {
                    stage.theirs.change("\(told.id)") { $0.content = $0.content.being(.cancelled) }
                    try await live(stage, .minutes(5))
                }
                #expect(stage.theirs.all.map(\.version) == [9])
            }
        }
    }

    /// MC-4: a system that fails for two hours is a task for a human, once, and it is settled when the system is back.
    @Suite struct ASystemThatFailsIsSeen {
        @Test(arguments: Engine.allCases) func `after two hours, once for each time it is out`(engine: Engine) async throws {
            try await RecordsAreKeptInStep.open(engine) { stage in
                let outages = Outages()
                let desk = RecordsDesk(stage.fixture.clinic, records: stage.theirs, outage: { outages.note($0) })
                func live(_ span: Span) async throws {
                    let end = stage.fixture.clock.now + span
                    while stage.fixture.clock.now < end {
                        stage.fixture.clock.advance(by: .minutes(1))
                        _ = try await desk.feed().round()
                    }
                }
                try await live(.minutes(3))
                stage.theirs.become(.isDown)
                try await live(.minutes(119))
                #expect(try await stage.tasks().isEmpty && outages.all.isEmpty)
                try await live(.hours(5))
                let task = try #require(try await stage.tasks().first)
                #expect(try await stage.tasks().count == 1 && task.kind == .systemFailing)
                #expect(try JSON(parsing: task.details)["system"]?.string == "records-in")
                #expect(outages.all.map(\.turn) == [.began])
                stage.theirs.become(.takes)
                try await live(.minutes(1))
                #expect(try await stage.tasks().isEmpty && outages.all.map(\.turn) == [.began, .ended])
                #expect(try await stage.fixture.clinic.syncStates().allSatisfy { $0.failingSince == nil && $0.alertedAt == nil })
                // Once more is another time.
                stage.theirs.become(.isDown)
                try await live(.hours(3))
                #expect(try await stage.tasks().count == 1 && outages.all.map(\.turn) == [.began, .ended, .began])
            }
        }

        @Test(arguments: Engine.allCases) func `of what we tell them a human hears once, however many appointments wait`(
            engine: Engine
        )
            async throws
        {
            try await RecordsAreKeptInStep.open(engine) { stage in
                stage.theirs.become(.isDown)
                for number in 0..<5 { _ = try await stage.book(number, hour: 8 + number) }
                try await stage.run(for: .hours(4))
                #expect(try await stage.tasks().map(\.kind) == [.systemFailing])
                stage.theirs.become(.takes)
                try await stage.run(for: .hours(1))
                #expect(try await stage.tasks().isEmpty && stage.theirs.all.count == 5)
            }
        }

        /// The negative control: that a human was told is not noted.
        @Test(arguments: Engine.allCases) func `would be seen: where nobody notes it, it is told in each round`(engine: Engine)
            async throws
        {
            try await RecordsAreKeptInStep.open(engine, sabotage: { TamperedDatabase($0) { Unalerted($0) } }) { stage in
                let outages = Outages()
                let desk = RecordsDesk(stage.fixture.clinic, records: stage.theirs, outage: { outages.note($0) })
                stage.theirs.become(.isDown)
                for _ in 0..<130 {
                    stage.fixture.clock.advance(by: .minutes(1))
                    _ = try await desk.feed().round()
                }
                #expect(outages.all.count > 1)
            }
        }
    }
}

private final class Outages: Sendable {
    private let seen = Mutex<[SyncOutage]>([])
    var all: [SyncOutage] { seen.withLock { $0 } }
    func note(_ outage: SyncOutage) { seen.withLock { $0.append(outage) } }
}

private final class Forgetful: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        let count = try super.run(command)
        if Asked.sql.sqlite.hasPrefix("UPDATE records_link SET their_version = $2, our_version") { _ = try super.run(Forget()) }
        return count
    }

    private struct Forget: Command {
        static let sql: SQL = "UPDATE records_link SET put_back = NULL"
        var bindings: [SQLValue] { [] }
    }
}

private final class Unalerted: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        if Asked.sql.sqlite.hasPrefix("UPDATE sync_state SET alerted_at") { return 1 }
        return try super.run(command)
    }
}
