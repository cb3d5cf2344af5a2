import Foundation
import LoopbackClient
import Notation
import Processes

/// A thousand requests the way systems of old make them, and a thousand through the clinic, at a calendar where one call in ten fails after
/// it was done: how many of either are not what the calendar says (GF-6: below 0.1 %).
///
/// Of old: the calendar is called while the client waits, once; what fails is believed not to have happened.
struct LegacyComparison {
    let scene: Scene
    let requests: Int
    private var clinic: ScenarioClinic { scene.clinic }
    private static let mode = #"{"errors":0.1,"errorsAreDone":true}"#
    static let name = "comparison"
    static let most = 0.001

    static func scenario(requests: Int) -> Scenario {
        Scenario(
            name,
            """
            As many requests as a system of old makes them, and through the clinic, at a calendar where one call in ten fails after it was \
            done: how many are not what the calendar says.
            """, shows: ["GF-6", "GF-7", "GF-9"],
            needs: ClinicNeeds(.scheduling, settings: CalendarScenarios.longEnough)
        ) { scene in try await LegacyComparison(scene: scene, requests: requests).play() }
    }

    func play() async throws {
        let legacy = try await legacy()
        let (new, seen) = try await new()
        // Or it would show nothing.
        scene.expect(
            .states, "of old, more than one in a hundred differ", legacy.share > 0.01,
            "\(legacy.mismatches) of \(legacy.requests)")
        scene.expect(
            .ledger, "through the clinic, fewer than one in a thousand differ", new.requests == requests && new.share < Self.most,
            "\(new.mismatches) of \(new.requests)")
        scene.expect(.states, "all of them are booked", seen.allSatisfy(\.isBooked), CalendarScenarios.states(seen))
        var found = 0
        let again = seen.count { $0.attempts > 1 }
        let isAsked = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            found = try await clinic.repaired(by: "scheduling")
            return again + found > 0
        }
        scene.expect(.attempts, "some took more than one attempt, or were found by looking", isAsked)
        var (confirmed, counted) = (0, -1)
        let isCounted = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            confirmed = clinic.logged("scheduling.confirmed").count
            counted = Int(try await clinic.metrics()[OtherCalendar.answer("confirmed")] ?? 0)
            return confirmed == counted
        }
        scene.expect(
            .log, "a line tells of each yes that was heard", confirmed + found > requests * 8 / 10 && confirmed <= requests,
            "\(confirmed), and \(found) found by looking")
        scene.expect(.metrics, "and the metric counts them", isCounted, "\(counted), not \(confirmed)")
        scene.count("requests", requests)
        scene.count("differ of old", legacy.mismatches)
        scene.count("differ", new.mismatches)
        scene.count("attempts at one, mean", Double(seen.reduce(0) { $0 + $1.attempts }) / Double(max(1, seen.count)))
    }

    private func new() async throws -> (Mismatches, [JSON]) {
        let practitioners = try await clinic.practitioners()
        let each = (requests + practitioners.count - 1) / practitioners.count
        var wanted: [(start: String, practitioner: String, patient: Int)] = []
        // Nobody is asked to be in two places: each practitioner has patients of their own.
        let own = max(1, 8 / practitioners.count)
        for (index, practitioner) in practitioners.enumerated() {
            try await clinic.giveAway(practitioner)
            wanted += try await clinic.times(each, of: practitioner).enumerated().map {
                ($0.element, practitioner, index * own + $0.offset % own)
            }
        }
        try await clinic.set(Self.mode, "scheduling")
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
        // One question for all instead of one each.
        _ = try await scene.becomes(withinSeconds: 900) {
            try await clinic.number("SELECT count(*) FROM appointment WHERE state = 'pending'") == 0
        }
        try await clinic.set("{}", "scheduling")
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        var seen: [JSON] = []
        for id in ids { seen.append(try await clinic.appointment(id)) }
        let theirs = try await clinic.theirs()
        // Two practitioners may have the same hour: what is believed of an hour is how many are booked then.
        var mismatches = Mismatches()
        for (start, group) in Dictionary(grouping: seen, by: \.start) {
            let difference = abs(group.count(where: \.isBooked) - (start.flatMap { theirs[$0] } ?? 0))
            mismatches.requests += group.count
            mismatches.mismatches += min(group.count, difference)
        }
        return (mismatches, seen)
    }

    private func legacy() async throws -> Mismatches {
        try await clinic.set(Self.mode, "scheduling")
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
                key: "legacy-\(number)", body: json.bytes)
            believed[time] = (200..<300).contains(reply?.status ?? 0)
        }
        try await clinic.set("{}", "scheduling")
        let theirs = try await clinic.theirs()
        var mismatches = Mismatches()
        for (time, isBooked) in believed { mismatches.count(believed: isBooked, standing: theirs[time] ?? 0) }
        return mismatches
    }
}
