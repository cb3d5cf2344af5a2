import CFaultyDisk
import Storage
import StorageSQLite
import Testing

/// One failing disk serves the whole process, so these run one after the other.
@Suite("Disks that fail", .serialized)
struct FaultyDiskTests {
    let folder: Folder

    init() throws {
        folder = try Folder()
        try #require(faulty_disk_register() == 0)
        faulty_disk_reset()
    }

    private func clinic() async throws -> SQLiteDatabase {
        var settings = folder.settings
        settings.vfs = FAULTY_DISK_NAME
        return try await folder.clinic(settings)
    }

    @Test func `nobody hears before the commit is on the disk`() async throws {
        let database = try await clinic()
        try await database.write { _ = try $0.run(PutVisit(id: 100)) }
        faulty_disk_fail_sync(1, DiskAnswer.syncFailed, true)
        let answers = await database.together(
            (1...5).map { id in
                {
                    try $0.run(PutVisit(id: id))
                    if id == 3 { throw Refusal.timeTaken }
                }
            })
        #expect(answers.map(\.fault) == Array(repeating: .outcomeUnknown, count: 5))
        #expect(database.isHealthy == false)
        #expect(await fault { try await database.write { _ = try $0.run(PutVisit(id: 9)) } } == .closed)
        #expect(try await database.visits == [100])
        await database.close()
    }

    @Test func `a full disk is said to be full, and serves again when there is room`() async throws {
        let database = try await clinic()
        faulty_disk_fail_write(1, DiskAnswer.full, true)
        let answers = await database.together((1...3).map { id in { try $0.run(PutVisit(id: id)) } })
        #expect(answers.map(\.fault) == [.full, .full, .full])
        #expect(try await database.visits == [])
        faulty_disk_fail_write(0, 0, false)
        try await database.write { _ = try $0.run(PutVisit(id: 4)) }
        #expect(try await database.visits == [4])
        #expect(database.isHealthy)
        await database.close()
    }

    @Test func `a disk that was full for a moment costs nobody anything`() async throws {
        let database = try await clinic()
        faulty_disk_fail_write(2, DiskAnswer.full, false)
        let answers = await database.together((1...3).map { id in { try $0.run(PutVisit(id: id)) } })
        #expect(answers.compactMap(\.fault) == [])
        #expect(faulty_disk_failures() == 1)
        #expect(try await database.visits == [1, 2, 3])
        await database.close()
    }

    @Test func `a file that may not grow is a full disk for who needs the room only`() async throws {
        let database = try await clinic()
        try await database.write { try $0.execute("PRAGMA max_page_count = 8") }
        let long = String(repeating: "r", count: 100_000)
        let answers = await database.together([
            { try $0.run(PutVisit(id: 1)) }, { try $0.run(PutVisit(id: 2, room: long)) }, { try $0.run(PutVisit(id: 3)) },
        ])
        #expect(answers.map(\.fault) == [nil, .full, nil])
        try await database.write { try $0.execute("PRAGMA max_page_count = 1000000") }
        try await database.write { _ = try $0.run(PutVisit(id: 4, room: long)) }
        #expect(try await database.visits == [1, 3, 4])
        await database.close()
    }

    enum Failing: String, CaseIterable {
        case write, writeFromThenOn, full, fullFromThenOn, sync, syncFromThenOn

        /// Where all later operations fail too, every third beginning will do.
        var stride: Int { self == .writeFromThenOn || self == .fullFromThenOn ? 3 : 1 }
    }

    /// The n-th operation fails, for ever larger n, until a whole story passes without meeting it.
    @Test(arguments: Failing.allCases)
    func `whichever operation fails, every promise is kept`(_ failing: Failing) async throws {
        var fired = 0
        for step in stride(from: 1, to: Int64.max, by: failing.stride) {
            let folder = try Folder()
            faulty_disk_reset()
            switch failing {
            case .write, .writeFromThenOn: faulty_disk_fail_write(step, DiskAnswer.writeFailed, failing == .writeFromThenOn)
            case .full, .fullFromThenOn: faulty_disk_fail_write(step, DiskAnswer.full, failing == .fullFromThenOn)
            case .sync, .syncFromThenOn: faulty_disk_fail_sync(step, DiskAnswer.syncFailed, failing == .syncFromThenOn)
            }
            let story = await Story.tell(folder)
            let hasFired = faulty_disk_failures() > 0
            let lies = await story.lies(in: folder)
            #expect(lies == [], "\(failing) \(step)")
            guard hasFired else { break }
            fired += 1
        }
        #expect(fired > 10)
    }

    /// Seed 0 loses all that was not synced; the others let some of it survive, in any order.
    @Test(arguments: [0, 1, 2] as [UInt64])
    func `whenever the power goes, nothing acknowledged is lost`(_ seed: UInt64) async throws {
        var fired = 0
        for step in stride(from: 1, to: Int64.max, by: seed == 0 ? 1 : 3) {
            let folder = try Folder()
            faulty_disk_reset()
            faulty_disk_cut_power_at(step, seed &* (0x9E37_79B9_7F4A_7C15 &+ UInt64(step)))
            let story = await Story.tell(folder)
            let hasFired = faulty_disk_failures() > 0
            let lies = await story.lies(in: folder)
            #expect(lies == [], "power cut at \(step)")
            guard hasFired else { break }
            fired += 1
        }
        #expect(fired > 50)
    }

    /// The log is moved into the file, and the disk does not keep it: whoever began the log afresh then would have it nowhere.
    @Test func `what one failed synchronization gave up is still in the log when the power goes`() async throws {
        var fired = 0
        for step: Int64 in stride(from: 1, to: .max, by: 2) {
            let folder = try Folder()
            faulty_disk_reset()
            faulty_disk_fail_sync(step, DiskAnswer.syncFailed, false)
            faulty_disk_slow_file(100)
            let story = await Story.tellInCrowd(folder)
            let syncs = faulty_disk_syncs()
            let lies = await story.lies(in: folder)
            #expect(lies == [], "synchronization \(step)")
            guard syncs >= step else { break }
            fired += 1
        }
        #expect(fired > 20)
    }

    /// The check of the checks: a database that does not wait for the disk loses what it acknowledged, and it is noticed.
    @Test func `without synchronization the same power cut loses acknowledged work`() async throws {
        var losses = 0
        for step: Int64 in stride(from: 40, through: 160, by: 20) {
            let folder = try Folder()
            faulty_disk_reset()
            faulty_disk_cut_power_at(step, 0)
            let story = await Story.tell(folder, synchronous: .off)
            let lies = await story.lies(in: folder)
            if lies.contains(where: { $0.hasPrefix("lost") || $0.hasPrefix("cannot be opened") }) { losses += 1 }
        }
        #expect(losses > 0)
    }
}
