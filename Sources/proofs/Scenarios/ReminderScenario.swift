import Foundation
import LoopbackClient
import Notation
import Processes

/// Patients are reminded, by whichever channel reaches them, and answer (MC-12).
enum ReminderScenario {
    static let scenario = Scenario(
        "reminders",
        """
        Four are reminded: one by text message, who cancels by replying; one by mail, who says yes by its link; one by mail because texts \
        fail; and one who is asleep, later. Receipts come twice.
        """, shows: ["MC-12", "MC-2", "GF-3"],
        needs: ClinicNeeds(.texts, .mail, settings: ["MEDICONNECT_MESSAGES_PATIENCE": "10"])
    ) { scene in
        let clinic = scene.clinic
        try await clinic.set(#"{"duplicateWebhooks":true}"#, "sms")
        let patients = (0..<4).map { ScenarioClinic.patient($0) }
        let (hour, zone) = (Int(clinic.now.secondsSince1970 / 3600 % 24), #""zone":"Etc/UTC""#)
        let asleep = #""quietFrom":"\#(Self.clock(hour + 23))","quietUntil":"\#(Self.clock(hour + 2))",\#(zone)"#
        let awake = #""quietFrom":"00:00","quietUntil":"00:00",\#(zone)"#
        let consents = #""consents":{"sms":true,"email":true}"#
        for (patient, channels, quiet) in zip3(
            patients, [#"["sms","email"]"#, #"["email"]"#, #"["sms","email"]"#, #"["email"]"#], [awake, awake, awake, asleep])
        {
            try await clinic.ask(
                "PUT", "/v1/patients/\(patient)/preferences", body: #"{"channels":\#(channels),\#(quiet),\#(consents)}"#)
        }
        let practitioner = try await clinic.practitioners()[0]
        // More than a day ahead, so that both reminders are.
        let times = try await clinic.times(30, of: practitioner).filter {
            Instant($0).map { $0 > clinic.now + .days(2) } ?? false
        }
        var visits: [String] = []
        for number in 0..<4 {
            visits.append(try await clinic.book(times[number], with: practitioner, patient: number, key: "visit-\(number)"))
        }
        // The confirmations go first, each by its patient's channel; the one who sleeps has theirs in the morning.
        _ = try await scene.becomes {
            try await Self.under(clinic, "state IN ('handed-over', 'delivered') AND kind = 'confirmation'") == 3
        }
        try await clinic.set(#"{"errors":1,"duplicateWebhooks":true}"#, "sms")
        try await clinic.comesDue("appointment.reminder", of: visits[2])
        let fallback = try await scene.eventually("a mail goes where texts fail") {
            let messages = try await Self.reminders(clinic, visits[2], of: patients[2])
            return messages.contains { $0.state == "handed-over" } ? messages : nil
        }
        scene.expect(
            .states, "what texts did not bring goes by mail, once",
            fallback.map { "\($0["channel"]?.string ?? "-") \($0.state)" }.sorted(),
            is: ["email handed-over", "sms failed"])
        try await clinic.set(#"{"duplicateWebhooks":true}"#, "sms")

        for number in [0, 1, 3] { try await clinic.comesDue("appointment.reminder", of: visits[number]) }
        let text = try await scene.eventually("the text message has arrived") {
            try await Self.reminders(clinic, visits[0], of: patients[0]).first { $0.state == "delivered" }
        }
        scene.expect(
            .states, "the first is reminded by text message, and the carrier says that it came", text["channel"]?.string,
            is: "sms")
        let sent = try await clinic.ledger().of("sms", "text").first { $0.key.hasPrefix(text.id) }
        try await clinic.press("answer", "id=\(sent?.made.first ?? "-")&words=ABSAGEN")
        let cancelled = try await scene.becomes { try await clinic.appointment(visits[0]).state == "cancelled" }
        scene.expect(.states, "a reply by text message cancels the visit", cancelled)

        _ = try await scene.eventually("the mail has gone") {
            try await Self.reminders(clinic, visits[1], of: patients[1]).first { $0.state == "handed-over" }
        }
        let code = try await Self.link(clinic, to: "patient2@example.org")
        for (times, said) in [("once", "taken"), ("again", "said before")] {
            let answered = try await clinic.send(
                "POST", "/visit/answer?language=en", body: "code=\(code)&answer=confirm",
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            scene.expect(.states, "an answer by the mail's link, \(times), is \(said)", answered.status, is: 200)
        }
        scene.expect(
            .states, "each answer stands with its message",
            [
                try await Self.answer(clinic, visits[0], of: patients[0]),
                try await Self.answer(clinic, visits[1], of: patients[1]),
            ], is: ["cancel", "confirm"])

        let waiting = try await scene.eventually("the one who sleeps is waited for") {
            try await Self.reminders(clinic, visits[3], of: patients[3]).first { $0.state == "queued" }
        }
        let due = waiting["dueAt"]?.string.flatMap { Instant($0) }
        scene.expect(
            .states, "nobody is woken: it waits for the end of quiet hours", due.map { $0 > clinic.now + .minutes(30) } ?? false,
            waiting.said)
        try await clinic.ask(
            "PUT", "/v1/patients/\(patients[3])/preferences", body: #"{"channels":["email"],\#(awake),\#(consents)}"#)
        try await clinic.comesDue("notice.send")
        let woken = try await scene.becomes {
            try await Self.reminders(clinic, visits[3], of: patients[3]).map(\.state) == ["handed-over"]
        }
        scene.expect(.states, "and goes when they are over", woken)

        // The second reminder, two hours before; and the first must not go again.
        try await clinic.comesDue("appointment.reminder", of: visits[1])
        let both = try await scene.becomes {
            try await Self.reminders(clinic, visits[1], of: patients[1]).map(\.state) == ["handed-over", "handed-over"]
        }
        scene.expect(.states, "the second reminder follows the first", both)
        try await looksRight(scene)
    }

    private static func looksRight(_ scene: Scene) async throws {
        let clinic = scene.clinic
        _ = try await scene.becomes {
            let unheard = try await under(clinic, "channel = 'sms' AND state = 'handed-over'")
            let unfinished = try await clinic.unfinished()
            return unheard + unfinished == 0
        }
        let gone = try await clinic.numbers(
            "SELECT channel, count(*) FROM message WHERE state IN ('handed-over', 'delivered') GROUP BY channel")
        let ledger = try await clinic.ledger()
        scene.expect(
            .ledger, "carriers had each text message once that was handed over", ledger.of("sms", "text").count,
            is: gone["sms"] ?? 0)
        scene.expect(.ledger, "and each mail", ledger.of("mail", "mail").count, is: gone["email"] ?? 0)
        scene.expect(.ledger, "no two were of one key", Set(ledger.effects.map(\.key)).count, is: ledger.effects.count)
        try await scene.expectSoon(.attempts, "texts that failed left lines", is: true) {
            clinic.logged("outbox.failed").contains { $0["extra"]?["topic"]?.string == "notice.send" }
        }
        func counted(_ channel: String, _ outcome: String) async throws -> Int {
            let line = #"mediconnect_outcomes_total{operation="message.\#(channel)",outcome="\#(outcome)"}"#
            return Int(try await clinic.metrics()[line] ?? 0)
        }
        try await scene.expectSoon(.metrics, "the metric counts mails that were handed over", is: gone["email"] ?? 0) {
            try await counted("email", "handed-over")
        }
        try await scene.expectSoon(.metrics, "and text messages that arrived", is: gone["sms"] ?? 0) {
            try await counted("sms", "delivered")
        }
        try await scene.expectSoon(.log, "each answer by link has its line", is: 2) {
            clinic.logged("http.takeAnswerPage").count
        }
        scene.count("messages", gone.values.reduce(0, +))
    }

    private static func clock(_ hour: Int) -> String { "\(hour % 24 < 10 ? "0" : "")\(hour % 24):00" }

    private static func zip3<A, B, C>(_ a: [A], _ b: [B], _ c: [C]) -> [(A, B, C)] { a.indices.map { (a[$0], b[$0], c[$0]) } }

    private static func under(_ clinic: ScenarioClinic, _ condition: String) async throws -> Int {
        try await clinic.number("SELECT count(*) FROM message WHERE \(condition)")
    }

    /// Of one visit: the demo clinic's patients have others, of which they are reminded when their time comes.
    private static func reminders(_ clinic: ScenarioClinic, _ visit: String, of patient: String) async throws -> [JSON] {
        try await clinic.ask("GET", "/v1/patients/\(patient)/messages?limit=200").items.filter {
            $0["kind"]?.string == "reminder" && $0["appointment"]?.string == visit
        }
    }

    private static func answer(_ clinic: ScenarioClinic, _ visit: String, of patient: String) async throws -> String? {
        try await reminders(clinic, visit, of: patient).compactMap { $0["answer"]?.string }.first
    }

    /// The code of the newest mail's link, as somebody reads it who has the mail open.
    static func link(_ clinic: ScenarioClinic, to address: String) async throws -> String {
        let page = try await clinic.http.send("GET", clinic.simulator.base + "/").text
        for mail in page.components(separatedBy: "<article>") where mail.contains("to \(address)") {
            if let code = mail.firstMatch(of: /answer=confirm#([A-Za-z0-9._~-]+)/) { return String(code.1) }
        }
        throw ProcessFault("no mail to the patient has a link")
    }
}

extension ScenarioClinic {
    /// Lets the time come that work waits for, of one appointment or of all.
    func comesDue(_ topic: String, of subject: String? = nil) async throws {
        try await tamper(
            "UPDATE outbox SET available_at = \(sql(now - .seconds(1))) WHERE topic = '\(topic)' AND state = 'ready'"
                + (subject.map { " AND subject = \(sql(id: $0))" } ?? ""))
    }
}
