import Foundation
import LoopbackClient
import Notation
import Processes

/// A hospital's records, through an outage of theirs (MC-2, HB-4).
enum RecordsScenario {
    static let scenario = Scenario(
        "records",
        """
        A hospital's records fail while visits are booked, moved and cancelled: bookings wait for nothing, the desk sees how far behind they \
        are, a retry by hand brings them up, a message that was lost is found, and each visit is there once, as it is.
        """, shows: ["MC-2", "HB-4", "GF-4"], needs: ClinicNeeds(.records), errors: ["sync.outage-began"]
    ) { scene in
        let clinic = scene.clinic
        let practitioner = try await clinic.practitioners()[0]
        let times = try await clinic.times(12, of: practitioner)
        func book(_ numbers: Range<Int>) async throws -> [String] {
            var ids: [String] = []
            for number in numbers {
                ids.append(try await clinic.book(times[number], with: practitioner, patient: number, key: "visit-\(number)"))
            }
            return ids
        }
        // What the demo clinic had before it knew of any records.
        try await clinic.besideOrInstead { try await clinic.run("sync", "reconcile") }
        let early = try await book(0..<2)
        let inStep = try await scene.becomes {
            let state = try await clinic.syncState()
            let unfinished = try await clinic.unfinished()
            return state?["lastSuccessAt"]?.string != nil && unfinished == 0
        }
        scene.expect(.states, "the records are in step", inStep)

        // Down: what they are asked for is not done.
        try await clinic.set(#"{"errors":1}"#, "fhir")
        let late = try await book(2..<6)
        try await clinic.ask("POST", "/v1/appointments/\(early[0])/cancellation", body: "{}")
        let fresh = try await clinic.send("GET", "/v1/appointments/\(early[1])")
        try await clinic.ask(
            "POST", "/v1/appointments/\(early[1])/rescheduling", body: #"{"start":"\#(times[8])"}"#,
            headers: ["If-Match": fresh.etag ?? ""])
        var state: JSON?
        let isBehind = try await scene.becomes {
            state = try await clinic.syncState()
            return (state?["failures"]?.integer ?? 0) > 0 && state?["waiting"]?.integer == 6
        }
        scene.expect(.states, "the desk sees failures, and that six changes wait", isBehind, state?.said ?? "nothing")
        try await scene.expectSoon(.metrics, "and so does whoever watches the metrics", is: 6) {
            Int(try await clinic.gauges("mediconnect_sync_waiting").max() ?? 0)
        }
        let lags = try await scene.becomes { try await clinic.gauges("mediconnect_sync_lag_seconds").max() ?? 0 > 0 }
        scene.expect(.metrics, "and since when the oldest of them does", lags)
        let status = try await clinic.run("sync", "status").joined()
        scene.expect(
            .states, "and so does the command line", status.contains("6 waiting") && status.contains("failures in a row"), status)
        try await scene.expectSoon(.log, "changes that failed have lines", is: true) {
            !clinic.logged("records.later").isEmpty || !clinic.logged("records.postponed").isEmpty
        }

        // As if that had gone on for hours.
        try await clinic.tamper(
            "UPDATE sync_state SET failing_since = \(clinic.sql(clinic.now - .hours(3))) WHERE system = 'records' AND failures > 0"
        )
        let isOut = try await scene.becomes { try await clinic.gauges("mediconnect_sync_out").max() ?? 0 == 1 }
        scene.expect(.metrics, "after two hours it is out", isOut)
        try await scene.expectSoon(.states, "which is one task for a human", is: ["system-failing"]) {
            try await clinic.ask("GET", "/v1/tasks?state=open").items.map { $0["kind"]?.string }
        }

        // Up again, and somebody does not want to wait for the next try.
        try await clinic.set("{}", "fhir")
        try await clinic.besideOrInstead { try await clinic.run("sync", "retry") }
        let isUp = try await scene.becomes {
            state = try await clinic.syncState()
            let unfinished = try await clinic.unfinished()
            return state?["failures"]?.integer == 0 && state?["waiting"]?.integer == 0 && unfinished == 0
        }
        scene.expect(.states, "after a retry by hand nothing waits", isUp, state?.said ?? "nothing")
        try await scene.expectSoon(.metrics, "and nothing is out", is: 0) {
            Int(try await clinic.gauges("mediconnect_sync_out").max() ?? 0)
        }

        // A change whose message was lost, and one whose answer is.
        try await clinic.set(#"{"errors":1,"errorsAreDone":true,"times":1,"sparesTokens":true,"sparesReads":true}"#, "fhir")
        let unheard = try await book(6..<7)
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        try await clinic.set("{}", "fhir")
        let lost = try await book(7..<8)
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let before = try await clinic.repaired(by: "records")
        try await clinic.tamper("UPDATE records_link SET our_version = 0 WHERE appointment_id = \(clinic.sql(id: lost[0]))")
        let said = try await clinic.besideOrInstead { try await clinic.run("sync", "reconcile") }
        // Somebody looks by hand, or the sweep has come by before them: by one of them it is found, once.
        try await scene.expectSoon(.states, "comparing finds the one whose message was lost", is: 1) {
            let byHand = said.joined() == "1 appointments are sent again." ? 1 : 0
            return try await clinic.repaired(by: "records") - before + byHand
        }
        try await looksRight(scene, early + late + unheard + lost)
    }

    private static func looksRight(_ scene: Scene, _ visits: [String]) async throws {
        let clinic = scene.clinic
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let ledger = try await clinic.ledger()
        let made = ledger.of("fhir", "appointment").filter { visits.contains($0.key) }
        scene.expect(.ledger, "the records have each of eight visits once", made.count, is: visits.count)
        let behind = try await clinic.number(
            "SELECT count(*) FROM records_link JOIN appointment ON appointment.id = appointment_id WHERE our_version <> version")
        scene.expect(.ledger, "each as it is by now", behind, is: 0)
        let most = try await clinic.number("SELECT max(attempt) FROM outbox WHERE topic = 'records.change'")
        scene.expect(.attempts, "what failed was tried again", most > 1, "\(most)")
        try await scene.expectSoon(.metrics, "the metric counts what failed as the log does", is: 0) {
            let later = try await clinic.metrics()[#"mediconnect_sync_changes_total{outcome="later",system="records"}"#] ?? 0
            return Int(later) - clinic.logged("records.later").count
        }
        let tasks = try await clinic.ask("GET", "/v1/tasks?state=open").items
        scene.expect(.states, "nobody has to see to anything", tasks.isEmpty, "\(tasks.map { $0["kind"]?.string ?? "-" })")
        scene.count("visits", visits.count)
    }
}

extension ScenarioClinic {
    func syncState() async throws -> JSON? { try await ask("GET", "/v1/sync").items.first }

    /// Runs what works beside the servers of a database server, and in the place of the one server of an embedded database.
    @discardableResult
    func besideOrInstead<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        if engine == "postgres" { return try await body() }
        _ = try await stop()
        let answer = try await body()
        try await start()
        return answer
    }
}
