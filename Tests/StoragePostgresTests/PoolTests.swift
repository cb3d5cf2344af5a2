import Notation
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("Connections to PostgreSQL")
struct PoolTests {
    /// Keeps the only connection of the pool busy while `body` runs.
    private func whileBusy(_ opened: Opened, _ body: () async throws -> Void) async throws {
        let (held, gate) = (Gate(), Gate())
        async let holding: Void = opened.database.doing(.background).write { _ in
            held.open()
            gate.hold()
        }
        await held.pass()
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        gate.open()
        try await holding
        try outcome.get()
    }

    @Test func `who waits too long for a connection is told so, and nothing of theirs is done`() async throws {
        try await Way.direct.open({
            $0.connections = 2
            $0.waitMilliseconds = 100
        }) { opened in
            try await whileBusy(opened) {
                #expect(await fault { try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) } } == .overloaded)
                #expect(await fault { _ = try await opened.database.read { try $0.fetch(VisitIDs()) } } == .overloaded)
            }
            try await opened.expectVisits([])
        }
    }

    @Test func `who waits behind work in the background is told so, too`() async throws {
        try await Way.direct.open({
            $0.connections = 2
            $0.waitMilliseconds = 100
        }) { opened in
            let background = Notes<Int>()
            var patient: Task<Void, any Error>?
            try await whileBusy(opened) {
                patient = Task {
                    try await opened.database.doing(.background).write { _ = try $0.run(PutVisit(id: 1)) }
                    background.add(1)
                }
                while opened.database.usage.waiting < 1 { await Task.yield() }
                let answer = await answered(within: .seconds(5)) {
                    await fault { try await opened.database.write { _ = try $0.run(TakeVisit(id: 2)) } }
                }
                #expect(answer == .some(.overloaded), "answered at all, and so")
            }
            // Sweeps and deliveries wait as long as it takes.
            try await patient?.value
            #expect(background.count == 1)
            #expect(try await opened.visits.contains(1))
        }
    }

    @Test func `no more wait than may wait`() async throws {
        try await Way.direct.open({
            $0.connections = 2
            $0.waitingMaximum = 3
        }) { opened in
            var waiting: [Task<Void, any Error>] = []
            try await whileBusy(opened) {
                waiting = (1...3).map { id in Task { try await opened.database.write { _ = try $0.run(PutVisit(id: id)) } } }
                while opened.database.usage.waiting < 3 { await Task.yield() }
                #expect(await fault { try await opened.database.write { _ = try $0.run(PutVisit(id: 9)) } } == .overloaded)
                #expect(opened.database.usage.inUse == 1 && opened.database.usage.size == 1)
            }
            for task in waiting { try await task.value }
            try await opened.expectVisits([1, 2, 3])
        }
    }

    @Test(arguments: Way.allCases) func `closing finishes what waits and refuses what comes`(way: Way) async throws {
        try await way.open({ $0.connections = 2 }) { opened in
            var waiting: [Task<Void, any Error>] = []
            var closing: Task<Void, Never>?
            try await whileBusy(opened) {
                waiting = (1...3).map { id in Task { try await opened.database.write { _ = try $0.run(PutVisit(id: id)) } } }
                waiting += (4...6).map { id in
                    Task { try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: id)) } }
                }
                while opened.database.usage.waiting < 3 { await Task.yield() }
                for task in waiting[3...] { try await task.value }
                closing = Task { await opened.database.close() }
            }
            await closing?.value
            for task in waiting { try await task.value }
            #expect(await fault { _ = try await opened.database.read { try $0.fetch(VisitIDs()) } } == .closed)
            #expect(await fault { try await opened.database.write { _ = try $0.run(PutVisit(id: 9)) } } == .closed)
            let together = await fault {
                try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 9)) }
            }
            #expect(together == .closed)
            try await opened.expectRows(["6"], "SELECT count(*) FROM visit")
            // A second time there is nothing left to close.
            await opened.database.close()
        }
    }

    @Test func `closing gives every connection back, and so does letting go`() async throws {
        try await Way.direct.open { opened in
            let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            var other: PostgresDatabase? = try PostgresDatabase(opened.settings)
            try await other?.write { _ = try $0.run(PutVisit(id: 1)) }
            try await opened.database.write { _ = try $0.run(PutVisit(id: 2)) }
            try await opened.expectRows(["2"], sessions)
            await opened.database.close()
            while try await opened.psql(sessions) != ["1"] {}
            other = nil
            while try await opened.psql(sessions) != ["0"] {}
        }
    }

    @Test func `a connection is replaced when it is old`() async throws {
        try await Way.direct.open({
            $0.connections = 2
            $0.lifetimeSeconds = 0
        }) { opened in
            var backends: Set<Int> = []
            for _ in 0..<4 { backends.insert(try await opened.database.read { try $0.first(Backend()) ?? 0 }) }
            #expect(backends.count == 4)
        }
        try await Way.direct.open({ $0.connections = 2 }) { opened in
            var backends: Set<Int> = []
            for _ in 0..<4 { backends.insert(try await opened.database.read { try $0.first(Backend()) ?? 0 }) }
            #expect(backends.count == 1)
        }
    }

    /// A balancer, or an operator, has ended it in the meantime.
    @Test func `an idle connection that died is replaced before anybody is given it`() async throws {
        try await Way.direct.open({
            $0.connections = 2
            $0.idleCheckSeconds = 0
        }) { opened in
            let first = try await opened.database.read { try $0.first(Backend()) ?? 0 }
            try await opened.end(first)
            let second = try await opened.database.read { try $0.first(Backend()) ?? 0 }
            #expect(first != second)
            #expect(opened.counts.repeats == [], "nobody noticed")
        }
    }

    @Test func `a connection that died unnoticed costs a repetition, and nobody an answer`() async throws {
        try await Way.direct.open({ $0.connections = 2 }) { opened in
            try await opened.end(try await opened.database.read { try $0.first(Backend()) ?? 0 })
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
            try await opened.end(try await opened.database.read { try $0.first(Backend()) ?? 0 })
            try await opened.expectVisits([1])
            #expect(opened.counts.repeats == ["connection", "connection"])
        }
    }
}

extension Opened {
    /// Ends a session of the server, and returns when it is gone.
    func end(_ backend: Int) async throws {
        try await psql("SELECT pg_terminate_backend(\(backend))")
        while try await psql("SELECT count(*) FROM pg_stat_activity WHERE pid = \(backend)") != ["0"] {}
    }
}
