import CFaultyDisk
import Storage
import StorageSQLite

/// A run of work on the failing disk, and what its callers were told.
struct Story {
    enum Told { case done, failed, unknown }
    var told: [Int: Told] = [:]

    /// Every body writes two rows; both are there or none is.
    static func rows(of body: Int) -> [Int] { [body * 2, body * 2 + 1] }

    /// Works in a fresh database on the failing disk until everything was tried, and closes it. Groups of three, so that
    /// a failure meets commits shared by several; a short log, so that it meets checkpoints too.
    static func tell(_ folder: Folder, synchronous: SQLiteSettings.Synchronous = .full) async -> Story {
        var story = Story()
        guard let database = await clinic(folder, synchronous) else { return story }
        for turn in 0..<4 { await story.turn(turn, database) }
        await database.close()
        return story
    }

    /// Works in it with three at once, so that the log grows while it is moved into the file, until the power goes.
    static func tellInCrowd(_ folder: Folder) async -> Story {
        guard let database = await clinic(folder, .full) else { return Story() }
        let story = await withTaskGroup(of: [Int: Told].self) { group in
            for writer in 0..<3 {
                group.addTask {
                    var told: [Int: Told] = [:]
                    for body in stride(from: writer, to: 120, by: 3) {
                        let fault = await fault { try await database.write { try write(body, in: $0) } }
                        told[body] = fault == nil ? .done : fault == .outcomeUnknown ? .unknown : .failed
                    }
                    return told
                }
            }
            return Story(told: await group.reduce(into: [:]) { $0.merge($1) { $1 } })
        }
        faulty_disk_power_cut(0)
        await database.close()
        return story
    }

    /// With a table, and a log that is moved into the file every few commits.
    private static func clinic(_ folder: Folder, _ synchronous: SQLiteSettings.Synchronous) async -> SQLiteDatabase? {
        var settings = folder.settings
        settings.vfs = FAULTY_DISK_NAME
        settings.synchronous = synchronous
        settings.checkpointPages = 8
        guard let database = try? SQLiteDatabase(settings) else { return nil }
        if await fault({ try await database.write { try $0.execute(Visit.table) } }) == nil { return database }
        await database.close()
        return nil
    }

    /// Long values fill pages, so that a body's two rows do not reach the disk in one write.
    private static func write(_ body: Int, in transaction: any WriteTransaction) throws {
        let room = String(repeating: "r", count: 1_500)
        for row in rows(of: body) { try transaction.run(PutVisit(id: row, room: "\(room)\(row)")) }
    }

    private mutating func turn(_ turn: Int, _ database: SQLiteDatabase) async {
        let bodies = Array(turn * 3..<turn * 3 + 3)
        let answers = await database.together(bodies.map { body in { try Self.write(body, in: $0) } })
        for (body, answer) in zip(bodies, answers) {
            told[body] = answer.isSuccess ? .done : answer.fault == .outcomeUnknown ? .unknown : .failed
        }
    }

    /// What is wrong with the file, read on a healthy disk, given what was told. Empty when all promises were kept.
    func lies(in folder: Folder) async -> [String] {
        faulty_disk_reset()
        do {
            let database = try SQLiteDatabase(folder.settings)
            let found = Set((try? await database.visits) ?? [])
            await database.close()
            let hand = try SQLiteConnection.byHand(folder.settings.path)
            defer { hand.closeByHand() }
            let check = try hand.texts("PRAGMA integrity_check")
            return told.flatMap { lies($0, $1, found) } + (check == ["ok"] ? [] : check)
        } catch { return ["cannot be opened: \(error)"] }
    }

    private func lies(_ body: Int, _ told: Told, _ found: Set<Int>) -> [String] {
        let there = Self.rows(of: body).filter(found.contains).count
        switch (told, there) {
        case (.done, 2), (.failed, 0), (.unknown, 0), (.unknown, 2): return []
        case (.done, _): return ["lost: body \(body) was acknowledged, \(there) of 2 rows are there"]
        case (.failed, _): return ["ghost: body \(body) failed, \(there) of 2 rows are there"]
        case (.unknown, _): return ["torn: \(there) of 2 rows of body \(body) are there"]
        }
    }
}

/// SQLite's codes for what a disk may answer.
enum DiskAnswer {
    static let full: Int32 = 13
    static let writeFailed: Int32 = 10 | 3 << 8
    static let syncFailed: Int32 = 10 | 4 << 8
}
