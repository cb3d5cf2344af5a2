import Notation
public import Outbox
public import Partners
import People
import Resilience
import Scheduling
import Storage

// What the provider is asked for: to open a payment, to let nobody pay it any more, to give money back. Each under a key that is the same in
// every attempt, so that it happens once. Where nobody knows what came of one, the provider is asked for what it has; a new key is only used
// when that shows that nothing came of the one before.
extension Clinic {
    /// What the outbox does with payments' topics.
    public func deliveries(by desk: any PaymentDesk) -> [String: OutboxHandler] {
        [
            Topic.openPayment: .external { [self] in try await open($0, at: desk) },
            Topic.cancelPayment: .external { [self] in try await cancel($0, at: desk) },
            Topic.refund: .external { [self] in try await refund($0, at: desk) },
        ]
    }

    // MARK: Opening

    private func open(_ delivery: Delivery, at desk: any PaymentDesk) async throws -> Verdict {
        let message = try JSON(parsing: delivery.payload)
        guard let id = message["payment"]?.string.flatMap({ ID<VisitPayment>($0) }) else {
            throw DeliveryFault("an outbox message names no payment")
        }
        guard let payment = try await payment(id), payment.state == .opening, let order = payment.order else { return .cancel }
        if isOld(payment.updatedAt) {
            let found = await search(for: payment, at: desk)
            guard case .done(let known) = found else { return try verdict(found.map { _ in }, delivery) }
            if let known { return try await heard(known) }
        }
        let ending = await desk.open(order, key: payment.openingKey)
        switch ending {
        case .done(let opened): return try await heard(opened)
        case .never(let reason):
            try await fail(payment)
            return .dead(reason: reason)
        case .unknown:
            return try await found(payment, at: desk, orElse: { try await self.tryAgain(payment) }, delivery)
        case .later, .postponed: return try verdict(ending.map { _ in }, delivery)
        }
    }

    /// What the provider has under our name for it, once nobody knows what came of asking. `orElse` when it has nothing.
    private func found(
        _ payment: VisitPayment, at desk: any PaymentDesk, orElse nothing: () async throws -> Verdict, _ delivery: Delivery
    ) async throws -> Verdict {
        let ending = await search(for: payment, at: desk)
        guard case .done(let found) = ending else { return try verdict(ending.map { _ in }, delivery) }
        if let found { return try await heard(found) }
        return try await nothing()
    }

    /// What the provider has under our name for it; nil when it has nothing.
    func search(for payment: VisitPayment, at desk: any PaymentDesk) async -> Ending<Payment?> {
        var after: String?
        var over: Payment?
        while true {
            // Whose clock is ahead is not known.
            let ending = await desk.payments(since: payment.createdAt - .minutes(10), after: after)
            guard case .done(let page) = ending else { return ending.map { _ in nil } }
            let ours = page.elements.filter { $0.reference == payment.reference }
            if let one = ours.first(where: { $0.state != .cancelled }) { return .done(one) }
            over = over ?? ours.first
            // What is cancelled there may be what was asked for before, under another key.
            guard let next = page.next else { return .done(payment.tries == 1 ? over : nil) }
            after = next
        }
    }

    /// Providers forget keys after a day (Stripe: 24 h). What is asked under an older one is looked for before, or it may be done twice.
    private func isOld(_ keyMade: Instant) -> Bool { surroundings.clock.now - keyMade >= .hours(12) }

    private func tryAgain(_ payment: VisitPayment) async throws -> Verdict {
        try await changePayment(payment.id) { story, known in
            guard known.state == .opening, known.tries == payment.tries else { return }
            var next = known
            next.tries += 1
            try story.replace(next)
        }
        return .retry(after: .seconds(5), reason: "nothing came of it; it is asked again under another key")
    }

    /// Nothing came of asking for it: it may be asked for again.
    func fail(_ payment: VisitPayment) async throws {
        try await changePayment(payment.id) { story, known in
            guard known.state == .opening, known.tries == payment.tries else { return }
            var next = known
            next.state = .failed
            try story.replace(next)
            try story.auditChange(of: known.appointment.of(), "payment.failed")
        }
        notePayment("open", "failed")
    }

    // MARK: Cancelling

    private func cancel(_ delivery: Delivery, at desk: any PaymentDesk) async throws -> Verdict {
        let message = try JSON(parsing: delivery.payload)
        guard let id = message["payment"]?.string.flatMap({ ID<VisitPayment>($0) }) else {
            throw DeliveryFault("an outbox message names no payment")
        }
        guard let payment = try await payment(id), payment.state.isUnsettled,
            payment.tries == Int(message["tries"]?.integer ?? 0),
            try await isOver(payment)
        else { return .cancel }
        guard let name = payment.providerID else {
            // Whoever is opening it at this moment has not said what it is called.
            if delivery.attempt < 3 { return .retry(after: .minutes(1), reason: "the provider's name for it is not known yet") }
            let verdict = try await found(payment, at: desk, orElse: { try await self.end(payment) }, delivery)
            // They have it, under a name that is known by now: what is left is to end it there, or it could be paid for good.
            if verdict == .done, let known = try await self.payment(id), known.state.isUnsettled, known.providerID != nil {
                return .retry(after: .zero, reason: "it is known what it is called")
            }
            return verdict
        }
        let ending = await desk.cancel(name, key: payment.cancellingKey)
        switch ending {
        case .done(let cancelled): return try await heard(cancelled)
        // It is paid, or was cancelled before: they say which.
        case .never(let reason):
            let now = await desk.payment(name)
            guard case .done(let found) = now else { return try verdict(now.map { _ in }, delivery) }
            guard found.state == .paid || found.state == .cancelled else { throw DeliveryFault(reason) }
            return try await heard(found)
        case .unknown(let reason):
            let now = await desk.payment(name)
            guard case .done(let found) = now else { return try verdict(now.map { _ in }, delivery) }
            guard found.state == .paid || found.state == .cancelled else { throw DeliveryFault(reason) }
            return try await heard(found)
        case .later, .postponed: return try verdict(ending.map { _ in }, delivery)
        }
    }

    private func isOver(_ payment: VisitPayment) async throws -> Bool {
        try await database.read { try $0.first(AppointmentByID(id: payment.appointment))?.kept.state.holdsItsTime == false }
    }

    /// The provider has none: nobody can pay it.
    private func end(_ payment: VisitPayment) async throws -> Verdict {
        try await changePayment(payment.id) { story, known in
            guard known.state.isUnsettled, known.providerID == nil else { return }
            var next = known
            next.state = .cancelled
            try story.replace(next)
        }
        return .done
    }

    // MARK: Giving back

    private func refund(_ delivery: Delivery, at desk: any PaymentDesk) async throws -> Verdict {
        guard let id = try JSON(parsing: delivery.payload)["refund"]?.string.flatMap({ ID<VisitRefund>($0) }) else {
            throw DeliveryFault("an outbox message names no refund")
        }
        guard let refund = try await database.read({ try $0.first(RefundByID(id: id)) }), refund.state == .asked else {
            return .cancel
        }
        if isOld(refund.updatedAt) {
            let there = await desk.refunds(of: refund.providerPayment)
            guard case .done(let known) = there else { return try verdict(there.map { _ in }, delivery) }
            if let one = known.first(where: { $0.reference == refund.reference }) {
                try await heard(one)
                return .done
            }
        }
        let ending = await desk.refund(
            refund.providerPayment, amount: refund.amount, reference: refund.reference, key: refund.key)
        switch ending {
        case .done(let told):
            try await heard(told)
            return .done
        case .never(let reason):
            try await changeRefund(refund) { $0.state = .failed }
            notePayment("refund", "failed")
            return .dead(reason: "\(reason); the money has not gone back")
        case .unknown: return try await foundRefund(refund, at: desk, delivery)
        case .later, .postponed: return try verdict(ending.map { _ in }, delivery)
        }
    }

    private func foundRefund(_ refund: VisitRefund, at desk: any PaymentDesk, _ delivery: Delivery) async throws -> Verdict {
        let ending = await desk.refunds(of: refund.providerPayment)
        guard case .done(let known) = ending else { return try verdict(ending.map { _ in }, delivery) }
        if let one = known.first(where: { $0.reference == refund.reference }) {
            try await heard(one)
            return .done
        }
        try await changeRefund(refund) { $0.tries += 1 }
        return .retry(after: .seconds(5), reason: "nothing came of it; it is asked again under another key")
    }

    private func changeRefund(_ refund: VisitRefund, _ body: @escaping @Sendable (inout VisitRefund) -> Void) async throws {
        let now = surroundings.clock.now
        try await database.write { [self] transaction in
            guard var known = try transaction.first(RefundToChange(id: refund.id)), known.state == .asked,
                known.tries == refund.tries
            else { return }
            body(&known)
            known.updatedAt = now
            try transaction.run(UpdateRefund(refund: known))
            if known.state == .failed { try raiseFailed(known, in: transaction) }
        }
    }

    // MARK: Both ways

    /// An answer of the provider's, as it is written down.
    func heard(_ told: Payment) async throws -> Verdict {
        try await settle(told)
        return .done
    }

    @discardableResult
    func settle(_ told: Payment) async throws -> Learned {
        let learned = try await withKeys {
            try await database.write { [self] in try learn(told, isAnswer: true, in: $0) }
        }
        notePayment("payment", learned.rawValue)
        return learned
    }

    @discardableResult
    func heard(_ told: Refund) async throws -> Learned {
        let learned = try await database.write { [self] in try learn(told, in: $0) }
        notePayment("refund", learned.rawValue)
        return learned
    }

    func payment(_ id: ID<VisitPayment>) async throws -> VisitPayment? {
        try await database.read { try $0.first(PaymentByID(id: id))?.kept }
    }

    /// Changes a payment that is known by its name alone, with its appointment held before it. Nil when there is none.
    @discardableResult
    func changePayment<Answer: Sendable>(
        _ id: ID<VisitPayment>, _ body: @escaping @Sendable (Story, VisitPayment) throws -> Answer
    ) async throws -> Answer? {
        try await withKeys {
            try await database.write { [self] transaction -> Answer? in
                let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "payment"))
                guard let place = try transaction.first(PaymentByID(id: id))?.kept.appointment,
                    try transaction.first(AppointmentToChange(id: place)) != nil,
                    let payment = try transaction.first(PaymentToChange(id: id)).map({ try story.opened($0) })
                else { return nil }
                story.trail.concerns([payment.patient])
                let answer = try body(story, payment)
                story.sealHooks()
                return answer
            }
        }
    }

    private func verdict(_ ending: Ending<Void>, _ delivery: Delivery) throws -> Verdict {
        switch ending {
        case .done: return .done
        case .later(let after?, let reason):
            let delay = Backoff().delay(attempt: delivery.attempt, luck: surroundings.random.unit())
            return .retry(after: max(after, delay), reason: reason)
        case .postponed(let after, _): return .snooze(until: surroundings.clock.now + after)
        case .later(nil, let reason), .never(let reason), .unknown(let reason): throw DeliveryFault(reason)
        }
    }
}
