import Notation
import People
import Scheduling
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

/// A feed as it is often made: everything after the highest number seen so far.
private struct ByNumberAlone: Query {
    static let sql = SQL(
        sqlite: "SELECT id, 0 FROM event WHERE id > $1 AND $2 = 0 ORDER BY id",
        postgres: "SELECT id, position FROM event WHERE (position, id) > ($2, $1) ORDER BY position, id")
    var last: (id: ID<Change>, position: Int64) = (ID(high: 0, low: 0), 0)
    var bindings: [SQLValue] { [.id(last.id), .integer(last.position)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Change>, position: Int64) {
        (id: try columns.id(0), position: try columns.integer(1))
    }
}

private struct AllEvents: Query {
    static let sql: SQL = "SELECT id FROM event"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ID<Change> { try columns.id(0) }
}

/// Somebody who follows: reads, keeps the cursor, and reads on.
private struct Follower {
    let clinic: Clinic
    let call: Call
    var cursor: ChangeCursor?
    var seen: [Change] = []

    init(_ fixture: ClinicFixture, _ clinic: Clinic? = nil) {
        self.clinic = clinic ?? fixture.clinic
        call = .looking(Caller(role: .service, subject: ID(high: 9, low: 9), scopes: Scope.list("system/Appointment.rs")!))
    }

    /// Reads all there is at the moment, `limit` at a time.
    mutating func read(_ limit: Int = 7) async throws {
        while true {
            let page = try await clinic.changes(cursor.map { .after($0) } ?? .beginning, limit: limit, for: call)
            seen += page.changes
            // As a client has it: a text.
            cursor = try page.next.map { try #require(ChangeCursor("\($0)")) }
            if !page.hasMore { return }
        }
    }
}

extension Promises {
    /// MC-4, HB-4: the feed of what changes.
    @Suite struct WhoFollowsMissesNothing {
        private static let plan = ClinicPlan {
            $0.practitioners = 2
            $0.patients = 12
        }

        @Test(arguments: Engine.allCases)
        func `nobody who follows the changes misses one, or hears one twice, while many write`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let isOver = Gate()
                let followed = try await withThrowingTaskGroup(of: Follower?.self) { group in
                    group.addTask {
                        var follower = Follower(fixture)
                        while !isOver.isOpen {
                            try await follower.read()
                            await Task.yield()
                        }
                        try await follower.read()
                        return follower
                    }
                    group.addTask {
                        await withTaskGroup(of: Void.self) { writers in
                            for writer in 0..<4 {
                                writers.addTask {
                                    for round in 0..<12 {
                                        let start = fixture.plan.time(day: 2 + round, hour: 9 + writer)
                                        let told = await fixture.book(patient: writer, with: writer % 2, at: start).told
                                        guard let told, round.isMultiple(of: 2) else { continue }
                                        await fixture.cancel(told.id, by: fixture.plan.patientCaller(writer))
                                    }
                                }
                            }
                        }
                        isOver.open()
                        return nil
                    }
                    return try await group.reduce(nil) { $0 ?? $1 }
                }
                let all = try await fixture.database.read { try $0.fetch(AllEvents()) }
                let seen = try #require(followed).seen
                #expect(all.count >= 48 && seen.count == all.count && Set(seen.map(\.id)) == Set(all))
                // Of one appointment, one after the other.
                for (_, changes) in Dictionary(grouping: seen, by: \.resourceID) {
                    #expect(changes.map(\.version) == changes.map(\.version).sorted())
                }
            }
        }

        /// Where many write at once, somebody who began before commits after.
        @Test func `who began before and commits after is heard of as well, and a feed by number alone would pass over them`()
            async throws
        {
            let laggard = Laggard()
            try await ClinicFixture.open(.postgres, Self.plan, sabotage: { laggard.slowing($0) }) { fixture in
                let patient = fixture.plan.patientCaller(0)
                let first = try #require(await fixture.book(patient: 0, at: fixture.plan.time(day: 2, hour: 9)).told)
                var follower = Follower(fixture)
                try await follower.read()
                var careless = try #require(try await byNumber(fixture).last)
                laggard.arm()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await fixture.cancel(first.id, by: patient) }
                    await laggard.arrived.pass()
                    let second = await fixture.book(patient: 1, with: 1, at: fixture.plan.time(day: 3, hour: 9))
                    #expect(second.told != nil, "\(second)")
                    try await follower.read()
                    #expect(follower.seen.map(\.kind) == [.booked], "nothing is shown that something may still come before")
                    careless = try #require(try await byNumber(fixture, after: careless).last)
                    laggard.goOn.open()
                    try await group.waitForAll()
                }
                try await follower.read()
                #expect(follower.seen.map(\.kind) == [.booked, .cancelled, .booked])
                #expect(
                    try await byNumber(fixture, after: careless).isEmpty,
                    "the negative control: the cancellation lies before what was read")
            }
        }

        private func byNumber(
            _ fixture: ClinicFixture, after last: (id: ID<Change>, position: Int64) = (ID(high: 0, low: 0), 0)
        ) async throws -> [(id: ID<Change>, position: Int64)] {
            try await fixture.database.read { try $0.fetch(ByNumberAlone(last: last)) }
        }

        /// Where one program writes, its clock may have been set back while it did not run.
        @Test(arguments: Engine.allCases) func `a clock that was set back hides nothing`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                _ = try #require(await fixture.book(patient: 0, at: fixture.plan.time(day: 2, hour: 9)).told)
                var follower = Follower(fixture)
                try await follower.read()
                fixture.clock.jump(by: .hours(-3))
                let identifiers = Version7Identifiers(clock: fixture.clock, random: fixture.random)
                let proposed = identifiers.next(Change.self)
                #expect(proposed < follower.seen[0].id, "the negative control: by itself it would come before what was read")
                var surroundings = fixture.surroundings
                surroundings.identifiers = identifiers
                let again = Clinic(database: fixture.database, surroundings: surroundings, master: TestKeys.master)
                try await again.open()
                for patient in 1...3 {
                    let start = fixture.plan.time(day: 2, hour: 9 + patient)
                    _ = try #require(await fixture.book(patient: patient, at: start, at: again).told)
                }
                try await follower.read(1)
                #expect(follower.seen.count == 4 && Set(follower.seen.map(\.id)).count == 4)
            }
        }

        @Test(arguments: Engine.allCases) func `a cursor says when it is not this database's`(engine: Engine) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                var follower = Follower(fixture)
                let empty = try await fixture.clinic.changes(.now, limit: 1, for: follower.call)
                #expect(empty.next == nil && empty.changes.isEmpty)
                for hour in 9..<12 {
                    _ = try #require(await fixture.book(patient: hour, at: fixture.plan.time(day: 2, hour: hour)).told)
                }
                let now = try #require(try await fixture.clinic.changes(.now, limit: 1, for: follower.call).next)
                try await follower.read(1)
                #expect(follower.cursor == now && follower.seen.count == 3)
                // Put back to a time before the last change.
                let last = fixture.typed(follower.seen[2].id, engine)
                try await fixture.execute("DELETE FROM event WHERE id = \(last)")
                await #expect(throws: ChangesFault.cursorGone) { try await follower.read() }
                for text in ["", "0", "0~", "-1~\(follower.seen[0].id)", "00~\(follower.seen[0].id)", "0~\(now)", "now"] {
                    #expect(ChangeCursor(text) == nil, "\(text)")
                }
            }
        }

        @Test func `only who may follow everybody's appointments follows them`() async throws {
            try await ClinicFixture.open { fixture in
                let (plan, subject) = (fixture.plan, ID<Caller>(high: 9, low: 9))
                for scopes in ["system/Appointment.r", "system/Appointment.s", "system/Patient.cruds"] {
                    let caller = Caller(role: .service, subject: subject, scopes: Scope.list(scopes)!)
                    await #expect(throws: Refusal.notPermitted) {
                        try await fixture.clinic.changes(.beginning, limit: 1, for: .looking(caller))
                    }
                }
                for caller in [plan.desk(), plan.patientCaller(0)] {
                    await #expect(throws: Refusal.notPermitted) {
                        try await fixture.clinic.changes(.beginning, limit: 1, for: .looking(caller))
                    }
                }
            }
        }
    }
}

extension ClinicFixture {
    fileprivate func typed<Subject>(_ id: ID<Subject>, _ engine: Engine) -> String { engine.typed(id) }
}
