import Notation
import Storage
import StoragePostgres
import Testing

private struct Swapped: Query {
    static let sql: SQL = "SELECT $2, $1, $2, $3 WHERE $1 <> $2"
    var bindings: [SQLValue] { [.text("one"), .text("two"), .text("three")] }
    static func row(_ columns: any Columns) throws -> [String] { try (0..<4).map { try columns.text($0) } }
}

/// Every kind of value there and back, some at their limits.
private struct Everything: Query {
    static let sql: SQL = """
        SELECT $1::text, $2::boolean, $3::bigint, $4::double precision, $5::text, $6::text, $7::bytea, $8::bytea,
            $9::timestamptz, $10::uuid, $11::json
        """
    var number = Int64.min
    var text = "Grüße, 👩‍⚕️"
    var instant = Instant(microseconds: -1)
    var bindings: [SQLValue] {
        [
            .null, .bool(true), .integer(number), .real(-0.5), .text(text), .text(""), .bytes([0, 255, 0]), .bytes([]),
            .instant(instant), .identifier(high: 0x0102_0304_0506_7708, low: .max), .json("{ \"b\":1, \"a\":[1], \"b\":2}"),
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

private struct SmallNumbers: Query {
    static let sql: SQL = "SELECT $1::integer, $2::smallint, $3::bigint, $4::double precision"
    var integer: Int64
    var small: Int64
    var bindings: [SQLValue] { [.integer(integer), .integer(small), .bool(true), .integer(3)] }
    static func row(_ columns: any Columns) throws -> [Double] { try (0..<4).map { try columns.real($0) } }
}

private struct TextAsNumber: Query {
    static let sql: SQL = "SELECT 'Anna'::text AS family"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct NullAsText: Query {
    static let sql: SQL = "SELECT NULL::text AS family"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

private struct WrongCount: Command {
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, $2)"
    var bindings: [SQLValue] { [.integer(1)] }
}

private struct Misspelt: Command {
    static let sql: SQL = "INSERT INTO vist (id) VALUES ($1)"
    var bindings: [SQLValue] { [.integer(1)] }
}

private struct WrongType: Command {
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, 0)"
    var bindings: [SQLValue] { [.text("Annemarie")] }
}

private struct Search: Query {
    static let sql: SQL = "SELECT $1::text::bigint"
    var bindings: [SQLValue] { [.text("Annemarie Schmidt")] }
    static func row(_ columns: any Columns) throws -> Bool { columns.isNull(0) }
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

private struct MakeIndex: Command {
    static let sql: SQL = "CREATE INDEX visit_part ON visit (part)"
    var bindings: [SQLValue] { [] }
}

@Suite("Statements on PostgreSQL")
struct StatementTests {
    private func refused(_ opened: Opened, _ body: @escaping @Sendable (any WriteTransaction) throws -> Void) async
        -> StorageFault?
    {
        await fault { try await opened.database.write(body) }
    }

    @Test(arguments: Way.allCases) func `parameters go by their number, not by where they stand`(way: Way) async throws {
        try await way.open { opened in
            let row = try await opened.database.read { try $0.first(Swapped()) }
            #expect(row == ["two", "one", "two", "three"])
        }
    }

    @Test(arguments: Way.allCases) func `every type comes back as it went in`(way: Way) async throws {
        try await way.open { opened in
            for asked in [
                Everything(), Everything(number: .max, text: String(repeating: "ß", count: 100_000)),
                Everything(number: 0, text: "'; DROP TABLE visit; --", instant: Instant("9999-12-31T23:59:59Z")!),
                Everything(number: -1, text: "\u{1}\u{7f}\u{fffd}", instant: Instant("0001-01-01T00:00:00Z")!),
            ] {
                let read = try await opened.database.read { try $0.first(asked) }
                let written = try await opened.database.write { try $0.first(asked) }
                #expect(read == asked.bindings && written == asked.bindings)
            }
        }
    }

    @Test(arguments: Way.allCases) func `a number that does not fit its column is a fault of the program`(way: Way) async throws {
        try await way.open { opened in
            let fits = SmallNumbers(integer: Int64(Int32.min), small: 32_767)
            let row = try await opened.database.read { try $0.first(fits) }
            #expect(row == [Double(Int32.min), 32_767, 1, 3])
            for wrong in [SmallNumbers(integer: 1 << 31, small: 0), SmallNumbers(integer: 0, small: 32_768)] {
                let fault = await fault { _ = try await opened.database.read { try $0.first(wrong) } }
                #expect(fault?.mistake?.hasPrefix("SmallNumbers: parameter") == true, "\(String(describing: fault))")
            }
        }
    }

    @Test(arguments: Way.allCases) func `text with a NUL is refused, and the fault says so`(way: Way) async throws {
        try await way.open { opened in
            let fault = await refused(opened) { _ = try $0.run(PutVisit(id: 1, room: "A\0nna")) }
            let what = try #require(fault?.mistake, "\(String(describing: fault))")
            #expect(what.hasPrefix("PutVisit: parameter 3") && what.contains("NUL") && !what.contains("nna"))
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases)
    func `a column of another type is a fault that says which, and not what was in it`(way: Way) async throws {
        try await way.open { opened in
            #expect(
                await refused(opened) { _ = try $0.fetch(TextAsNumber()) }
                    == .statement("TextAsNumber: column 0 holds no whole number (type 25)"))
            #expect(
                await refused(opened) { _ = try $0.fetch(NullAsText()) }
                    == .statement("NullAsText: column 0 holds no value (type 25)"))
        }
    }

    @Test(arguments: Way.allCases) func `mistakes of the program are told with the query's name`(way: Way) async throws {
        try await way.open { opened in
            #expect(
                await refused(opened) { _ = try $0.run(WrongCount()) }
                    == .statement("WrongCount: 1 values for 2 parameters"))
            #expect(
                await refused(opened) { _ = try $0.run(Misspelt()) }
                    == .statement("Misspelt: relation \"vist\" does not exist (42P01)"))
            let wrongType = await refused(opened) { _ = try $0.run(WrongType()) }
            #expect(wrongType == .statement("WrongType: parameter 1 is no value for type 20"))
            let nonsense = await refused(opened) { try $0.execute("SELECT nonsense") }
            #expect(nonsense?.mistake != nil)
        }
    }

    @Test(arguments: Way.allCases) func `an error never repeats a bound value`(way: Way) async throws {
        try await way.open { opened in
            let search = try #require(await refused(opened) { _ = try $0.fetch(Search()) })
            let taken = try #require(
                await refused(opened) {
                    try $0.run(PutVisit(id: 4711, room: "Schmidt"))
                    try $0.run(PutVisit(id: 4712, room: "Schmidt"))
                })
            for fault in [search, taken] {
                for word in ["Anne", "Schmidt", "4711"] { #expect(!"\(fault)".contains(word), "\(fault)") }
            }
        }
    }

    @Test(
        arguments: Way.allCases,
        [
            (put: PutVisit(id: 1), name: "visit_pkey"), (PutVisit(id: 2, room: "A"), "visit_room_key"),
            (PutVisit(id: 2, room: ""), "room_is_named"), (PutVisit(id: 2, part: 100), "visit_part_check"),
            (PutVisit(id: 2, part: 99), "claim_overlap"),
        ])
    func `a rule of the schema is named as the schema names it`(way: Way, rule: (put: PutVisit, name: String)) async throws {
        try await way.open { opened in
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1, room: "A")) }
            #expect(await refused(opened) { _ = try $0.run(rule.put) } == .constraint(rule.name))
            #expect(await refused(opened) { try $0.post(rule.put) } == .constraint(rule.name))
            try await opened.expectVisits([1])
        }
    }

    @Test(arguments: Way.allCases) func `rules about null and references are named too`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { try $0.execute("CREATE TABLE note (visit bigint NOT NULL REFERENCES visit)") }
            #expect(await refused(opened) { try $0.execute("INSERT INTO note VALUES (NULL)") } == .constraint("not_null"))
            #expect(await refused(opened) { try $0.execute("INSERT INTO note VALUES (5)") } == .constraint("foreign_key"))
        }
    }

    @Test(arguments: Way.allCases) func `a statement works again after it failed`(way: Way) async throws {
        try await way.open { opened in
            _ = await refused(opened) { _ = try $0.run(PutVisit(id: 1, part: 99)) }
            try await opened.database.write { _ = try $0.run(PutVisit(id: 1)) }
            try await opened.expectVisits([1])
        }
    }

    @Test(arguments: Way.allCases)
    func `a statement that could not be prepared works when the schema has come`(way: Way) async throws {
        try await way.open { opened in
            let fault = await refused(opened) { _ = try $0.run(Misspelt()) }
            #expect(fault?.mistake != nil)
            try await opened.database.write { try $0.execute("CREATE TABLE vist (id bigint)") }
            try await opened.database.write { _ = try $0.run(Misspelt()) }
        }
    }

    @Test(arguments: Way.allCases) func `asking a change for its first row makes all of it`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                for id in 1...3 { try transaction.run(PutVisit(id: id)) }
                #expect(try transaction.first(MoveAll()) == 1)
            }
            #expect(try await opened.database.read { try $0.fetch(Parts()) } == [1, 1, 1])
        }
    }

    @Test(arguments: Way.allCases) func `run counts the rows it changed, and none for a definition`(way: Way) async throws {
        try await way.open { opened in
            let counts = try await opened.database.write {
                [
                    try $0.run(PutVisit(id: 1)), try $0.run(TakeVisit(id: 1)), try $0.run(MoveVisit(id: 1, part: 2)),
                    try $0.run(MoveVisit(id: 2, part: 2)), try $0.run(MakeIndex()),
                ]
            }
            #expect(counts == [1, 0, 1, 0, 0])
        }
    }

    @Test func `more statements than the server is asked to keep prepared are no more than that`() async throws {
        try await Way.direct.open({ $0.connections = 2 }) { opened in
            try await opened.database.read { transaction in for text in Texts.all { try text(transaction) } }
            try await opened.database.read { transaction in for text in Texts.all { try text(transaction) } }
            #expect(try await opened.database.read { try $0.first(PreparedCount()) ?? 0 } <= 256)
        }
    }
}

/// Three hundred different statements.
private enum Texts {
    struct Numbered<First: Sendable, Second: Sendable>: Query {
        static var sql: SQL { "SELECT 1" }
        var bindings: [SQLValue] { [] }
        static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
    }

    static let all: [@Sendable (any ReadTransaction) throws -> Void] = {
        func with<First: Sendable>(_: First.Type) -> [@Sendable (any ReadTransaction) throws -> Void] {
            func ask<Second: Sendable>(_: Second.Type) -> @Sendable (any ReadTransaction) throws -> Void {
                { _ = try $0.fetch(Numbered<First, Second>()) }
            }
            return [
                ask(Int.self), ask(Int8.self), ask(Int16.self), ask(Int32.self), ask(Int64.self), ask(UInt.self),
                ask(UInt8.self), ask(UInt16.self), ask(UInt32.self), ask(UInt64.self), ask(Bool.self), ask(String.self),
                ask(Double.self), ask(Float.self), ask([Int].self), ask([Bool].self), ask([String].self), ask(Character.self),
            ]
        }
        return with(Int.self) + with(Int8.self) + with(Int16.self) + with(Int32.self) + with(Int64.self) + with(UInt.self)
            + with(UInt8.self) + with(UInt16.self) + with(UInt32.self) + with(UInt64.self) + with(Bool.self)
            + with(String.self) + with(Double.self) + with(Float.self) + with([Int].self) + with([Bool].self)
            + with([String].self)
    }()
}

private struct PreparedCount: Query {
    static let sql: SQL = "SELECT count(*) FROM pg_prepared_statements"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
