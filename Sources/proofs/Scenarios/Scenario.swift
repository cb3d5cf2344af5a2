import Foundation
import Notation
import Processes
import Synchronization

/// Something that happens outside a clinic, played with real processes from one end to the other.
struct Scenario: Sendable {
    /// What `--only` takes.
    let name: String
    /// What happens, and what has to come of it, in a sentence.
    let tells: String
    /// The requirements it shows.
    let shows: [String]
    let needs: ClinicNeeds
    /// What is logged as an error in it, because that is what happens.
    let errors: Set<String>
    let play: @Sendable (Scene) async throws -> Void

    init(
        _ name: String, _ tells: String, shows: [String], needs: ClinicNeeds, errors: Set<String> = [],
        play: @escaping @Sendable (Scene) async throws -> Void
    ) {
        self.errors = errors
        self.name = name
        self.tells = tells
        self.shows = shows
        self.needs = needs
        self.play = play
    }

    /// All of them, in the order of the report: one a line.
    ///
    /// - Parameter requests: of the comparison with a system of old.
    static func all(requests: Int) -> [Scenario] {
        [
            CalendarScenarios.happy,
            CalendarScenarios.delayed,
            CalendarScenarios.flaky,
            CalendarScenarios.persistent,
            CalendarScenarios.duplicate,
            CalendarScenarios.breaker,
            PaymentScenario.scenario,
            WaitlistScenario.scenario,
            ReminderScenario.scenario,
            SeriesScenario.scenario,
            RecordsScenario.scenario,
            ReconcilerScenario.scenario,
            ReplacingScenario.scenario(requests: requests),
            LegacyComparison.scenario(requests: requests),
        ]
    }
}

/// What is looked at. Every scenario says something of each, or it has not been played to its end.
enum Aspect: String, Codable, CaseIterable, Sendable {
    case states, attempts, ledger, log, metrics, outbox
}

/// One thing that had to be so.
struct Check: Codable, Sendable {
    let about: Aspect
    /// What had to be so, as a sentence.
    let what: String
    let passed: Bool
    /// What was there instead.
    let found: String?
}

/// One scenario on one engine, as it stands in `results.json`.
struct ScenarioResult: Codable, Sendable {
    let name: String
    let tells: String
    let shows: [String]
    let engine: String
    var checks: [Check] = []
    /// What was counted on the way.
    var counted: [String: Double] = [:]
    /// Why it ended before its end.
    var fault: String?
    var seconds = 0.0
    var passed = false

    init(_ scenario: Scenario, engine: String) {
        (name, tells, shows, self.engine) = (scenario.name, scenario.tells, scenario.shows, engine)
    }

    var findings: [String] {
        let failed = checks.filter { !$0.passed }.map { check in
            "\(check.about.rawValue): not so: \(check.what)\(check.found.map { " (\($0))" } ?? "")"
        }
        return failed + (fault.map { ["it ended early: \($0)"] } ?? [])
    }
}

/// A scenario under way: the clinic it is played in, and what was found.
final class Scene: Sendable {
    let clinic: ScenarioClinic
    private let found = Mutex<(checks: [Check], counted: [String: Double], forgotten: Int)>(([], [:], 0))

    init(_ clinic: ScenarioClinic) { self.clinic = clinic }

    /// Writes down that something had to be so, and whether it is.
    ///
    /// - Parameter otherwise: what was there instead; only looked at when it is not so.
    func expect(_ about: Aspect, _ what: String, _ isSo: Bool, _ otherwise: @autoclosure () -> String? = nil) {
        let check = Check(about: about, what: what, passed: isSo, found: isSo ? nil : otherwise())
        found.withLock { $0.checks.append(check) }
    }

    func expect<Value: Equatable>(_ about: Aspect, _ what: String, _ value: Value, is wanted: Value) {
        expect(about, what, value == wanted, "\(value), not \(wanted)")
    }

    /// The same of what is written a moment after it has happened, as lines of the log and metrics are: looked at until it is so, for a while.
    func expectSoon<Value: Equatable>(
        _ about: Aspect, _ what: String, is wanted: Value, _ look: () async throws -> Value
    ) async throws {
        var value = try await look()
        _ = try await becomes(withinSeconds: Self.momentInSeconds) {
            if value != wanted { value = try await look() }
            return value == wanted
        }
        expect(about, what, value, is: wanted)
    }

    /// Longer than a busy machine takes from a commit to the line that tells of it.
    static let momentInSeconds = 60

    func count(_ name: String, _ number: some BinaryInteger) { count(name, Double(number)) }
    func count(_ name: String, _ number: Double) { found.withLock { $0.counted[name] = number } }

    /// So many failed attempts left lines in the log, and their row was taken away.
    func forget(attempts: Int) { found.withLock { $0.forgotten += attempts } }

    var forgotten: Int { found.withLock { $0.forgotten } }
    var checks: [Check] { found.withLock { $0.checks } }
    var counted: [String: Double] { found.withLock { $0.counted } }

    /// Waits for what happens in another program.
    func eventually<Found>(
        _ what: String, withinSeconds seconds: Int = 120, _ look: () async throws -> Found?
    ) async throws -> Found {
        let limit = ContinuousClock.now + .seconds(seconds)
        while true {
            if let found = try await look() { return found }
            guard ContinuousClock.now < limit else { throw ProcessFault("within \(seconds) s it did not happen that \(what)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The same, for what may stay away and is then a finding.
    func becomes(withinSeconds seconds: Int = 120, _ look: () async throws -> Bool) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < limit {
            if try await look() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}

/// Two ways to keep another calendar in step, counted alike: which appointments are not what it says.
struct Mismatches: Codable, Sendable {
    var requests = 0
    var mismatches = 0
    var share: Double { requests == 0 ? 1 : Double(mismatches) / Double(requests) }

    /// Counts one: what is believed, and how often it stands there.
    mutating func count(believed isBooked: Bool, standing: Int) {
        requests += 1
        if standing != (isBooked ? 1 : 0) { mismatches += 1 }
    }
}

extension JSON {
    var attempts: Int { Int(self["externalConfirmation"]?["attempts"]?.integer ?? 0) }
    var isBooked: Bool { self["state"]?.string == "booked" }
    var state: String { self["state"]?.string ?? "-" }
    var id: String { self["id"]?.string ?? "-" }
    var start: Instant? { self["start"]?.string.flatMap { Instant($0) } }
    /// As it stands in a finding.
    var said: String { String(decoding: canonicalBytes, as: UTF8.self) }
    var items: [JSON] { self["items"]?.array ?? [] }
}
