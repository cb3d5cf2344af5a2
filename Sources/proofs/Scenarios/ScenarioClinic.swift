import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes

/// A clinic as it runs, for one scenario after the other: the real server, the simulator of another calendar, and on PostgreSQL a server of
/// its own. The demo clinic's practitioners have their calendars there.
final class ScenarioClinic: Sendable {
    static let visitType = "01900000-0000-7000-8000-000000000301"

    let engine: String
    let server: RunningServer
    let simulator: RunningServer
    let http = Loopback(connections: 64, timeoutSeconds: 60)
    let log: String
    let desk: String
    /// Those who do the visit.
    let practitioners: [String]
    private let house: DataFolder
    private let cluster: PrivateCluster?
    private let database: String?

    /// - Parameter askedSeconds: how long the calendar is asked before an appointment is given up.
    init(_ engine: String, program: String, under folder: TemporaryFolder, askedSeconds: Int = 120) async throws {
        self.engine = engine
        let name = "\(engine)-\(askedSeconds)"
        cluster = engine == "postgres" ? try await PrivateCluster.shared : nil
        let fresh = try await cluster?.freshDatabase()
        database = fresh?.name
        house = DataFolder(path: folder.file(name), url: fresh?.url)
        house.makeSecret()
        log = folder.file("\(name).log")
        simulator = try await RunningServer.start(
            program, ["simulator", "--port", "0"], errors: folder.file("\(name)-simulator.log"))
        let secret = folder.file("calendar.token")
        try Data("simulated-scheduling".utf8).write(to: URL(fileURLWithPath: secret))
        server = try await RunningServer.start(
            program, ["serve", "--demo", "--port", "0"] + house.flags,
            environment: [
                "MEDICONNECT_SCHEDULING_PROVIDERS": "north=\(simulator.base)/scheduling",
                "MEDICONNECT_SCHEDULING_TOKEN_FILE": secret, "MEDICONNECT_SCHEDULING_SECONDS": "\(askedSeconds)",
                "MEDICONNECT_LOG_LEVEL": "info",
            ], errors: log)
        var tokens: [String] = []
        for role in ["desk", "admin"] {
            let (status, lines) = try await ChildProcess.run(program, ["token", "--role", role] + house.flags)
            guard status == 0, let token = lines.first else { throw ProcessFault("no token for \(role)") }
            tokens.append(token)
        }
        desk = tokens[0]
        let free = try await http.send(
            "GET", "\(server.base)/v1/free-times?visitType=\(Self.visitType)&limit=200", token: tokens[0])
        let found = try JSON(parsing: free.body)["items"]?.array ?? []
        practitioners = Set(found.compactMap { $0["practitioner"]?.string }).sorted()
        do {
            guard !practitioners.isEmpty else { throw ProcessFault("nobody does the visit: \(free.text.prefix(300))") }
            for practitioner in practitioners { try await giveAway(practitioner, by: tokens[1]) }
        } catch {
            await close()
            throw error
        }
    }

    func close() async {
        _ = await server.stop()
        _ = await simulator.stop()
        await http.close()
    }

    /// Makes somebody's calendar the simulator's.
    private func giveAway(_ practitioner: String, by admin: String) async throws {
        let path = "\(server.base)/v1/practitioners/\(practitioner)"
        let known = try await http.send("GET", path, token: admin)
        let changed = try await http.send(
            "PUT", path, token: admin, key: "calendar-\(practitioner)", headers: ["If-Match": known.etag ?? ""],
            body: Array(known.text.replacing("\"active\":true", with: #""provider":"north","active":true"#).utf8))
        guard changed.status == 200 else { throw ProcessFault("the calendar could not be given away: \(changed.text)") }
    }

    // MARK: What happens

    /// How the other calendar behaves from now on, as the simulator's modes have it.
    func set(_ mode: String) async throws {
        let reply = try await http.send("PUT", "\(simulator.base)/modes/scheduling", body: Array(mode.utf8))
        guard reply.status == 200 else { throw ProcessFault("the simulator refuses the mode: \(reply.text)") }
    }

    /// Times far enough from each other that none is in another's way, the earliest first.
    func times(_ count: Int, of practitioner: String) async throws -> [String] {
        var times: [String] = []
        var cursor: String?
        repeat {
            let reply = try await http.send(
                "GET",
                "\(server.base)/v1/free-times?visitType=\(Self.visitType)&practitioner=\(practitioner)&limit=200"
                    + (cursor.map { "&cursor=\($0)" } ?? ""), token: desk)
            let page = try JSON(parsing: reply.body)
            guard let items = page["items"]?.array else { throw ProcessFault("no times: \(reply.text)") }
            for start in items.compactMap({ $0["start"]?.string.flatMap { Instant($0) } }) {
                if let last = times.last.flatMap({ Instant($0) }), start < last + .minutes(60) { continue }
                times.append(start.description)
            }
            cursor = page["next"]?.string
        } while times.count < count && cursor != nil
        guard times.count >= count else { throw ProcessFault("there are \(times.count) free times, and \(count) are needed") }
        return Array(times.prefix(count))
    }

    /// Books; the appointment's identifier.
    func book(_ start: String, with practitioner: String, patient: Int, key: String) async throws -> String {
        let body = Array(
            #"{"visitType":"\#(Self.visitType)","practitioner":"\#(practitioner)","start":"\#(start)","patients":["01900000-0000-7000-8000-00000000050\#(1 + patient % 8)"]}"#
                .utf8)
        var reply = try await http.send("POST", "\(server.base)/v1/appointments", token: desk, key: key, body: body)
        // Somebody else brings the same request at this moment.
        while reply.status == 409, reply.text.contains("request-in-progress") {
            try await Task.sleep(for: .milliseconds(20))
            reply = try await http.send("POST", "\(server.base)/v1/appointments", token: desk, key: key, body: body)
        }
        guard reply.status == 201, let id = try JSON(parsing: reply.body)["id"]?.string else {
            throw ProcessFault("a booking was answered with \(reply.status): \(reply.text)")
        }
        return id
    }

    func appointment(_ id: String) async throws -> JSON {
        try JSON(parsing: try await http.send("GET", "\(server.base)/v1/appointments/\(id)", token: desk).body)
    }

    /// The appointment once it is not pending any more.
    func settled(_ id: String, withinSeconds seconds: Int = 180) async throws -> JSON {
        let limit = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < limit {
            let found = try await appointment(id)
            if found["state"]?.string != "pending" { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ProcessFault("appointment \(id) is pending after \(seconds) s")
    }

    /// Waits until nothing is left to be told outside.
    func outboxEmpties(withinSeconds seconds: Int = 120) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < limit {
            if try await waiting() == 0 { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    private func waiting() async throws -> Int {
        try await number(
            "SELECT count(*) FROM outbox WHERE topic LIKE 'scheduling.%' AND state IN ('ready', 'running', 'dead')")
    }

    func number(_ question: String) async throws -> Int {
        if let cluster, let database {
            return try await cluster.psql(question, database: database).first.flatMap { Int($0) } ?? -1
        }
        return try PlainFile(house.databasePath).number(question)
    }

    // MARK: What can be seen

    /// What stands in the other calendar, by the instant: how often something is confirmed or pending there.
    func theirs() async throws -> [Instant: Int] {
        var (standing, after): ([Instant: Int], String?) = ([:], nil)
        repeat {
            let reply = try await http.send(
                "GET",
                "\(simulator.base)/scheduling/appointments?provider=north&limit=100" + (after.map { "&after=\($0)" } ?? ""),
                token: "simulated-scheduling")
            let page = try JSON(parsing: reply.body)
            guard let items = page["appointments"]?.array else { throw ProcessFault("the other calendar says \(reply.text)") }
            for item in items {
                guard let time = item["time"]?.string.flatMap({ Instant($0) }), let state = item["state"]?.string else {
                    continue
                }
                if state == "confirmed" || state == "pending" { standing[time, default: 0] += 1 }
            }
            after = page["next"]?.string
        } while after != nil
        return standing
    }

    func metrics() async throws -> String { try await http.send("GET", "\(server.base)/metrics").text }

    /// The value of a metric's line; nil where there is none.
    func metric(_ line: String) async throws -> Double? {
        try await metrics().split(separator: "\n").first { $0.hasPrefix(line + " ") }.flatMap {
            $0.split(separator: " ").last.flatMap { Double($0) }
        }
    }

    /// The log's lines of an event that speak of an appointment, in order.
    func logged(_ event: String, of appointment: String) -> [JSON] {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSON(parsing: Array($0.utf8)) }.filter {
            $0["evt"]?.string == event && $0["appointment_id"]?.string == appointment
        }
    }
}
