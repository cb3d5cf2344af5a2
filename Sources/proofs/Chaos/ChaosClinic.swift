import API
import Foundation
import LoopbackClient
import Notation
import People
import PostgresCluster
import PrivateBroker
import Processes
import Synchronization
import TestKit

/// A clinic with everybody it works with: one server on the embedded database, or two workers that share a PostgreSQL, and a simulator of
/// all partners that writes down what it does; and a message broker, which is a real one.
final class ChaosClinic: Sendable {
    /// Seconds a worker's lease lasts, so that what it was at does not wait for a minute each time.
    static let leaseSeconds = 5
    static let practitioners = 24
    /// Of these the last ones have their calendars elsewhere.
    static let elsewhere = 17...24
    static let lanes = 8
    /// Two for each lane, who read mails and text messages; one more, who has devices; and one whom mails reach where texts do not.
    static let patients = lanes * 4

    let engine: String
    let simulator: RunningServer
    /// Requests may have to be repeated; a server that is stopped keeps its clients waiting no longer than this.
    let http = Loopback(connections: 64, timeoutSeconds: 8)
    let desk: String
    let ports: [Int]
    let cluster: PrivateCluster?
    let broker: PrivateBroker
    /// The clinic's way to the broker.
    let gate: BusGate
    let admin: String
    let time = TimeSpent()
    /// The registration of each device, by the name the clinic has for it.
    let devices = Mutex<[String: Device]>([:])
    private let house: DataFolder
    private let database: FreshDatabase?
    private let session: PlainSession?
    private let program: String
    private let isFaulty: Bool
    let folder: TemporaryFolder
    private let servers: Mutex<[RunningServer?]>
    /// The numbers of workers that were killed.
    private let dead = Mutex<[Int32]>([])
    private let deeds: Mutex<OutsideDeeds>
    private let heardOnBus = Mutex<[BusListener.Heard]>([])
    private var outside: String { folder.file("outside") }

    // MARK: Beginning and end

    /// - Parameter isFaulty: what becomes of text messages is told to nobody, and whoever carries notices to devices, or takes payments, does each twice.
    init(_ engine: String, program: String, under folder: TemporaryFolder, seed: UInt64, isFaulty: Bool = false) async throws {
        self.engine = engine
        self.isFaulty = isFaulty
        self.program = program
        self.folder = folder
        deeds = Mutex(OutsideDeeds(journal: "\(folder.file("outside"))/simulator.jsonl"))
        var free = FreePorts()
        ports = [try free.take(), try free.take()]
        let broker = try PrivateBroker(ports: [try free.take(), try free.take(), try free.take()])
        self.broker = broker
        gate = try await BusGate(to: broker.port)
        // It takes seconds, and nobody needs it before the servers are there.
        async let brokerStarts: Void = broker.start()
        cluster = engine == "postgres" ? try await PrivateCluster() : nil
        try await cluster?.start()
        database = try await cluster?.freshDatabase()
        session = database.map { PlainSession($0.url) }
        house = DataFolder(path: folder.file("data"), url: database?.url)
        house.makeSecret()
        let tokens = Tokens(secret: try house.secret, clock: MachineClock())
        desk = try await tokens.issue(for: Caller(role: .desk, subject: CrashClinic.id(9, 1)), lasting: .days(1))
        admin = try await tokens.issue(for: Caller(role: .admin, subject: CrashClinic.id(9, 2)), lasting: .days(1))
        simulator = try await RunningServer.simulator(
            program, ["--data", folder.file("outside"), "--seed", "\(seed)"], errors: folder.file("simulator.log"))
        servers = Mutex([nil, nil])
        let document = folder.file("clinic.json")
        try Data(PartneredClinic.document(practitioners: Self.practitioners, patients: Self.patients)).write(
            to: URL(fileURLWithPath: document))
        let (status, said) = try await ChildProcess.run(program, ["import", document] + house.flags, errors: nil)
        guard status == 0 else { throw ProcessFault("the import ended with \(status): \(said.joined(separator: "\n"))") }
        try await makeServiceAccount()
        do {
            try await brokerStarts
            try await start()
            try await PartneredClinic.furnish(
                base, by: http, admin: admin, desk: desk, elsewhere: Self.elsewhere, patients: Self.lanes * 2)
            try await letOthersHear()
            try await replaceAnotherSystem()
            if isFaulty { try await set("{}") }
        } catch {
            await close()
            throw error
        }
    }

    func close() async {
        for index in servers.withLock({ $0.indices }) { await kill(index) }
        await simulator.process.kill()
        await http.close()
        await gate.close()
        await broker.remove()
        await cluster?.remove()
    }

    // MARK: Servers

    var base: String { "http://127.0.0.1:\(ports[0])" }
    var bases: [String] { indices.map { "http://127.0.0.1:\(ports[$0])" } }
    /// Two workers where the database is a server's; the embedded one has room for one.
    var indices: Range<Int> { 0..<(cluster == nil ? 1 : 2) }

    private var partners: [String: String] {
        PartneredClinic.environment(simulator: simulator.base, clinic: isFaulty ? "http://127.0.0.1:9" : base).merging([
            "MEDICONNECT_LOG_LEVEL": "info", "MEDICONNECT_OUTBOX_LEASE": "\(Self.leaseSeconds)",
            "MEDICONNECT_PUSH_ACCOUNT_FILE": serviceAccount, "MEDICONNECT_PUSH_URL": "\(simulator.base)/push",
            "MEDICONNECT_BROKER_URL": "amqp://127.0.0.1:\(gate.port)", "MEDICONNECT_BROKER_USER": "guest",
            "MEDICONNECT_BROKER_PASSWORD": "guest",
            "MEDICONNECT_LEGACY_URL": "\(simulator.base)/legacy", "MEDICONNECT_LEGACY_TOKEN": "simulated-legacy",
        ]) { $1 }
    }

    /// Starts whatever does not run.
    func start() async throws { try await time.on("starting servers") { try await startServers() } }

    private func startServers() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in indices where servers.withLock({ $0[index]?.process.isRunning != true }) {
                group.addTask {
                    let server = try await RunningServer.start(
                        self.program, ["serve", "--port", "\(self.ports[index])"] + self.house.flags,
                        environment: self.partners, errors: self.folder.file("server-\(index).log"))
                    self.servers.withLock { $0[index] = server }
                }
            }
            try await group.waitForAll()
        }
        for (part, path) in [("payments", "payments"), ("sms", "texts")] {
            let told = try await http.send(
                "PUT", "\(simulator.base)/callbacks/\(part)", body: Array(#"{"url":"\#(base)/v1/incoming/\#(path)"}"#.utf8))
            guard told.status == 200 else { throw ProcessFault("the simulator takes no callback: \(told.text)") }
        }
    }

    /// Ends them in order. What did not end well.
    func stop() async -> [String] { await time.on("stopping servers") { await stopServers() } }

    private func stopServers() async -> [String] {
        await withTaskGroup(of: String?.self) { group in
            for index in indices {
                guard let server = servers.withLock({ $0[index] }), server.process.isRunning else { continue }
                group.addTask {
                    let code = await server.stop()
                    return code == 0 ? nil : "server \(index) ended with \(code) when it was asked to stop"
                }
            }
            return await group.reduce(into: []) { flaws, flaw in if let flaw { flaws.append(flaw) } }
        }
    }

    func kill(_ index: Int) async {
        guard let process = servers.withLock({ $0[index] })?.process else { return }
        await process.kill()
        dead.withLock { $0.append(process.number) }
    }

    /// As if it were some seconds later for what dead workers were at: their leases have run out. That leases run out by themselves is seen
    /// wherever this is not said.
    func endLeasesOfTheDead() async throws {
        let numbers = dead.withLock { dead in
            defer { dead = [] }
            return dead
        }
        // Alone with its database a worker takes back at once what the one before it had.
        if cluster == nil || numbers.isEmpty { return }
        let workers = numbers.map { "worker LIKE '%-\($0)'" }
        try await change(
            "UPDATE outbox SET lease_until = created_at WHERE state = 'running' AND (\(workers.joined(separator: " OR ")))")
    }

    func signal(_ signal: Int32, to index: Int) { servers.withLock { $0[index] }?.process.signal(signal) }

    /// Who has one of these messages in hand; nil when nobody has.
    ///
    /// - Parameter messages: a condition on the outbox.
    func holder(of messages: String) async throws -> Int? {
        let worker = try await rows(
            "SELECT worker FROM outbox WHERE state = 'running' AND \(messages) ORDER BY id DESC LIMIT 1")
        guard let number = worker.first?.first?.split(separator: "-").last.flatMap({ Int32($0) }) else { return nil }
        return servers.withLock { $0.firstIndex { $0?.process.number == number } }
    }

    /// Runs one of the program's commands as an operator would.
    func command(_ words: [String]) async throws -> (status: Int32, said: [String]) {
        let (status, output) = try await time.on("commands") {
            try await ChildProcess.run(program, words + house.flags, environment: partners, errors: nil)
        }
        return (status, output)
    }

    // MARK: The database, past the program

    func rows(_ question: String) async throws -> [[String]] {
        if let session { return try await session.rows(question) }
        return try PlainFile(house.databasePath).rows(question).map { $0.map(\.string) }
    }

    /// How an appointment stands; nil where there is none.
    func state(of id: String) async throws -> String? {
        try await rows("SELECT state FROM appointment WHERE id = \(sql(id: id))").first?.first
    }

    /// As statements for this engine have an identifier.
    func sql(id: String) -> String { cluster == nil ? "x'\(id.replacing("-", with: ""))'" : "'\(id)'" }

    func number(_ question: String) async throws -> Int { try await rows(question).first?.first.flatMap { Int($0) } ?? 0 }

    func change(_ statement: String) async throws {
        if let session {
            try await session.rows(statement)
        } else {
            try PlainFile(house.databasePath, readOnly: false).execute(statement)
        }
    }

    /// Nobody can write until `body` is over: what a worker has heard it cannot write down.
    func holdingTheDatabase(_ body: () async throws -> Void) async throws {
        if let cluster {
            try cluster.freeze()
            defer { cluster.thaw() }
            try await body()
        } else {
            let file = try PlainFile(house.databasePath, readOnly: false)
            try file.execute("BEGIN IMMEDIATE")
            defer { try? file.execute("ROLLBACK") }
            try await body()
        }
    }

    // MARK: Those outside

    /// Whatever became of it, it answers again.
    func reviveBroker() async throws {
        broker.thaw()
        if !broker.isRunning { try await time.on("the broker's return") { try await broker.start() } }
    }

    func set(_ mode: String, for parts: [Outsider] = Outsider.played) async throws {
        for part in parts {
            if part == .bus {
                try gate.set(mode)
                continue
            }
            // The planted fault: nobody can be trusted to do a thing once.
            let own =
                isFaulty && [.push, .payments].contains(part)
                ? mode == "{}" ? #"{"twice":true}"# : "\(mode.dropLast()),\"twice\":true}" : mode
            let reply = try await http.send("PUT", "\(simulator.base)/modes/\(part.rawValue)", body: Array(own.utf8))
            guard reply.status == 200 else { throw ProcessFault("the simulator refuses the mode \(own): \(reply.text)") }
        }
    }

    /// What has come of calls to one of them so far.
    func tally(_ part: Outsider) async throws -> OutsideTally {
        if part == .bus { return gate.tally }
        let reply = try await http.send("GET", "\(simulator.base)/ledger?destination=\(part.rawValue)&only=counts")
        let json = try JSON(parsing: reply.body)
        guard let known = json["destinations"]?[part.rawValue] else { throw ProcessFault("no ledger: \(reply.text)") }
        func count(_ json: JSON?) -> Int { Int(json?.integer ?? 0) }
        let answers = (known["answers"]?.members ?? []).reduce(0) { $0 + count($1.value) }
        // A token is nothing that was done for anybody.
        var tally = OutsideTally(
            requests: count(known["requests"]), effects: count(known["effects"]) - count(known["tokens"]), answers: answers)
        tally.refused = count(known["answers"]?["400"])
        return tally
    }

    /// Everything they have done, from what they wrote down themselves.
    func deedsOutside() throws -> OutsideDeeds {
        try deeds.withLock { deeds in
            try deeds.readOn()
            return deeds
        }
    }

    /// Everything that was ever on the bus, in its order.
    func heardOnTheBus() throws -> [BusListener.Heard] {
        let news = try BusListener("clinic", of: broker, pattern: "appointment.#").takeAll()
        return heardOnBus.withLock { heard in
            heard += news
            return heard
        }
    }

    /// Presses a button on the simulator's page, which no mode keeps from working.
    func press(_ button: String, _ id: String) async throws {
        _ = try await http.send(
            "POST", "\(simulator.base)/pages/\(button)", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array("id=\(id)".utf8))
    }
}

/// How often one of those outside was called, did something, and answered.
struct OutsideTally: Sendable {
    var requests = 0
    var effects = 0
    var answers = 0
    /// How often they said no for good (400).
    var refused = 0

    static func - (left: OutsideTally, right: OutsideTally) -> OutsideTally {
        OutsideTally(
            requests: left.requests - right.requests, effects: left.effects - right.effects, answers: left.answers - right.answers
        )
    }
}
