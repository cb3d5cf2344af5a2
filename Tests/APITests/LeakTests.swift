import API
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Notation
import Outbox
import Storage
import StorageSQLite
import Telemetry
import Testing
import Workflows

/// Marked names, numbers, addresses and free text go in through every door there is, and come out through none that is
/// not theirs: not in a log line, not in a problem, not in a metric (GF-8, HB-6; reliability.md §9.3).
@Suite struct PersonalData {
    @Test func `is in no log, no problem and no metric, whatever goes right or wrong`() async throws {
        _ = Ear.registry
        let clock = StandingClock(Known.morning)
        let ear = try Ear(clock: clock)
        defer { ear.close() }
        let house = try await House(document: Marked.clinic, clock: clock, logger: ear.logger)
        let application = Application(router: house.serving.router(), logger: ear.logger)
        try await application.test(.router) { client in
            let visitor = Visitor(house: house, client: client)
            try await goodRequests(visitor)
            try await wrongFields(visitor)
            try await wrongRequests(visitor)
            try await faults(visitor)
            try await refusals(visitor)
            try await poisonedDeliveries(house, ear.logger)
        }
        let lines = try ear.lines()
        for line in lines { #expect(!Marked.isIn(line), "\(line)") }
        #expect(lines.count > 1000)
        let metrics = String(decoding: Ear.registry.render(), as: UTF8.self)
        #expect(!Marked.isIn(metrics) && metrics.contains("bookAppointment"))
        for line in lines { try expectForm(of: line) }
        await house.close()
    }

    @Test func `would be found: the same look finds a name that was logged in clear, and a problem that tells one`() throws {
        let ear = try Ear(clock: StandingClock(Known.morning))
        defer { ear.close() }
        let name = Personal("Ms. \(Marked.word)")
        ear.logger.info("booked for \(name)", metadata: ["patient": "\(name)", "note": "\(name.revealed)"])
        #expect(try !ear.lines().contains { Marked.isIn($0) })
        ear.logger.info("booked for \(name.revealed)")
        ear.logger.info("fine", metadata: ["route": "\(name.revealed)"])
        #expect(try ear.lines().filter { Marked.isIn($0) }.count == 2)
        #expect(Marked.isIn(Problem(.badRequest, detail: name.revealed).detail ?? ""))
    }

    /// One JSON object, with exactly GF-8's keys.
    private func expectForm(of line: String) throws {
        let json = try JSON(parsing: line)
        #expect(
            Set(json.members?.map(\.name) ?? []) == ["time", "level", "evt", "request_id", "appointment_id", "message", "extra"],
            "\(line)")
        #expect(json["time"]?.string.flatMap { Instant($0) } != nil && json["extra"]?.members != nil)
        #expect(json["level"]?.string.flatMap(Logger.Level.init(rawValue:)) != nil && json["message"]?.string?.isEmpty == false)
    }

    // MARK: What goes in

    private func goodRequests(_ visitor: Visitor) async throws {
        for route in visitor.house.api.routes {
            for who in Who.allCases {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                if let takes = route.takes, ask.body != nil { ask.body = Marked.body(of: takes, like: ask.body!) }
                // Who may see it sees it; problems must not repeat it.
                expectQuietProblem(try await visitor.send(ask, by: who), ask)
            }
        }
    }

    private func wrongFields(_ visitor: Visitor) async throws {
        for route in visitor.house.api.routes {
            guard let takes = route.takes, let schema = SchemaCheck.schemas[takes] else { continue }
            var ask = try await Sample.all[route.operation]!.ask(visitor)
            let marked = try JSON(parsing: Marked.body(of: takes, like: Sample.fullBodies[takes]!))
            for property in schema["properties"]?.members ?? [] {
                for value in [
                    JSON(.string(Marked.word)), JSON(.string(String(repeating: Marked.word, count: 99))),
                    JSON(.array([JSON(.string(Marked.word))])),
                    JSON(.object([.init(name: "x", value: JSON(.string(Marked.word)))])),
                ] {
                    ask.body = marked.with(property.name, value).text
                    expectQuietProblem(try await visitor.send(ask, by: .admin), ask)
                }
            }
            ask.body = marked.with("zoom", JSON(.string(Marked.word))).text
            expectQuietProblem(try await visitor.send(ask, by: .admin), ask)
        }
    }

    private func wrongRequests(_ visitor: Visitor) async throws {
        for route in visitor.house.api.routes {
            let ask = try await Sample.all[route.operation]!.ask(visitor)
            var variants = [ask, ask, ask]
            variants[0].path += (ask.path.contains("?") ? "&" : "?") + "q=\(Marked.word)&q=\(Marked.word)"
            variants[1].path = ask.path.replacing(#/[0-9a-f]{8}-[0-9a-f-]{27}/#, with: Marked.word)
            variants[2].body = #"{"name":"\#(Marked.word)"#
            for variant in variants { expectQuietProblem(try await visitor.send(variant, by: .admin), variant) }
            for (header, value) in [
                ("Authorization", "Bearer \(Marked.word)"), ("Authorization", Marked.word),
                ("Idempotency-Key", "\(Marked.word) x"),
                ("If-Match", "\"\(Marked.word)\""), ("Content-Type", "text/\(Marked.word)"), ("X-Request-Id", "\(Marked.word) x"),
                ("If-None-Match", Marked.word), ("Accept-Encoding", Marked.word), ("User-Agent", Marked.word),
                ("Referer", Marked.word),
            ] { expectQuietProblem(try await visitor.send(ask, by: .admin, headers: [header: value]), ask) }
        }
        for path in ["/\(Marked.word)", "/v1/\(Marked.word)", "/v1/patients?name=\(Marked.word)"] {
            expectQuietProblem(try await visitor.send(Ask(method: "DELETE", path: path)), .get(path))
        }
    }

    private func refusals(_ visitor: Visitor) async throws {
        let start = visitor.house.newStart()
        let taken = Known.booking(at: start, more: #""overrideReason":"\#(Marked.word)""#)
        for who in [Who.desk, .desk, .brandt, .emma] {
            expectQuietProblem(try await visitor.send(.post("/v1/appointments", taken), by: who), .get(""))
        }
        let id = try await visitor.booked().id
        for _ in 0..<2 {
            expectQuietProblem(try await visitor.do("cancellation", to: id, #"{"note":"\#(Marked.word)"}"#), .get(""))
            expectQuietProblem(try await visitor.do("error-mark", to: id, #"{"note":"\#(Marked.word)"}"#), .get(""))
        }
    }

    private func faults(_ visitor: Visitor) async throws {
        struct Unforeseen: Error, CustomStringConvertible { var description: String { "no row for \(Marked.word)" } }
        let errors: [any Error] = [
            StorageFault.full, StorageFault.overloaded, StorageFault.outcomeUnknown, StorageFault.closed, StorageFault.timedOut,
            StorageFault.constraint("patient.name"), Unforeseen(), FieldProblems([]),
            NSError(domain: "sqlite", code: 19, userInfo: [NSLocalizedDescriptionKey: "UNIQUE failed: \(Marked.word)"]),
        ]
        for route in visitor.house.api.routes where route.changesSomething {
            for error in errors {
                var ask = try await Sample.all[route.operation]!.ask(visitor)
                if let takes = route.takes, ask.body != nil { ask.body = Marked.body(of: takes, like: ask.body!) }
                visitor.house.database.haunt(.writes(error))
                expectQuietProblem(try await visitor.send(ask, by: .admin), ask)
                visitor.house.database.haunt(.none)
            }
        }
    }

    /// Work that fails with somebody's name in its mouth.
    private func poisonedDeliveries(_ house: House, _ logger: Logger) async throws {
        struct Poisoned: Error, CustomStringConvertible { var description: String { "cannot reach \(Marked.word)" } }
        let outbox = Outbox(
            database: house.database, surroundings: house.clinic.surroundings, workerName: "poisoned",
            handlers: house.clinic.deliveries.mapValues { _ in .transactional { _, _ in throw Poisoned() } },
            report: { logger.warning("\($0)", metadata: ["evt": "outbox"]) })
        #expect(try await outbox.step() > 0)
    }

    private func expectQuietProblem(_ heard: Heard, _ ask: Ask) {
        guard heard.status >= 400 else { return }
        #expect(!Marked.isIn(heard.text), "\(ask.method) \(ask.path): \(heard.text)")
        for field in heard.headers { #expect(!Marked.isIn(field.value), "\(field)") }
    }
}

/// Words that are found again.
enum Marked {
    static let word = "zzmark"
    static let phone = "+49 7070707070"
    static let email = "zzmark@zzmark.example"

    static func isIn(_ text: String) -> Bool { text.contains("zzmark") || text.contains("7070707070") }

    /// The clinic, everybody and everything in it with a marked name.
    static let clinic = Known.document
        .replacing(#/"name":"[^"]*"/#, with: #""name":"\#(word)""#).replacing("someone@example.org", with: email)
        .replacing("+49 30 555000", with: phone)

    /// A body with every free text marked that its schema has, and otherwise what `body` has.
    static func body(of schema: String, like body: String) -> String {
        var json = try! JSON(parsing: body)
        for property in SchemaCheck.schemas[schema]?["properties"]?.members ?? [] {
            let form = property.value
            guard form["type"]?.string == "string", form["format"] == nil, form["enum"] == nil else { continue }
            switch property.name {
            case "zone", "specialty", "roomTag", "deviceTag", "overrideReason", "from", "to": continue
            case "phone": json = json.with(property.name, JSON(.string(phone)))
            case "email": json = json.with(property.name, JSON(.string(email)))
            default: json = json.with(property.name, JSON(.string(word)))
            }
        }
        return json.text
    }
}
