import API
import LoopbackClient
import Processes
import Notation
import People

/// Free times of one practitioner for thirty days, and "hello" from the same stack.
struct SearchRate {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let house = try await rig.clinicAhead()
        let server = try await rig.serve(house)
        let hello = try await RunningServer.start(Siblings.me, ["hello"], errors: rig.folder.file("errors"))
        let plan = try await rig.planFile(for: house)
        let now = MachineClock().now
        let search = [plan, "\(BenchClinic.midnight(of: now, plus: 1))", "\(BenchClinic.midnight(of: now, plus: 31))", "one"]
        var (ours, theirs): ([Wrk.Result], [Wrk.Result]) = ([], [])
        for round in 0...rig.rounds {
            let found = try await rig.wrk().run("search.lua", against: server.base, search)
            let greeted = try await rig.wrk().run("hello.lua", against: hello.base, [])
            if round > 0 { (ours, theirs) = (ours + [found], theirs + [greeted]) }
            say("search, round \(round): \(Int(found.rate))/s, p99 \(found.p99) ms; hello \(Int(greeted.rate))/s")
        }
        _ = await server.stop()
        await hello.process.kill()
        return [
            .ratio(
                "first 20 free times of one practitioner in 30 days", ours.map(\.rate).median, theirs.map(\.rate).median,
                unit: "/s",
                with: "\"hello\" of the same stack", atLeast: 0.5),
            .bound("searches that failed", Double(ours.map(\.errors).reduce(0, +)), unit: "errors", below: 1),
        ]
    }
}

/// The first twenty free times of five hundred practitioners who need a room and a device, when all rooms are taken for
/// the next thirty days: the search has to look at all of them.
struct FirstFree {
    let rig: BenchRig

    func measure() async throws -> [Finding] {
        let house = try await rig.clinicAhead()
        let server = try await rig.serve(house)
        let plan = try await rig.planFile(for: house)
        let now = MachineClock().now
        try await checkAnswer(of: server, house, now)
        var findings: [Finding] = []
        for connections in [1, 8] {
            var results: [Wrk.Result] = []
            for _ in 0..<rig.rounds {
                results.append(
                    try await rig.wrk(connections: connections).run(
                        "search.lua", against: server.base, [plan, "\(now)", "\(now + .days(90))", "first"]))
            }
            let (p99, p50, rate) = (results.map(\.p99).median, results.map(\.p50).median, results.map(\.rate).median)
            say("first free times, \(connections) connections: p50 \(p50) ms, p99 \(p99) ms, \(Int(rate))/s")
            findings.append(
                .bound(
                    "first 20 of 500 practitioners, room and device, 90 days, \(connections) connection\(connections == 1 ? "" : "s"): p99",
                    p99, unit: "ms", with: "500,000 appointments ahead, rooms full for 30 days", below: 10))
            findings.append(.bound("… that failed", Double(results.map(\.errors).reduce(0, +)), unit: "errors", below: 1))
        }
        _ = await server.stop()
        return findings
    }

    /// A wrong answer can be quick: the first free time must lie behind the full days, and there must be twenty.
    private func checkAnswer(of server: RunningServer, _ house: DataFolder, _ now: Instant) async throws {
        let tokens = Tokens(secret: try house.secret, clock: MachineClock())
        let token = try await tokens.issue(for: Caller(role: .desk, subject: BenchClinic.id(.patient, 1)), lasting: .days(1))
        let http = Loopback()
        let path = "/v1/free-times?visitType=\(BenchClinic.full)&limit=20&from=\(now)&to=\(now + .days(90))"
        let reply = try await http.send("GET", server.base + path, token: token)
        await http.close()
        let items = try JSON(parsing: reply.body)["items"]?.array ?? []
        let first = items.first?["start"]?.string.flatMap { Instant($0) }
        guard items.count == 20, let first, first >= BenchClinic.midnight(of: now, plus: 30) else {
            throw ProcessFault("the search found something else than the first free times: \(reply.text.prefix(300))")
        }
    }
}
