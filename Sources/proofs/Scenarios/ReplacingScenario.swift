import Foundation
import LoopbackClient
import Notation
import Processes

/// A clinic takes the place of the system it had, and goes back (GF-6).
enum ReplacingScenario {
    static func scenario(requests: Int) -> Scenario {
        Scenario(
            "replacing",
            """
            A clinic looks on while its old system books, decides each request as well, lets a few patients book with the old system's \
            agreement, takes over what is there, switches, and goes back: both have the same appointments, each once.
            """, shows: ["GF-6", "GF-4", "GF-9"],
            needs: ClinicNeeds(
                .legacy, settings: ["MEDICONNECT_LEGACY_COMPARED": "\(requests)", "MEDICONNECT_LEGACY_RATE": "1000"])
        ) { scene in try await Replacing(scene: scene, requests: requests).play() }
    }
}

private struct Replacing {
    let scene: Scene
    let requests: Int
    private var clinic: ScenarioClinic { scene.clinic }
    private static let path = "/v1/legacy"

    func play() async throws {
        let times = try await freeTimes(requests + 8)
        _ = try await phase("shadow")
        try await shadow(times.prefix(requests))
        let spare = Array(times.suffix(8))
        try await dual(spare)
        try await backfill()
        let (kept, given) = try await afterTheSwitch(spare)
        try await back()
        try await looksRight(kept: kept, given: given)
    }

    // MARK: Its steps

    /// The old system books, and nobody here notices but the comparison.
    private func shadow(_ times: ArraySlice<FreeTime>) async throws {
        let before = try await clinic.number("SELECT count(*) FROM appointment")
        for (number, time) in times.enumerated() { try await bookThere(time, "counter-\(number)") }
        var compared: JSON?
        let isThrough = try await scene.becomes(withinSeconds: 300) {
            compared = try await see("/comparison?last=\(requests)")
            return (compared?["count"]?.integer ?? 0) >= Int64(requests)
        }
        scene.expect(.states, "each request of the old system was decided here as well", isThrough, compared?.said)
        let differ = Int(compared?["mismatched"]?.integer ?? -1)
        scene.expect(
            .states, "fewer than one in a thousand was decided differently",
            differ >= 0 && Double(differ) / Double(requests) < LegacyComparison.most, compared?.said)
        scene.expect(
            .states, "and nothing came of it here", try await clinic.number("SELECT count(*) FROM appointment"), is: before)
        let refused = try await clinic.send("POST", "/v1/appointments", body: body(times.first!))
        scene.expect(
            .states, "who wants to book here is told where to",
            refused.status == 409 && refused.text.contains("booked-elsewhere"),
            "\(refused.status): \(refused.text.prefix(200))")
        scene.count("requests", requests)
        scene.count("differ", differ)
    }

    /// A few book here, with the old system's word.
    private func dual(_ times: [FreeTime]) async throws {
        _ = try await phase("dual")
        _ = try await ask("/share", #"{"percent":5}"#)
        // One in twenty is one of them; who is, is drawn from their identifier.
        let (mine, elsewhere) = try await somebodyOfTheShare(at: times[0])
        guard let mine else { throw ProcessFault("of \(elsewhere) patients nobody may book here") }
        let seen = try await clinic.settled(mine.id, in: scene)
        scene.expect(.states, "one of the share is booked here, once the old system agrees", seen.isBooked, seen.said)
        try await scene.expectSoon(.log, "and a line tells that it does", is: 1) {
            clinic.logged("scheduling.confirmed", of: mine.id).count
        }
        scene.expect(.states, "others are told to book there", elsewhere > 0, "\(elsewhere)")
        // Their calendar counts: what they have is nobody's here.
        try await bookThere(times[1], "counter-late")
        let other = try await clinic.send("POST", "/v1/appointments", body: body(times[1], patientID: mine.patient))
        var end = "\(other.status)"
        if other.status == 201 { end = try await clinic.settled(try JSON(parsing: other.body).id, in: scene).state }
        scene.expect(.states, "a time that is booked there is not booked here", ["409", "cancelled"].contains(end), end)
        let early = try await clinic.send("POST", Self.path + "/phase", by: clinic.admin, body: #"{"phase":"switched"}"#)
        scene.expect(
            .states, "nobody switches before what is there is taken over",
            early.status == 409 && early.text.contains("not-ready-to-switch"), "\(early.status): \(early.text.prefix(200))")
    }

    private func backfill() async throws {
        _ = try await ask("/backfill", "{}")
        var state: JSON?
        let isDone = try await scene.becomes(withinSeconds: 300) {
            state = try await see("")
            return state?["hindrances"]?.array?.isEmpty == true && (state?["taken"]?.integer ?? 0) > Int64(requests)
        }
        scene.expect(.states, "all that is booked there is taken over, and nothing is in the way", isDone, state?.said)
        try await scene.expectSoon(.log, "a line tells of each that was taken over", is: requests + 1) {
            clinic.logged("legacy.taken-over").count
        }
        try await scene.expectSoon(.metrics, "and the metric counts them", is: requests + 1) {
            Int(try await clinic.metrics()[#"mediconnect_legacy_steps_total{outcome="taken-over"}"#] ?? 0)
        }
    }

    /// Everybody books here, and the old system hears of it, though it fails at first. What was booked, and whose time was given back.
    private func afterTheSwitch(_ times: [FreeTime]) async throws -> (String, String) {
        _ = try await phase("switched")
        try await clinic.set(#"{"errors":1,"errorsAreDone":true,"times":2,"sparesReads":true}"#, "legacy")
        let kept = try await clinic.ask("POST", "/v1/appointments", body: body(times[3])).id
        let given = try await clinic.ask("POST", "/v1/appointments", body: body(times[4])).id
        try await clinic.ask("POST", "/v1/appointments/\(given)/cancellation", body: "{}")
        let isTold = try await scene.becomes {
            let state = try await see("")
            let unfinished = try await clinic.unfinished()
            return state["outstanding"]?.integer == 0 && unfinished == 0
        }
        try await clinic.set("{}", "legacy")
        scene.expect(.states, "the old system is told of every change", isTold)
        let most = try await clinic.number("SELECT COALESCE(max(attempt), 0) FROM outbox WHERE topic = 'legacy.change'")
        scene.expect(.attempts, "what failed there was tried again", most > 1, "\(most)")
        return (kept, given)
    }

    private func back() async throws {
        _ = try await phase("returning")
        let nobody = try await clinic.send("POST", "/v1/appointments", body: body(try await freeTimes(1)[0]))
        scene.expect(.states, "on the way back nobody books", nobody.status == 409 || nobody.status == 200, "\(nobody.status)")
        var state: JSON?
        let isBack = try await scene.becomes {
            state = try await see("")
            return state?["phase"]?.string == "dual"
        }
        scene.expect(.states, "the old system's word counts again, once it has everything", isBack, state?.said)
    }

    private func looksRight(kept: String, given: String) async throws {
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let (theirs, ours) = (try await there(), try await here())
        let differ = Set(theirs.keys).union(ours.keys).filter { theirs[$0] != ours[$0] }
        scene.expect(
            .ledger, "both have the same appointments", differ.isEmpty,
            "\(differ.count) of \(theirs.count) there and \(ours.count) here are not: \(differ.prefix(4).map { "\($0): \(theirs[$0] ?? 0) there, \(ours[$0] ?? 0) here" })"
        )
        scene.expect(.ledger, "nobody is booked twice at a time", theirs.values.allSatisfy { $0 == 1 })
        let ledger = try await clinic.ledger().of("legacy", "appointment")
        scene.expect(
            .ledger, "what was booked here after the switch was asked for there once",
            ledger.filter { $0.key.hasPrefix(kept) }.map(\.count), is: [1])
        scene.expect(
            .ledger, "what was cancelled here does not stand there", !(try await standing()).contains { $0.hasPrefix(given) })
        let tasks = try await clinic.ask("GET", "/v1/tasks?state=open").items.filter {
            $0["kind"]?.string?.hasPrefix("legacy-") == true
        }
        scene.expect(.states, "nobody has to see to anything", tasks.isEmpty, "\(tasks.map(\.said))")
        scene.count("appointments in both", theirs.count)
    }

    // MARK: Asking both

    private struct FreeTime {
        let start: String
        let end: String
        let practitioner: String
        let patient: Int
    }

    /// Times of everybody who does the visit; each practitioner has patients of their own, so nobody is asked to be in two places.
    private func freeTimes(_ count: Int) async throws -> [FreeTime] {
        let all = try await clinic.practitioners()
        let (each, own) = ((count + all.count - 1) / all.count, max(1, 8 / all.count))
        let first = try await clinic.ask("GET", "/v1/free-times?visitType=\(ScenarioClinic.visitType)&limit=1").items.first
        guard let from = first?.start, let to = first?["end"]?.string.flatMap({ Instant($0) }) else {
            throw ProcessFault("there is no free time")
        }
        var times: [FreeTime] = []
        for (index, practitioner) in all.enumerated() {
            for (number, start) in try await clinic.times(each, of: practitioner).enumerated() {
                let end = Instant(start)! + (to - from)
                times.append(
                    FreeTime(
                        start: start, end: end.description, practitioner: practitioner, patient: index * own + number % own))
            }
        }
        return Array(times.prefix(count))
    }

    private func body(_ time: FreeTime, patient: Int? = nil, patientID: String? = nil) -> String {
        let who = patientID ?? ScenarioClinic.patient(patient ?? time.patient)
        return
            #"{"visitType":"\#(ScenarioClinic.visitType)","practitioner":"\#(time.practitioner)","start":"\#(time.start)","patients":["\#(who)"]}"#
    }

    private func bookThere(_ time: FreeTime, _ request: String) async throws {
        let reply = try await clinic.http.send(
            "POST", "\(clinic.simulator.base)/legacy/appointments", token: "simulated-legacy", key: request,
            body: Array(
                """
                {"request_id":"\(request)","practitioner":"\(time.practitioner)","visit_type":"\(ScenarioClinic.visitType)",\
                "patient":"P-\(1_001 + time.patient % 8)","start":"\(time.start)","end":"\(time.end)"}
                """.utf8))
        guard reply.status == 201 else { throw ProcessFault("the old system says \(reply.status): \(reply.text)") }
    }

    /// New patients, until one of them may book: that booking, and how many may not.
    private func somebodyOfTheShare(at time: FreeTime) async throws -> ((id: String, patient: String)?, Int) {
        for number in 0..<400 {
            let patient = try await clinic.ask("POST", "/v1/patients", body: #"{"name":"Scene \#(number)"}"#).id
            let reply = try await clinic.send("POST", "/v1/appointments", body: body(time, patientID: patient))
            if reply.status == 201 { return ((try JSON(parsing: reply.body).id, patient), number) }
            guard reply.text.contains("booked-elsewhere") else { throw ProcessFault("\(reply.status): \(reply.text)") }
        }
        return (nil, 400)
    }

    private func phase(_ name: String) async throws -> JSON { try await ask("/phase", #"{"phase":"\#(name)"}"#) }
    private func ask(_ what: String, _ body: String) async throws -> JSON {
        try await clinic.ask("POST", Self.path + what, by: clinic.admin, body: body)
    }
    private func see(_ what: String) async throws -> JSON { try await clinic.ask("GET", Self.path + what, by: clinic.admin) }

    /// What stands in the old system.
    private func rows() async throws -> [JSON] {
        var (rows, after): ([JSON], Int64) = ([], 0)
        while true {
            let reply = try await clinic.http.send(
                "GET", "\(clinic.simulator.base)/legacy/appointments?limit=200&after=\(after)", token: "simulated-legacy")
            let page = try JSON(parsing: reply.body)
            let found = page["appointments"]?.array ?? []
            rows += found.filter(\.isBooked)
            after = found.last?["change"]?.integer ?? after
            guard case .bool(true)? = page["more"]?.content else { return rows }
        }
    }

    private func standing() async throws -> [String] { try await rows().compactMap { $0["request_id"]?.string } }

    /// How many stand there of what is ahead, by practitioner and instant.
    private func there() async throws -> [String: Int] {
        let now = clinic.now
        return try await rows().filter { $0.start.map { $0 >= now } ?? false }.reduce(into: [:]) { found, row in
            found["\(row["practitioner"]?.string ?? "-") \(row["start"]?.string ?? "-")", default: 0] += 1
        }
    }

    /// The same of what is booked here.
    private func here() async throws -> [String: Int] {
        let (identifier, start) =
            clinic.engine == "postgres"
            ? ("practitioner_id::text", "(extract(epoch FROM start_at) * 1000000)::bigint")
            : ("lower(hex(practitioner_id))", "start_at")
        let rows = try await clinic.numbers(
            """
            SELECT \(identifier) || ' ' || \(start), count(*) FROM appointment
            WHERE state = 'booked' AND start_at >= \(clinic.sql(clinic.now)) GROUP BY 1
            """)
        return rows.reduce(into: [:]) { found, row in
            let parts = row.key.split(separator: " ")
            guard parts.count == 2, let start = Int64(parts[1]) else { return }
            var hex = String(parts[0]).replacing("-", with: "")
            for place in [20, 16, 12, 8] { hex.insert("-", at: hex.index(hex.startIndex, offsetBy: place)) }
            found["\(hex) \(Instant(microseconds: start))"] = row.value
        }
    }
}
