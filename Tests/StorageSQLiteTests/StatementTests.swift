import Notation
import Storage
import StorageSQLite
import Testing

private struct Swapped: Query {
    static let sql: SQL = "SELECT $2, $1, $2, $3 WHERE $1 <> $2"
    var bindings: [SQLValue] { [.text("one"), .text("two"), .text("three")] }
    static func row(_ columns: any Columns) throws -> [String] { try (0..<4).map { try columns.text($0) } }
}

private struct Everything: Query {
    static let sql: SQL = "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11"
    var bindings: [SQLValue] {
        [
            .null, .bool(true), .integer(Int64.min), .real(-0.5), .text("Grüße, 👩‍⚕️"), .text(""), .bytes([0, 255, 0]), .bytes([]),
            .instant(Instant(microseconds: -1)), .identifier(high: 0x0102_0304_0506_7708, low: .max), .json("{\"a\":[1]}"),
        ]
    }
    static func row(_ columns: any Columns) throws -> [SQLValue] {
        let identifier = try columns.identifier(9)
        return [
            columns.isNull(0) ? .null : .bool(false), .bool(try columns.bool(1)), .integer(try columns.integer(2)),
            .real(try columns.real(3)), .text(try columns.text(4)), .text(try columns.text(5)), .bytes(try columns.bytes(6)),
            .bytes(try columns.bytes(7)), .instant(try columns.instant(8)),
            .identifier(high: identifier.high, low: identifier.low), .json(try columns.json(10)),
        ]
    }
}

private struct TextAsNumber: Query {
    static let sql: SQL = "SELECT 'Anna' AS family"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct NullAsText: Query {
    static let sql: SQL = "SELECT NULL AS family"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

private struct ShortIdentifier: Query {
    static let sql: SQL = "SELECT x'0102'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> UInt64 { try columns.identifier(0).high }
}

private struct WrongCount: Command {
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, $2)"
    var bindings: [SQLValue] { [.integer(1)] }
}

private struct Misspelt: Command {
    static let sql: SQL = "INSERT INTO vist (id) VALUES ($1)"
    var bindings: [SQLValue] { [.integer(1)] }
}

private struct NotANumber: Command {
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES (1, $1)"
    var bindings: [SQLValue] { [.real(.nan)] }
}

private struct MoveAll: Query {
    static let sql: SQL = "UPDATE visit SET part = part + 1 RETURNING id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct Parts: Query {
    static let sql: SQL = "SELECT part FROM visit"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct Search: Query {
    static let sql: SQL = "SELECT json_extract('{}', $1)"
    var bindings: [SQLValue] { [.text("Annemarie Schmidt")] }
    static func row(_ columns: any Columns) throws -> Bool { columns.isNull(0) }
}

@Suite("Statements")
struct StatementTests {
    let database: InlineSQLite

    init() throws {
        database = try InlineSQLite()
        try database.write { try $0.execute(Visit.table) }
    }

    private func refused(_ body: (any WriteTransaction) throws -> Void) -> StorageFault? {
        do {
            try database.write(body)
            return nil
        } catch { return error as? StorageFault }
    }

    @Test func `parameters go by their number, not by where they stand`() throws {
        #expect(try database.read { try $0.first(Swapped()) } == ["two", "one", "two", "three"])
    }

    @Test func `every type comes back as it went in`() throws {
        #expect(try database.read { try $0.first(Everything()) } == Everything().bindings)
    }

    @Test func `a column of another type is a fault that says which, and not what was in it`() throws {
        #expect(
            refused { _ = try $0.fetch(TextAsNumber()) }
                == .statement("TextAsNumber: column 0 (family) is not an integer but another type"))
        #expect(refused { _ = try $0.fetch(NullAsText()) } == .statement("NullAsText: column 0 (family) is not text but null"))
        #expect(refused { _ = try $0.fetch(ShortIdentifier()) } != nil)
    }

    @Test func `mistakes of the program are told with the query's name`() throws {
        #expect(
            refused { _ = try $0.run(WrongCount()) } == .statement("WrongCount: the text has 2 parameters, there are 1 bindings"))
        #expect(refused { _ = try $0.run(Misspelt()) } == .statement("Misspelt: no such table: vist (1)"))
        #expect(refused { _ = try $0.run(NotANumber()) } != nil)
        #expect(refused { try $0.execute("SELECT \"not a column\"") } != nil)
    }

    @Test func `an error never repeats a bound value`() throws {
        let fault = try #require(refused { _ = try $0.fetch(Search()) })
        #expect(!"\(fault)".contains("Anne"))
    }

    @Test(arguments: [
        (PutVisit(id: 1), "visit.id"), (PutVisit(id: 2, room: "A"), "visit.room"), (PutVisit(id: 2, room: ""), "room_is_named"),
        (PutVisit(id: 2, part: 100), "part < 100"), (PutVisit(id: 2, part: 99), "claim_overlap"),
    ])
    func `a rule of the schema is named as the schema names it`(_ put: PutVisit, _ name: String) throws {
        try database.write { _ = try $0.run(PutVisit(id: 1, room: "A")) }
        #expect(refused { _ = try $0.run(put) } == .constraint(name))
    }

    @Test func `rules about null, type and references are named too`() throws {
        try database.write { try $0.execute("CREATE TABLE note (visit INTEGER NOT NULL REFERENCES visit) STRICT") }
        #expect(refused { try $0.execute("INSERT INTO note VALUES (NULL)") } == .constraint("note.visit"))
        #expect(refused { try $0.execute("INSERT INTO note VALUES ('Anna')") } == .constraint("note.visit"))
        #expect(refused { try $0.execute("INSERT INTO note VALUES (5)") } == .constraint("foreign_key"))
    }

    @Test func `a statement works again after it failed`() throws {
        _ = refused { _ = try $0.run(PutVisit(id: 1, part: 99)) }
        try database.write { _ = try $0.run(PutVisit(id: 1)) }
        #expect(try database.read { try $0.fetch(VisitIDs()) } == [1])
    }

    @Test func `asking a change for its first row makes all of it`() throws {
        try database.write { transaction in
            for id in 1...3 { try transaction.run(PutVisit(id: id)) }
            #expect(try transaction.first(MoveAll()) == 1)
        }
        #expect(try database.read { try $0.fetch(Parts()) } == [1, 1, 1])
    }

    @Test func `run counts the rows it changed, and none for a definition`() throws {
        struct Nothing: Command {
            static let sql: SQL = "CREATE INDEX visit_part ON visit (part)"
            var bindings: [SQLValue] { [] }
        }
        let counts = try database.write { [try $0.run(PutVisit(id: 1)), try $0.run(Nothing())] }
        #expect(counts == [1, 0])
    }

    @Test(arguments: ["COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT mine", "RELEASE body", "PRAGMA defer_foreign_keys = ON"])
    func `a body cannot end its transaction or turn the connection's switches`(_ text: String) throws {
        let fault = refused {
            try $0.run(PutVisit(id: 1))
            try $0.execute(SQL(text))
        }
        #expect(fault == .statement("script: a body does not begin or end transactions"))
        #expect(try database.read { try $0.fetch(VisitIDs()) } == [])
    }

    @Test func `a savepoint undoes its part and keeps the rest`() throws {
        try database.write { transaction in
            try transaction.run(PutVisit(id: 1))
            try? transaction.savepoint {
                try transaction.run(PutVisit(id: 2))
                try transaction.savepoint { _ = try transaction.run(PutVisit(id: 3)) }
                throw Refusal.timeTaken
            }
            try transaction.savepoint { _ = try transaction.run(PutVisit(id: 4)) }
        }
        #expect(try database.read { try $0.fetch(VisitIDs()) } == [1, 4])
    }

    @Test func `a read that would change something is refused`() throws {
        #expect(throws: StorageFault.self) { try database.read { _ = try $0.fetch(MoveAll()) } }
    }

    @Test func `a plan says which index finds the rows`() throws {
        #expect(
            try database.queryPlan(of: "SELECT id FROM visit WHERE room = $1").first?.contains("USING COVERING INDEX") == true)
        #expect(try database.queryPlan(of: "SELECT id FROM visit WHERE part = $1") == ["SCAN visit"])
    }
}
