import Foundation
import Notation

/// What a scenario found, as it stands in `results.json`.
struct ScenarioResult: Codable {
    let name: String
    /// The requirements it shows.
    let shows: [String]
    let engine: String
    var isPassed: Bool { findings.isEmpty }
    /// What was not as it should be.
    var findings: [String] = []
    /// What was counted on the way.
    var facts: [String: Double] = [:]
    var seconds = 0.0

    init(_ name: String, shows: [String], engine: String) {
        self.name = name
        self.shows = shows
        self.engine = engine
    }

    mutating func expect(_ isSo: Bool, _ otherwise: @autoclosure () -> String) { if !isSo { findings.append(otherwise()) } }

    private enum CodingKeys: String, CodingKey { case name, shows, engine, passed, findings, facts, seconds }

    func encode(to encoder: any Encoder) throws {
        var json = encoder.container(keyedBy: CodingKeys.self)
        try json.encode(name, forKey: .name)
        try json.encode(shows, forKey: .shows)
        try json.encode(engine, forKey: .engine)
        try json.encode(isPassed, forKey: .passed)
        try json.encode(findings, forKey: .findings)
        try json.encode(facts, forKey: .facts)
        try json.encode(seconds, forKey: .seconds)
    }

    init(from decoder: any Decoder) throws {
        let json = try decoder.container(keyedBy: CodingKeys.self)
        name = try json.decode(String.self, forKey: .name)
        shows = try json.decode([String].self, forKey: .shows)
        engine = try json.decode(String.self, forKey: .engine)
        findings = try json.decode([String].self, forKey: .findings)
        facts = try json.decode([String: Double].self, forKey: .facts)
        seconds = try json.decode(Double.self, forKey: .seconds)
    }
}

/// The two ways to keep another calendar in step, counted alike: which of our appointments are not what theirs say.
struct Mismatches: Sendable {
    var requests = 0
    var mismatches = 0
    var share: Double { requests == 0 ? 1 : Double(mismatches) / Double(requests) }

    /// Counts one: what we believe, and how often it stands there.
    mutating func count(believed isBooked: Bool, standing: Int) {
        requests += 1
        if standing != (isBooked ? 1 : 0) { mismatches += 1 }
    }
}

extension JSON {
    var attempts: Int { Int(self["externalConfirmation"]?["attempts"]?.integer ?? 0) }
    var isBooked: Bool { self["state"]?.string == "booked" }
    var start: Instant? { self["start"]?.string.flatMap { Instant($0) } }
}
