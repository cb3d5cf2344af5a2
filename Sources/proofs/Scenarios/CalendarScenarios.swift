import Foundation
import Notation
import Processes

/// The scenarios of a provider that has to agree (GF-7): each books through the API, and looks at states, attempts, the other calendar, the log,
/// metrics and what is left in the outbox.
struct CalendarScenarios {
    let clinic: ScenarioClinic
    /// Times nobody has been given in this clinic yet.
    private let times: [String]
    private let practitioner: String

    init(_ clinic: ScenarioClinic, practitioner: Int = 0, count: Int = 80) async throws {
        self.clinic = clinic
        self.practitioner = clinic.practitioners[practitioner]
        times = try await clinic.times(count, of: self.practitioner)
    }

    /// At once, with one attempt, and nothing to make good.
    func happy() async throws -> ScenarioResult {
        try await result("happy", ["GF-2", "GF-7"]) { result in
            let seen = try await settle(0..<20)
            result.expect(
                seen.allSatisfy { $0.json.isBooked && $0.json.attempts == 1 }, "not all were booked at the first attempt")
            try await looksRight(seen, &result)
            for one in seen.prefix(3) {
                let lines = clinic.logged("scheduling.confirmed", of: one.id)
                result.expect(lines.count == 1, "\(one.id): \(lines.count) lines say that it was confirmed")
                result.expect(lines.allSatisfy { $0["request_id"]?.string?.isEmpty == false }, "a line names no request")
            }
            let confirmed = try await clinic.metric(
                #"mediconnect_scheduling_answers_total{outcome="confirmed",provider="north"}"#)
            result.expect((confirmed ?? 0) >= 20, "the metric counts \(confirmed ?? 0) confirmations")
        }
    }

    /// Done there, while nobody here hears of it in time.
    func delayed() async throws -> ScenarioResult {
        try await result("delayed", ["GF-2", "GF-7"]) { result in
            try await clinic.set(#"{"silent":true,"times":2}"#)
            let seen = try await settle(20..<24)
            try await clinic.set("{}")
            result.expect(seen.allSatisfy(\.json.isBooked), "what was done there is not booked here")
            result.expect(seen.contains { $0.json.attempts > 1 }, "nobody had to ask again")
            try await looksRight(seen, &result)
        }
    }

    /// Four of ten calls fail, and what fails is done half of the time.
    func flaky() async throws -> ScenarioResult {
        try await result("flaky", ["GF-2", "GF-7", "MC-2"]) { result in
            try await clinic.set(#"{"errors":0.4,"errorsAreDone":true}"#)
            let seen = try await settle(24..<44)
            try await clinic.set("{}")
            // Booked in the end, or given up after all the time there was: never anything between.
            result.expect(
                seen.allSatisfy { $0.json.isBooked || $0.json["state"]?.string == "cancelled" }, "not all came to an end")
            result.expect(seen.contains { $0.json.attempts > 1 }, "nobody had to ask again")
            try await looksRight(seen, &result)
        }
    }

    /// The same request again and at the same time: one appointment, one effect.
    func duplicate() async throws -> ScenarioResult {
        try await result("duplicate", ["GF-3", "GF-7", "MC-1"]) { result in
            let (clinic, practitioner, start) = (clinic, practitioner, times[44])
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await clinic.book(start, with: practitioner, patient: 44, key: "the-same") }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            result.expect(Set(ids).count == 1, "eight repeats made \(Set(ids).count) appointments")
            let again = try await clinic.book(start, with: practitioner, patient: 44, key: "the-same")
            result.expect(again == ids.first, "a later repeat made another appointment")
            let seen = [Seen(id: again, json: try await clinic.settled(again))]
            result.expect(seen[0].json.isBooked, "it is not booked")
            try await looksRight(seen, &result)
        }
    }

    /// Everything fails: the calendar is left alone, which is an event and a metric, and what waited is booked once it is back.
    func breaker() async throws -> ScenarioResult {
        try await result("breaker", ["GF-7", "MC-2"]) { result in
            let gauge = #"mediconnect_outbound_breaker{destination="scheduling"}"#
            try await clinic.set(#"{"errors":1}"#)
            let ids = try await book(45..<65)
            let isOpen = try await becomes { try await clinic.metric(gauge) == 2 }
            result.expect(isOpen, "the breaker did not open")
            try await clinic.set("{}")
            var seen: [Seen] = []
            for id in ids { seen.append(Seen(id: id, json: try await clinic.settled(id))) }
            result.expect(seen.allSatisfy(\.json.isBooked), "what waited was not booked in the end")
            let isClosed = try await becomes { try await clinic.metric(gauge) == 0 }
            result.expect(isClosed, "the breaker did not close")
            try await looksRight(seen, &result)
        }
    }

    /// It never answers anything but failures: the appointment is over, the time is free again, and nothing stands there. In a clinic that asks for a
    /// few seconds only.
    func persistent() async throws -> ScenarioResult {
        try await result("persistent failure", ["GF-2", "GF-7"]) { result in
            try await clinic.set(#"{"errors":1,"errorsAreDone":true}"#)
            let seen = try await settle(0..<4)
            result.expect(
                seen.allSatisfy {
                    $0.json["state"]?.string == "cancelled" && $0.json["cancellation"]?["reason"]?.string == "provider-failed"
                }, "not all are cancelled as the provider's failure")
            try await clinic.set("{}")
            try await looksRight(seen, &result)
            for one in seen {
                result.expect(
                    !clinic.logged("scheduling.gave-up", of: one.id).isEmpty, "no line says that \(one.id) was given up")
            }
            let again = try await settle(0..<4, key: "afterwards")
            result.expect(again.allSatisfy(\.json.isBooked), "the times are not free again")
        }
    }

    // MARK: How

    private struct Seen {
        let id: String
        let json: JSON
    }

    private func result(
        _ name: String, _ shows: [String], _ body: (inout ScenarioResult) async throws -> Void
    ) async throws -> ScenarioResult {
        var result = ScenarioResult(name, shows: shows, engine: clinic.engine)
        let began = ContinuousClock.now
        do { try await body(&result) } catch { result.findings.append("\(error)") }
        // The next begins with a calendar that is well.
        try await clinic.set("{}")
        result.seconds = (ContinuousClock.now - began) / .seconds(1)
        return result
    }

    private func book(_ numbers: Range<Int>, key: String = "book") async throws -> [String] {
        var ids: [String] = []
        for number in numbers {
            ids.append(
                try await clinic.book(
                    times[number], with: practitioner, patient: number, key: "\(key)-\(practitioner.suffix(3))-\(number)"))
        }
        return ids
    }

    private func settle(_ numbers: Range<Int>, key: String = "book") async throws -> [Seen] {
        var seen: [Seen] = []
        for id in try await book(numbers, key: key) { seen.append(Seen(id: id, json: try await clinic.settled(id))) }
        return seen
    }

    /// Nothing waits outside, and the other calendar has each appointment once, or not at all where it is over.
    private func looksRight(_ seen: [Seen], _ result: inout ScenarioResult) async throws {
        result.expect(try await clinic.outboxEmpties(), "something is left in the outbox")
        let theirs = try await clinic.theirs()
        var mismatches = Mismatches()
        for one in seen {
            guard let start = one.json.start else { continue }
            mismatches.count(believed: one.json.isBooked, standing: theirs[start] ?? 0)
        }
        result.expect(
            mismatches.requests == seen.count && mismatches.mismatches == 0,
            "\(mismatches.mismatches) differ from the other calendar")
        result.facts["requests"] = Double(seen.count)
        result.facts["attempts, mean"] = Double(seen.map(\.json.attempts).reduce(0, +)) / Double(max(1, seen.count))
        result.facts["attempts, most"] = Double(seen.map(\.json.attempts).max() ?? 0)
        result.facts["booked"] = Double(seen.count { $0.json.isBooked })
    }

    private func becomes(_ look: () async throws -> Bool) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < limit {
            if try await look() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}
