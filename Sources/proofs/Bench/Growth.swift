import Foundation
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
        for round in 0...rig.rounds {
            try warm(large.databasePath)
            let late = try await rig.wrk().run("book.lua", against: old.base, [plan, "\(firstOld)"])
            _ = try await rig.drained(large)
            let early = try await rig.wrk().run("book.lua", against: young.base, [plan, "\(firstYoung)"])
            _ = try await rig.drained(small)
            (firstOld, firstYoung) = (firstOld + late.requests + 200, firstYoung + early.requests + 200)
            if round > 0 { (ours, theirs) = (ours + [late], theirs + [early]) }
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

    /// Reads the file once, as a server that has been up for days has. A machine that takes back what nobody has read for
    /// a while (a virtual one often does) would otherwise measure its disk.
    private func warm(_ path: String) throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw ProcessFault("\(path) cannot be read") }
        defer { try? file.close() }
        while let part = try file.read(upToCount: 8 << 20), !part.isEmpty {}
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
