import Dispatch
import Foundation
import Notation
import Storage
import StorageSQLite
import Synchronization

/// A folder of its own for one test, gone with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "mediconnect-storage-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var settings: SQLiteSettings { SQLiteSettings(path: "\(path)/clinic.db", readers: 1) }

    /// A new database with the table the tests use.
    func clinic(
        _ settings: SQLiteSettings? = nil, onGroup: @escaping @Sendable (Int, Double) -> Void = { _, _ in }
    ) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(settings ?? self.settings, onGroup: onGroup)
        try await database.write { try $0.execute(Visit.table) }
        return database
    }
}

/// The table the tests write to.
enum Visit {
    static let table: SQL = """
        CREATE TABLE visit (
            id INTEGER PRIMARY KEY, part INTEGER NOT NULL CHECK (part < 100), room TEXT UNIQUE,
            CONSTRAINT room_is_named CHECK (room <> '')
        ) STRICT;
        CREATE TRIGGER visit_overlap BEFORE INSERT ON visit WHEN new.part = 99
        BEGIN SELECT RAISE(ABORT, 'claim_overlap'); END;
        """
}

struct PutVisit: Command {
    static let sql: SQL = "INSERT INTO visit (id, part, room) VALUES ($1, $2, $3)"
    var bindings: [SQLValue] { [.integer(id), .integer(part), .text(room)] }
    var id: Int
    var part = 0
    var room: String?
}

struct VisitIDs: Query {
    static let sql: SQL = "SELECT id FROM visit ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
}

/// A refusal of the tests' own rules.
enum Refusal: Error, Equatable { case timeTaken }

/// Opened once. A body blocks its own thread on it; a test, which must not block one of Swift's few, yields until then.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let opening = Atomic<Bool>(false)

    var isOpen: Bool { opening.load(ordering: .acquiring) }

    func open() {
        opening.store(true, ordering: .releasing)
        semaphore.signal()
    }

    func block() { semaphore.wait() }

    func opened() async {
        while !isOpen { await Task.yield() }
    }
}

extension SQLiteDatabase {
    var visits: [Int] {
        get async throws { try await read { try $0.fetch(VisitIDs()) } }
    }

    /// Runs all bodies in one group: the writer is held until every one of them waits. Where the database takes no more
    /// writes, each is simply told so.
    func together(_ bodies: [@Sendable (any WriteTransaction) throws -> Void]) async -> [Result<Void, any Error>] {
        let (gate, held, settled) = (Gate(), Gate(), Gate())
        let holding = Task {
            defer { settled.open() }
            try await write { _ in
                held.open()
                settled.open()
                gate.block()
            }
        }
        await settled.opened()
        var callers: [Task<Void, any Error>] = []
        for body in bodies {
            callers.append(Task { try await write(body) })
            while held.isOpen && waitingWrites < callers.count { await Task.yield() }
        }
        gate.open()
        _ = await holding.result
        var answers: [Result<Void, any Error>] = []
        for caller in callers { answers.append(await caller.result) }
        return answers
    }
}

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
