import Foundation
import Storage
import StorageSQLite
import Testing

@Suite("Opening and closing")
struct OpeningTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    @Test func `the connection keeps the rules that durability rests on`() async throws {
        struct Rules: Query {
            static let sql: SQL = """
                SELECT (SELECT journal_mode FROM pragma_journal_mode) || ' ' || (SELECT synchronous FROM pragma_synchronous)
                """
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }
        let database = try await folder.clinic()
        #expect(try await database.write { try $0.first(Rules()) } == "wal 2")
        #expect(try await database.read { try $0.first(Rules()) } == "wal 2")
    }

    @Test func `what was overwritten or deleted is in no file any more once it is closed`() async throws {
        func contains(_ text: String) throws -> Bool {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).contains { name in
                FileManager.default.contents(atPath: "\(folder.path)/\(name)")?.range(of: Data(text.utf8)) != nil
            }
        }
        let names = ["quaxolotl", "axolotl the elder"]
        var database = try await folder.clinic()
        try await database.write { transaction in
            for (id, name) in names.enumerated() { try transaction.run(PutVisit(id: id, room: name)) }
        }
        await database.close()
        for name in names { #expect(try contains(name)) }
        database = try SQLiteDatabase(folder.settings)
        try await database.write { transaction in
            try transaction.execute("UPDATE visit SET room = 'sealed' WHERE id = 0")
            try transaction.execute("DELETE FROM visit WHERE id = 1")
        }
        await database.close()
        for name in names { #expect(try !contains(name), "\(name)") }
        #expect(try contains("sealed"))
    }

    @Test func `a second opening is refused and says by whom it is in use`() async throws {
        let database = try await folder.clinic()
        #expect(throws: StorageFault.inUse("process \(getpid())")) { try SQLiteDatabase(folder.settings) }
        await database.close()
        await (try SQLiteDatabase(folder.settings)).close()
    }

    @Test func `a database another process has locked is refused`() async throws {
        let lock = "\(folder.settings.path).lock"
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/bash")
        child.arguments = ["-c", "exec 9>>'\(lock)'; flock 9; echo $$ > '\(lock)'; echo locked; read line"]
        let (input, output) = (Pipe(), Pipe())
        child.standardInput = input
        child.standardOutput = output
        try child.run()
        #expect(output.fileHandleForReading.availableData == Data("locked\n".utf8))
        #expect(throws: StorageFault.inUse("process \(child.processIdentifier)")) { try SQLiteDatabase(folder.settings) }
        try input.fileHandleForWriting.close()
        child.waitUntilExit()
        await (try SQLiteDatabase(folder.settings)).close()
    }

    @Test func `only its owner may read the files`() async throws {
        let database = try await folder.clinic()
        for suffix in ["", "-wal", ".lock"] {
            let found = try FileManager.default.attributesOfItem(atPath: folder.settings.path + suffix)
            #expect(found[.posixPermissions] as? Int == 0o600, "clinic.db\(suffix)")
        }
        await database.close()
    }

    @Test func `a reader beside the server sees its work and changes nothing`() async throws {
        let server = try await folder.clinic()
        let beside = try SQLiteDatabase.readOnly(folder.settings)
        try await server.write { _ = try $0.run(PutVisit(id: 1)) }
        #expect(try await beside.visits == [1])
        #expect(await fault { try await beside.write { _ = try $0.run(PutVisit(id: 2)) } } != nil)
        await beside.close()
        #expect(FileManager.default.fileExists(atPath: folder.settings.path + "-wal"))
        try await server.write { _ = try $0.run(PutVisit(id: 3)) }
        #expect(try await server.visits == [1, 3])
        await server.close()
    }

    @Test func `a reader alone finds what a crashed server left in the log`() async throws {
        let server = try await folder.clinic()
        try await server.write { _ = try $0.run(PutVisit(id: 1)) }
        let copy = try Folder()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.settings.path + suffix, toPath: copy.settings.path + suffix)
        }
        let reader = try SQLiteDatabase.readOnly(copy.settings)
        #expect(try await reader.visits == [1])
        await reader.close()
        await server.close()
    }

    @Test func `closing finishes what waits, refuses what comes and leaves one file`() async throws {
        let database = try await folder.clinic()
        let (gate, began) = (Gate(), Gate())
        let holding = Task {
            try await database.write { _ in
                began.open()
                gate.block()
            }
        }
        await began.opened()
        let waiting = (1...20).map { id in Task { try await database.write { try $0.run(PutVisit(id: id)) } } }
        while database.waitingWrites < 20 { await Task.yield() }
        async let closing: Void = database.close()
        while await fault({ _ = try await database.visits }) != .closed { await Task.yield() }
        #expect(await fault { try await database.write { _ = try $0.run(PutVisit(id: 99)) } } == .closed)
        gate.open()
        await closing
        try await holding.value
        for task in waiting { #expect(try await task.value == 1) }
        await database.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["clinic.db", "clinic.db.lock"])
        let again = try SQLiteDatabase(folder.settings)
        #expect(try await again.visits == Array(1...20))
        await again.close()
    }

    @Test func `a read sees one moment, and everything acknowledged before it began`() async throws {
        let database = try await folder.clinic()
        try await database.write { _ = try $0.run(PutVisit(id: 1)) }
        let (looked, written) = (Gate(), Gate())
        async let twice = database.read { transaction in
            let before = try transaction.fetch(VisitIDs())
            looked.open()
            written.block()
            return [before, try transaction.fetch(VisitIDs())]
        }
        await looked.opened()
        try await database.write { _ = try $0.run(PutVisit(id: 2)) }
        written.open()
        #expect(try await twice == [[1], [1]])
        #expect(try await database.visits == [1, 2])
    }

    @Test func `the log is moved into the file when it has grown enough`() async throws {
        var settings = folder.settings
        settings.checkpointPages = 10
        let database = try await folder.clinic(settings)
        for id in 1...200 { try await database.write { _ = try $0.run(PutVisit(id: id)) } }
        let log = try FileManager.default.attributesOfItem(atPath: settings.path + "-wal")[.size] as? Int
        #expect(try #require(log) < 40 * 4_120)
        await database.close()
    }

    @Test func `a missing folder is named`() throws {
        let settings = SQLiteSettings(path: "\(folder.path)/nowhere/clinic.db")
        #expect(throws: StorageFault.cannotOpen("\(settings.path): there is no folder \(folder.path)/nowhere; create it")) {
            try SQLiteDatabase(settings)
        }
        #expect(throws: StorageFault.self) { try SQLiteDatabase.readOnly(settings) }
    }

    @Test func `a folder that cannot be written is named`() throws {
        #expect(throws: StorageFault.self) { try SQLiteDatabase(SQLiteSettings(path: "/proc/clinic.db")) }
    }

    @Test func `a foreign connection that holds the lock is waited for`() async throws {
        let database = try await folder.clinic()
        let foreign = try SQLiteConnection.byHand(folder.settings.path)
        try foreign.executeByHand("BEGIN IMMEDIATE; INSERT INTO visit (id, part) VALUES (1, 0)")
        async let ours = database.write { try $0.run(PutVisit(id: 2)) }
        try foreign.executeByHand("COMMIT")
        #expect(try await ours == 1)
        #expect(try await database.visits == [1, 2])
        foreign.closeByHand()
    }

    @Test func `a foreign connection that keeps the lock is a clear error`() async throws {
        var settings = folder.settings
        settings.busyMilliseconds = 1
        let database = try await folder.clinic(settings)
        let foreign = try SQLiteConnection.byHand(settings.path)
        try foreign.executeByHand("BEGIN IMMEDIATE")
        let answer = await fault { try await database.write { _ = try $0.run(PutVisit(id: 2)) } }
        #expect(answer == .inUse("another connection, which holds its lock"))
        try foreign.executeByHand("COMMIT")
        foreign.closeByHand()
        try await database.write { _ = try $0.run(PutVisit(id: 2)) }
        #expect(database.isHealthy)
    }
}
