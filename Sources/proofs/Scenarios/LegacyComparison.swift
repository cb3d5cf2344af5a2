import Foundation
import LoopbackClient
import Notation
import Processes

/// A thousand requests the way systems of old make them, and a thousand through the clinic, at a calendar where one call in ten fails after
/// it was done: how many of either are not what the calendar says (GF-6: below 0.1 %).
///
/// Of old: the calendar is called while the client waits, once; what fails is believed not to have happened.
struct LegacyComparison {
    let clinic: ScenarioClinic
    let requests: Int
    private static let mode = #"{"errors":0.1,"errorsAreDone":true}"#

    func measure() async throws -> (result: ScenarioResult, legacy: Mismatches, new: Mismatches) {
        var result = ScenarioResult("a thousand requests, of old and new", shows: ["GF-6", "GF-7"], engine: clinic.engine)
        let began = ContinuousClock.now
        let legacy = try await legacy()
        try await clinic.set("{}")
        let new = try await new()
        result.expect(
            new.requests == requests && new.share < 0.001, "\(new.mismatches) of \(new.requests) differ from the other calendar")
        // Or it would show nothing.
        result.expect(legacy.share > 0.01, "the old way differs in \(legacy.mismatches) of \(legacy.requests) only")
        result.expect(try await clinic.outboxEmpties(), "something is left in the outbox")
        result.facts = [
            "requests": Double(new.requests), "mismatches": Double(new.mismatches),
            "mismatches of old": Double(legacy.mismatches),
        ]
        result.seconds = (ContinuousClock.now - began) / .seconds(1)
        return (result, legacy, new)
    }

    private func new() async throws -> Mismatches {
        let each = (requests + clinic.practitioners.count - 1) / clinic.practitioners.count
        var wanted: [(start: String, practitioner: String, patient: Int)] = []
        // Nobody is asked to be in two places: each practitioner has patients of their own.
        let own = max(1, 8 / clinic.practitioners.count)
        for (index, practitioner) in clinic.practitioners.enumerated() {
            wanted += try await clinic.times(each, of: practitioner).enumerated().map {
                ($0.element, practitioner, index * own + $0.offset % own)
            }
        }
        try await clinic.set(Self.mode)
        let (clinic, all) = (clinic, Array(wanted.prefix(requests)))
        let ids = try await withThrowingTaskGroup(of: [String].self) { group in
            for lane in 0..<8 {
                group.addTask {
                    var ids: [String] = []
                    for number in stride(from: lane, to: all.count, by: 8) {
                        ids.append(
                            try await clinic.book(
                                all[number].start, with: all[number].practitioner, patient: all[number].patient,
                                key: "new-\(number)"))
                    }
                    return ids
                }
            }
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        var seen: [JSON] = []
        for id in ids { seen.append(try await clinic.settled(id, withinSeconds: 600)) }
        try await clinic.set("{}")
        guard try await clinic.outboxEmpties() else { throw ProcessFault("the outbox does not become empty") }
        let theirs = try await clinic.theirs()
        // Two practitioners may have the same hour: what we believe of an hour is how many are booked then.
        var mismatches = Mismatches()
        for (start, group) in Dictionary(grouping: seen, by: \.start) {
            guard let start else { continue }
            let difference = abs(group.count(where: \.isBooked) - (theirs[start] ?? 0))
            mismatches.requests += group.count
            mismatches.mismatches += min(group.count, difference)
        }
        return mismatches
    }

    private func legacy() async throws -> Mismatches {
        try await clinic.set(Self.mode)
        let first = Instant("2035-01-01T00:00:00Z")!
        var believed: [Instant: Bool] = [:]
        for number in 0..<requests {
            let time = first + .minutes(60 * number)
            var json = JSONWriter()
            json.object { json in
                json.member("id", "legacy-\(number)")
                json.member("request_id", "legacy-\(number)")
                json.member("provider", "north")
                json.member("time", time)
                json.member("patient_name", "Somebody")
            }
            let reply = try? await clinic.http.send(
                "POST", "\(clinic.simulator.base)/scheduling/appointments", token: "simulated-scheduling",
                key: "legacy-\(number)",
                body: json.bytes)
            believed[time] = (200..<300).contains(reply?.status ?? 0)
        }
        try await clinic.set("{}")
        let theirs = try await clinic.theirs()
        var mismatches = Mismatches()
        for (time, isBooked) in believed { mismatches.count(believed: isBooked, standing: theirs[time] ?? 0) }
        return mismatches
    }
}
