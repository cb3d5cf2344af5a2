import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// GF-2 and GF-7 with the real program: it asks a simulated calendar that fails as badly as calendars do, and is killed in between.
@Suite("Another calendar")
final class AnotherCalendarTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private let practitioner = "01900000-0000-7000-8000-000000000101"
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("calendar") }
    deinit { folder.remove() }

    private struct Stage {
        let simulator: RunningServer
        let server: RunningServer
        let desk: String
        let starts: [String]
    }

    private func server(_ simulator: RunningServer) async throws -> RunningServer {
        let secret = folder.file("calendar.token")
        try Data("simulated-scheduling".utf8).write(to: URL(fileURLWithPath: secret))
        return try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"],
            environment: [
                "MEDICONNECT_SCHEDULING_PROVIDERS": "north=\(simulator.base)/scheduling",
                "MEDICONNECT_SCHEDULING_TOKEN_FILE": secret, "MEDICONNECT_SCHEDULING_SECONDS": "120",
            ], errors: folder.file("log-\(UUID())"))
    }

    private func token(_ role: String) async throws -> String {
        let (status, lines) = try await ChildProcess.run(Programs.server, ["token", "--role", role, "--data", data])
        #expect(status == 0)
        return try #require(lines.first)
    }

    /// A clinic whose first practitioner's calendar is the simulator's.
    private func withStage(_ body: (Stage) async throws -> Void) async throws {
        let simulator = try await RunningServer.simulator(Programs.server, errors: folder.file("simulator"))
        let server = try await server(simulator)
        let (desk, admin) = (try await token("desk"), try await token("admin"))
        let path = "\(server.base)/v1/practitioners/\(practitioner)"
        let known = try await http.send("GET", path, token: admin)
        let changed = try await http.send(
            "PUT", path, token: admin, key: "calendar", headers: ["If-Match": known.etag ?? ""],
            body: Array(known.text.replacing("\"active\":true", with: #""provider":"north","active":true"#).utf8))
        #expect(changed.status == 200, "\(changed.text)")
        let visit = "01900000-0000-7000-8000-000000000301"
        let free = try await http.send(
            "GET", "\(server.base)/v1/free-times?visitType=\(visit)&practitioner=\(practitioner)&limit=200", token: desk)
        let starts = (try JSON(parsing: free.body)["items"]?.array ?? []).compactMap { $0["start"]?.string }
        // Every other one: whatever the visit takes, they are apart.
        let apart = starts.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
        try #require(apart.count > 12, "\(free.text.prefix(300))")
        do {
            try await body(Stage(simulator: simulator, server: server, desk: desk, starts: apart))
        } catch {
            await server.process.kill()
            await simulator.process.kill()
            await http.close()
            throw error
        }
        await simulator.process.kill()
        await http.close()
    }

    private func set(_ mode: String, _ stage: Stage) async throws {
        let reply = try await http.send("PUT", "\(stage.simulator.base)/modes/scheduling", body: Array(mode.utf8))
        #expect(reply.status == 200, "\(reply.text)")
    }

    private func book(_ number: Int, _ stage: Stage) async throws -> String {
        let reply = try await http.send(
            "POST", "\(stage.server.base)/v1/appointments", token: stage.desk, key: "book-\(number)",
            body: Array(
                #"""
                {"visitType":"01900000-0000-7000-8000-000000000301","practitioner":"\#(practitioner)","start":"\#(stage.starts[number])","patients":["01900000-0000-7000-8000-00000000050\#(1 + number % 8)"]}
                """#.utf8))
        #expect(reply.status == 201, "\(reply.text)")
        let json = try JSON(parsing: reply.body)
        #expect(
            json["state"]?.string == "pending" && json["externalConfirmation"]?["state"]?.string == "pending", "\(reply.text)")
        return try #require(json["id"]?.string)
    }

    private func read(_ id: String, _ base: String, _ desk: String) async throws -> JSON {
        try JSON(parsing: try await http.send("GET", "\(base)/v1/appointments/\(id)", token: desk).body)
    }

    /// Waits for what happens outside this program.
    private func eventually(_ what: String, _ look: () async throws -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < limit {
            if try await look() { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ProcessFault("\(what) did not happen within two minutes")
    }

    private func settled(_ id: String, _ stage: Stage, on base: String? = nil) async throws -> JSON {
        var found: JSON?
        try await eventually("an answer for \(id)") {
            let seen = try await read(id, base ?? stage.server.base, stage.desk)
            found = seen
            return seen["state"]?.string != "pending"
        }
        return try #require(found)
    }

    /// What stands in their calendar, by the minute.
    private func theirs(_ stage: Stage) async throws -> [(time: String, state: String)] {
        let reply = try await http.send(
            "GET", "\(stage.simulator.base)/scheduling/appointments?provider=north&limit=100", token: "simulated-scheduling")
        return (try JSON(parsing: reply.body)["appointments"]?.array ?? []).map {
            ($0["time"]?.string ?? "", $0["state"]?.string ?? "")
        }
    }

    private func standing(at number: Int, _ stage: Stage) async throws -> Int {
        try await theirs(stage).count {
            Instant($0.time) == Instant(stage.starts[number]) && ($0.state == "confirmed" || $0.state == "pending")
        }
    }

    /// How often it has done what it was asked, as it says of itself whatever its mode.
    private func made(_ stage: Stage) async throws -> Int {
        let reply = try await http.send("GET", "\(stage.simulator.base)/ledger?destination=scheduling")
        let effects = try JSON(parsing: reply.body)["effects"]?.array ?? []
        return effects.filter { $0["what"]?.string == "appointment" }.reduce(0) { $0 + Int($1["count"]?.integer ?? 0) }
    }

    @Test("a yes books, a no gives the time back, and no fault of theirs books twice or leaves anything behind")
    func faults() async throws {
        try await withStage { stage in
            let yes = try await settled(try await book(0, stage), stage)
            #expect(yes["state"]?.string == "booked" && yes["externalConfirmation"]?["attempts"]?.integer == 1)
            try await set(#"{"refuses":true}"#, stage)
            let no = try await settled(try await book(1, stage), stage)
            #expect(no["state"]?.string == "cancelled" && no["cancellation"]?["reason"]?.string == "provider-failed")
            #expect(no["externalConfirmation"]?["lastAnswer"]?.string == "slot_taken")
            var (triedAgain, modes) = (0, 0)
            // Done, and nobody hears of it; done, and the answer says something else; done, and it fails.
            for (number, mode) in [
                (2, #"{"silent":true,"times":1,"sparesReads":true}"#), (3, #"{"garbled":true,"times":1,"sparesReads":true}"#),
                (4, #"{"errors":1,"errorsAreDone":true,"times":1,"sparesReads":true}"#),
                (5, #"{"errors":1,"times":2,"sparesReads":true}"#),
                (6, #"{"hang":true,"times":1,"sparesReads":true}"#), (7, #"{"retryAfter":1,"times":1,"sparesReads":true}"#),
            ] {
                try await set(mode, stage)
                let found = try await settled(try await book(number, stage), stage)
                #expect(found["state"]?.string == "booked", "\(mode): \(found)")
                if (found["externalConfirmation"]?["attempts"]?.integer ?? 0) > 1 { triedAgain += 1 }
                modes += 1
                try await set("{}", stage)
                let count = try await standing(at: number, stage)
                #expect(count == 1, "\(mode): \(count)")
            }
            // A sweep may have met some of them instead, and counts it a moment later; of three it can find nothing there.
            #expect(triedAgain >= 3)
            try await eventually("each was asked for again, or found by looking") {
                let metrics = try await http.send("GET", "\(stage.server.base)/metrics").text
                let found = metrics.firstMatch(of: /mediconnect_sweep_repaired_total\{sweep="scheduling"\} ([0-9]+)/)
                return triedAgain + (found.flatMap { Int($0.1) } ?? 0) >= modes
            }
            // A share fails, and half of what fails is done.
            try await set(#"{"errors":0.4,"errorsAreDone":true}"#, stage)
            var ids: [String] = []
            for number in 8..<12 { ids.append(try await book(number, stage)) }
            var settledOnes: [JSON] = []
            for id in ids { settledOnes.append(try await settled(id, stage)) }
            try await set("{}", stage)
            for (number, found) in zip(8..<12, settledOnes) {
                let (isBooked, count) = (found["state"]?.string == "booked", try await standing(at: number, stage))
                #expect(isBooked && count == 1, "\(found)")
            }
            // What is cancelled here is over there, too.
            let cancelled = try await http.send(
                "POST", "\(stage.server.base)/v1/appointments/\(ids[0])/cancellation", token: stage.desk, key: "cancel",
                body: Array("{}".utf8))
            #expect(cancelled.status == 200, "\(cancelled.text)")
            try await eventually("the cancellation") { try await standing(at: 8, stage) == 0 }
            // The sweep may have come by while their calendar failed; then its next round finds it well.
            try await eventually("a round of the sweep that found all well") {
                let metrics = try await http.send("GET", "\(stage.server.base)/metrics").text
                return [
                    #"mediconnect_scheduling_answers_total{outcome="confirmed",provider="north"}"#, "mediconnect_tasks_open 0",
                    #"mediconnect_sweep_failing{sweep="scheduling"} 0"#,
                ].allSatisfy { metrics.contains($0) }
            }
            #expect(await stage.server.stop() == 0)
        }
    }

    @Test("a server that is killed while it asks has asked once, and books when it is back")
    func killed() async throws {
        try await withStage { stage in
            try await set(#"{"silent":true,"times":1,"sparesReads":true}"#, stage)
            let id = try await book(0, stage)
            try await eventually("the request") { try await made(stage) == 1 }
            await stage.server.process.kill()
            let again = try await server(stage.simulator)
            let found = try await settled(id, stage, on: again.base)
            #expect(found["state"]?.string == "booked")
            let count = try await standing(at: 0, stage)
            #expect(count == 1)
            #expect(await again.stop() == 0)
        }
    }
}
