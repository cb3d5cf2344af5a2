import Storage
import StoragePostgres
import TestKit
import Testing

extension Touch {
    fileprivate static func visit(_ id: Int) -> Touch { Touch("visit", key: id) }
}

/// Whether a visit is there; taken for "no" as long as nobody asks.
private struct IsThere: Query {
    static let sql: SQL = "SELECT id FROM visit WHERE id = $1"
    var bindings: [SQLValue] { [.integer(id)] }
    let id: Int
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
    var rests: [Touch]? { [.visit(id)] }
    func absorb(_ change: any Command, into rows: inout [Int]) -> Bool {
        rows.append(id)
        return true
    }
    var guess: [Int]? { [] }
}

private struct Add: Insertion {
    static let rank = 1
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, $2)"
    var bindings: [SQLValue] { [.integer(id), .integer(0)] }
    let id: Int
    var touches: [Touch]? { [.visit(id)] }
}

@Suite("Answers that are guessed")
struct GuessTests {
    /// What a body finds, that of each identifier once: it adds what is not there.
    private func added(_ id: Int, to database: PostgresDatabase) async throws -> Bool {
        try await database.writeTogether(foreseen: [IsThere(id: id)]) { transaction in
            if try transaction.first(IsThere(id: id)) != nil { return false }
            try transaction.post(Add(id: id))
            return true
        }
    }

    @Test(arguments: Way.allCases) func `a right guess saves asking, and a wrong one is found out`(way: Way) async throws {
        try await way.open { opened in
            try await opened.psql("INSERT INTO visit (id, part) VALUES (1, 0)")
            #expect(try await added(2, to: opened.database))
            #expect(opened.counts.repeats == [])
            #expect(try await added(1, to: opened.database) == false)
            #expect(opened.counts.repeats == ["guess"])
            try await opened.expectVisits([1, 2])
        }
    }

    /// Nothing is posted that the schema could refuse.
    @Test(arguments: Way.allCases) func `who writes nothing, or something else, or fails, is told the truth`(way: Way)
        async throws
    {
        try await way.open { opened in
            try await opened.psql("INSERT INTO visit (id, part) VALUES (1, 0)")
            let database = opened.database
            let silent = try await database.writeTogether(foreseen: []) { try $0.first(IsThere(id: 1)) }
            #expect(silent == 1)
            let elsewhere = try await database.writeTogether(foreseen: []) { transaction in
                let found = try transaction.first(IsThere(id: 1))
                try transaction.post(Add(id: 7))
                return found
            }
            #expect(elsewhere == 1)
            let failing = try await database.writeTogether(foreseen: []) { transaction in
                guard try transaction.first(IsThere(id: 1)) != nil else { throw Refusal.timeTaken }
                return true
            }
            #expect(failing)
            #expect(opened.counts.repeats == [])
            try await opened.expectVisits([1, 7])
        }
    }

    @Test(arguments: Way.allCases) func `a guess takes up what others of the group have posted`(way: Way) async throws {
        try await way.open { opened in
            let outcomes = Notes<Bool>()
            let answers = await opened.together(
                (1...3).map { _ in
                    { transaction in
                        let isNew = try transaction.first(IsThere(id: 5)) == nil
                        if isNew { try transaction.post(Add(id: 5)) }
                        transaction.afterCommit { outcomes.add(isNew) }
                    }
                })
            #expect(answers.compactMap(\.fault) == [])
            #expect(outcomes.all.filter { $0 }.count == 1 && outcomes.count == 3)
            #expect(opened.counts.repeats == [])
            try await opened.expectVisits([5])
        }
    }

    @Test func `where guesses are wrong again and again, more and more groups ask instead`() async throws {
        try await Way.direct.open { opened in
            try await opened.psql("INSERT INTO visit (id, part) SELECT id, 0 FROM generate_series(1, 400) AS id")
            for id in 1...400 { #expect(try await added(id, to: opened.database) == false) }
            // 400 guesses in vain would be 400 repetitions.
            #expect((4...12).contains(opened.counts.repeats.filter { $0 == "guess" }.count), "\(opened.counts.repeats.count)")
            // And a place that is free again is guessed again.
            for id in 401...600 { #expect(try await added(id, to: opened.database)) }
            #expect(try await opened.visits.count == 600)
        }
    }
}
