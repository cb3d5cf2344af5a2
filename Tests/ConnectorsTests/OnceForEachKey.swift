import Connectors
import Notation
import Outbound
import Partners
import Testing

/// The real connectors against the simulator in each of its modes: what each makes of it, and what was done for whom in the end.
@Suite struct OnceForEachKey {
    struct Trouble: Sendable, CustomTestStringConvertible {
        let mode: String
        /// What becomes of a call to somebody who knows repeats, and to somebody who does not.
        let known: Kind
        let unknown: Kind
        /// What had been done by then.
        let done: Int

        /// How long the first call may take: long enough on a busy machine, unless nobody will answer anyway.
        var seconds: Int { mode.contains("hang") || mode.contains("silent") ? 1 : 10 }

        var testDescription: String { mode }

        init(_ mode: String, _ known: Kind, _ unknown: Kind, done: Int) {
            (self.mode, self.known, self.unknown, self.done) = (mode, known, unknown, done)
        }
    }

    static let troubles: [Trouble] = [
        Trouble("{}", .done, .done, done: 1),
        Trouble(#"{"delay":200}"#, .done, .done, done: 1),
        Trouble(#"{"errors":1}"#, .later, .unknown, done: 0),
        Trouble(#"{"errors":1,"errorsAreDone":true}"#, .later, .unknown, done: 1),
        Trouble(#"{"hang":true}"#, .later, .unknown, done: 0),
        Trouble(#"{"silent":true}"#, .later, .unknown, done: 1),
        Trouble(#"{"garbled":true}"#, .later, .unknown, done: 1),
        Trouble(#"{"retryAfter":3}"#, .later, .later, done: 0),
    ]

    private func order(_ id: String) throws -> SchedulingOrder {
        try SchedulingOrder(
            id: id, requestID: "r-\(id)", provider: "north", time: "2026-03-02T09:00:00Z", patientName: Personal("Anna Meier"),
            allowed: ["north"])
    }

    // MARK: Who knows repeats

    @Test(arguments: troubles) func `a payment is opened once, whatever happens on the way`(trouble: Trouble) async throws {
        try await TrialSimulator.run { simulator in
            let key = EffectKey("pay-1")!
            let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("visit-1")!)
            try await simulator.set("payments", trouble.mode)
            let way = try simulator.way(.payments, seconds: trouble.seconds)
            let first = await simulator.payments(way).open(order, key: key)
            #expect(first.kind == trouble.known, "\(first)")
            #expect(try await simulator.effects("payments", "payment", key, once: trouble.done) == trouble.done)
            try await simulator.set("payments", "{}")
            // Another connector: after a crash nothing is left of the first but the key.
            let again = await simulator.payments(try simulator.way(.payments)).open(order, key: key)
            let payment = try #require(again.value)
            #expect(payment.state == .open && payment.price == order.price && payment.reference == order.reference)
            if let before = first.value { #expect(before.id == payment.id) }
            #expect(try await simulator.effects("payments", "payment", key) == 1)
        }
    }

    @Test(arguments: troubles) func `another calendar has an appointment once, whatever happens on the way`(
        trouble: Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            let order = try order("a-1")
            try await simulator.set("scheduling", trouble.mode)
            let way = try simulator.way(.scheduling, seconds: trouble.seconds)
            let first = await simulator.scheduling(way).request(order)
            #expect(first.kind == trouble.known, "\(first)")
            #expect(try await simulator.effects("scheduling", "appointment", order.requestID, once: trouble.done) == trouble.done)
            try await simulator.set("scheduling", "{}")
            let again = await simulator.scheduling(try simulator.way(.scheduling)).request(order)
            #expect(again.value?.state == .confirmed)
            #expect(try await simulator.effects("scheduling", "appointment", order.requestID) == 1)
        }
    }

    @Test func `a key is good for one request only`() async throws {
        try await TrialSimulator.run { simulator in
            let key = EffectKey("pay-1")!
            let payments = simulator.payments(try simulator.way(.payments))
            let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("visit-1")!)
            #expect(await payments.open(order, key: key).kind == .done)
            let other = PaymentOrder(Money(4600, "eur")!, reference: EffectKey("visit-1")!)
            #expect(await payments.open(other, key: key) == .never(reason: "it said no (400, idempotency_error)"))
            #expect(try await simulator.effects("payments", "payment", key) == 1)
        }
    }

    // MARK: Who does not

    private let text = TextMessage(to: PhoneNumber("+491701234567")!, words: Personal("Your visit is at 9."))

    /// Sends a text message as whoever must not send it twice: asks first what became of it when nobody knows.
    private func sendCarefully(_ carrier: some TextCarrier, _ key: EffectKey, _ first: Ending<TextReceipt>, since: Instant) async
    {
        switch first {
        case .done, .never: return
        case .later, .postponed: _ = await carrier.send(text, key: key)
        case .unknown:
            guard case .done(nil) = await carrier.find(text, since: since) else { return }
            _ = await carrier.send(text, key: key)
        }
    }

    @Test(arguments: troubles) func `a text message is sent at most once by whoever asks before sending again`(
        trouble: Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            let (key, since) = (EffectKey("text-1")!, Surroundings.machine().clock.now)
            try await simulator.set("sms", trouble.mode)
            let way = try simulator.way(.texts, seconds: trouble.seconds)
            let first = await simulator.texts(way).send(text, key: key)
            #expect(first.kind == trouble.unknown, "\(first)")
            #expect(try await simulator.effects("sms", "text", key, once: trouble.done) == trouble.done)
            try await simulator.set("sms", "{}")
            await sendCarefully(simulator.texts(try simulator.way(.texts)), key, first, since: since)
            #expect(try await simulator.effects("sms", "text", key) == 1)
        }
    }

    @Test func `who was stopped before sending, for so long that another may be at it, does not send`() async throws {
        try await TrialSimulator.run { simulator in
            let texts = simulator.texts(try simulator.way(.texts))
            var late = text
            late.beginsBy = Surroundings.machine().clock.now
            #expect(await texts.send(late, key: EffectKey("text-1")!).kind == .unknown)
            #expect(try await simulator.effects("sms", "text", EffectKey("text-1")!) == 0)
            late.beginsBy = Surroundings.machine().clock.now + .minutes(1)
            #expect(await texts.send(late, key: EffectKey("text-1")!).kind == .done)
            #expect(try await simulator.effects("sms", "text", EffectKey("text-1")!) == 1)
        }
    }

    @Test func `the same words to the same telephone a while ago are another message`() async throws {
        try await TrialSimulator.run { simulator in
            let texts = simulator.texts(try simulator.way(.texts))
            let since = Surroundings.machine().clock.now
            let receipt = try #require(await texts.send(text, key: EffectKey("text-1")!).value)
            #expect(await texts.find(text, since: since).value??.id == receipt.id)
            #expect(await texts.find(text, since: since + .minutes(1)) == .done(nil))
            let other = TextMessage(to: text.to, words: Personal("Your visit is at 10."))
            #expect(await texts.find(other, since: since) == .done(nil))
        }
    }

    @Test func `twenty who open the same payment at once open one`() async throws {
        try await TrialSimulator.run { simulator in
            let (key, order) = (EffectKey("pay-1")!, PaymentOrder(Money(4500, "eur")!, reference: EffectKey("visit-1")!))
            let payments = simulator.payments(try simulator.way(.payments, seconds: 10))
            let endings = await withTaskGroup(of: Ending<Payment>.self) { group in
                for _ in 0..<20 { group.addTask { await payments.open(order, key: key) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(endings.allSatisfy { $0.kind == .done || $0 == .later(after: nil, reason: "it is still at it (409)") })
            #expect(Set(endings.compactMap { $0.value?.id }).count == 1)
            #expect(try await simulator.effects("payments", "payment", key) == 1)
        }
    }

    @Test func `negative control: who sends again what nobody answered for sends it twice`() async throws {
        try await TrialSimulator.run { simulator in
            let key = EffectKey("text-1")!
            try await simulator.set("sms", #"{"silent":true,"times":1}"#)
            let hasty = simulator.texts(try simulator.way(.texts, seconds: 1))
            #expect(await hasty.send(text, key: key).kind == .unknown)
            #expect(try await simulator.effects("sms", "text", key, once: 1) == 1)
            #expect(await simulator.texts(try simulator.way(.texts)).send(text, key: key).kind == .done)
            #expect(try await simulator.effects("sms", "text", key) == 2)
        }
    }

    @Test func `what was never sent is not unknown: nobody listens, or nobody is what was meant`() async throws {
        try await TrialSimulator.run { simulator in
            // Port 1 of this machine: nobody listens.
            let deaf = try simulator.way(.texts) { $0.exceptions.append(.init("http://127.0.0.1:1=127.0.0.0/8")!) }
            var settings = TextSettings(account: "AC00", token: Personal("simulated-token"), sender: "+4930100200")
            settings.base = "http://127.0.0.1:1"
            let first = await TextConnector(settings, way: deaf).send(text, key: EffectKey("text-1")!)
            #expect(first == .later(after: nil, reason: "there was no connection, or it broke"))
            settings.base = "http://10.0.0.1"
            let second = await TextConnector(settings, way: deaf).send(text, key: EffectKey("text-1")!)
            #expect(second.kind == .later && second.reason?.hasPrefix("its address may not be called") == true)
        }
    }

    // MARK: Refusals

    @Test func `who says no has said it for good, who does not know us has not`() async throws {
        try await TrialSimulator.run { simulator in
            for part in ["sms", "payments", "scheduling"] { try await simulator.set(part, #"{"refuses":true}"#) }
            let texts = simulator.texts(try simulator.way(.texts))
            #expect(await texts.send(text, key: EffectKey("t")!) == .never(reason: "it said no (400, 21614)"))
            let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("v")!)
            let payments = simulator.payments(try simulator.way(.payments))
            #expect(await payments.open(order, key: EffectKey("p")!) == .never(reason: "it said no (402, card_declined)"))
            // Another calendar's no is an answer to the question, not to the call.
            let answer = await simulator.scheduling(try simulator.way(.scheduling)).request(try self.order("a-1")).value
            #expect(answer?.state == .failed && answer?.reason == "slot_taken")

            var settings = PaymentSettings(secret: Personal("sk_wrong"), signing: [])
            settings.base = "\(simulator.base)/payments"
            let stranger = await PaymentConnector(settings, way: try simulator.way(.payments)).open(order, key: EffectKey("q")!)
            #expect(stranger == .later(after: nil, reason: "it does not take our credentials (401, invalid_api_key)"))
        }
    }

    @Test func `a simulator is not believed where nobody has said that this is a trial`() async throws {
        try await TrialSimulator.run { simulator in
            let payments = simulator.payments(try simulator.way(.payments, believes: false))
            let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("v")!)
            #expect(
                await payments.open(order, key: EffectKey("p")!) == .later(after: nil, reason: "a simulator answers there"))
        }
    }

    // MARK: Afterwards

    @Test func `what is paid is given back once, and the lists say so`() async throws {
        try await TrialSimulator.run { simulator in
            let payments = simulator.payments(try simulator.way(.payments))
            let since = Surroundings.machine().clock.now - .minutes(1)
            let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("visit-1")!)
            let id = try #require(await payments.open(order, key: EffectKey("p")!).value).id
            #expect(try await simulator.press("pay", "id=\(id)") == 303)
            #expect(await payments.payment(id).value?.state == .paid)
            #expect(await payments.cancel(id, key: EffectKey("c")!).kind == .never)
            let (reference, key) = (EffectKey("visit-1")!, EffectKey("b")!)
            let first = await payments.refund(id, amount: 1500, reference: reference, key: key)
            let again = await payments.refund(id, amount: 1500, reference: reference, key: key)
            #expect(first.value?.amount == Money(1500, "eur") && first == again)
            let rest = await payments.refund(id, amount: nil, reference: reference, key: EffectKey("b2")!)
            #expect(rest.value?.amount == Money(3000, "eur"))
            let more = await payments.refund(id, amount: nil, reference: reference, key: EffectKey("b3")!)
            #expect(more == .never(reason: "it said no (400, charge_already_refunded)"))
            #expect(await payments.refunds(of: id).value?.count == 2)
            #expect(await payments.payments(since: since, after: nil).value?.elements.map(\.id) == [id])
            #expect(try await simulator.effects("payments", "refund", key) == 1)
        }
    }

    @Test func `a list longer than a page is gone through to its end`() async throws {
        try await TrialSimulator.run { simulator in
            let scheduling = simulator.scheduling(try simulator.way(.scheduling))
            for number in 0..<101 {
                #expect(await scheduling.request(try order("a-\(number)")).kind == .done)
            }
            let since = Surroundings.machine().clock.now - .minutes(10)
            let first = try #require(await scheduling.entries(of: "north", since: since, after: nil).value)
            let second = try #require(await scheduling.entries(of: "north", since: since, after: first.next).value)
            #expect(first.elements.count == 100 && second.elements.map(\.id) == ["a-100"] && second.next == nil)
        }
    }

    @Test func `an appointment elsewhere is decided later, cancelled once, and unknown when there is none`() async throws {
        try await TrialSimulator.run { simulator in
            let scheduling = simulator.scheduling(try simulator.way(.scheduling))
            try await simulator.set("scheduling", #"{"pending":true}"#)
            #expect(await scheduling.request(try order("a-1")).value?.state == .pending)
            #expect(try await simulator.press("confirm", "id=a-1") == 303)
            #expect(await scheduling.entry("a-1", provider: "north").value??.state == .confirmed)
            #expect(await scheduling.entry("a-2", provider: "north") == .done(nil))
            #expect(await scheduling.entry("a-1", provider: "south").kind == .never)
            for _ in 0..<2 {
                let ended = await scheduling.cancel("a-1", provider: "north", key: EffectKey("c-1")!)
                #expect(ended.value?.state == .cancelled)
            }
            #expect(try await simulator.effects("scheduling", "cancellation", EffectKey("c-1")!) == 1)
            // An answer that cannot be read does not say that there is none.
            try await simulator.set("scheduling", #"{"garbled":true}"#)
            #expect(await scheduling.entry("a-1", provider: "north").kind == .later)
        }
    }
}
