import API
import Foundation
import LoopbackClient
import Notation
import People
import PostgresCluster
import Processes
import Synchronization
import TestKit

/// A clinic with everybody it works with: one server on the embedded database, or two workers that share a PostgreSQL, and a simulator of
/// all partners that writes down what it does.
final class ChaosClinic: Sendable {
    /// Seconds a worker's lease lasts, so that what it was at does not wait for a minute each time.
    static let leaseSeconds = 5
    static let practitioners = 24
    /// Of these the last ones have their calendars elsewhere.
    static let elsewhere = 17...24
    static let lanes = 8

    let engine: String
    let simulator: RunningServer
    /// Requests may have to be repeated; a server that is stopped keeps its clients waiting no longer than this.
    let http = Loopback(connections: 64, timeoutSeconds: 8)
    let desk: String
    let ports: [Int]
    let cluster: PrivateCluster?
    private let house: DataFolder
    private let database: FreshDatabase?
    private let program: String
    private let folder: TemporaryFolder
    private let servers: Mutex<[RunningServer?]>
    private var outside: String { folder.file("outside") }

    // MARK: Beginning and end

    init(_ engine: String, program: String, under folder: TemporaryFolder, seed: UInt64) async throws {
        self.engine = engine
        self.program = program
        self.folder = folder
        cluster = engine == "postgres" ? try await PrivateCluster() : nil
        try await cluster?.start()
        database = try await cluster?.freshDatabase()
        house = DataFolder(path: folder.file("data"), url: database?.url)
        house.makeSecret()
        let tokens = Tokens(secret: try house.secret, clock: MachineClock())
        desk = try await tokens.issue(for: Caller(role: .desk, subject: CrashClinic.id(9, 1)), lasting: .days(1))
        let admin = try await tokens.issue(for: Caller(role: .admin, subject: CrashClinic.id(9, 2)), lasting: .days(1))
        simulator = try await RunningServer.start(
            program, ["simulator", "--port", "0", "--data", folder.file("outside"), "--seed", "\(seed)"],
            errors: folder.file("simulator.log"))
        var free = FreePorts()
        ports = [try free.take(), try free.take()]
        servers = Mutex([nil, nil])
        let document = folder.file("clinic.json")
        try Data(PartneredClinic.document(practitioners: Self.practitioners, patients: Self.lanes * 2)).write(
            to: URL(fileURLWithPath: document))
        let (status, said) = try await ChildProcess.run(program, ["import", document] + house.flags, errors: nil)
        guard status == 0 else { throw ProcessFault("the import ended with \(status): \(said.joined(separator: "\n"))") }
        try await start()
        do {
            try await PartneredClinic.furnish(
                base, by: http, admin: admin, desk: desk, elsewhere: Self.elsewhere, patients: Self.lanes * 2)
        } catch {
            await close()
            throw error
        }
    }

    func close() async {
        for index in servers.withLock({ $0.indices }) { await kill(index) }
        await simulator.process.kill()
        await http.close()
        await cluster?.remove()
    }

    // MARK: Servers

    var base: String { "http://127.0.0.1:\(ports[0])" }
    var bases: [String] { indices.map { "http://127.0.0.1:\(ports[$0])" } }
    /// Two workers where the database is a server's; the embedded one has room for one.
    var indices: Range<Int> { 0..<(cluster == nil ? 1 : 2) }

    private var partners: [String: String] {
        PartneredClinic.environment(simulator: simulator.base, clinic: base).merging([
            "MEDICONNECT_LOG_LEVEL": "info", "MEDICONNECT_OUTBOX_LEASE": "\(Self.leaseSeconds)",
        ]) { $1 }
    }

    /// Starts whatever does not run.
    func start() async throws {
        for index in indices where servers.withLock({ $0[index]?.process.isRunning != true }) {
            let server = try await RunningServer.start(
                program, ["serve", "--port", "\(ports[index])"] + house.flags, environment: partners,
                errors: folder.file("server-\(index).log"))
            servers.withLock { $0[index] = server }
        }
        for (part, path) in [("payments", "payments"), ("sms", "texts")] {
            let told = try await http.send(
                "PUT", "\(simulator.base)/callbacks/\(part)", body: Array(#"{"url":"\#(base)/v1/incoming/\#(path)"}"#.utf8))
            guard told.status == 200 else { throw ProcessFault("the simulator takes no callback: \(told.text)") }
        }
    }

    /// Ends them in order. What did not end well.
    func stop() async -> [String] {
        var flaws: [String] = []
        for index in indices {
            guard let server = servers.withLock({ $0[index] }), server.process.isRunning else { continue }
            let code = await server.stop()
            if code != 0 { flaws.append("server \(index) ended with \(code) when it was asked to stop") }
        }
        return flaws
    }

    func kill(_ index: Int) async { await servers.withLock { $0[index] }?.process.kill() }

    func signal(_ signal: Int32, to index: Int) { servers.withLock { $0[index] }?.process.signal(signal) }

    /// Who has a message of this topic in hand; nil when nobody has.
    func holder(of topic: String) async throws -> Int? {
        let worker = try await rows(
            "SELECT worker FROM outbox WHERE state = 'running' AND topic = '\(topic)' ORDER BY id DESC LIMIT 1")
        guard let number = worker.first?.first?.split(separator: "-").last.flatMap({ Int32($0) }) else { return nil }
        return servers.withLock { $0.firstIndex { $0?.process.number == number } }
    }

    /// Runs one of the program's commands as an operator would.
    func command(_ words: [String]) async throws -> (status: Int32, said: [String]) {
        let (status, output) = try await ChildProcess.run(program, words + house.flags, environment: partners, errors: nil)
        return (status, output)
    }

    // MARK: The database, past the program

    func rows(_ question: String) async throws -> [[String]] {
        if let cluster, let database {
            return try await cluster.psql(question, database: database.name).map {
                $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            }
        }
        return try PlainFile(house.databasePath).rows(question).map { $0.map(\.string) }
    }

    func number(_ question: String) async throws -> Int { try await rows(question).first?.first.flatMap { Int($0) } ?? 0 }

    func change(_ statement: String) async throws {
        if let cluster, let database {
            try await cluster.psql(statement, database: database.name)
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

    func set(_ mode: String, for parts: [Outsider] = Outsider.allCases) async throws {
        for part in parts {
            let reply = try await http.send("PUT", "\(simulator.base)/modes/\(part.rawValue)", body: Array(mode.utf8))
            guard reply.status == 200 else { throw ProcessFault("the simulator refuses the mode \(mode): \(reply.text)") }
        }
    }

    /// What has come of calls to one of them so far.
    func tally(_ part: Outsider) async throws -> OutsideTally {
        let reply = try await http.send("GET", "\(simulator.base)/ledger?destination=\(part.rawValue)")
        let json = try JSON(parsing: reply.body)
        guard let known = json["destinations"]?[part.rawValue] else { throw ProcessFault("no ledger: \(reply.text)") }
        let answers = (known["answers"]?.members ?? []).reduce(0) { $0 + Int($1.value.integer ?? 0) }
        var tally = OutsideTally(
            requests: Int(known["requests"]?.integer ?? 0), effects: Int(known["effects"]?.integer ?? 0), answers: answers)
        let taken = known["answers"]?["202"]?.integer ?? 0
        tally.unanswered = tally.requests - Int(taken)
        return tally
    }

    /// Everything they have done, from what they wrote down themselves.
    func deedsOutside() throws -> OutsideDeeds { try OutsideDeeds(journal: "\(outside)/simulator.jsonl") }

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
    /// Of mails: how often they were not told that it is taken.
    var unanswered = 0

    static func - (left: OutsideTally, right: OutsideTally) -> OutsideTally {
        OutsideTally(
            requests: left.requests - right.requests, effects: left.effects - right.effects, answers: left.answers - right.answers
        )
    }
}
