#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import LoopbackClient
import Processes
import Notation

/// Bookings a second with years of appointments on file, and with few: the work of a booking must not grow with history.
struct Growth {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let many = rig.isQuick ? 500_000 : 5_000_000
        // The large one is too large to copy for each run; what earlier runs booked in it hardly makes it larger.
        let large = try await rig.clinicBehind(many)
        let small = try rig.copy(of: try await rig.clinicBehind(50_000), named: "young")
        let (old, young) = (try await rig.serve(large), try await rig.serve(small))
        let plan = try await rig.planFile(for: large)
        var (firstOld, firstYoung) = (try free(in: large), 0)
        var (ours, theirs): ([Wrk.Result], [Wrk.Result]) = ([], [])
        for house in [large, small] { try forget(house.databasePath) }
        for round in 1...rig.rounds {
            let late = try await book(plan, in: large, old, first: &firstOld)
            let early = try await book(plan, in: small, young, first: &firstYoung)
            (ours, theirs) = (ours + [late], theirs + [early])
            say("growth, round \(round): \(Int(late.rate))/s with \(many) on file, \(Int(early.rate))/s with 50000")
        }
        _ = await old.stop()
        _ = await young.stop()
        return [
            .ratio(
                "bookings with \(many) appointments on file", ours.map(\.rate).median, theirs.map(\.rate).median, unit: "/s",
                with: "50000 on file", atLeast: 0.8),
            .bound("… that failed", Double((ours + theirs).map(\.errors).reduce(0, +)), unit: "errors", below: 1),
        ]
    }

    /// Drops what the system keeps of the file: whatever filled or copied it did so in large pieces, and a kernel that caches
    /// a file in large pieces takes several times as long for each page that is written in their midst. A clinic of years
    /// has grown page by page.
    private func forget(_ path: String) throws {
        let file = open(path, O_RDONLY)
        guard file >= 0, fsync(file) == 0, posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
            throw ProcessFault("\(path) cannot be dropped from memory")
        }
        close(file)
    }

    /// Books some that are not counted, so that what is touched again and again is in memory, and then those that count.
    private func book(
        _ plan: String, in house: DataFolder, _ server: RunningServer, first: inout Int
    ) async throws -> Wrk.Result {
        func booked() async throws -> Wrk.Result {
            let result = try await rig.wrk().run("book.lua", against: server.base, [plan, "\(first)"])
            _ = try await rig.drained(house)
            first += result.requests + 200
            return result
        }
        _ = try await booked()
        return try await booked()
    }

    /// The number of the first booking of the plan that no earlier run has made.
    private func free(in house: DataFolder) throws -> Int {
        let last = try PlainFile(house.databasePath).number("SELECT max(start_at) FROM appointment")
        let slots = rig.plan.starts.firstIndex { $0.microseconds > Int64(last) } ?? 0
        return slots * BenchClinic.practitioners
    }
}

/// Memory of a server that has served a round of searches and is idle.
struct Memory {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let demo = try await rig.serve(DataFolder(path: rig.folder.file("demo")), ["--demo"])
        let small = try demo.process.residentMebibytes
        _ = await demo.stop()
        let house = try await rig.clinicAhead()
        let server = try await rig.serve(house)
        let (now, plan) = (MachineClock().now, try await rig.planFile(for: house))
        _ = try await rig.wrk(connections: 8, seconds: 2).run(
            "search.lua", against: server.base, [plan, "\(now)", "\(now + .days(90))", "first"])
        let large = try server.process.residentMebibytes
        _ = await server.stop()
        return [
            .bound("memory, demo clinic", small, unit: "MiB", below: 64),
            .bound("memory, 500 practitioners, 500,000 appointments ahead, after searches", large, unit: "MiB", below: 200),
        ]
    }
}
