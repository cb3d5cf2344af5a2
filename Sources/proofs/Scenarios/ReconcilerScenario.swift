import Foundation
import LoopbackClient
import Notation
import Processes

/// What got lost, or was done behind its back, while the clinic was down (GF-4, reliability.md §5).
enum ReconcilerScenario {
    static let scenario = Scenario(
        "reconciler",
        """
        While the servers are down, rows are damaged and another calendar changes behind their back: when they are back, what can be made \
        good is, and the rest is a task for somebody, each once.
        """, shows: ["GF-4", "GF-2", "GF-3"],
        needs: ClinicNeeds(.scheduling, settings: ["MEDICONNECT_SCHEDULING_SECONDS": "900"])
    ) { scene in
        let clinic = scene.clinic
        let calendar = try await OtherCalendar(scene)
        // Another practitioner's word is enough.
        let own = try await clinic.practitioners()[1]
        let times = try await clinic.times(6, of: own)
        let theirs = try await calendar.settled(calendar.book(0..<2))
        try await clinic.set(#"{"errors":1}"#, "scheduling")
        let unasked = try await calendar.book(2..<3)[0]
        let halved = try await clinic.book(times[0], with: own, patient: 4, key: "halved")
        let unclaimed = try await clinic.book(times[1], with: own, patient: 5, key: "unclaimed")
        let hold = try await clinic.book(times[2], with: own, patient: 6, key: "hold", isHold: true)
        _ = try await scene.eventually("it is asked for in vain") {
            try await clinic.appointment(unasked).attempts > 0 ? true : nil
        }
        let codes = try await clinic.stop()
        scene.expect(.states, "the servers stop in order", codes.allSatisfy { $0 == 0 }, "\(codes)")
        try await clinic.set("{}", "scheduling")

        // Their calendar ends one by itself, and has one that nobody here knows.
        let entry = theirs[0]["externalConfirmation"]?["requestId"]?.string?.replacing(":request", with: "") ?? ""
        let stranger = "01900000-0000-7000-8000-00000000e001"
        try await clinic.theyChange("/\(entry)/cancellation", "{}")
        try await clinic.theyChange(
            "",
            #"{"id":"\#(stranger)","request_id":"\#(stranger):request","provider":"north","time":"\#(calendar.times[9])","patient_name":"Nobody"}"#
        )
        // A request nobody carries any more, and a hold nobody will end.
        scene.forget(
            attempts: try await clinic.number(
                "SELECT COALESCE(sum(attempt), 0) FROM outbox WHERE topic = 'scheduling.request' AND state = 'ready'"))
        let past = clinic.sql(clinic.now - .minutes(5))
        try await clinic.tamper(
            """
            DELETE FROM outbox WHERE topic = 'scheduling.request' AND state IN ('ready', 'running');
            UPDATE external_entry SET created_at = \(past), updated_at = \(past) WHERE state = 'pending';
            DELETE FROM outbox WHERE topic = 'appointment.hold-expiry' AND subject = \(clinic.sql(id: hold));
            UPDATE appointment SET held_until = \(past) WHERE id = \(clinic.sql(id: hold));
            DELETE FROM claim WHERE appointment_id = \(clinic.sql(id: unclaimed));
            UPDATE appointment SET state = 'cancelled', cancelled_by = 'nobody', cancellation_reason = 'other', cancelled_at = \(past) \
                WHERE id = \(clinic.sql(id: halved));
            INSERT INTO outbox (id, topic, subject, payload, priority, state, available_at, attempt, max_attempts, lease, last_error, \
                created_at, finished_at) VALUES (\(clinic.sql(id: "01900000-0000-7000-8000-00000000d001")), 'appointment.event', \
                \(clinic.sql(id: theirs[1].id)), '{}', 1, 'dead', \(past), 20, 20, 1, 'nobody took it', \(past), \(past));
            """)
        try await clinic.start()

        let wanted = ["appointment-unclaimed", "delivery-dead", "provider-cancelled", "provider-entry-unknown"]
        var tasks: [JSON] = []
        let isRaised = try await scene.becomes {
            tasks = try await clinic.ask("GET", "/v1/tasks?state=open&limit=100").items
            return tasks.count >= wanted.count
        }
        scene.expect(
            .states, "what no program may decide is a task, each once",
            isRaised && tasks.compactMap { $0["kind"]?.string }.sorted() == wanted,
            "\(tasks.compactMap { $0["kind"]?.string })")
        try await scene.expectSoon(.metrics, "a dead letter is counted until somebody decides on it", is: 1) {
            Int(try await clinic.gauges("mediconnect_outbox_dead").max() ?? 0)
        }
        let lag = try await scene.becomes {
            try await clinic.gauges(#"mediconnect_sweep_lag_seconds{sweep="claims"}"#).max() ?? 0 > 0
        }
        scene.expect(.metrics, "and how long something has not fitted is shown while it does not", lag)
        let asked = try await clinic.settled(unasked, in: scene)
        scene.expect(.states, "a request whose message was lost is asked for after all", asked.isBooked, asked.state)
        scene.expect(.attempts, "which is another attempt", asked.attempts > 1, "\(asked.attempts)")
        let ended = try await scene.becomes { try await clinic.appointment(hold).state == "cancelled" }
        scene.expect(.states, "a hold whose timer was lost ends", ended)
        let freed = try await scene.becomes {
            try await clinic.number("SELECT count(*) FROM claim WHERE appointment_id = \(clinic.sql(id: halved))") == 0
        }
        scene.expect(.states, "what was claimed for nobody is free", freed)
        let again = try await clinic.book(times[0], with: own, patient: 7, key: "afterwards")
        scene.expect(.states, "and is booked by somebody else", try await clinic.appointment(again).isBooked)

        try await settle(scene, tasks)
        try await looksRight(scene, calendar, theirs: theirs, asked: asked)
    }

    /// Somebody settles what is theirs to decide: what was given up is discarded, the rest is said to be done.
    private static func settle(_ scene: Scene, _ tasks: [JSON]) async throws {
        let clinic = scene.clinic
        for letter in try await clinic.ask("GET", "/v1/dead-letters", by: clinic.admin).items {
            try await clinic.ask(
                "POST", "/v1/dead-letters/\(letter.id)/discard", by: clinic.admin, body: #"{"reason":"it was told by telephone"}"#
            )
        }
        for task in tasks {
            try await clinic.ask("POST", "/v1/tasks/\(task.id)/completion", body: #"{"reason":"called them"}"#)
        }
        let open = try await clinic.ask("GET", "/v1/tasks?state=open").items
        scene.expect(.states, "what somebody has settled stays settled", open.isEmpty, "\(open.count)")
    }

    private static func looksRight(_ scene: Scene, _ calendar: OtherCalendar, theirs: [JSON], asked: JSON) async throws {
        let clinic = scene.clinic
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let standing = try await clinic.theirs()
        func at(_ number: Int) -> Int { Instant(calendar.times[number]).flatMap { standing[$0] } ?? 0 }
        scene.expect(
            .ledger, "the other calendar has what both agreed on once, and what somebody has to see to as it was",
            [at(0), at(1), at(2), at(9)],
            is: [0, 1, 1, 1])
        func swept(_ what: String, _ sweeps: String...) async throws -> [Int] {
            let metrics = try await clinic.metrics()
            return sweeps.map { sweep in Int(metrics[#"mediconnect_sweep_\#(what)_total{sweep="\#(sweep)"}"#] ?? 0) }
        }
        try await scene.expectSoon(.metrics, "the sweep of holds counts what it made good", is: [1]) {
            try await swept("repaired", "holds")
        }
        // What it asked for again it may have found there before the answer was written down.
        var counted = [0]
        let isCounted = try await scene.becomes(withinSeconds: Scene.momentInSeconds) {
            counted = try await swept("repaired", "scheduling")
            return (1...2).contains(counted[0])
        }
        scene.expect(.metrics, "and so does that of other calendars", isCounted, "\(counted)")
        try await scene.expectSoon(.metrics, "also that practitioner, room and patient are free", is: [3]) {
            try await swept("repaired", "claims")
        }
        try await scene.expectSoon(.metrics, "and what it raised", is: [1, 1, 2]) {
            try await swept("raised", "claims", "outbox", "scheduling")
        }
        let told: Set = ["holds", "claims", "outbox", "scheduling"]
        try await scene.expectSoon(.log, "and a line tells of each", is: told) {
            Set(clinic.logged("sweep.repaired").compactMap { $0["extra"]?["job"]?.string }).intersection(told)
        }
        scene.count("tasks", 4)
        scene.count("made good", 3)
    }
}

extension ScenarioClinic {
    /// Somebody there does something.
    func theyChange(_ path: String, _ body: String) async throws {
        let reply = try await http.send(
            "POST", "\(simulator.base)/scheduling/appointments\(path)", token: "simulated-scheduling",
            key: "theirs-\(path)\(body.utf8.count)",
            body: Array(body.utf8))
        guard (200..<300).contains(reply.status) else { throw ProcessFault("the other calendar refuses: \(reply.text)") }
    }
}
