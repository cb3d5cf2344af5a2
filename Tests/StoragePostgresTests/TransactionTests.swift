import Notation
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("Transactions on PostgreSQL")
struct TransactionTests {
    @Test(arguments: Way.allCases)
    func `a refusal comes back as it was thrown, and nothing of its body remains`(way: Way) async throws {
        try await way.open { opened in
            await #expect(throws: Refusal.timeTaken) {
                try await opened.database.write { transaction in
                    try transaction.run(PutVisit(id: 1))
                    try transaction.post(PutVisit(id: 2))
                    throw Refusal.timeTaken
                }
            }
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases)
    func `an error of one statement dooms the transaction, and the next body gets a clean one`(way: Way) async throws {
        // One connection, so that the next body meets what the first left.
        try await way.open({ $0.connections = 2 }) { opened in
            let fault = await fault {
                try await opened.database.write { transaction in
                    try transaction.run(PutVisit(id: 1))
                    do { try transaction.run(PutVisit(id: 1)) } catch {}
                    // The body swallows what cost it the transaction, and goes on.
                    try transaction.run(PutVisit(id: 2))
                }
            }
            #expect(fault == .constraint("visit_pkey"))
            try await opened.database.write { _ = try $0.run(PutVisit(id: 3)) }
            try await opened.expectVisits([3])
        }
    }

    @Test(arguments: Way.allCases) func `a body that swallows the loss of its transaction hears of it`(way: Way) async throws {
        try await way.open { opened in
            let fault = await fault {
                try await opened.database.write { transaction in
                    try transaction.run(PutVisit(id: 1))
                    try? transaction.execute("INSERT INTO visit (id, part) VALUES (1, 0)")
                }
            }
            #expect(fault == .constraint("visit_pkey"))
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases) func `a mistake in what was posted comes up before the commit`(way: Way) async throws {
        try await way.open { opened in
            let fault = await fault {
                try await opened.database.write { transaction in
                    try transaction.post(PutVisit(id: 1))
                    try transaction.post(PutVisit(id: 1))
                }
            }
            #expect(fault == .constraint("visit_pkey"))
            await #expect(throws: Refusal.timeTaken) {
                try await opened.database.write { transaction in
                    try transaction.post(TakeVisit(id: 1), orElse: Refusal.timeTaken)
                    try transaction.post(TakeVisit(id: 1), orElse: Refusal.timeTaken)
                }
            }
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases) func `a body sees what it has posted`(way: Way) async throws {
        try await way.open { opened in
            let seen = try await opened.database.write { transaction in
                try transaction.post(PutVisit(id: 1))
                try transaction.post(PutVisit(id: 2))
                return try transaction.fetch(VisitIDs())
            }
            #expect(seen == [1, 2])
        }
    }

    @Test(arguments: Way.allCases) func `a savepoint undoes its part and keeps the rest`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                try transaction.post(PutVisit(id: 1))
                try? transaction.savepoint {
                    try transaction.post(PutVisit(id: 2))
                    try transaction.savepoint { _ = try transaction.run(PutVisit(id: 3)) }
                    throw Refusal.timeTaken
                }
                try transaction.savepoint { _ = try transaction.run(PutVisit(id: 4)) }
            }
            try await opened.expectVisits([1, 4])
        }
    }

    /// Ways in which a part can be refused: by what was run, by what was posted, by a script, by a statement nobody knows.
    static let refusedParts: [String: @Sendable (any WriteTransaction) throws -> Void] = [
        "run": { try $0.run(PutVisit(id: 1)) },
        "post": { try $0.post(PutVisit(id: 1)) },
        "script": { try $0.execute("INSERT INTO visit (id, part) VALUES (1, 0)") },
        "nonsense": { try $0.execute("SELECT nonsense") },
        "unknown": { _ = try $0.fetch(Unknown()) },
    ]

    private struct Unknown: Query {
        static let sql: SQL = "SELECT nonsense"
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> Bool { true }
    }

    @Test(arguments: Way.allCases, ["run", "post", "script", "nonsense", "unknown"])
    func `what the server refuses in a savepoint is undone with it, and the rest goes on`(
        way: Way, refused: String
    ) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                try transaction.post(PutVisit(id: 1))
                do {
                    try transaction.savepoint {
                        try transaction.post(PutVisit(id: 2))
                        try Self.refusedParts[refused]?(transaction)
                    }
                    Issue.record("was accepted")
                } catch is StorageFault {}
                try transaction.savepoint { try transaction.post(PutVisit(id: 3)) }
                try transaction.run(PutVisit(id: 4))
            }
            try await opened.expectVisits([1, 3, 4])
        }
    }

    @Test(arguments: Way.allCases) func `parts within parts that are refused leave the whole usable`(way: Way) async throws {
        try await way.open { opened in
            let told = try await opened.database.write { transaction in
                var told: [String] = []
                func part(_ body: () throws -> Void) {
                    do {
                        try transaction.savepoint(body)
                        told.append("done")
                    } catch { told.append("\(error)") }
                }
                try transaction.post(PutVisit(id: 1))
                part {
                    try transaction.post(PutVisit(id: 2))
                    try transaction.savepoint { _ = try transaction.run(PutVisit(id: 3)) }
                    throw Refusal.timeTaken
                }
                part { try transaction.post(PutVisit(id: 1)) }
                part { try transaction.execute("SELECT nonsense") }
                part { _ = try transaction.run(PutVisit(id: 4)) }
                return told
            }
            let refusals = [
                "timeTaken", "\(StorageFault.constraint("visit_pkey"))",
                "\(StorageFault.statement("script: column \"nonsense\" does not exist (42703)"))", "done",
            ]
            #expect(told == refusals)
            try await opened.expectVisits([1, 4])
        }
    }

    @Test(arguments: Way.allCases) func `one part may be refused after another`(way: Way) async throws {
        try await way.open { opened in
            let told = try await opened.database.write { transaction in
                try transaction.run(PutVisit(id: 1))
                var told: [String] = []
                for (name, part) in (Array(Self.refusedParts) + Array(Self.refusedParts)).sorted(by: { $0.key < $1.key }) {
                    do {
                        try transaction.savepoint { try part(transaction) }
                        told.append("\(name) was accepted")
                    } catch { told.append(name) }
                }
                try transaction.run(PutVisit(id: 2))
                return told
            }
            #expect(told == Self.refusedParts.keys.sorted().flatMap { [$0, $0] })
            try await opened.expectVisits([1, 2])
        }
    }

    @Test(arguments: Way.allCases)
    func `hooks run in order after the commit, and never for what failed`(way: Way) async throws {
        try await way.open { opened in
            let heard = Notes<Int>()
            try await opened.database.write { transaction in
                transaction.afterCommit { heard.add(1) }
                try? transaction.savepoint {
                    transaction.afterCommit { heard.add(-1) }
                    throw Refusal.timeTaken
                }
                try transaction.run(PutVisit(id: 1))
                transaction.afterCommit { heard.add(2) }
                #expect(heard.count == 0)
            }
            _ = await fault {
                try await opened.database.write { transaction in
                    transaction.afterCommit { heard.add(-2) }
                    try transaction.run(PutVisit(id: 1))
                }
            }
            #expect(heard.all == [1, 2])
        }
    }

    @Test(arguments: Way.allCases) func `what is refused only at the commit is told, and no hook is called`(way: Way) async throws
    {
        try await way.open { opened in
            try await opened.psql("CREATE TABLE note (visit bigint REFERENCES visit DEFERRABLE INITIALLY DEFERRED)")
            let heard = Notes<Int>()
            let fault = await fault {
                try await opened.database.write { transaction in
                    transaction.afterCommit { heard.add(1) }
                    try transaction.execute("INSERT INTO note VALUES (4711)")
                }
            }
            #expect(fault == .constraint("foreign_key") && heard.count == 0)
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
        }
    }

    @Test(arguments: Way.allCases) func `a script may be of many statements, all or none`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write {
                try $0.post(PutVisit(id: 1))
                try $0.execute("INSERT INTO visit (id, part) VALUES (2, 0); CREATE TABLE note (id bigint); SELECT 1;")
            }
            let fault = await fault {
                try await opened.database.write { try $0.execute("DROP TABLE note; INSERT INTO visit (id, part) VALUES (2, 0)") }
            }
            #expect(fault == .constraint("visit_pkey"))
            try await opened.expectRows(["0"], "SELECT count(*) FROM note")
            try await opened.expectVisits([1, 2])
        }
    }

    @Test(arguments: Way.allCases, ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "COMMIT AND CHAIN"])
    func `a body cannot end its transaction`(way: Way, text: String) async throws {
        try await way.open({ $0.connections = 2 }) { opened in
            let runs = Notes<Int>()
            let fault = await fault {
                try await opened.database.write { transaction in
                    runs.add(1)
                    try transaction.run(TakeVisit(id: runs.count))
                    try transaction.execute(SQL(text))
                }
            }
            #expect(fault == .statement("script: a body does not begin or end transactions"))
            #expect(runs.count == 1, "what can only happen again is not tried again")
            // The next one begins with a transaction of its own.
            try await opened.database.write { _ = try $0.run(PutVisit(id: 100)) }
        }
    }

    @Test(arguments: Way.allCases) func `a read that would change something is refused as a mistake`(way: Way) async throws {
        struct Change: Query {
            static let sql: SQL = "INSERT INTO visit (id, part) VALUES (1, 0) RETURNING id"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
        }
        try await way.open { opened in
            let fault = await fault { _ = try await opened.database.read { try $0.fetch(Change()) } }
            #expect(fault?.mistake != nil, "\(String(describing: fault))")
            #expect(opened.counts.repeats == [], "the server is as it should be")
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases) func `a read sees one moment, whatever others do meanwhile`(way: Way) async throws {
        try await way.open { opened in
            let (looked, written) = (Gate(), Gate())
            async let seen = opened.database.read { transaction in
                let before = try transaction.fetch(VisitIDs())
                looked.open()
                written.hold()
                return [before, try transaction.fetch(VisitIDs())]
            }
            await looked.pass()
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
            written.open()
            #expect(try await seen == [[], []])
            try await opened.expectVisits([1])
        }
    }

    @Test(arguments: Way.allCases) func `a cancelled caller still gets the answer of its accepted body`(way: Way) async throws {
        try await way.open { opened in
            let (began, gate) = (Gate(), Gate())
            let caller = Task {
                try await opened.database.write { transaction in
                    began.open()
                    gate.hold()
                    return try transaction.run(PutVisit(id: 1))
                }
            }
            await began.pass()
            caller.cancel()
            gate.open()
            #expect(try await caller.value == 1)
            try await opened.expectVisits([1])
        }
    }

    // MARK: Time limits

    @Test(arguments: Way.allCases) func `each kind of work has its own limit on a statement`(way: Way) async throws {
        // One connection: what one kind of work sets must not stay for the next.
        try await way.open({ $0.connections = 2 }) { opened in
            for work in Work.allCases + Work.allCases.reversed() {
                let database = opened.database.doing(work)
                let limits = [
                    try await database.read { try $0.first(SettingOf(name: "statement_timeout")) },
                    try await database.write { try $0.first(SettingOf(name: "statement_timeout")) },
                ]
                let expected = ["request": "2s", "analytics": "30s", "background": "1min"][work.rawValue]
                #expect(limits == [expected, expected], "\(work)")
            }
        }
    }

    @Test(arguments: Way.allCases) func `a statement that takes too long is cancelled, and nothing of it remains`(way: Way)
        async throws
    {
        try await way.open({ $0.connections = 2 }) { opened in
            let runs = Notes<Int>()
            let fault = await fault {
                try await opened.database.write { transaction in
                    runs.add(1)
                    try transaction.run(PutVisit(id: 1))
                    try transaction.execute("SET LOCAL statement_timeout = 50; SELECT pg_sleep(60)")
                }
            }
            #expect(fault == .timedOut && runs.count == 1)
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases) func `who waits too long for a row is told that others are at it`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
            let (held, gate) = (Gate(), Gate())
            async let holding: Void = opened.database.write { transaction in
                try transaction.run(MoveVisit(id: 1, part: 1))
                held.open()
                gate.hold()
            }
            await held.pass()
            let fault = await fault {
                try await opened.database.write { transaction in
                    try transaction.execute("SET LOCAL lock_timeout = 50")
                    try transaction.run(MoveVisit(id: 1, part: 2))
                }
            }
            gate.open()
            try await holding
            #expect(fault == .contended)
        }
    }

    @Test(arguments: Way.allCases) func `a slow statement is told by its name`(way: Way) async throws {
        struct Lingers: Query {
            static let sql: SQL = "SELECT pg_sleep(0.1), $1::text"
            var bindings: [SQLValue] { [.text("Annemarie")] }
            static func row(_ columns: any Columns) throws -> Bool { true }
        }
        try await way.open({ $0.slowSeconds = 0.05 }) { opened in
            _ = try await opened.database.read { try $0.fetch(Lingers()) }
            #expect(opened.counts.slow.contains { $0.contains("Lingers") && !$0.contains("Annemarie") })
        }
    }
}
