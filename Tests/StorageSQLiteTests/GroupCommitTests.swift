import Notation
import Storage
import StorageSQLite
import Synchronization
import Testing

@Suite("Group commit")
struct GroupCommitTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `bodies that wait together share one commit`() async throws {
        let groups = Mutex<[Int]>([])
        let database = try await folder.clinic { bodies, _ in groups.withLock { $0.append(bodies) } }
        let answers = await database.together((1...50).map { id in { try $0.run(PutVisit(id: id)) } })
        #expect(answers.compactMap(\.fault) == [])
        #expect(try await database.visits == Array(1...50))
        await database.close()
        #expect(groups.withLock { $0 } == [1, 1, 50])
    }

    @Test func `a group is never larger than its maximum`() async throws {
        let groups = Mutex<[Int]>([])
        var settings = folder.settings
        settings.groupMaximum = 4
        let database = try await folder.clinic(settings) { bodies, _ in groups.withLock { $0.append(bodies) } }
        _ = await database.together((1...10).map { id in { try $0.run(PutVisit(id: id)) } })
        #expect(try await database.visits == Array(1...10))
        await database.close()
        #expect(groups.withLock { $0 } == [1, 1, 4, 4, 2])
    }

    @Test func `a refusal comes back as it was thrown and leaves the others of its group alone`() async throws {
        let database = try await folder.clinic()
        let answers = await database.together([
            { try $0.run(PutVisit(id: 1)) },
            {
                try $0.run(PutVisit(id: 2))
                throw Refusal.timeTaken
            },
            { try $0.run(PutVisit(id: 3)) },
        ])
        #expect(answers[0].isSuccess && answers[2].isSuccess)
        #expect(answers[1].failure as? Refusal == .timeTaken)
        #expect(try await database.visits == [1, 3])
    }

    @Test func `a broken rule of the schema costs only the body that broke it`() async throws {
        let database = try await folder.clinic()
        let answers = await database.together([
            { try $0.run(PutVisit(id: 1, room: "A")) },
            {
                try $0.run(PutVisit(id: 2))
                try $0.run(PutVisit(id: 3, room: "A"))
            },
            { try $0.run(PutVisit(id: 4, room: "B")) },
        ])
        #expect(answers[1].fault == .constraint("visit.room"))
        #expect(try await database.visits == [1, 4])
    }

    @Test func `each body sees what the ones before it in the group have done`() async throws {
        let database = try await folder.clinic()
        let seen = Mutex<[Int]>([])
        _ = await database.together(
            (1...5).map { id in
                { transaction in
                    try transaction.run(PutVisit(id: id))
                    let count = try transaction.fetch(VisitIDs()).count
                    seen.withLock { $0.append(count) }
                }
            })
        #expect(seen.withLock { $0 } == [1, 2, 3, 4, 5])
    }

    @Test func `a rolled back transaction is repeated body by body`() async throws {
        let database = try await folder.clinic()
        let answers = await database.together([
            { try $0.run(PutVisit(id: 1)) },
            {
                // The body swallows the failure that cost everybody the transaction, and goes on.
                do { try $0.execute("INSERT OR ROLLBACK INTO visit (id, part) VALUES (1, 0)") } catch {}
                try $0.run(PutVisit(id: 2))
            },
            { try $0.run(PutVisit(id: 3)) },
        ])
        #expect(answers[0].isSuccess && answers[2].isSuccess)
        #expect(answers[1].fault == .constraint("visit.id"))
        #expect(try await database.visits == [1, 3])
    }

    @Test func `a body that swallows the loss of its transaction hears of it`() async throws {
        let database = try await folder.clinic()
        let answer = await fault {
            try await database.write { transaction in
                try transaction.run(PutVisit(id: 1))
                try? transaction.execute("INSERT OR ROLLBACK INTO visit (id, part) VALUES (1, 0)")
            }
        }
        #expect(answer == .constraint("visit.id"))
        #expect(try await database.visits == [])
    }

    @Test func `a row that points nowhere at the commit costs only its own body`() async throws {
        let database = try await folder.clinic()
        try await database.write {
            try $0.execute(
                "CREATE TABLE note (id INTEGER PRIMARY KEY, visit INTEGER REFERENCES visit DEFERRABLE INITIALLY DEFERRED)")
        }
        let answers = await database.together([
            {
                try $0.execute("INSERT INTO note VALUES (1, 1)")
                try $0.run(PutVisit(id: 1))
            },
            { try $0.execute("INSERT INTO note VALUES (2, 3)") },
            // Too late for the body before: on its own it would have been refused.
            { try $0.run(PutVisit(id: 3)) },
        ])
        #expect(answers[0].isSuccess && answers[2].isSuccess)
        #expect(answers[1].fault == .constraint("foreign_key"))
        #expect(try await database.visits == [1, 3])
    }

    @Test func `hooks run in the order of commits, before the callers hear, and not for who failed`() async throws {
        let order = Mutex<[Int]>([])
        let database = try await folder.clinic()
        let answers = await database.together(
            (1...6).map { id in
                { transaction in
                    transaction.afterCommit { order.withLock { $0.append(id) } }
                    try? transaction.savepoint {
                        transaction.afterCommit { order.withLock { $0.append(-id) } }
                        throw Refusal.timeTaken
                    }
                    if id == 4 { throw Refusal.timeTaken }
                    try transaction.run(PutVisit(id: id))
                }
            })
        #expect(order.withLock { $0 } == [1, 2, 3, 5, 6])
        #expect(answers.filter(\.isSuccess).count == 5)
    }

    @Test func `a cancelled caller still gets the answer of its accepted body`() async throws {
        let database = try await folder.clinic()
        let gate = Gate()
        let caller = Task {
            try await database.write { transaction in
                gate.block()
                return try transaction.run(PutVisit(id: 1))
            }
        }
        caller.cancel()
        gate.open()
        #expect(try await caller.value == 1)
        #expect(try await database.visits == [1])
    }

    @Test func `when too much waits, new work is turned away at once`() async throws {
        var settings = folder.settings
        settings.waitingMaximum = 3
        let database = try await folder.clinic(settings)
        let gate = Gate()
        let began = Gate()
        async let holding: Void = database.write { _ in
            began.open()
            gate.block()
        }
        await began.opened()
        let waiting = (1...3).map { id in Task { try await database.write { try $0.run(PutVisit(id: id)) } } }
        while database.waitingWrites < 3 { await Task.yield() }
        #expect(await fault { try await database.write { _ = try $0.run(PutVisit(id: 9)) } } == .overloaded)
        gate.open()
        try await holding
        for task in waiting { #expect(try await task.value == 1) }
        #expect(try await database.visits == [1, 2, 3])
    }

    @Test func `many callers at once lose nothing`() async throws {
        let database = try await folder.clinic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<64 {
                group.addTask {
                    for turn in 0..<20 { try await database.write { _ = try $0.run(PutVisit(id: caller * 100 + turn)) } }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.visits.count == 64 * 20)
    }
}
