import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// MC-2 with the real program: a simulated hospital's records follow an appointment through their own failures.
@Suite("A hospital's records")
final class RecordsTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("records") }
    deinit { folder.remove() }

    private func run(_ arguments: String...) async throws -> [String] {
        let (status, lines) = try await ChildProcess.run(Programs.server, arguments + ["--data", data])
        #expect(status == 0)
        return lines
    }

    /// How often something was done there.
    private func done(_ what: String, _ simulator: RunningServer) async throws -> Int {
        let ledger = try JSON(parsing: try await http.send("GET", "\(simulator.base)/ledger?destination=fhir").body)
        return (ledger["effects"]?.array ?? []).filter { $0["what"]?.string == what }.reduce(0) {
            $0 + Int($1["count"]?.integer ?? 0)
        }
    }

    private func eventually(_ what: String, _ look: () async throws -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(90)
        while ContinuousClock.now < limit {
            if try await look() { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ProcessFault("\(what) did not happen")
    }

    /// Books the last time there is, or one before it.
    private func book(hour: Int, _ server: RunningServer, _ desk: String) async throws -> String {
        let free = try await http.send(
            "GET", "\(server.base)/v1/free-times?visitType=01900000-0000-7000-8000-000000000301", token: desk)
        let times = try #require(try JSON(parsing: free.body)["items"]?.array)
        let time = times[max(0, times.count - 1 - hour)]
        let booked = try await http.send(
            "POST", "\(server.base)/v1/appointments", token: desk, key: "book-\(hour)",
            body: Array(
                #"""
                {"visitType":"01900000-0000-7000-8000-000000000301","practitioner":"\#(time["practitioner"]?.string ?? "")","start":"\#(time["start"]?.string ?? "")","patients":["01900000-0000-7000-8000-000000000506"]}
                """#.utf8))
        try #require(booked.status == 201, "\(booked.text)")
        return try #require(try JSON(parsing: booked.body)["id"]?.string)
    }

    @Test("follow what is booked and cancelled, and the desk and the command line see how they do")
    func follow() async throws {
        let simulator = try await RunningServer.simulator(Programs.server, errors: folder.file("simulator"))
        let secret = folder.file("records.secret")
        try Data("simulated-secret".utf8).write(to: URL(fileURLWithPath: secret))
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"],
            environment: [
                "MEDICONNECT_RECORDS_URL": "\(simulator.base)/fhir",
                "MEDICONNECT_RECORDS_TOKENS": "\(simulator.base)/oauth/token",
                "MEDICONNECT_RECORDS_CLIENT": "clinic", "MEDICONNECT_RECORDS_SECRET_FILE": secret,
                "MEDICONNECT_RECORDS_SYSTEM": "https://clinic.example/appointments",
            ], errors: folder.file("log"))
        let desk = try #require(try await run("token", "--role", "desk").first)
        // The demonstration's own appointments are brought there by the sweep; what is booked now, at once.
        let free = try await http.send(
            "GET", "\(server.base)/v1/free-times?visitType=01900000-0000-7000-8000-000000000301", token: desk)
        let time = try #require(try JSON(parsing: free.body)["items"]?.array?.last)
        let booked = try await http.send(
            "POST", "\(server.base)/v1/appointments", token: desk, key: "book",
            body: Array(
                #"""
                {"visitType":"01900000-0000-7000-8000-000000000301","practitioner":"\#(time["practitioner"]?.string ?? "")","start":"\#(time["start"]?.string ?? "")","patients":["01900000-0000-7000-8000-000000000507"]}
                """#.utf8))
        try #require(booked.status == 201, "\(booked.text)")
        let id = try #require(try JSON(parsing: booked.body)["id"]?.string)
        func states() async throws -> JSON? {
            try JSON(parsing: try await http.send("GET", "\(server.base)/v1/sync", token: desk).body)["items"]?.array?.first
        }
        try await eventually("the first success") { try await states()?["lastSuccessAt"]?.string != nil }
        // Their feed is heard as well, which is a success of its own.
        try await eventually("the record is made") { try await done("appointment", simulator) >= 1 }
        // Nothing else is on its way that could meet the failure instead.
        try await eventually("the others are made") { try await states()?["waiting"]?.integer == 0 }
        // It is done there and answered with an error: the second try meets the version the first one made.
        _ = try await http.send(
            "PUT", "\(simulator.base)/modes/fhir",
            body: Array(#"{"errors":1,"errorsAreDone":true,"times":1,"sparesTokens":true,"sparesReads":true}"#.utf8))
        let cancelled = try await http.send(
            "POST", "\(server.base)/v1/appointments/\(id)/cancellation", token: desk, key: "cancel", body: Array("{}".utf8))
        #expect(cancelled.status == 200)
        try await eventually("the cancellation") {
            let state = try await states()
            return try await done("change", simulator) >= 1 && state?["failures"]?.integer == 0 && state?["waiting"]?.integer == 0
        }
        let tasks = try await http.send("GET", "\(server.base)/v1/tasks?state=open", token: desk)
        #expect(try JSON(parsing: tasks.body)["items"]?.array?.isEmpty == true, "\(tasks.text)")
        // Somebody at the hospital moves another one by an hour: it is put back, and shown to the desk once.
        let other = try await book(hour: 1, server, desk)
        try await eventually("the second appointment") {
            try await http.send(
                "PUT", "\(simulator.base)/records/\(other)", body: Array(#"{"minutesLater":60}"#.utf8)
            ).status == 200
        }
        try await eventually("the task") {
            let tasks = try JSON(parsing: try await http.send("GET", "\(server.base)/v1/tasks?state=open", token: desk).body)
            return tasks["items"]?.array?.contains {
                $0["kind"]?.string == "records-changed" && $0["appointment"]?.string == other
            }
                == true
        }
        try await eventually("what was put back") {
            let state = try await states()
            return state?["waiting"]?.integer == 0 && state?["failures"]?.integer == 0
        }
        for path in ["retry", "reconciliation"] {
            let asked = try await http.send(
                "POST", "\(server.base)/v1/sync/\(path)", token: desk, key: path, body: Array("{}".utf8))
            #expect(asked.status == 200 && asked.text.contains("records-in"), "\(asked.text)")
        }
        let shown = try await http.send("GET", "\(simulator.base)/")
        #expect(shown.text.contains("Cancel there"))
        let lines = try await run("sync", "status")
        #expect(lines.count == 2 && lines[0].hasPrefix("records  last success 20"), "\(lines)")
        #expect(lines[1].hasPrefix("records-in") && lines[1].contains(", heard until 20"), "\(lines)")
        #expect(await server.stop() == 0)
        #expect(try await run("sync", "retry") == ["0 changes are tried again at once."])
        #expect(try await run("sync", "reconcile").count == 1)
        await simulator.process.kill()
        await http.close()
    }
}
