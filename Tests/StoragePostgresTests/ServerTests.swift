import Notation
import PostgresCluster
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing

/// Servers that are killed, stopped and frozen. Each test has one of its own.
@Suite("A server that fails", .serialized)
struct ServerTests {
    private func withServer(
        durable: Bool = true, _ change: (inout PostgresSettings) -> Void = { _ in },
        _ body: (PostgresDatabase, PrivateCluster) async throws -> Void
    ) async throws {
        try await PrivateCluster.withCluster(durable: durable) { cluster in
            try await cluster.psql(Visit.table)
            var settings = PostgresSettings(
                url: cluster.url(), connections: 4, patienceSeconds: 5, random: SeededRandom(seed: 1))
            change(&settings)
            let database = try PostgresDatabase(settings)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(database, cluster)) } catch { outcome = .failure(error) }
            await database.close()
            try outcome.get()
        }
    }

    /// What each writer was told about its visits.
    private final class Told: Sendable {
        private struct State {
            var acknowledged: Set<Int> = []
            var unknown: Set<Int> = []
            var refused: Set<Int> = []
            var next = 0
        }
        private let state = Mutex(State())

        func nextID() -> Int {
            state.withLock { state in
                state.next += 1
                return state.next
            }
        }
        func note(_ id: Int, _ fault: StorageFault?) {
            state.withLock { state in
                switch fault {
                case nil: _ = state.acknowledged.insert(id)
                case .outcomeUnknown: _ = state.unknown.insert(id)
                default: _ = state.refused.insert(id)
                }
            }
        }
        var acknowledged: Set<Int> { state.withLock { $0.acknowledged } }
        var unknown: Set<Int> { state.withLock { $0.unknown } }
        var refused: Set<Int> { state.withLock { $0.refused } }
    }

    @Test func `kill -9 takes nothing that was acknowledged, and what nobody knows is told as that`() async throws {
        try await withServer { database, cluster in
            let told = Told()
            for _ in 1...4 {
                let goal = told.acknowledged.count + 200
                let killed = Gate()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<16 {
                        group.addTask {
                            while !killed.isOpen {
                                let id = told.nextID()
                                let fault = await fault {
                                    if writer % 2 == 0 {
                                        try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: id)) }
                                    } else {
                                        try await database.write { _ = try $0.run(PutVisit(id: id)) }
                                    }
                                }
                                told.note(id, fault)
                            }
                        }
                    }
                    while told.acknowledged.count < goal { await Task.yield() }
                    await cluster.kill()
                    killed.open()
                    try await group.waitForAll()
                }
                try await cluster.restart()
                let found = Set(try await cluster.psql("SELECT id FROM visit").compactMap { Int($0) })
                #expect(told.acknowledged.subtracting(found).isEmpty)
                #expect(found.subtracting(told.acknowledged).isSubset(of: told.unknown))
                #expect(found.isDisjoint(with: told.refused))
                try await becomesUsable(database)
            }
            #expect(told.acknowledged.count >= 800 && !told.refused.isEmpty)
        }
    }

    @Test func `a server that was restarted is found again without anybody's help`() async throws {
        try await withServer(durable: false) { database, cluster in
            try await database.write { _ = try $0.run(PutVisit(id: 1)) }
            await cluster.stop()
            for fault in [
                await fault { try await database.write { _ = try $0.run(PutVisit(id: 2)) } },
                await fault { try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2)) } },
                await fault { _ = try await database.read { try $0.fetch(VisitIDs()) } },
            ] {
                #expect(fault?.isUnreachable == true, "\(String(describing: fault))")
            }
            #expect(await database.complaint() == "cannot be reached or does not answer")
            #expect(database.lastFailure != nil)
            try await cluster.restart()
            try await becomesUsable(database)
            #expect(try await database.read { try $0.fetch(VisitIDs()) } == [1])
            try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 3)) }
            #expect(await database.complaint() == nil)
            #expect(database.lastFailure == nil)
        }
    }

    @Test func `who is at work when the server stops is not left alone`() async throws {
        try await withServer(durable: false) { database, cluster in
            let (began, stopped) = (Gate(), Gate())
            async let writing = fault {
                try await database.write { transaction in
                    try transaction.run(PutVisit(id: 1))
                    began.open()
                    stopped.hold()
                    try transaction.run(PutVisit(id: 2))
                }
            }
            await began.pass()
            await cluster.stop()
            stopped.open()
            let answer = await writing
            #expect(answer?.isUnreachable == true, "\(String(describing: answer))")
            try await cluster.restart()
            #expect(try await cluster.psql("SELECT count(*) FROM visit") == ["0"])
        }
    }

    @Test func `a server that hangs keeps nobody for ever, not even with a statement it never saw`() async throws {
        struct Unseen: Query {
            static let sql: SQL = "SELECT id FROM visit WHERE part = 4711"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
        }
        try await withServer(durable: false, { $0.connections = 3 }) { database, cluster in
            _ = try await database.read { try $0.fetch(VisitIDs()) }
            try cluster.freeze()
            // This one meets a connection that is open: nobody has broken it yet.
            let unseen = await answered(within: .seconds(30)) {
                await fault { _ = try await database.read { try $0.fetch(Unseen()) } }
            }
            let known = await answered(within: .seconds(30)) {
                await fault { _ = try await database.read { try $0.fetch(VisitIDs()) } }
            }
            let grouped = await answered(within: .seconds(30)) {
                await fault { try await database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 1)) } }
            }
            cluster.thaw()
            for (answer, name) in [(known, "a statement it knows"), (unseen, "one it never saw"), (grouped, "a booking")] {
                guard let answer else {
                    Issue.record("\(name) waits still")
                    continue
                }
                #expect(answer != nil, "\(name) is answered with a fault")
            }
            try await becomesUsable(database)
        }
    }

    /// Tries until it works; a server that comes back takes its time.
    private func becomesUsable(_ database: PostgresDatabase) async throws {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(30) {
            if await fault({ _ = try await database.read { try $0.fetch(VisitIDs()) } }) == nil { return }
        }
        Issue.record("the database does not come back")
    }
}

extension StorageFault {
    fileprivate var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
}
