import Moving
import Notation
import Storage
import TestKit
import Testing

@Suite(.serialized)
struct ValuesKeepTheirMeaning {
    static let table = SQL(
        table: """
            CREATE TABLE thing (
                owner {text} NOT NULL, day {instant} NOT NULL, id {uuid} NOT NULL, flag {bool} NOT NULL, number {number} NOT NULL,
                bytes {bytes} NOT NULL, document {json} NOT NULL, note {text}, at {instant}, by {uuid}, "key" {number},
                PRIMARY KEY (owner, day, id, flag, number, bytes)
            ) {clustered}
            """)

    struct Insert: Command {
        static let sql: SQL = """
            INSERT INTO thing (owner, day, id, flag, number, bytes, document, note, at, by, "key")
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """
        let bindings: [SQLValue]
    }

    static let rows: [[SQLValue]] = [
        [
            .text(""), .instant(Instant(microseconds: 0)), .identifier(high: 0, low: 0), .bool(false), .integer(0), .bytes([]),
            .json("{}"), .null, .null, .null, .null,
        ],
        [
            .text("e\u{301}.'\"\n"), .instant(Instant(microseconds: -1)), .identifier(high: .max, low: .max), .bool(true),
            .integer(Int64.min), .bytes([0, 255, 46]), .json("{ \"b\" : 1.50,\n \"a\":\"\\u0000\", \"b\":2 }"), .text(""),
            .instant(Instant("9998-12-31T23:59:59.999999Z")!), .identifier(high: 1, low: 2), .integer(Int64.max),
        ],
        [
            .text("\u{e9}.'\"\n"), .instant(Instant("0001-01-01T00:00:00Z")!), .identifier(high: 7, low: 9), .bool(true),
            .integer(-7), .bytes(Array(repeating: 7, count: 5_000)), .json("[ ]"), .text("naïve 😀"),
            .instant(Instant(microseconds: 1_700_000_000_000_001)), .null, .integer(-1),
        ],
    ]

    @Test(arguments: Route.all + [Route(from: .sqlite, to: .sqlite)])
    func `every kind of value is the same on the other side, and can be followed by its key`(_ route: Route) async throws {
        try await route.from.withDatabase { source in
            try await route.to.withDatabase { target in
                for database in [source, target] {
                    try await Migrator(
                        database, migrations: [Migration(number: 1, name: "things", up: [Self.table], down: [])],
                        clock: MachineClock()
                    ).up()
                }
                try await source.write { transaction in
                    for row in Self.rows.dropLast() { try transaction.run(Insert(bindings: row)) }
                }
                let move = Move(from: source, called: "a", to: target, called: "b", .small())
                // The last one comes by the log, and one that was copied is changed and another deleted.
                let isFirst = Gate()
                _ = try await move.run { progress in
                    guard progress.phase == .copying, !isFirst.isOpen else { return }
                    isFirst.open()
                    blocking {
                        try await source.write { transaction in
                            try transaction.run(Insert(bindings: Self.rows[2]))
                            try transaction.execute("UPDATE thing SET note = 'changed', number = 12 WHERE number = 0")
                            try transaction.execute("DELETE FROM thing WHERE \"key\" = 9223372036854775807")
                        }
                    }
                }
                let there = try await everything(in: target)
                #expect(there.count == 2)
                #expect(there == (try await everything(in: source)))
            }
        }
    }
}

/// Waits where nobody can be awaited: inside a progress report, so that something happens exactly then.
func blocking(_ body: @escaping @Sendable () async throws -> Void) {
    let isDone = Done()
    Task.detached {
        do { try await body() } catch { Issue.record(error) }
        isDone.set()
    }
    isDone.wait()
}
