import LoopbackClient
import Notation
import Processes

/// The whole proof: rounds of load in which the leader is struck and comes back, and the reckoning.
struct FailoverOrdeal: Sendable {
    /// Between two steps of a client. What is measured is whether anything is lost, not how much fits through.
    private static let pauseMilliseconds = 100

    let cluster: FailoverCluster
    let history: History
    private let seed: UInt64
    private let ledger = Ledger()
    private let http = Loopback()
    private let visitors: [Visitor]
    private let desks: [Desk]
    private let tolls = Tolls()

    init(cluster: FailoverCluster, executable: String, seed: UInt64) async throws {
        self.cluster = cluster
        self.seed = seed
        history = try History(path: cluster.folder.file("history.jsonl"))
        let ways = [("HAProxy", cluster.writeURL), ("direct", cluster.directURL)]
        let rooms = ways.map { DeskRoom(name: $0.0, url: $0.1, executable: executable, folder: cluster.folder) }
        try await rooms[0].importClinic()
        var desks: [Desk] = []
        for room in rooms { desks.append(try await room.open()) }
        self.desks = desks
        visitors = try await Crowd.gathered(
            secret: try rooms[0].data.secret, seed: seed, http: http, history: history, ledger: ledger, bearsOutages: true)
    }

    /// Returns what was found wrong. Stops at the first round after which something is: what follows would only be noise.
    func run(_ faults: [ClusterFault], rounds: Int) async throws -> [String] {
        let began = ContinuousClock.now
        var struck = 0
        for round in 1...rounds {
            struck = round
            let fault = faults[(round - 1) % faults.count]
            await withTaskGroup { group in
                let isOver = Signal()
                for visitor in visitors.enumerated() {
                    group.addTask { await use(visitor, round: round, until: isOver) }
                }
                defer { isOver.give() }
                do {
                    say("round \(round)/\(rounds): \(try await strike(fault, round: round)); \(tally)")
                } catch {
                    ledger.violation("round \(round), \(fault.rawValue): \(error)")
                }
            }
            do {
                await closeOpen()
                try await inspect()
            } catch {
                ledger.violation("after round \(round) nobody could look: \(error)")
            }
            if !ledger.violations.isEmpty { break }
        }
        if ledger.violations.isEmpty { try await reckon() }
        for desk in desks {
            let code = await desk.server.stop()
            if code != 0 { ledger.violation("after SIGTERM the server through \(desk.name) ended with \(code)") }
        }
        await http.close()
        history.flush()
        summarise(struck, seconds: (ContinuousClock.now - began) / .seconds(1))
        return ledger.violations
    }

    // MARK: One round

    /// One client: goes to the other server when its own does not answer, then tries its own again, and never gives up what is
    /// open.
    private func use(_ visitor: (offset: Int, element: Visitor), round: Int, until isOver: Signal) async {
        let day = BenchClinic.midnight(of: MachineClock().now, plus: 5 + round * 2 % 300)
        var isElsewhere = false
        while !isOver.isGiven {
            let desk = desks[(visitor.offset + (isElsewhere ? 1 : 0)) % desks.count]
            let step = await visitor.element.step(at: desk.base, firstDay: day, hasAnother: true)
            if step == .acted { desk.silence.end() }
            isElsewhere = step == .unanswered && !isElsewhere
            try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
    }

    /// What happened, for people.
    private func strike(_ fault: ClusterFault, round: Int) async throws -> String {
        try await Task.sleep(for: .seconds(3))
        guard let old = await cluster.leader() else { throw ProcessFault("nobody leads: \(await cluster.description)") }
        for desk in desks { desk.silence.begin() }
        history.mark("\(fault.rawValue) \(old.name)", cycle: round)
        let struck = ContinuousClock.now
        await cluster.strike(old, with: fault)
        let (leader, _) = try await cluster.succession(of: old)
        history.mark("\(leader.name) leads", cycle: round)
        // A frozen or cut-off node is kept so for longer than any lease lasts, and for a while beside its successor.
        let least = Double(cluster.pace.ttl) + 5
        let gone = (ContinuousClock.now - struck) / .seconds(1)
        try await Task.sleep(for: .seconds(max(3, [.freeze, .cutOff].contains(fault) ? least - gone : 0)))
        history.mark("relieve \(old.name)", cycle: round)
        try await cluster.relieve(old)
        let whole = try await cluster.settled()
        if await cluster.leader() == old {
            ledger.violation("round \(round): after \(fault.rawValue) \(old.name) took the lead back from \(leader.name)")
        }
        try await Task.sleep(for: .seconds(2))
        let pauses = desks.map { ($0.name, $0.silence.longestSeconds) }
        for (way, seconds) in pauses { tolls.add(seconds, for: fault, way) }
        let told = pauses.map { "\(tenths($0.1)) s \($0.0)" }.joined(separator: ", ")
        return "\(fault.rawValue) \(old.name): \(leader.name) leads; nothing acknowledged for \(told); all three again after "
            + "\(tenths(whole)) s"
    }

    /// Every client finds out what came of its last request.
    private func closeOpen() async {
        let day = BenchClinic.midnight(of: MachineClock().now, plus: 4)
        let open = await withTaskGroup(of: Bool.self) { group in
            for (number, visitor) in visitors.enumerated() {
                group.addTask {
                    for turn in 0..<200 {
                        let desk = desks[(number + turn) % desks.count]
                        if await visitor.step(at: desk.base, firstDay: day, onlyOpen: true, hasAnother: true) == .idle {
                            return false
                        }
                        try? await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
                    }
                    return true
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        if open > 0 { ledger.violation("\(open) clients never learnt what came of their last request") }
    }

    // MARK: Looking

    private func inspect() async throws {
        let evidence = try await evidence()
        try evidence.nothingLostNothingInvented()
        try evidence.nobodyIsInTwoPlaces()
        if let difference = try await cluster.difference() { ledger.violation(difference) }
    }

    /// What the leader says, taken down in a file.
    private func evidence() async throws -> Evidence {
        let path = cluster.folder.file("transcript.sqlite")
        let cluster = cluster
        try await Transcript { try await cluster.query($0, at: cluster.writeURL) }.write(to: path)
        return try Evidence(path, ledger, master: DataFolder.madeUpMaster)
    }

    /// Everything, once every outcome is known and every event delivered.
    private func reckon() async throws {
        for desk in desks { await SecondHearing(http: http, ledger: ledger).hold(at: desk.base) }
        let waited = try await Evidence.delivered {
            try await cluster.query(Evidence.dueOnPostgres, at: cluster.writeURL).first.flatMap { Int($0) } ?? 0
        }
        say("the outbox was empty after \(tenths(waited)) s")
        try await inspect()
        let notices = try await evidence().everyChangeIsToldOnce()
        let (answers, lives) = (ledger.answers.count, ledger.lives.values.filter { $0.last != nil }.count)
        say("compared: \(lives) appointments, \(answers) answers asked for again at both servers, \(notices) notices")
        // An empty play proves nothing.
        if lives == 0 || notices == 0 { ledger.violation("nothing was booked, so nothing was proved") }
    }

    // MARK: For people

    private var tally: String { ledger.counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }

    private func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }

    private func summarise(_ struck: Int, seconds: Double) {
        say("\(struck) times struck in \(Int(seconds)) s, seed \(seed). Acknowledged and refused: \(tally).")
        for line in tolls.lines { say("nothing acknowledged, \(line)") }
        if ledger.violations.isEmpty {
            say("Nothing that was acknowledged is lost, nothing happened twice, nobody is in two places.")
        }
    }
}
