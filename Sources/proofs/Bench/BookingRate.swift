import LoopbackClient
import Processes
import Notation

/// Bookings a second through the whole program, and the bare inserts of the same rows on the same disk.
struct BookingRate {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let empty = try await rig.emptyClinic()
        let sample = try await SampleBooking.make(BenchClinic.short, in: empty, under: rig.folder)
        let (served, bare) = (try rig.copy(of: empty, named: "booked"), try rig.copy(of: empty, named: "bare"))
        let server = try await rig.serve(served)
        let loop = InsertLoop(folder: bare, patterns: sample.patterns)
        let plan = try await rig.planFile(for: served)
        var (first, firstBare) = (0, 0)
        var (results, rates, delays): ([Wrk.Result], [Double], [Double]) = ([], [], [])
        for round in 0...rig.rounds {
            let before = try server.process.cpuMicroseconds
            let result = try await rig.wrk(seconds: round == 0 ? 2 : nil).run(
                "book.lua", against: server.base, [plan, "\(first)"])
            // What was under way when wrk stopped has been booked too.
            first += result.requests + 200
            let delay = try await rig.drained(served)
            let cpu = try server.process.cpuMicroseconds - before
            let (rate, count) = try loop.run(seconds: Double(round == 0 ? 1 : rig.seconds), first: firstBare, plan: rig.plan)
            firstBare += count
            // The first round warms up caches and is not counted.
            if round > 0 { (results, rates, delays) = (results + [result], rates + [rate], delays + [delay]) }
            say(
                """
                bookings, round \(round): \(Int(result.rate))/s, p99 \(result.p99) ms, \(cpu / max(1, result.requests)) µs of CPU each \
                with delivery, delivered \(Finding.short(delay)) s later; bare \(Int(rate))/s
                """)
        }
        _ = await server.stop()
        return findings(results, rates, delays, rows: sample.patterns.count)
    }

    /// Two ratios, and the worse counts. A busy disk slows the bare loop more than the server, which shares one
    /// synchronization among many bookings; so the medians flatter us on a noisy machine, and the best rounds of both, with
    /// the least noise in them, do not.
    private func findings(_ results: [Wrk.Result], _ rates: [Double], _ delays: [Double], rows: Int) -> [Finding] {
        let (ours, other) = (results.map(\.rate), "the same \(rows) rows, a commit each, C interface")
        return [
            .ratio(
                "bookings over HTTP, 64 connections (medians)", ours.median, rates.median, unit: "/s", with: other, atLeast: 2),
            .ratio(
                "bookings over HTTP, 64 connections (best rounds)", ours.max() ?? 0, rates.max() ?? 1, unit: "/s", with: other,
                atLeast: 2),
            .bound("p99 of a booking", results.map(\.p99).median, unit: "ms", below: 50),
            .bound("bookings that failed", Double(results.map(\.errors).reduce(0, +)), unit: "errors", below: 1),
        ]
    }
}
