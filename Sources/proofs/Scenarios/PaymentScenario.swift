import Foundation
import LoopbackClient
import Notation
import Processes

/// A visit that costs something: held, paid at the provider, booked by its word, and given back.
enum PaymentScenario {
    static let scenario = Scenario(
        "payment",
        """
        Visits are held and paid; the provider tells it once, twice, late and in another order, fails after it has done what it was asked, \
        and somebody pays after the hold was over: each payment is charged once, books or goes back, the books balance, and whoever paid has a mail of what goes back.
        """, shows: ["HB-3", "GF-3", "MC-12"], needs: ClinicNeeds(.payments, .mail)
    ) { scene in
        let till = try await Till(scene)
        // These two are over before they are paid; meanwhile the others are.
        let honoured = try await till.hold(0, patient: 0, visitType: till.brief)
        let givenBack = try await till.hold(1, patient: 1, visitType: till.brief)

        let plain = try await till.hold(2, patient: 2)
        let unpaid = try await scene.clinic.send("POST", "/v1/appointments/\(plain.id)/confirmation", by: plain.payer, body: nil)
        scene.expect(.states, "what is not paid is not booked", unpaid.status, is: 402)
        try await till.pay(plain)

        // Opened there, and the answer says it failed: asked again under the same key.
        try await scene.clinic.set(#"{"errors":1,"errorsAreDone":true,"times":1,"sparesReads":true}"#, "payments")
        let faltering = try await till.hold(3, patient: 3)
        try await till.pay(faltering)

        try await scene.clinic.set(#"{"duplicateWebhooks":true}"#, "payments")
        let twice = try await till.hold(4, patient: 4)
        try await till.pay(twice)
        try await till.isBooked(twice, "what was told twice")

        try await scene.clinic.set(#"{"lateWebhooks":700}"#, "payments")
        let late = try await till.hold(5, patient: 5)
        try await till.pay(late)
        try await till.isBooked(late, "what was told late")

        try await scene.clinic.set(#"{"reorderedWebhooks":true}"#, "payments")
        let (first, second) = (try await till.hold(6, patient: 6), try await till.hold(7, patient: 7))
        try await till.pay(first)
        try await till.pay(second)
        for one in [first, second] { try await till.isBooked(one, "what was told in another order") }
        try await scene.clinic.set("{}", "payments")
        for one in [plain, faltering] { try await till.isBooked(one, "what was paid") }

        try await scene.clinic.ask("POST", "/v1/appointments/\(twice.id)/cancellation", by: twice.payer, body: "{}")
        try await till.isGivenBack(twice, "what was cancelled in time")

        let over = try await scene.clinic.passTime(of: "pending")
        scene.expect(.states, "two are held and not paid when their time is over", over, is: 2)
        for one in [honoured, givenBack] {
            let ended = try await scene.clinic.settled(one.id, in: scene)
            scene.expect(
                .states, "a hold nobody has paid ends",
                ended.state == "cancelled" && ended["cancellation"]?["reason"]?.string == "expired",
                "\(ended.state)")
        }
        // Meanwhile the desk gives the second one's time to somebody who pays at the counter.
        let counter = try await scene.clinic.book(
            givenBack.start, with: till.practitioner, patient: 7, key: "in-between", visitType: till.usual, isHold: true)
        try await scene.clinic.ask(
            "POST", "/v1/appointments/\(counter)/confirmation", body: #"{"unpaidReason":"pays at the counter"}"#)
        try await till.pay(honoured)
        try await till.pay(givenBack)
        let notice = try await scene.eventually("the late payer hears of the visit") {
            try await till.notices(honoured).first { $0["kind"]?.string == "payment-honoured" }
        }
        let anew = try await scene.clinic.appointment(notice["appointment"]?.string ?? "")
        scene.expect(
            .states, "who paid late has the time, if it is free", anew.isBooked && anew.start == Instant(honoured.start),
            "\(anew.state)")
        try await till.isGivenBack(givenBack, "what was paid late for a time that is another's")
        try await till.balances(payments: 8, refunds: 2, honoured: 1)
    }
}

/// Whoever holds and pays visits.
private struct Till: Sendable {
    let scene: Scene
    /// Visit types that cost something: one with time to pay, one without.
    let usual: String
    let brief: String
    let practitioner: String
    let times: [String]
    private var clinic: ScenarioClinic { scene.clinic }
    private static let price = 4_500

    struct Held: Sendable {
        let id: String
        let start: String
        let payer: String
        /// What the provider calls it.
        let intent: String
        let number: Int
    }

    init(_ scene: Scene) async throws {
        self.scene = scene
        func visitType(_ name: String, minutes: Int) async throws -> String {
            let body =
                #"{"name":"\#(name)","durationMinutes":20,"specialty":"general-practice","policy":{"holdMinutes":\#(minutes),"cancellationCutoffMinutes":0},"price":{"amount":\#(Self.price),"currency":"eur","refunds":[{"hoursBefore":0,"percent":100}]}}"#
            return try await scene.clinic.makeVisitType(body)
        }
        usual = try await visitType("Paid", minutes: 30)
        brief = try await visitType("Paid soon", minutes: 10)
        practitioner = try await scene.clinic.practitioners()[0]
        times = try await scene.clinic.times(8, of: practitioner, visitType: usual)
    }

    /// Holds a time and asks for its payment.
    func hold(_ number: Int, patient: Int, visitType: String? = nil) async throws -> Held {
        let payer = try await clinic.token("patient", subject: ScenarioClinic.patient(patient))
        let id = try await clinic.book(
            times[number], with: practitioner, patient: patient, key: "hold-\(number)", visitType: visitType ?? usual,
            isHold: true,
            by: payer)
        try await clinic.ask("POST", "/v1/appointments/\(id)/payment", by: payer)
        let secret = try await scene.eventually("payment \(number) is open") {
            try await clinic.ask("GET", "/v1/appointments/\(id)/payment", by: payer)["payWith"]?.string
        }
        let intent = secret.components(separatedBy: "_secret_")[0]
        return Held(id: id, start: times[number], payer: payer, intent: intent, number: number)
    }

    /// The payer's browser pays.
    func pay(_ held: Held) async throws { try await clinic.press("pay", "id=\(held.intent)") }

    func isBooked(_ held: Held, _ what: String) async throws {
        let found = try await clinic.settled(held.id, in: scene)
        scene.expect(.states, "\(what) is booked", found.isBooked, found.state)
    }

    func isGivenBack(_ held: Held, _ what: String) async throws {
        let isDone = try await scene.becomes {
            let refunds =
                try await clinic.ask("GET", "/v1/appointments/\(held.id)/payment", by: held.payer)["refunds"]?.array ?? []
            return refunds.count == 1 && refunds[0]["state"]?.string == "done"
                && refunds[0]["amount"]?.integer == Int64(Self.price)
        }
        scene.expect(.states, "\(what) is given back, whole", isDone)
        let told = try await notices(held).filter { $0["kind"]?.string == "refund" }
        scene.expect(.states, "who paid for it hears of that once", told.count, is: 1)
    }

    func notices(_ held: Held) async throws -> [JSON] {
        try await clinic.ask("GET", "/v1/mailbox?limit=100", by: held.payer).items
    }

    /// What the provider has taken and given back, what was invoiced, and what the patients have are one sum.
    func balances(payments: Int, refunds: Int, honoured: Int) async throws {
        _ = try await scene.becomes { try await clinic.unfinished() == 0 }
        let ledger = try await clinic.ledger()
        let mails = try await clinic.numbers("SELECT kind, count(*) FROM message WHERE state = 'handed-over' GROUP BY kind")
        scene.expect(.ledger, "one mail for each refund", mails["refund"] ?? 0, is: refunds)
        scene.expect(.ledger, "and one for each visit that was booked after all", mails["payment-honoured"] ?? 0, is: honoured)
        scene.expect(
            .ledger, "the provider of mails had each once", ledger.of("mail", "mail").count, is: mails.values.reduce(0, +))
        scene.expect(
            .ledger, "one charge for each visit that was to be paid", ledger.of("payments", "payment").count, is: payments)
        scene.expect(.ledger, "one refund for each payment that went back", ledger.of("payments", "refund").count, is: refunds)
        let sums = try await clinic.numbers("SELECT kind, sum(amount) FROM invoice GROUP BY kind")
        let net = (sums["invoice"] ?? 0) - (sums["credit-note"] ?? 0)
        scene.expect(
            .ledger, "invoices less credit notes are what the provider has kept", net, is: (payments - refunds) * Self.price)
        let (count, most) = (
            try await clinic.number("SELECT count(*) FROM invoice"), try await clinic.number("SELECT max(number) FROM invoice")
        )
        scene.expect(.states, "invoices are numbered without a gap", most, is: count)
        let attempts = try await clinic.numbers("SELECT 'most', max(attempt) FROM outbox WHERE topic = 'payment.open'")
        let tries = attempts["most"] ?? 0
        scene.expect(.attempts, "what failed when it was opened was asked for again", tries >= 2, "\(tries)")
        func heard(_ outcomes: String...) async throws -> [Int] {
            let metrics = try await clinic.metrics()
            return outcomes.map { outcome in
                Int(metrics[#"mediconnect_outcomes_total{operation="incoming.payments",outcome="\#(outcome)"}"#] ?? 0)
            }
        }
        // Of what is told late a sweep may have learned by looking.
        try await scene.expectSoon(.metrics, "the metric counts payments that booked", is: payments - honoured - 1) {
            let found = try await clinic.repaired(by: "payments")
            return try await heard("paid")[0] + found
        }
        try await scene.expectSoon(.metrics, "and those that were honoured, and given back, late", is: [honoured, 1]) {
            try await heard("honoured", "given-back")
        }
        // The provider may still be telling of the last refund.
        var taken = 0
        try await scene.expectSoon(.log, "each webhook has its line", is: 0) {
            let lines = clinic.logged("http.hearOfPayment").count
            taken = try await clinic.ledger().webhooksTaken["payments"] ?? 0
            return taken - lines
        }
        scene.expect(.log, "and there were some", taken >= payments, "\(taken)")
        scene.count("payments", payments)
        scene.count("refunds", refunds)
        scene.count("webhooks taken", taken)
    }
}
