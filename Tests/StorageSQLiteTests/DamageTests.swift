import Foundation
import Storage
import StorageSQLite
import Testing

@Suite("Damaged files")
struct DamageTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    /// A closed database of many pages, with `bytes` written over it at `offset`.
    private func damaged(at offset: UInt64, _ bytes: [UInt8]) async throws {
        let database = try await folder.clinic()
        try await database.write { transaction in
            for id in 1...2_000 { try transaction.run(PutVisit(id: id, room: "room number \(id)")) }
        }
        await database.close()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.settings.path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    private func opened() -> StorageFault? {
        do {
            _ = try SQLiteDatabase(folder.settings)
            return nil
        } catch { return error as? StorageFault }
    }

    @Test func `a file that is no database is called that`() async throws {
        try await damaged(at: 0, Array("This is a letter, not a database.".utf8))
        #expect(opened() == .corrupt("file is not a database"))
    }

    @Test func `a page overwritten in the middle is found when the database is opened`() async throws {
        try await damaged(at: 10 * 4_096, [UInt8](repeating: 0xA5, count: 4_096))
        guard case .corrupt(let what)? = opened() else { return #expect(Bool(false), "the damage was not found") }
        #expect(!what.contains("room number"))
    }

    @Test func `a damaged schema is found when the database is opened`() async throws {
        try await damaged(at: 100, [UInt8](repeating: 0xFF, count: 200))
        guard case .corrupt? = opened() else { return #expect(Bool(false), "the damage was not found") }
    }

    @Test func `the lock is free again after a damaged database was refused`() async throws {
        try await damaged(at: 0, [UInt8](repeating: 0, count: 16))
        #expect(opened() == .corrupt("file is not a database"))
        #expect(opened() == .corrupt("file is not a database"))
    }
}
