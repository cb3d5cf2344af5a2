import Storage
import StoragePostgres
import Testing

@Suite struct ManyRows {
    /// Notes every statement that changes visits, whatever the number of its rows.
    private static let counted = """
        CREATE TABLE statement (kind text NOT NULL);
        CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO statement VALUES (TG_OP); RETURN NULL; END $$;
        CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE ON visit FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
        """

    @Test(arguments: Way.allCases)
    func `changes of a kind that are posted one by one are made by one statement`(way: Way) async throws {
        try await way.open { opened in
            try await opened.psql(Self.counted)
            try await opened.database.write { transaction in
                for id in 1...300 {
                    try transaction.post(PutVisit(id: id, part: id % 50))
                    if id <= 20 { try transaction.post(ShiftVisit(id: id, part: 77)) }
                    if id > 15 { try transaction.post(DropVisit(id: id)) }
                }
            }
            try await opened.expectRows(["DELETE", "INSERT", "UPDATE"], "SELECT kind FROM statement ORDER BY kind")
            try await opened.expectVisits(Array(1...15))
            try await opened.expectRows(["15"], "SELECT count(*) FROM visit WHERE part = 77")
        }
    }

    @Test(arguments: Way.allCases)
    func `a change of many rows says of each whether it was made, in one statement`(way: Way) async throws {
        try await way.open { opened in
            try await opened.psql(Self.counted)
            let changed = try await opened.database.write { transaction in
                for id in 1...3 { try transaction.post(PutVisit(id: id)) }
                return try transaction.run(each: [3, 9, 1, 8].map { ShiftVisit(id: $0, part: 77) })
            }
            #expect(changed == [1, 0, 1, 0])
            try await opened.expectRows(["INSERT", "UPDATE"], "SELECT kind FROM statement ORDER BY kind")
            try await opened.expectRows(["1", "3"], "SELECT id FROM visit WHERE part = 77 ORDER BY id")
            let none = try await opened.database.write { try $0.run(each: [ShiftVisit]()) }
            let many = try await opened.database.write { transaction in
                try transaction.run(each: (1...1_200).map { ShiftVisit(id: $0, part: 5) })
            }
            #expect(none == [] && many.count == 1_200 && many.reduce(0, +) == 3 && many.prefix(3) == [1, 1, 1])
        }
    }

    @Test(arguments: Way.allCases)
    func `what is asked sees what was posted before it`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                for id in 1...3 { try transaction.post(PutVisit(id: id)) }
                let seen = try transaction.fetch(VisitIDs())
                #expect(seen == [1, 2, 3])
                try transaction.post(DropVisit(id: 2))
                let left = try transaction.run(MoveVisit(id: 2, part: 5))
                #expect(left == 0)
            }
            try await opened.expectVisits([1, 3])
        }
    }

    @Test func `what a part posted that was undone is never sent`() async throws {
        try await Way.direct.open { opened in
            try await opened.database.write { transaction in
                try transaction.post(PutVisit(id: 1))
                try? transaction.savepoint {
                    try transaction.post(PutVisit(id: 2))
                    throw Undone()
                }
                try transaction.post(PutVisit(id: 3))
            }
            try await opened.expectVisits([1, 3])
        }
    }

    @Test func `one of many that is refused undoes all of them, and comes up in the same transaction`() async throws {
        try await Way.direct.open { opened in
            await #expect(throws: StorageFault.self) {
                try await opened.database.write { transaction in
                    for id in 1...30 { try transaction.post(PutVisit(id: id, part: id == 17 ? 100 : 0)) }
                }
            }
            try await opened.expectVisits([])
        }
    }

    @Test(arguments: Way.allCases)
    func `one question asked for many values answers each, in their order`(way: Way) async throws {
        try await way.open { opened in
            try await opened.database.write { transaction in
                for id in 1...100 { try transaction.post(PutVisit(id: id, part: id % 10)) }
            }
            // More than fit one statement, some of them twice, some without any row.
            let parts = (0..<1_203).map { $0 % 12 }
            let answers = try await opened.database.read { transaction in
                try transaction.fetch(each: parts.map { VisitsOf(part: $0) })
            }
            #expect(answers == parts.map { part in (1...100).filter { $0 % 10 == part } })
        }
    }

    // MARK: Plans that were made too early

    /// A statement is used often while the table is empty and known to be, then the table grows. Returns how many rows the
    /// server looked at for twenty look-ups.
    private func rowsLookedAt(_ work: Work) async throws -> Int {
        try await Way.direct.open({ $0.connections = 2 }) { opened in
            try await opened.psql("VACUUM ANALYZE visit")
            let database = opened.database.doing(work)
            try await database.write { transaction in
                for id in 1...20 { _ = try transaction.first(RoomOf(visit: id)) }
            }
            try await opened.psql("INSERT INTO visit (id, part) SELECT n, 0 FROM generate_series(1, 5000) AS n")
            return try await database.write { transaction in
                for id in 1...20 { _ = try transaction.first(RoomOf(visit: id)) }
                return try transaction.first(RowsRead()) ?? 0
            }
        }
    }

    @Test(arguments: [Work.request, .background])
    func `a plan made while the table was empty still looks up when it has grown`(work: Work) async throws {
        let rows = try await rowsLookedAt(work)
        #expect(rows == 20)
    }

    @Test func `negative control: a report, which may plan as it likes, scans`() async throws {
        let rows = try await rowsLookedAt(.analytics)
        #expect(rows > 1_000)
    }
}

private struct Undone: Error {}

private struct ShiftVisit: Amendment {
    static let rank = 2
    static let sql: SQL = "UPDATE visit SET part = $2 WHERE id = $1"
    var bindings: [SQLValue] { [.integer(id), .integer(part)] }
    var id: Int
    var part: Int
}

private struct DropVisit: Deletion {
    static let rank = 3
    static let sql: SQL = "DELETE FROM visit WHERE id = $1"
    var bindings: [SQLValue] { [.integer(id)] }
    var id: Int
}

private struct VisitsOf: Query {
    static let sql: SQL = "SELECT id FROM visit WHERE part = $1 ORDER BY id"
    var bindings: [SQLValue] { [.integer(part)] }
    var part: Int
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

private struct RoomOf: Query {
    static let sql: SQL = "SELECT part FROM visit WHERE id = $1"
    var bindings: [SQLValue] { [.integer(visit)] }
    var visit: Int
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// Rows of the table this transaction has read, through an index or without.
private struct RowsRead: Query {
    static let sql: SQL = """
        SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'visit'
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}
