import Foundation
import LoopbackClient
import Notation
import Processes

/// A time that was given back, and those who wait for it (MC-9).
enum WaitlistScenario {
    static let scenario = Scenario(
        "waitlist",
        """
        Three people wait, and two times become free: each is offered to one at a time, goes on when it is declined or nobody answers, is \
        booked by whoever takes it, also by the link of a mail, and is offered to nobody twice. Each offer is one mail.
        """, shows: ["MC-9"], needs: ClinicNeeds(.mail)
    ) { scene in
        let clinic = scene.clinic
        let practitioner = try await clinic.practitioners()[0]
        let times = try await clinic.times(6, of: practitioner)
        let (first, second) = (times[4], times[5])
        let given = try await clinic.book(first, with: practitioner, patient: 3, key: "given-back")
        let other = try await clinic.book(second, with: practitioner, patient: 5, key: "given-back-too")
        var tokens: [String] = []
        for number in 0..<3 {
            let patient = ScenarioClinic.patient(number)
            tokens.append(try await clinic.token("patient", subject: patient))
            // Whatever the hour: nobody is offered anything while they sleep.
            try await clinic.ask(
                "PUT", "/v1/patients/\(patient)/preferences",
                body: #"{"channels":["email"],"quietFrom":"00:00","quietUntil":"00:00"}"#)
            try await clinic.ask(
                "POST", "/v1/waitlist", by: tokens[number],
                body:
                    #"{"patient":"\#(patient)","visitType":"\#(ScenarioClinic.visitType)","offers":true,"practitioners":["\#(practitioner)"]}"#
            )
        }
        try await clinic.ask("POST", "/v1/appointments/\(given)/cancellation", body: "{}")

        /// The offer that is open, once it is somebody's.
        func offer(to number: Int, at start: String) async throws -> JSON {
            let offer = try await scene.eventually("\(start) is offered to patient \(number)") {
                try await clinic.ask("GET", "/v1/waitlist-offers?limit=100", by: tokens[number]).items.first {
                    $0["state"]?.string == "open" && $0["start"]?.string.flatMap { Instant($0) } == Instant(start)
                }
            }
            let patient = ScenarioClinic.patient(number)
            _ = try await scene.eventually("patient \(number) has it by mail") {
                try await clinic.ask("GET", "/v1/patients/\(patient)/messages?limit=200").items.first {
                    $0["kind"]?.string == "offer" && $0["appointment"]?.string == offer["appointment"]?.string
                        && $0.state == "handed-over"
                }
            }
            return offer
        }
        func isOfferedToOne() async throws {
            let open = try await clinic.number("SELECT count(*) FROM waitlist_offer WHERE state = 'open'")
            scene.expect(.states, "one person has it at a time", open, is: 1)
        }
        let toFirst = try await offer(to: 0, at: first)
        try await isOfferedToOne()
        let taken = try await clinic.send(
            "POST", "/v1/appointments",
            body:
                #"{"visitType":"\#(ScenarioClinic.visitType)","practitioner":"\#(practitioner)","start":"\#(first)","patients":["\#(ScenarioClinic.patient(6))"]}"#
        )
        scene.expect(.states, "nobody books what is being offered", taken.status, is: 409)
        try await clinic.ask("POST", "/v1/waitlist-offers/\(toFirst.id)/refusal", by: tokens[0])
        _ = try await offer(to: 1, at: first)
        try await isOfferedToOne()
        // The second says nothing, for as long as they may think about it.
        let until = try await clinic.passTime(of: "pending")
        scene.expect(.states, "a hold stands for what is offered", until, is: 1)
        let toThird = try await offer(to: 2, at: first)
        try await isOfferedToOne()
        let code = try await ReminderScenario.link(clinic, to: "patient3@example.org")
        for (times, answer, status) in [("once", "confirm", 200), ("again", "confirm", 200), ("otherwise", "cancel", 410)] {
            let answered = try await clinic.send(
                "POST", "/visit/answer?language=en&about=offer", body: "code=\(code)&answer=\(answer)",
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            scene.expect(.states, "an answer by the mail's link, \(times), is \(status)", answered.status, is: status)
        }
        let booked = try await clinic.appointment(toThird["appointment"]?.string ?? "")
        scene.expect(.states, "whoever takes it has it", booked.isBooked && booked.start == Instant(first), booked.state)
        let again = try await clinic.send("POST", "/v1/waitlist-offers/\(toFirst.id)/acceptance", by: tokens[0])
        scene.expect(.states, "who declined it cannot take it any more", again.status, is: 409)

        // Another time becomes free, and the desk sees why it is whose turn.
        try await clinic.ask("POST", "/v1/appointments/\(other)/cancellation", body: "{}")
        let next = try await offer(to: 0, at: second)
        let told = try await clinic.ask("GET", "/v1/waitlist-offers?limit=100").items
        let reason = told.first { $0.id == next.id }?["explanation"]
        scene.expect(.states, "the desk is told why", reason?["lookedAt"]?.integer == 2, reason?.said ?? "nothing")
        let also = try await clinic.ask("POST", "/v1/waitlist-offers/\(next.id)/acceptance", by: tokens[0])
        scene.expect(.states, "and it is booked, too", also.isBooked, also.state)

        try await looksRight(scene)
    }

    private static func looksRight(_ scene: Scene) async throws {
        let clinic = scene.clinic
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let states = try await clinic.numbers("SELECT state, count(*) FROM waitlist_offer GROUP BY state")
        scene.expect(.states, "offers came to their ends", states, is: ["accepted": 2, "declined": 1, "expired": 1])
        let twice = try await clinic.number(
            "SELECT count(*) - count(DISTINCT practitioner_id || '' || start_at || patient_id) FROM waitlist_offer")
        scene.expect(.states, "no time was offered to anybody twice", twice, is: 0)
        let orphans = try await clinic.number(
            "SELECT count(*) FROM claim JOIN appointment ON appointment.id = appointment_id WHERE state IN ('cancelled', 'entered-in-error')"
        )
        scene.expect(.states, "nothing that was let pass is still kept", orphans, is: 0)
        try await scene.expectSoon(.metrics, "four steps are counted: two times freed, one declined, one lapsed", is: 4) {
            Int(try await clinic.metrics()[#"mediconnect_outbox_settled_total{state="done",topic="waitlist.freed"}"#] ?? 0)
        }
        let failed = clinic.logged("outbox.failed").count { $0["extra"]?["topic"]?.string == "waitlist.freed" }
        scene.expect(.attempts, "each step took one attempt", failed, is: 0)
        let ledger = try await clinic.ledger()
        let sent = try await clinic.number("SELECT count(*) FROM message WHERE state = 'handed-over'")
        scene.expect(.ledger, "each message that was handed over is one mail", ledger.of("mail", "mail").count, is: sent)
        let letters = try await clinic.number(
            "SELECT count(*) FROM message WHERE kind = 'confirmation' AND state = 'handed-over'")
        scene.expect(.ledger, "four visits were confirmed by mail, two by hand and two from offers", letters, is: 4)
        let offered = try await clinic.number("SELECT count(*) FROM message WHERE kind = 'offer' AND state = 'handed-over'")
        scene.expect(.ledger, "each offer is one mail", offered, is: states.values.reduce(0, +))
        try await scene.expectSoon(
            .log, "each answer to an offer has its line",
            is: ["http.acceptOffer": 2, "http.declineOffer": 1, "http.takeAnswerPage": 3]
        ) { answers(clinic) }
        scene.count("offers", states.values.reduce(0, +))
    }

    private static func answers(_ clinic: ScenarioClinic) -> [String: Int] {
        ["http.acceptOffer", "http.declineOffer", "http.takeAnswerPage"].reduce(into: [:]) { $0[$1] = clinic.logged($1).count }
    }
}

extension ScenarioClinic {
    /// Lets the time be over for which holds are kept. How many there were.
    func passTime(of state: String) async throws -> Int {
        let count = try await number("SELECT count(*) FROM appointment WHERE state = '\(state)'")
        let past = sql(now - .seconds(1))
        try await tamper(
            """
            UPDATE appointment SET held_until = \(past) WHERE state = '\(state)';
            UPDATE outbox SET available_at = \(past) WHERE topic = 'appointment.hold-expiry' AND state = 'ready';
            """)
        return count
    }
}
