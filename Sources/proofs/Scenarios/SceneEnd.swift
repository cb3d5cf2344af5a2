import Foundation
import Notation

// What has to be so after every scenario, whatever it was.
extension Scene {
    /// Work that is done outside the database, and stays in the outbox's table when it is finished.
    private static let outside = """
        topic IN ('scheduling.request', 'scheduling.cancel', 'payment.open', 'payment.cancel', 'payment.refund', 'records.change', \
        'legacy.change', 'notice.send')
        """

    /// - Parameter errors: events that are logged as errors here, because that is what happened.
    func end(errors: Set<String>) async throws {
        try await theOutboxIsEmpty()
        try await whatWasDoneWasDoneOnce()
        try await attemptsAreOnRecord()
        try await metricsCountWhatTheTableHas()
        theLogTellsIt(errors: errors)
    }

    private func theOutboxIsEmpty() async throws {
        // What was given up does not go by itself: nobody waits for that.
        _ = try await becomes(withinSeconds: 60) {
            try await self.clinic.number("SELECT count(*) FROM outbox WHERE state <> 'dead' AND \(self.clinic.isUnfinished)") == 0
        }
        let isEmpty = try await clinic.unfinished() == 0
        let left = try await clinic.numbers(
            "SELECT topic || ' ' || state, count(*) FROM outbox WHERE \(clinic.isUnfinished) GROUP BY 1")
        expect(.outbox, "nothing is due, under way, waits for another try or was given up", isEmpty, "\(left)")
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
        let failed = clinic.logged("outbox.failed").filter { line in
            line["extra"]?["topic"]?.string.map { topics.contains("'\($0)'") } ?? false
        }
        expect(
            .attempts, "each attempt ended, or failed and left a line", tried + forgotten == ended + failed.count,
            "\(tried) attempts, \(ended) ends, \(failed.count) lines")
        count("attempts", tried)
        count("failed attempts", failed.count)
    }

    private func metricsCountWhatTheTableHas() async throws {
        let done = try await clinic.numbers(
            "SELECT topic, count(*) FROM outbox WHERE \(Self.outside) AND state = 'done' GROUP BY topic")
        let metrics = try await clinic.metrics()
        for (topic, rows) in done.sorted(by: { $0.key < $1.key }) {
            let line = #"mediconnect_outbox_settled_total{state="done",topic="\#(topic)"}"#
            expect(.metrics, "the metric for \(topic) counts what was done", Int(metrics[line] ?? 0), is: rows)
        }
        let dead = try await clinic.gauges("mediconnect_outbox_dead")
        expect(.metrics, "no server shows dead letters", dead.allSatisfy { $0 == 0 }, "\(dead)")
    }

    private func theLogTellsIt(errors: Set<String>) {
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
        var found: [String: Int] = [:]
        for line in read where line["evt"]?.string?.hasPrefix("http.") == true {
            if let name = line["request_id"]?.string { found[name, default: 0] += 1 }
        }
        let lost = clinic.changes.filter { found[$0] != 1 }
        expect(
            .log, "each change that was asked for has one line, found by its request_id", lost.isEmpty,
            "\(lost.count) of \(clinic.changes.count) have none, or several")
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
