import Foundation
import LoopbackClient
import Notation
import Processes

/// Confirmation by an external provider, in the ways it can go (GF §7): each books through the API at times of a practitioner whose calendar
/// is somebody else's.
enum CalendarScenarios {
    static let happy = Scenario(
        "happy", "Twenty visits are booked, and the other calendar agrees at once.", shows: ["GF-2", "GF-7", "GF-8"],
        needs: ClinicNeeds(.scheduling, settings: longEnough)
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        let seen = try await calendar.settled(calendar.book(0..<20))
        scene.expect(.states, "all twenty are booked", seen.allSatisfy(\.isBooked), Self.states(seen))
        scene.expect(.attempts, "each at the first attempt", seen.allSatisfy { $0.attempts == 1 }, "\(seen.map(\.attempts))")
        try await calendar.agrees(seen)
        try await calendar.lines("twenty lines say that one was confirmed", of: "confirmed", 20)
        for one in seen {
            let lines = scene.clinic.logged("scheduling.confirmed", of: one.id)
            let isWhole = lines.allSatisfy {
                $0["request_id"]?.string == one["externalConfirmation"]?["requestId"]?.string
                    && $0["extra"]?["attempt"]?.string == "1"
            }
            if lines.count == 1 && isWhole { continue }
            scene.expect(
                .log, "one line says that \(one.id) was confirmed, with request and attempt", false, "\(lines.map(\.said))")
        }
        try await calendar.answers("confirmed", 20)
    }

    static let delayed = Scenario(
        "delayed", "The other calendar has done it, and nobody hears of it in time: it is found there, and not made twice.",
        shows: ["GF-2", "GF-3", "GF-7"], needs: ClinicNeeds(.scheduling, settings: longEnough)
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        try await scene.clinic.set(#"{"silent":true,"times":2,"sparesReads":true}"#, "scheduling")
        let ids = try await calendar.book(0..<4)
        let seen = try await calendar.settled(ids)
        scene.expect(.states, "all four are booked", seen.allSatisfy(\.isBooked), Self.states(seen))
        try await calendar.isAskedAgainOrFound(seen, atLeast: 2)
        scene.expect(
            .attempts, "nobody else's was asked for again", seen.count { $0.attempts > 1 } <= 2, "\(seen.map(\.attempts))")
        try await calendar.agrees(seen)
        try await calendar.lines("two lines say that no answer came", of: "later", 2)
        try await calendar.answers("later", 2)
    }

    static let flaky = Scenario(
        "flaky", "Four calls in ten fail, and what fails was done all the same: everything is booked in the end, and once.",
        shows: ["GF-2", "GF-3", "GF-7", "MC-2"], needs: ClinicNeeds(.scheduling, settings: longEnough)
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        try await scene.clinic.set(#"{"errors":0.4,"errorsAreDone":true}"#, "scheduling")
        let seen = try await calendar.settled(calendar.book(0..<20))
        try await scene.clinic.set("{}", "scheduling")
        scene.expect(.states, "all twenty are booked", seen.allSatisfy(\.isBooked), Self.states(seen))
        try await calendar.isAskedAgainOrFound(seen, atLeast: 1)
        try await calendar.agrees(seen)
        try await scene.expectSoon(.log, "each attempt has a line", is: seen.reduce(0) { $0 + $1.attempts }) {
            calendar.lineCount(of: ["unknown", "later", "confirmed"])
        }
        let failed = calendar.lineCount(of: ["unknown", "later"])
        try await scene.expectSoon(.metrics, "each attempt that failed is counted", is: failed) {
            let metrics = try await scene.clinic.metrics()
            return Int(["unknown", "later"].reduce(0.0) { $0 + (metrics[OtherCalendar.answer($1)] ?? 0) })
        }
    }

    static let persistent = Scenario(
        "persistent",
        "The other calendar fails for as long as it is asked: the visits are given up here and there, and the times are free.",
        shows: ["GF-2", "GF-7"], needs: ClinicNeeds(.scheduling, settings: ["MEDICONNECT_SCHEDULING_SECONDS": "20"]),
        errors: ["scheduling.gave-up"]
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        try await scene.clinic.set(#"{"errors":1,"errorsAreDone":true}"#, "scheduling")
        let seen = try await calendar.settled(calendar.book(0..<4))
        scene.expect(
            .states, "all four are cancelled as the provider's failure",
            seen.allSatisfy { $0.state == "cancelled" && $0["cancellation"]?["reason"]?.string == "provider-failed" },
            Self.states(seen))
        scene.expect(.attempts, "each was tried more than once", seen.allSatisfy { $0.attempts > 1 }, "\(seen.map(\.attempts))")
        try await scene.clinic.set("{}", "scheduling")
        try await calendar.agrees(seen)
        try await calendar.lines("four lines say that one was given up", of: "gave-up", 4)
        for one in seen where scene.clinic.logged("scheduling.gave-up", of: one.id).count != 1 {
            scene.expect(.log, "one line says that \(one.id) was given up", false)
        }
        try await calendar.answers("gave-up", 4)
        let again = try await calendar.settled(calendar.book(0..<4, key: "afterwards"))
        scene.expect(.states, "the same times are booked by others afterwards", again.allSatisfy(\.isBooked), Self.states(again))
        try await calendar.agrees(again)
    }

    static let duplicate = Scenario(
        "duplicate", "Eight send the same request at once, and one sends it again later: one visit, asked for once.",
        shows: ["GF-3", "GF-7", "MC-1"], needs: ClinicNeeds(.scheduling, settings: longEnough)
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        let ids = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<8 { group.addTask { try await calendar.book(0..<1, key: "the-same") } }
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        scene.expect(.states, "eight answers name one visit", Set(ids).count, is: 1)
        let later = try await calendar.book(0..<1, key: "the-same")
        scene.expect(.states, "and so does a later one", later.first == ids.first, "\(later)")
        let seen = try await calendar.settled(later)
        scene.expect(.states, "it is booked", seen.allSatisfy(\.isBooked), Self.states(seen))
        scene.expect(.attempts, "it was asked for once", seen.map(\.attempts), is: [1])
        try await calendar.agrees(seen)
        try await calendar.lines("one line says that one was confirmed", of: "confirmed", 1)
        try await calendar.answers("confirmed", 1)
    }

    static let breaker = Scenario(
        "breaker", "Every call fails: the calendar is left alone, which shows, and what waited is booked when it is back.",
        shows: ["GF-7", "MC-2"], needs: ClinicNeeds(.scheduling, settings: longEnough).withRolesApart(),
        errors: ["http.health"]
    ) { scene in
        let calendar = try await OtherCalendar(scene)
        let gauge = #"mediconnect_outbound_breaker{destination="scheduling"}"#
        try await scene.clinic.set(#"{"errors":1}"#, "scheduling")
        let ids = try await calendar.book(0..<20)
        let isOpen = try await scene.becomes { try await scene.clinic.gauges(gauge).contains(2) }
        scene.expect(.metrics, "the breaker opens", isOpen)
        // It is tried out now and then, and left alone again.
        var health = ""
        let isNamed = try await scene.becomes {
            health = try await scene.clinic.health()
            return health.contains(#""partner.scheduling":"left alone"#)
        }
        scene.expect(.states, "the health page names who is left alone", isNamed, health)
        try await scene.clinic.set("{}", "scheduling")
        let seen = try await calendar.settled(ids)
        scene.expect(.states, "all twenty are booked in the end", seen.allSatisfy(\.isBooked), Self.states(seen))
        let isClosed = try await scene.becomes { try await scene.clinic.gauges(gauge).allSatisfy { $0 == 0 } }
        scene.expect(.metrics, "the breaker closes", isClosed)
        var postponed = 0.0
        let isPostponed = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            postponed = try await scene.clinic.metrics()[OtherCalendar.answer("postponed")] ?? 0
            return postponed > 0
        }
        scene.expect(.attempts, "some calls came while it was left alone", isPostponed)
        try await scene.expectSoon(.attempts, "and were no attempts", is: seen.reduce(0) { $0 + $1.attempts }) {
            calendar.lineCount(of: ["later", "unknown", "confirmed"])
        }
        var said: [String] = []
        _ = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            said = scene.clinic.logged("outbound.breaker").compactMap { $0["extra"]?["state"]?.string }
            return said.last == "called"
        }
        scene.expect(
            .log, "the log says left alone, and in the end called", said.contains("left alone") && said.last == "called",
            "\(said)")
        try await calendar.agrees(seen)
        scene.count("calls postponed", postponed)
    }

    /// As long as usual: nobody is given up who has a chance.
    static let longEnough = ["MEDICONNECT_SCHEDULING_SECONDS": "900"]

    static func states(_ seen: [JSON]) -> String {
        "\(Dictionary(grouping: seen, by: \.state).mapValues(\.count).sorted { $0.key < $1.key })"
    }
}

/// A practitioner whose calendar is the simulator's, and times nobody has been given yet.
struct OtherCalendar: Sendable {
    let scene: Scene
    let practitioner: String
    let times: [String]
    private var clinic: ScenarioClinic { scene.clinic }

    static func answer(_ outcome: String) -> String {
        #"mediconnect_scheduling_answers_total{outcome="\#(outcome)",provider="north"}"#
    }

    init(_ scene: Scene, count: Int = 24) async throws {
        self.scene = scene
        let practitioners = try await scene.clinic.practitioners()
        practitioner = practitioners[0]
        try await scene.clinic.giveAway(practitioner)
        times = try await scene.clinic.times(count, of: practitioner)
    }

    /// Books the times of these numbers, each for another patient as far as there are any.
    func book(_ numbers: Range<Int>, key: String = "book") async throws -> [String] {
        var ids: [String] = []
        for number in numbers {
            ids.append(try await clinic.book(times[number], with: practitioner, patient: number, key: "\(key)-\(number)"))
        }
        return ids
    }

    func settled(_ ids: [String]) async throws -> [JSON] {
        var seen: [JSON] = []
        for id in ids { seen.append(try await clinic.settled(id, in: scene)) }
        return seen
    }

    /// Their calendar has each visit once, or not at all where it is over.
    func agrees(_ seen: [JSON]) async throws {
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let theirs = try await clinic.theirs()
        var mismatches = Mismatches()
        for one in seen { mismatches.count(believed: one.isBooked, standing: one.start.flatMap { theirs[$0] } ?? 0) }
        scene.expect(
            .ledger, "the other calendar has each visit that is booked once, and no other", mismatches.mismatches == 0,
            "\(mismatches.mismatches) of \(mismatches.requests) differ")
        scene.count("visits", seen.count)
        scene.count("attempts at a visit, most", seen.map(\.attempts).max() ?? 0)
    }

    /// Of those whose answer was lost each took another attempt, or the reconciler looked before anybody asked again: it counts what it has
    /// found a moment after it is so, and it may have met one that was being answered.
    func isAskedAgainOrFound(_ seen: [JSON], atLeast lost: Int) async throws {
        var found = 0
        let again = seen.count { $0.attempts > 1 }
        let isSo = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            found = try await clinic.repaired(by: "scheduling")
            return again + found >= lost
        }
        scene.expect(
            .attempts, "what was not answered took another attempt, or was found by looking", isSo,
            "attempts \(seen.map(\.attempts)), \(found) found by looking, \(lost) were not answered")
    }

    /// The metric counts so many answers of a kind.
    func answers(_ outcome: String, _ number: Int) async throws {
        try await scene.expectSoon(.metrics, "the metric counts \(number) × \(outcome)", is: number) {
            Int(try await clinic.metrics()[Self.answer(outcome)] ?? 0)
        }
    }

    /// So many lines of the log tell of an outcome.
    func lines(_ what: String, of outcome: String, _ number: Int) async throws {
        try await scene.expectSoon(.log, what, is: number) { lineCount(of: [outcome]) }
    }

    func lineCount(of outcomes: [String]) -> Int { outcomes.reduce(0) { $0 + clinic.logged("scheduling.\($1)").count } }
}

extension ScenarioClinic {
    /// How much a sweep has made good, as it has counted by now.
    func repaired(by sweep: String) async throws -> Int {
        Int(try await metrics()[#"mediconnect_sweep_repaired_total{sweep="\#(sweep)"}"#] ?? 0)
    }

    /// Those who do the visit, in order.
    func practitioners() async throws -> [String] {
        let free = try await ask("GET", "/v1/free-times?visitType=\(Self.visitType)&limit=200")
        let found = Set(free.items.compactMap { $0["practitioner"]?.string }).sorted()
        guard !found.isEmpty else { throw ProcessFault("nobody does the visit") }
        return found
    }

    /// Makes somebody's calendar the simulator's.
    func giveAway(_ practitioner: String) async throws {
        let path = "/v1/practitioners/\(practitioner)"
        let known = try await send("GET", path, by: admin)
        try await ask(
            "PUT", path, by: admin, body: known.text.replacing("\"active\":true", with: #""provider":"north","active":true"#),
            headers: ["If-Match": known.etag ?? ""])
    }

    /// Times far enough from each other that none is in another's way, the earliest first; after the days on which the demo clinic's own
    /// patients are there.
    func times(_ count: Int, of practitioner: String, visitType: String = visitType) async throws -> [String] {
        var times: [String] = []
        var cursor: String?
        repeat {
            let page = try await ask(
                "GET",
                "/v1/free-times?visitType=\(visitType)&practitioner=\(practitioner)&from=\(now + .days(4))&limit=200"
                    + (cursor.map { "&cursor=\($0)" } ?? ""))
            for start in page.items.compactMap(\.start) {
                if let last = times.last.flatMap({ Instant($0) }), start < last + .minutes(60) { continue }
                times.append(start.description)
            }
            cursor = page["next"]?.string
        } while times.count < count && cursor != nil
        guard times.count >= count else { throw ProcessFault("there are \(times.count) free times, and \(count) are needed") }
        return Array(times.prefix(count))
    }

    static func patient(_ number: Int) -> String { "01900000-0000-7000-8000-00000000050\(1 + number % 8)" }

    /// Books; the appointment's identifier.
    func book(
        _ start: String, with practitioner: String, patient: Int, key: String, visitType: String = visitType,
        isHold: Bool = false,
        by token: String? = nil
    ) async throws -> String {
        let hold = isHold ? #","hold":true"# : ""
        let body =
            #"{"visitType":"\#(visitType)","practitioner":"\#(practitioner)","start":"\#(start)","patients":["\#(Self.patient(patient))"]\#(hold)}"#
        var reply = try await send("POST", "/v1/appointments", by: token, key: key, body: body)
        // Somebody else brings the same request at this moment.
        while reply.status == 409, reply.text.contains("request-in-progress") {
            try await Task.sleep(for: .milliseconds(20))
            reply = try await send("POST", "/v1/appointments", by: token, key: key, body: body)
        }
        guard reply.status == 201, let id = try JSON(parsing: reply.body)["id"]?.string else {
            throw ProcessFault("a booking was answered with \(reply.status): \(reply.text.prefix(600))")
        }
        return id
    }

    func appointment(_ id: String) async throws -> JSON { try await ask("GET", "/v1/appointments/\(id)") }

    /// The appointment once it is not pending any more.
    func settled(_ id: String, in scene: Scene, withinSeconds seconds: Int = 600) async throws -> JSON {
        try await scene.eventually("\(id) is pending no more", withinSeconds: seconds) {
            let found = try await self.appointment(id)
            return found.state == "pending" ? nil : found
        }
    }

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
            for item in items where ["confirmed", "pending"].contains(item.state) {
                guard let time = item["time"]?.string.flatMap({ Instant($0) }) else { continue }
                standing[time, default: 0] += 1
            }
            after = page["next"]?.string
        } while after != nil
        return standing
    }
}
