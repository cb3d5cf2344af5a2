import Dispatch
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing

/// How a test reaches the server.
enum Way: String, Sendable, CaseIterable {
    case direct
    /// Through PgBouncer in transaction mode: nothing a connection keeps outlives its transaction.
    case behindBouncer

    /// A database of its own with the table the tests use.
    func open<Answer>(
        _ change: (inout PostgresSettings) -> Void = { _ in }, _ body: (Opened) async throws -> Answer
    ) async throws -> Answer {
        let cluster = try await PrivateCluster.shared
        let fresh = try await cluster.freshDatabase(template: try await Prepared.template.value)
        var url = fresh.url
        if self == .behindBouncer { url = try await Prepared.bouncer.value.url(database: fresh.name) }
        var settings = PostgresSettings(url: url, connections: 4, patienceSeconds: 5, random: SeededRandom(seed: 1))
        settings.isBehindBouncer = self == .behindBouncer
        change(&settings)
        let counts = Counts()
        let opened = Opened(
            database: try PostgresDatabase(settings, observer: counts), counts: counts, settings: settings, cluster: cluster,
            name: fresh.name)
        let answer: Result<Answer, any Error>
        do { answer = .success(try await body(opened)) } catch { answer = .failure(error) }
        await opened.database.close()
        try await fresh.drop()
        return try answer.get()
    }
}

/// Made once for all tests of this process.
private enum Prepared {
    static let template = Task {
        let fresh = try await PrivateCluster.shared.freshDatabase()
        try await PrivateCluster.shared.psql(Visit.table, database: fresh.name)
        return fresh.name
    }

    static let bouncer = Task {
        let bouncer = try await Bouncer(before: PrivateCluster.shared)
        try await bouncer.start()
        return bouncer
    }
}

struct Opened: Sendable {
    let database: PostgresDatabase
    let counts: Counts
    let settings: PostgresSettings
    let cluster: PrivateCluster
    let name: String

    /// Somebody else at the same database.
    @discardableResult
    func psql(_ text: String) async throws -> [String] { try await cluster.psql(text, database: name) }

    var visits: [Int] {
        get async throws { try await database.read { try $0.fetch(VisitIDs()) } }
    }

    func expectVisits(_ expected: [Int], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await visits
        #expect(found == expected, sourceLocation: sourceLocation)
    }

    /// By how many transactions the visits were written.
    func expectTransactions(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await database.read { try $0.fetch(WritingTransactions()) }
        #expect(found.count == count, sourceLocation: sourceLocation)
    }

    /// What somebody else finds.
    func expectRows(_ expected: [String], _ text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await psql(text)
        #expect(found == expected, sourceLocation: sourceLocation)
    }

    /// Returns when so many sessions of the database wait for a lock of this kind.
    func waits(_ count: Int = 1, for kind: String) async throws {
        let waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE NOT granted AND locktype = '\(kind)' AND datname = current_database()
            """
        while try await psql(waiting) != ["\(count)"] {}
    }

    /// Runs all bodies in one group: the writer of groups is held until every one of them waits.
    func together(
        _ bodies: [@Sendable (any WriteTransaction) throws -> Void]
    ) async -> [Result<Void, any Error>] {
        let (gate, held) = (Gate(), Gate())
        let holding = Task {
            try await database.writeTogether(foreseen: []) { _ in
                held.open()
                gate.hold()
            }
        }
        await held.pass()
        var callers: [Task<Void, any Error>] = []
        for body in bodies {
            callers.append(Task { try await database.writeTogether(foreseen: [], body) })
            while database.usage.waiting < callers.count { await Task.yield() }
        }
        gate.open()
        _ = await holding.result
        var answers: [Result<Void, any Error>] = []
        for caller in callers { answers.append(await caller.result) }
        return answers
    }
}

/// What the engine tells about itself.
final class Counts: PostgresObserver {
    private struct State {
        var groups: [Int] = []
        var repeats: [String] = []
        var slow: [String] = []
    }
    private let state = Mutex(State())

    var groups: [Int] { state.withLock { $0.groups } }
    var repeats: [String] { state.withLock { $0.repeats } }
    var slow: [String] { state.withLock { $0.slow } }

    func waited(_ seconds: Double) {}
    func waiting(because why: String) {}
    func grouped(bodies: Int, seconds: Double) { state.withLock { $0.groups.append(bodies) } }
    func slow(_ statement: String, seconds: Double) { state.withLock { $0.slow.append(statement) } }
    func repeated(because cause: String) { state.withLock { $0.repeats.append(cause) } }
}

// MARK: The table the tests write to

enum Visit {
    /// `tx` is the transaction that wrote the row.
    static let table = """
        CREATE TABLE visit (
            id bigint PRIMARY KEY, part bigint NOT NULL CHECK (part < 100), room text UNIQUE,
            tx text NOT NULL DEFAULT pg_current_xact_id()::text, CONSTRAINT room_is_named CHECK (room <> '')
        );
        CREATE FUNCTION refuse_99() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'claim_overlap'; END $$;
        CREATE TRIGGER visit_overlap BEFORE INSERT ON visit FOR EACH ROW WHEN (NEW.part = 99) EXECUTE FUNCTION refuse_99();
        """

    /// From now on a commit that has changed visits waits until nobody holds the advisory lock 9.
    static let slowCommit = """
        CREATE FUNCTION wait_for_9() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(9); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER visit_slow AFTER INSERT ON visit DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_for_9();
        """
}

struct PutVisit: Insertion {
    static let rank = 1
    static let sql: SQL = "INSERT INTO visit (id, part, room) VALUES ($1, $2, $3)"
    var bindings: [SQLValue] { [.integer(id), .integer(part), .text(room)] }
    var id: Int
    var part = 0
    var room: String?
}

/// Does nothing where the visit is there.
struct TakeVisit: Insertion {
    static let rank = 1
    static let sql: SQL = "INSERT INTO visit (id, part) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    var bindings: [SQLValue] { [.integer(id), .integer(part)] }
    var id: Int
    var part = 0
}

struct MoveVisit: Command {
    static let sql: SQL = "UPDATE visit SET part = $2 WHERE id = $1"
    var bindings: [SQLValue] { [.integer(id), .integer(part)] }
    var id: Int
    var part: Int
}

struct VisitIDs: Query {
    static let sql: SQL = "SELECT id FROM visit ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

struct VisitsOfPart: Query {
    static let sql: SQL = "SELECT id FROM visit WHERE part = $1 ORDER BY id"
    var bindings: [SQLValue] { [.integer(part)] }
    var part: Int
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// The transactions that wrote the visits there are.
struct WritingTransactions: Query {
    static let sql: SQL = "SELECT DISTINCT tx FROM visit"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

struct Backend: Query {
    static let sql: SQL = "SELECT pg_backend_pid()"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

struct SettingOf: Query {
    static let sql: SQL = "SELECT current_setting($1)"
    var bindings: [SQLValue] { [.text(name)] }
    var name: String
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

struct Locked: Query {
    static let sql: SQL = "SELECT pg_advisory_xact_lock($1)::text"
    var bindings: [SQLValue] { [.integer(key)] }
    var key: Int
    static func row(_ columns: any Columns) throws -> Bool { true }
}

/// A refusal of the tests' own rules.
enum Refusal: Error, Equatable { case timeTaken }

extension Result {
    var failure: (any Error)? { if case .failure(let error) = self { error } else { nil } }
    var fault: StorageFault? { failure as? StorageFault }
    var isSuccess: Bool { failure == nil }
}

/// The fault `body` throws, or nil.
func fault(_ body: () async throws -> Void) async -> StorageFault? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StorageFault
    }
}

extension StorageFault {
    /// What the program has done wrong.
    var mistake: String? { if case .statement(let what) = self { what } else { nil } }
}

/// The answer, or nil when it does not come in time; then it is not waited for.
func answered<Answer: Sendable>(
    within limit: Duration, _ body: @escaping @Sendable () async -> Answer
) async -> Answer? {
    let answer = Mutex<Answer?>(nil)
    let task = Task {
        let found = await body()
        answer.withLock { $0 = found }
    }
    let start = ContinuousClock.now
    while answer.withLock({ $0 == nil }), ContinuousClock.now - start < limit { await Task.yield() }
    _ = task
    return answer.withLock { $0 }
}
