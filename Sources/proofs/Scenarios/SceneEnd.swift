import Foundation
import Notation

// What has to be so after every scenario, whatever it was.
extension Scene {
    /// Work that is done outside the database, and stays in the outbox's table when it is finished.
    static let outside = """
        topic IN ('scheduling.request', 'scheduling.cancel', 'payment.open', 'payment.cancel', 'payment.refund', 'records.change', \
        'legacy.change', 'notice.send')
        """

    /// - Parameter errors: events that are logged as errors here, because that is what happened.
    func end(errors: Set<String>) async throws {
        try await theOutboxIsEmpty()
        try await whatWasDoneWasDoneOnce()
        try await attemptsAreOnRecord()
        try await metricsCountWhatTheTableHas()
        try await theLogTellsIt(errors: errors)
    }

    private func theOutboxIsEmpty() async throws {
        var left: [String: Int] = [:]
        // What was given up does not go by itself: nobody waits for that.
        _ = try await becomes(withinSeconds: 60) {
            left = try await self.clinic.numbers(
                "SELECT topic || ' ' || state, count(*) FROM outbox WHERE \(self.clinic.isUnfinished) GROUP BY 1")
            return left.keys.allSatisfy { $0.hasSuffix(" dead") }
        }
        expect(.outbox, "nothing is due, under way, waits for another try or was given up", left.isEmpty, "\(left)")
    }

    private func whatWasDoneWasDoneOnce() async throws {
        let effects = try await clinic.ledger().effects.filter { $0.what != "token" }
        let often = effects.filter { $0.count != 1 }
        expect(
            .ledger, "whatever partners were asked for was done once for each key", often.isEmpty,
            "\(often.prefix(3).map { "\($0.part): \($0.what) \($0.key) \($0.count) times" })")
        for (part, group) in Dictionary(grouping: effects, by: { "\($0.part), \($0.what)" }) {
            count("done there: \(part)", group.count)
        }
    }

    /// What failed left a line each time, and was tried again: the table, counted by attempts, says the same as the log.
    private func attemptsAreOnRecord() async throws {
        let finished = "\(Self.outside) AND state IN ('done', 'cancelled') AND attempt > 0"
        let tried = try await clinic.number("SELECT COALESCE(sum(attempt), 0) FROM outbox WHERE \(finished)")
        let ended = try await clinic.number("SELECT count(*) FROM outbox WHERE \(finished)")
        let topics = Self.outside
        let failed = tried + forgotten - ended
        try await expectSoon(
            .attempts, "each attempt ended, failed and left a line, or was taken from a worker that stood still", is: failed
        ) {
            let lines = clinic.logged("outbox.failed").count { line in
                line["extra"]?["topic"]?.string.map { topics.contains("'\($0)'") } ?? false
            }
            return lines + (try await rescued())
        }
        count("attempts", tried)
        count("failed attempts", failed)
    }

    /// How often a lease ran out under a worker, as on a machine that stood still for a minute: another attempt follows, and no line.
    private func rescued() async throws -> Int {
        let metrics = try await clinic.metrics()
        return metrics.reduce(0) { sum, metric in
            let topic = metric.key.hasPrefix("mediconnect_outbox_rescued_total{") ? metric.key.split(separator: "\"")[1] : ""
            return sum + (!topic.isEmpty && Self.outside.contains("'\(topic)'") ? Int(metric.value) : 0)
        }
    }

    private func metricsCountWhatTheTableHas() async throws {
        for (topic, rows) in try await clinic.done().sorted(by: { $0.key < $1.key }) {
            try await expectSoon(.metrics, "the metric for \(topic) counts what was done", is: rows) {
                Int(try await clinic.metrics()[ScenarioClinic.doneMetric(topic)] ?? 0)
            }
        }
        // A server keeps its last figures when the database is busy.
        try await expectSoon(.metrics, "no server shows dead letters", is: 0) {
            try await clinic.gauges("mediconnect_outbox_dead").max() ?? 0
        }
    }

    private func theLogTellsIt(errors: Set<String>) async throws {
        try await expectSoon(.log, "each change that was asked for has one line, found by its request_id", is: 0) {
            let found = clinic.logLines().compactMap { try? JSON(parsing: Array($0.utf8)) }
                .filter { $0["evt"]?.string?.hasPrefix("http.") == true }
            let times = found.compactMap { $0["request_id"]?.string }.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            return clinic.changes.count { times[$0] != 1 }
        }
        let lines = clinic.logLines()
        let read = lines.compactMap { try? JSON(parsing: Array($0.utf8)) }
        let keys = ["time", "level", "evt", "request_id", "appointment_id", "message", "extra"]
        let isWhole = read.count == lines.count && read.allSatisfy { line in keys.allSatisfy { line[$0] != nil } }
        expect(
            .log, "every line is an object with the keys of GF-8", isWhole && !lines.isEmpty,
            "\(lines.count) lines, \(read.count) read")
        let leaks = lines.filter { line in Self.people.contains { line.contains($0) } }
        expect(.log, "no line has a name, an address or a number of a patient", leaks.isEmpty, "\(leaks.prefix(2))")
        let loud = read.filter { ["error", "critical"].contains($0["level"]?.string) }
        let strange = loud.filter { !errors.contains($0["evt"]?.string ?? "") }
        expect(.log, "no line is an error that does not belong here", strange.isEmpty, "\(strange.prefix(3).map(\.said))")
        count("changes asked for", clinic.changes.count)
    }

    /// How the demo clinic's patients are called and reached.
    private static let people =
        [
            "Emma Sample", "Noah Example", "Lina Muster", "Felix Demo", "Sara Trial", "Ben Specimen", "Ida Test", "Max Mock",
            "@example.org",
        ]
        + ["@demo.example", "+4930555", "30 5550"]
}

extension ScenarioClinic {
    /// Timers and reminders of days to come are none of it; what waits for a partner that is left alone is.
    var isUnfinished: String {
        """
        (state IN ('running', 'dead') OR (state = 'ready' AND (available_at <= \(sql(now)) OR attempt > 0 OR topic IN \
        ('scheduling.request', 'scheduling.cancel', 'payment.open', 'payment.refund', 'records.change', 'legacy.change'))))
        """
    }

    func unfinished() async throws -> Int { try await number("SELECT count(*) FROM outbox WHERE \(isUnfinished)") }
}
