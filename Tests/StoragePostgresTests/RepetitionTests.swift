import Notation
import Storage
import StoragePostgres
import TestKit
import Testing

@Suite("Repeating on PostgreSQL")
struct RepetitionTests {
    private static func raise(_ code: String) -> SQL {
        SQL("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '\(code)'; END $$")
    }

    @Test(arguments: Way.allCases, ["40001", "40P01"])
    func `the whole body runs again when the server asks for it, and takes effect once`(way: Way, code: String) async throws {
        try await way.open { opened in
            let (runs, heard) = (Notes<Int>(), Notes<Int>())
            let answer = try await opened.database.write { transaction in
                runs.add(1)
                let run = runs.count
                transaction.afterCommit { heard.add(run) }
                try transaction.run(PutVisit(id: 1, part: run))
                if run < 3 { try transaction.execute(Self.raise(code)) }
                return run
            }
            #expect(answer == 3 && heard.all == [3])
            try await opened.expectRows(["1|3"], "SELECT id, part FROM visit")
            #expect(opened.counts.repeats == Array(repeating: code == "40001" ? "serialization" : "deadlock", count: 2))
        }
    }

    @Test(arguments: Way.allCases) func `a body that always meets others gives up, and nothing of it remains`(way: Way)
        async throws
    {
        try await way.open { opened in
            let runs = Notes<Int>()
            let fault = await fault {
                try await opened.database.write { transaction in
                    runs.add(1)
                    try transaction.run(PutVisit(id: 1))
                    try transaction.execute(Self.raise("40001"))
                }
            }
            #expect(fault == .contended && runs.count == 3)
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases) func `a body that swallows it is repeated all the same`(way: Way) async throws {
        try await way.open { opened in
            let runs = Notes<Int>()
            try await opened.database.write { transaction in
                runs.add(1)
                if runs.count == 1 {
                    try? transaction.execute(Self.raise("40001"))
                    throw Refusal.timeTaken
                }
                try transaction.run(PutVisit(id: 1))
            }
            #expect(runs.count == 2)
            try await opened.expectVisits([1])
        }
    }

    @Test(arguments: Way.allCases) func `a part that met others in a savepoint takes the whole body along`(way: Way) async throws
    {
        try await way.open { opened in
            let runs = Notes<Int>()
            try await opened.database.write { transaction in
                runs.add(1)
                let run = runs.count
                try transaction.run(PutVisit(id: 1, part: run))
                if run == 1 { try transaction.savepoint { try transaction.execute(Self.raise("40001")) } }
            }
            #expect(runs.count == 2)
            try await opened.expectRows(["2"], "SELECT part FROM visit")
        }
    }

    /// Two who take the same two rows, each the other's first.
    @Test func `of two that wait for each other one is repeated, and both are done once`() async throws {
        try await Way.direct.open { opened in
            try await opened.psql("INSERT INTO visit (id, part) VALUES (1, 0), (2, 0)")
            let gates = [Gate(), Gate()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0...1 {
                    group.addTask {
                        try await opened.database.doing(.background).write { transaction in
                            try transaction.execute(SQL("UPDATE visit SET part = part + 1 WHERE id = \(number + 1)"))
                            gates[number].open()
                            gates[1 - number].hold()
                            try transaction.execute(SQL("UPDATE visit SET part = part + 1 WHERE id = \(2 - number)"))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await opened.expectRows(["2", "2"], "SELECT part FROM visit")
            #expect(opened.counts.repeats == ["deadlock"])
        }
    }

    @Test(arguments: Way.allCases)
    func `a connection that is cut under a body is replaced, and the body is visible once`(way: Way) async throws {
        try await way.open { opened in
            let (runs, heard, began, cut) = (Notes<Int>(), Notes<Int>(), Gate(), Gate())
            async let answer = opened.database.write { transaction in
                let backend = try transaction.first(Backend()) ?? 0
                runs.add(backend)
                transaction.afterCommit { heard.add(backend) }
                try transaction.run(PutVisit(id: 1))
                if runs.count == 1 {
                    began.open()
                    cut.hold()
                }
                try transaction.run(PutVisit(id: 2))
                return backend
            }
            await began.pass()
            try await opened.end(runs.all[0])
            cut.open()
            let last = try await answer
            #expect(runs.count == 2 && heard.all == [last] && last != runs.all[0])
            try await opened.expectVisits([1, 2])
            #expect(opened.counts.repeats == ["connection"])
        }
    }

    /// Touches nothing anybody asks for, so that the bodies of one group stay in it.
    private struct QuietVisit: Insertion {
        static let rank = 1
        static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, 0)"
        var bindings: [SQLValue] { [.integer(id)] }
        var touches: [Touch]? { [] }
        var id: Int
    }

    /// What a body may ask whatever the others of its group do.
    private struct QuietBackend: Query {
        static let sql: SQL = "SELECT pg_backend_pid()"
        var bindings: [SQLValue] { [] }
        var rests: [Touch]? { [] }
        static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
    }

    private struct QuietCount: Query {
        static let sql: SQL = "SELECT count(*) FROM visit"
        var bindings: [SQLValue] { [] }
        var rests: [Touch]? { [] }
        static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
    }

    /// Cuts the connection of a group of five while one of them thinks; with or without a last question after that.
    private func cutUnderGroup(
        _ way: Way, asksAgain: Bool
    ) async throws -> (answers: [Result<Void, any Error>], heard: [Int], visits: [Int]) {
        try await way.open { opened in
            let (runs, heard, began, cut) = (Notes<Int>(), Notes<Int>(), Gate(), Gate())
            let bodies: [@Sendable (any WriteTransaction) throws -> Void] = (1...5).map { id in
                { transaction in
                    let backend = try transaction.first(QuietBackend()) ?? 0
                    if id == 1 {
                        runs.add(backend)
                        began.open()
                        cut.hold()
                    }
                    if asksAgain { _ = try transaction.first(QuietCount()) }
                    try transaction.post(QuietVisit(id: id))
                    transaction.afterCommit { heard.add(id) }
                }
            }
            async let answers = opened.together(bodies)
            await began.pass()
            try await opened.end(runs.all[0])
            cut.open()
            return (await answers, heard.all, try await opened.visits)
        }
    }

    @Test(arguments: Way.allCases)
    func `a connection that is cut under a group is replaced, and everybody is visible once`(way: Way) async throws {
        let outcome = try await cutUnderGroup(way, asksAgain: true)
        #expect(outcome.answers.compactMap(\.failure).isEmpty, "\(outcome.answers)")
        #expect(outcome.heard == [1, 2, 3, 4, 5] && outcome.visits == [1, 2, 3, 4, 5])
    }

    /// Nothing is asked between the cut and the commit, so it is the commit that finds out.
    @Test(arguments: Way.allCases)
    func `where the commit is the first to meet the cut, everybody is told what they can rely on`(way: Way) async throws {
        let outcome = try await cutUnderGroup(way, asksAgain: false)
        let unknown = outcome.answers.count { $0.fault == .outcomeUnknown }
        #expect(unknown + outcome.answers.count(where: \.isSuccess) == 5, "\(outcome.answers)")
        #expect(outcome.heard == outcome.visits && outcome.visits.count == outcome.answers.count(where: \.isSuccess))
    }

    // MARK: The commit

    /// Cuts the connection of a commit that is under way; it waits for a lock the test holds.
    private func cutDuringCommit(
        _ way: Way, _ write: @escaping @Sendable (Opened) async throws -> Void
    ) async throws -> (fault: StorageFault?, rows: [String], repeats: [String]) {
        try await way.open { opened in
            try await opened.psql(Visit.slowCommit)
            let (held, gate) = (Gate(), Gate())
            async let holding: Void = opened.database.doing(.background).write { transaction in
                _ = try transaction.fetch(Locked(key: 9))
                held.open()
                gate.hold()
            }
            await held.pass()
            async let writing = fault { try await write(opened) }
            try await opened.waits(for: "advisory")
            let waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            for backend in try await opened.psql(waiting).compactMap({ Int($0) }) { try await opened.end(backend) }
            gate.open()
            try await holding
            return (await writing, try await opened.psql("SELECT id FROM visit"), opened.counts.repeats)
        }
    }

    @Test(arguments: Way.allCases) func `of a commit that was cut off nobody says what became of it, and nobody repeats it`(
        way: Way
    ) async throws {
        let outcome = try await cutDuringCommit(way) { opened in
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
        }
        #expect(outcome.fault == .outcomeUnknown && outcome.repeats == [])
        #expect(outcome.rows == [])
    }

    @Test(arguments: Way.allCases) func `nor of the commit of a group`(way: Way) async throws {
        let outcome = try await cutDuringCommit(way) { opened in
            try await opened.database.writeTogether(foreseen: []) { try $0.post(PutVisit(id: 1)) }
        }
        #expect(outcome.fault == .outcomeUnknown && outcome.repeats == [])
        #expect(outcome.rows == [])
    }

    /// It is not cancelled on the server: it comes true later, and nobody was told otherwise.
    @Test func `a commit that takes too long is unknown to its caller, and happens`() async throws {
        try await Way.direct.open({ $0.commitSeconds = 0.2 }) { opened in
            try await opened.psql(Visit.slowCommit)
            let (held, gate) = (Gate(), Gate())
            async let holding: Void = opened.database.doing(.background).write { transaction in
                try transaction.execute("SELECT pg_advisory_xact_lock(9)")
                held.open()
                gate.hold()
            }
            await held.pass()
            async let alone = fault {
                try await opened.database.doing(.background).write { _ = try $0.run(PutVisit(id: 1)) }
            }
            #expect(await alone == .outcomeUnknown)
            async let grouped = fault {
                try await opened.database.doing(.background).writeTogether(foreseen: []) { try $0.post(PutVisit(id: 2)) }
            }
            #expect(await grouped == .outcomeUnknown)
            gate.open()
            try await holding
            while try await opened.visits.isEmpty {}
        }
    }
}
