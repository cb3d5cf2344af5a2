import LoopbackClient
import PostgresCluster
import Processes
import Notation
import TestKit

/// The whole proof: cycles of load, death and restart, and the reckoning.
struct Ordeal: Sendable {
    let stage: Stage
    let history: History
    private let seed: UInt64
    private let ledger = Ledger()
    private let http = Loopback()
    private let visitors: [Visitor]

    init(stage: Stage, seed: UInt64) async throws {
        self.stage = stage
        self.seed = seed
        history = try History(path: stage.folder.file("history.jsonl"))
        try await stage.importClinic()
        visitors = try await Crowd.gathered(
            secret: try stage.house.secret, seed: seed, http: http, history: history, ledger: ledger,
            bearsOutages: stage.cluster != nil)
    }

    /// Returns what was found wrong. Stops at the first restart after which something is: what follows would only be noise.
    func run(cycles: Int) async throws -> [String] {
        let began = ContinuousClock.now
        var chance = Chance(state: seed)
        var starts: [Double] = []
        for cycle in 1...max(1, cycles) {
            let load = 20 + chance.below(381)
            let server = try await stage.start()
            starts.append(server.startSeconds)
            history.mark("start", cycle: cycle)
            try await inspect()
            if !ledger.violations.isEmpty { return try await giveUp(server) }
            if stage.cluster != nil, cycle % 2 == 0 {
                try await strainTheDatabase(server, cycle: cycle, milliseconds: load)
            } else {
                await strain(server, cycle: cycle, milliseconds: load)
            }
            say("cycle \(cycle)/\(cycles): up in \(milliseconds(of: server.startSeconds)) ms, killed after \(load) ms; \(tally)")
        }
        let server = try await stage.start()
        starts.append(server.startSeconds)
        try await reckon(server)
        let code = await server.stop()
        if code != 0 { ledger.violation("after SIGTERM the server ended with \(code)") }
        await http.close()
        history.flush()
        summarise(cycles, starts.dropFirst().map { $0 * 1000 }, seconds: (ContinuousClock.now - began) / .seconds(1))
        return ledger.violations
    }

    private func strain(_ server: RunningServer, cycle: Int, milliseconds: Int) async {
        let firstDay = BenchClinic.midnight(of: MachineClock().now, plus: 5 + cycle * 2 % 300)
        await withTaskGroup { group in
            for visitor in visitors { group.addTask { await visitor.work(at: server.base, firstDay: firstDay) } }
            // The length of the load is the experiment, not a wait for something to happen.
            try? await Task.sleep(for: .milliseconds(milliseconds))
            await server.process.kill()
            history.mark("kill", cycle: cycle)
        }
    }

    /// Kills PostgreSQL under the running server, and the server only after it has been seen to go on with the new one.
    private func strainTheDatabase(_ server: RunningServer, cycle: Int, milliseconds: Int) async throws {
        guard let cluster = stage.cluster else { return }
        let firstDay = BenchClinic.midnight(of: MachineClock().now, plus: 5 + cycle * 2 % 300)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for visitor in visitors { group.addTask { await visitor.work(at: server.base, firstDay: firstDay) } }
            try? await Task.sleep(for: .milliseconds(milliseconds))
            await cluster.kill()
            history.mark("kill-postgres", cycle: cycle)
            try await cluster.start()
            let before = ledger.answers.count
            let limit = ContinuousClock.now + .seconds(30)
            while ledger.answers.count < before + 50 {
                if ContinuousClock.now > limit {
                    ledger.violation("30 s after PostgreSQL came back the server had not gone on")
                    break
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
            await server.process.kill()
            history.mark("kill", cycle: cycle)
            try await group.waitForAll()
        }
    }

    /// The state on disk just after a restart, before anybody asks for anything.
    private func inspect() async throws {
        let evidence = try Evidence(try await stage.file(), ledger, master: try stage.house.master)
        try evidence.nothingLostNothingInvented()
        try evidence.nobodyIsInTwoPlaces()
    }

    /// Everything, once every outcome is known and every event delivered.
    private func reckon(_ server: RunningServer) async throws {
        try await inspect()
        let day = BenchClinic.midnight(of: MachineClock().now, plus: 4)
        await withTaskGroup { group in
            for visitor in visitors { group.addTask { await visitor.work(at: server.base, firstDay: day, onlyOpen: true) } }
        }
        await SecondHearing(http: http, ledger: ledger).hold(at: server.base)
        let waited = try await Evidence.delivered(stage)
        say("the outbox was empty after \(milliseconds(of: waited)) ms")
        try await inspect()
        let notices = try Evidence(try await stage.file(), ledger, master: try stage.house.master).everyChangeIsToldOnce()
        let (answers, lives) = (ledger.answers.count, ledger.lives.values.filter { $0.last != nil }.count)
        say("compared: \(lives) appointments, \(answers) answers asked for again, \(notices) notices")
        // An empty play proves nothing.
        if lives == 0 || notices == 0 { ledger.violation("nothing was booked, so nothing was proved") }
    }

    private func giveUp(_ server: RunningServer) async throws -> [String] {
        await server.process.kill()
        await http.close()
        history.flush()
        return ledger.violations
    }

    private var tally: String { ledger.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }

    private func milliseconds(of seconds: Double) -> Int { Int(seconds * 1000) }

    private func summarise(_ cycles: Int, _ starts: [Double], seconds: Double) {
        say(
            """
            \(cycles) times killed in \(Int(seconds)) s, seed \(seed). Acknowledged and refused: \(tally).
            Restarts: median \(Int(starts.median)) ms, slowest \(Int(starts.max() ?? 0)) ms.
            \(ledger.violations.isEmpty ? "Nothing that was acknowledged is lost, nothing happened twice, nobody is in two places." : "")
            """)
    }
}
