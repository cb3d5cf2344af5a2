import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes
import Synchronization

/// What a scenario's clinic has to be like.
struct ClinicNeeds: Sendable {
    /// Whom it works with, all of them played by one simulator.
    enum Partner: String, Sendable, CaseIterable { case scheduling, payments, texts, mail, records, legacy }

    var partners: Set<Partner>
    /// Settings besides, by their names in the environment.
    var settings: [String: String] = [:]
    /// On PostgreSQL, what each of its servers does; the embedded database is one server's that does everything.
    var nodes = ["api,worker", "api,worker,reconciler"]

    init(_ partners: Partner..., settings: [String: String] = [:]) {
        self.partners = Set(partners)
        self.settings = settings
    }

    /// One server that answers and one that does the work.
    func withRolesApart() -> ClinicNeeds {
        var needs = self
        needs.nodes = ["api", "worker,reconciler"]
        return needs
    }
}

/// A clinic as it runs: its servers, the simulator of whomever it works with, and on PostgreSQL a database of its own. Each request goes to
/// another of the servers that answer.
final class ScenarioClinic: Sendable {
    static let visitType = "01900000-0000-7000-8000-000000000301"

    let engine: String
    let simulator: RunningServer
    let http = Loopback(connections: 64, timeoutSeconds: 60)
    let needs: ClinicNeeds
    /// Tokens of the desk and of an admin.
    var desk: String { state.withLock { $0.desk } }
    var admin: String { state.withLock { $0.admin } }
    private let program: String
    private let house: DataFolder
    private let folder: TemporaryFolder
    private let cluster: PrivateCluster?
    private let database: String?
    /// The port of each server, the same after a restart.
    private let ports: [Int]
    private let fault: PlantedFault?

    private static let free = Mutex(FreePorts())

    private struct State: Sendable {
        var (desk, admin) = ("", "")
        var servers: [RunningServer] = []
        var logs: [String] = []
        /// What servers had counted that were stopped.
        var counted: [String: Double] = [:]
        var asked = 0
        /// What was asked for: the identifier of each request that changes something.
        var changes: [String] = []
    }
    private let state = Mutex(State())

    /// - Parameter fault: what is put in on purpose, to see that it is seen.
    init(
        _ engine: String, for name: String, _ needs: ClinicNeeds, program: String, under parent: TemporaryFolder,
        fault: PlantedFault? = nil
    ) async throws {
        (self.engine, self.needs, self.program, self.fault) = (engine, needs, program, fault)
        folder = try TemporaryFolder("\(name)-\(engine)", under: parent.path)
        cluster = engine == "postgres" ? try await PrivateCluster.shared : nil
        let fresh = try await cluster?.freshDatabase()
        database = fresh?.name
        house = DataFolder(path: folder.file("data"), url: fresh?.url)
        house.makeSecret()
        ports = try (cluster == nil ? ["all"] : needs.nodes).map { _ in try Self.free.withLock { try $0.take() } }
        simulator = try await RunningServer.simulator(program, errors: folder.file("simulator.log"))
        do {
            for (name, secret) in [
                ("calendar", "simulated-scheduling"), ("pay", "sk_test_simulated"), ("sign", "whsec_simulated"),
                ("texts", "simulated-token"), ("mail", "SG.simulated"), ("records", "simulated-secret"),
                ("legacy", "simulated-legacy"),
            ] { try Data(secret.utf8).write(to: URL(fileURLWithPath: folder.file("\(name).secret"))) }
            try await start()
            for (part, path) in [("payments", "payments"), ("sms", "texts")] {
                try await control("callbacks/\(part)", #"{"url":"\#(base)/v1/incoming/\#(path)"}"#)
            }
            let (desk, admin) = (try await token("desk"), try await token("admin"))
            state.withLock { ($0.desk, $0.admin) = (desk, admin) }
            if let fault { try await set("{}", fault.parts) }
        } catch {
            await close()
            throw error
        }
    }

    // MARK: Its programs

    /// Starts its servers, one after the other: the first of them fills the database.
    func start(_ settings: [String: String] = [:]) async throws {
        for (index, roles) in (cluster == nil ? [nil] : needs.nodes.map(Optional.some)).enumerated() {
            let log = folder.file("server-\(index).log")
            let server = try await RunningServer.start(
                program,
                ["serve", "--demo", "--port", "\(ports[index])"] + house.flags + (roles.map { ["--role", $0] } ?? []),
                environment: environment.merging(needs.settings) { $1 }.merging(settings) { $1 }, errors: log)
            state.withLock { state in
                state.servers.append(server)
                if !state.logs.contains(log) { state.logs.append(log) }
            }
        }
    }

    /// Stops its servers, when nobody is at work; what they counted is kept. The exit code of each.
    func stop() async throws -> [Int32] {
        // What is done after the last look would not be counted, nor what is counted a moment after it was done.
        _ = try await comesTrue {
            try await self.number(
                "SELECT count(*) FROM outbox WHERE state = 'running' OR (state = 'ready' AND available_at <= \(self.sql(self.now)))"
            ) == 0
        }
        try await holdBack()
        _ = try await comesTrue {
            let metrics = try await self.metrics()
            if try await self.number("SELECT count(*) FROM outbox WHERE state = 'running'") > 0 { return false }
            return try await self.done().allSatisfy { Int(metrics[Self.doneMetric($0.key)] ?? 0) >= $0.value }
        }
        for server in state.withLock({ $0.servers }) {
            let counted = Self.counters(try await http.send("GET", "\(server.base)/metrics").text)
            state.withLock { $0.counted.merge(counted) { $0 + $1 } }
        }
        var codes: [Int32] = []
        for server in state.withLock({ state in
            defer { state.servers = [] }
            return state.servers
        }) { codes.append(await server.stop()) }
        try await letGo()
        return codes
    }

    private func comesTrue(_ look: () async throws -> Bool) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < limit {
            if try await look() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Nothing that waits comes due any more, until it is let go.
    private func holdBack() async throws { try await shiftWhatWaits(by: .days(Self.heldDays), from: "<") }
    private func letGo() async throws { try await shiftWhatWaits(by: .days(-Self.heldDays), from: ">=") }
    private static let heldDays = 20_000

    /// - Parameter side: on which side of a time nobody plans for they are.
    private func shiftWhatWaits(by span: Span, from side: String) async throws {
        let shifted =
            cluster == nil
            ? "available_at + (\(span.microseconds))" : "available_at + interval '\(span.microseconds / 3_600_000_000) hours'"
        try await tamper(
            """
            UPDATE outbox SET available_at = \(shifted)
            WHERE state = 'ready' AND available_at \(side) \(sql(now + .days(Self.heldDays / 2)))
            """)
    }

    /// What was done outside, by topic, as the table has it.
    func done() async throws -> [String: Int] {
        try await numbers(
            "SELECT topic, count(*) FROM outbox WHERE \(Scene.outside) AND state = 'done' GROUP BY topic")
    }

    /// The line of the metric that counts it.
    static func doneMetric(_ topic: String) -> String { #"mediconnect_outbox_settled_total{state="done",topic="\#(topic)"}"# }

    func close() async {
        for server in state.withLock({ $0.servers }) { _ = await server.stop() }
        _ = await simulator.stop()
        await http.close()
        folder.remove()
    }

    private func file(_ name: String) -> String { folder.file("\(name).secret") }

    private var environment: [String: String] {
        var all = ["MEDICONNECT_LOG_LEVEL": "info", "MEDICONNECT_PUBLIC_URL": "http://127.0.0.1:\(ports[0])"]
        for partner in needs.partners {
            let settings: [String: String] =
                switch partner {
                case .scheduling:
                    ["SCHEDULING_PROVIDERS": "north=\(simulator.base)/scheduling", "SCHEDULING_TOKEN_FILE": file("calendar")]
                case .payments:
                    [
                        "PAYMENTS_URL": "\(simulator.base)/payments", "PAYMENTS_SECRET_FILE": file("pay"),
                        "PAYMENTS_SIGNING_FILE": file("sign"),
                    ]
                case .texts:
                    [
                        "SMS_URL": "\(simulator.base)/sms", "SMS_ACCOUNT": "AC00", "SMS_SENDER": "+4930100200",
                        "SMS_TOKEN_FILE": file("texts"), "SMS_CALLBACK": "http://127.0.0.1:\(ports[0])/v1/incoming/texts",
                    ]
                case .mail:
                    [
                        "MAIL_SERVICE_URL": "\(simulator.base)/mail", "MAIL_SERVICE_KEY_FILE": file("mail"),
                        "MAIL_SERVICE_LOOKUP": "1",
                        "MAIL_FROM": "City Clinic <noreply@clinic.example>",
                    ]
                case .records:
                    [
                        "RECORDS_URL": "\(simulator.base)/fhir", "RECORDS_TOKENS": "\(simulator.base)/oauth/token",
                        "RECORDS_CLIENT": "clinic", "RECORDS_SECRET_FILE": file("records"),
                        "RECORDS_SYSTEM": "https://clinic.example/appointments",
                    ]
                case .legacy: ["LEGACY_URL": "\(simulator.base)/legacy", "LEGACY_TOKEN_FILE": file("legacy")]
                }
            for (name, value) in settings { all["MEDICONNECT_\(name)"] = value }
        }
        return all
    }

    /// The program once, beside the servers or in their place.
    func run(_ arguments: String...) async throws -> [String] {
        let log = folder.file("command.log")
        let (status, lines) = try await ChildProcess.run(
            program, arguments + house.flags,
            environment: environment.merging(["MEDICONNECT_PARTNERS_SIMULATOR": "true"]) { $1 }, errors: log)
        guard status == 0 else {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw ProcessFault("mediconnect \(arguments.joined(separator: " ")) ended with \(status): \(said.suffix(500))")
        }
        return lines
    }

    func token(_ role: String, subject: String? = nil) async throws -> String {
        let lines =
            if let subject {
                try await run("token", "--role", role, "--subject", subject, "--minutes", "120")
            } else { try await run("token", "--role", role) }
        guard let token = lines.last else { throw ProcessFault("no token for \(role)") }
        return token
    }

    /// Of its first server, which always answers.
    var base: String { "http://127.0.0.1:\(ports[0])" }

    private var nextBase: String {
        state.withLock { state in
            state.asked += 1
            return "http://127.0.0.1:\(ports[state.asked % answering.count])"
        }
    }

    // MARK: Asking it

    /// A request whose answer is expected to be a success.
    @discardableResult
    func ask(
        _ method: String, _ path: String, by token: String? = nil, key: String? = nil, body: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> JSON {
        let reply = try await send(method, path, by: token, key: key, body: body, headers: headers)
        guard (200..<300).contains(reply.status) else {
            throw ProcessFault("\(method) \(path) was answered with \(reply.status): \(reply.text.prefix(600))")
        }
        return try JSON(parsing: reply.body)
    }

    /// The same, whatever the answer. A change gets an identifier of its own, by which it is found in the log.
    func send(
        _ method: String, _ path: String, by token: String? = nil, key: String? = nil, body: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Loopback.Reply {
        var headers = headers
        var name: String?
        if method != "GET" {
            name = "scenario-\(UUID().uuidString.lowercased())"
            headers["X-Request-Id"] = name
        }
        let reply = try await http.send(
            method, nextBase + path, token: token ?? desk, key: method == "GET" ? nil : key ?? name, headers: headers,
            body: body.map { Array($0.utf8) } ?? [])
        if let name { state.withLock { $0.changes.append(name) } }
        return reply
    }

    /// A new kind of visit, once every server that answers knows of it.
    func makeVisitType(_ body: String) async throws -> String {
        let made = try await ask("POST", "/v1/visit-types", by: admin, body: body).id
        for port in answering {
            let path = "http://127.0.0.1:\(port)/v1/free-times?visitType=\(made)&limit=1"
            guard try await comesTrue({ try await self.http.send("GET", path, token: self.desk).status == 200 }) else {
                throw ProcessFault("the server at port \(port) does not hear of a new kind of visit")
            }
        }
        return made
    }

    /// The ports of the servers that answer.
    private var answering: ArraySlice<Int> { ports.prefix(cluster == nil ? 1 : needs.nodes.prefix { $0.contains("api") }.count) }

    /// The identifiers of the changes that were asked for and answered.
    var changes: [String] { state.withLock { $0.changes } }

    // MARK: Its database, by other means than its own

    func number(_ question: String) async throws -> Int {
        if let cluster, let database {
            return try await cluster.psql(question, database: database).first.flatMap { Int($0) } ?? -1
        }
        return try PlainFile(house.databasePath).number(question)
    }

    /// The rows of two columns, a text and a number.
    func numbers(_ question: String) async throws -> [String: Int] {
        var numbers: [String: Int] = [:]
        if let cluster, let database {
            for line in try await cluster.psql(question, database: database) {
                let parts = line.split(separator: "|", omittingEmptySubsequences: false)
                if parts.count == 2 { numbers[String(parts[0])] = Int(parts[1]) }
            }
        } else {
            for row in try PlainFile(house.databasePath).rows(question) { numbers[row[0].string] = Int(row[1].number) }
        }
        return numbers
    }

    /// Changes rows behind its back.
    func tamper(_ statement: String) async throws {
        if let cluster, let database {
            try await cluster.psql(statement, database: database)
        } else {
            try PlainFile(house.databasePath, readOnly: false).execute(statement)
        }
    }

    /// As statements for this engine have an identifier, and an instant.
    func sql(id: String) -> String { cluster == nil ? "x'\(id.replacing("-", with: ""))'" : "'\(id)'" }
    func sql(_ instant: Instant) -> String { cluster == nil ? "\(instant.microseconds)" : "'\(instant)'" }
    var now: Instant { Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) }

    // MARK: What can be seen from outside

    func set(_ mode: String, _ parts: String...) async throws { try await set(mode, parts) }

    /// How partners behave from now on, as the simulator's modes have it: `scheduling`, `payments`, `sms`, `mail`, `fhir`, `legacy`.
    func set(_ mode: String, _ parts: [String]) async throws {
        let planted = mode == "{}" ? fault?.mode ?? mode : fault?.mode.map { "\(mode.dropLast()),\($0.dropFirst())" } ?? mode
        for part in parts { try await control("modes/\(part)", planted) }
    }

    func control(_ path: String, _ body: String) async throws {
        let reply = try await http.send("PUT", "\(simulator.base)/\(path)", body: Array(body.utf8))
        guard reply.status == 200 else { throw ProcessFault("the simulator refuses \(path): \(reply.text)") }
    }

    /// What somebody does on the simulator's page: `pay`, `answer`, `confirm`, `refuse`.
    func press(_ button: String, _ fields: String) async throws {
        let reply = try await http.send(
            "POST", "\(simulator.base)/pages/\(button)", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(fields.utf8))
        guard (200..<400).contains(reply.status) else { throw ProcessFault("\(button) \(fields): \(reply.text)") }
    }

    /// What was done for whom, as the simulator has written it down.
    func ledger() async throws -> SimulatedLedger {
        try SimulatedLedger(try JSON(parsing: try await http.send("GET", "\(simulator.base)/ledger").body))
    }

    /// Counters and gauges by their lines' beginning: counters are the sum over the servers there are and were, gauges of those there are.
    func metrics() async throws -> [String: Double] {
        var all = state.withLock { $0.counted }
        for server in state.withLock({ $0.servers }) {
            for (line, value) in Self.lines(try await http.send("GET", "\(server.base)/metrics").text) {
                all[line, default: 0] += value
            }
        }
        return all
    }

    /// A gauge on each server.
    func gauges(_ line: String) async throws -> [Double] {
        var values: [Double] = []
        for server in state.withLock({ $0.servers }) {
            values.append(Self.lines(try await http.send("GET", "\(server.base)/metrics").text)[line] ?? 0)
        }
        return values
    }

    private static func lines(_ text: String) -> [String: Double] {
        var lines: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
            lines[String(line[..<space])] = value
        }
        return lines
    }

    private static func counters(_ text: String) -> [String: Double] {
        lines(text).filter { $0.key.prefix { $0 != "{" }.hasSuffix("_total") }
    }

    /// What its servers have said, line by line; not the last one's beginning that is being written.
    func logLines() -> [String] {
        state.withLock { $0.logs }.flatMap { path in
            let text = (try? String(decoding: Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)) ?? ""
            let whole = text.lastIndex(of: "\n").map { text[..<$0] } ?? ""
            return whole.split(separator: "\n").map(String.init)
        }
    }

    /// What a planted fault puts in.
    func say(inTheLog words: String) {
        guard let path = state.withLock({ $0.logs.first }), let file = FileHandle(forWritingAtPath: path) else { return }
        _ = try? file.seekToEnd()
        let line =
            #"{"time":"","level":"info","evt":"planted","request_id":null,"appointment_id":null,"message":"\#(words)","extra":{}}"#
        file.write(Data("\(line)\n".utf8))
        try? file.close()
    }

    /// What the servers say of themselves.
    func health() async throws -> String {
        var all = ""
        for server in state.withLock({ $0.servers }) { all += try await http.send("GET", "\(server.base)/health").text }
        return all
    }

    func logged(_ event: String, of appointment: String? = nil) -> [JSON] {
        logLines().filter { $0.contains("\"evt\":\"\(event)\"") }.compactMap { try? JSON(parsing: Array($0.utf8)) }.filter {
            appointment == nil || $0["appointment_id"]?.string == appointment
        }
    }
}

/// What the simulator did, and how often.
struct SimulatedLedger: Sendable {
    struct Effect: Sendable {
        let part: String
        let what: String
        let key: String
        let count: Int
        let made: [String]
    }

    let effects: [Effect]
    /// Requests by part.
    let requests: [String: Int]
    let webhooksTaken: [String: Int]

    init(_ json: JSON) throws {
        guard let listed = json["effects"]?.array, let parts = json["destinations"]?.members else {
            throw ProcessFault("the simulator shows no ledger")
        }
        effects = listed.map { effect in
            let count = effect["count"]?.integer ?? 0
            return Effect(
                part: effect["destination"]?.string ?? "", what: effect["what"]?.string ?? "",
                key: effect["key"]?.string ?? "", count: Int(count),
                made: (effect["made"]?.array ?? []).compactMap(\.string))
        }
        var (requests, taken): ([String: Int], [String: Int]) = ([:], [:])
        for part in parts {
            requests[part.name] = Int(part.value["requests"]?.integer ?? 0)
            taken[part.name] = Int(part.value["webhooksTaken"]?.integer ?? 0)
        }
        (self.requests, webhooksTaken) = (requests, taken)
    }

    func of(_ part: String, _ what: String) -> [Effect] { effects.filter { $0.part == part && $0.what == what } }

    /// How often it was done, whatever the keys.
    func times(_ part: String, _ what: String) -> Int { of(part, what).reduce(0) { $0 + $1.count } }
}
