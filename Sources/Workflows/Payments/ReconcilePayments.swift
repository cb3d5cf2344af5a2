public import Notation
public import Partners
import Outbox
import People
import Scheduling
import Storage

/// What a comparison with the provider has shown.
public struct PaymentsReport: Sendable {
    /// Payments and refunds that were looked at there.
    public var looked = 0
    /// What had happened there and was not known here: it is handled as if it had been told.
    public var repaired = 0
    /// What somebody has to see to. Says nothing about a person.
    public var troubles: [String] = []
    /// Since when the oldest of what was made good was wrong, as far as is known.
    public var oldest: Instant?
    /// Why it ended early; nil when it came to its end.
    public var brokenOff: String?

    /// One more that was made good.
    mutating func repaired(since instant: Instant?) {
        repaired += 1
        oldest = [oldest, instant].compactMap { $0 }.min()
    }

    fileprivate var outcome: SweepOutcome { SweepOutcome(repaired: repaired, raised: troubles.count, oldest: oldest) }
}

extension Clinic {
    /// How far back the provider's list is read: longer than anything that is told comes late.
    public static let reconciled: Span = .days(7)

    /// Compares what the provider has with what is here, from `since` on, and makes good what was missed. Payments and refunds that have
    /// not come to an end are asked for one by one, however old they are, and what nobody asks the provider for any more is asked for again.
    public func reconcilePayments(at desk: any PaymentDesk, since: Instant) async throws -> PaymentsReport {
        var report = PaymentsReport()
        if try await compareList(at: desk, since, &report), try await askAgain(at: desk, &report),
            try await askForPayments(at: desk, &report)
        {
            _ = try await askForRefunds(at: desk, &report)
        }
        if report.brokenOff == nil {
            try await database.write { [self] in try $0.run(NoteReconciliation(now: surroundings.clock.now)) }
        }
        return report
    }

    /// Asks again for what nobody asks for any more. Compares once a day, whichever node does it and however often it is started; sooner
    /// after one that was broken off.
    public func sweep(ofPaymentsAt desk: any PaymentDesk) -> Sweep {
        Sweep(.payments, every: .minutes(10)) { [self] in
            let now = surroundings.clock.now
            let last = try await database.read { try $0.first(LastReconciliation()) }
            var report = PaymentsReport()
            if let last, now < last + .hours(24) {
                _ = try await askAgain(at: desk, &report)
            } else {
                report = try await reconcilePayments(at: desk, since: now - Self.reconciled)
            }
            if let reason = report.brokenOff { throw DeliveryFault(reason) }
            return report.outcome
        }
    }

    func note(_ learned: Learned, of name: String, since: Instant? = nil, _ report: inout PaymentsReport) {
        report.looked += 1
        switch learned {
        case .foreign, .known: break
        case .noted, .paid, .honoured, .givenBack, .cancelled: report.repaired(since: since)
        case .trouble: report.troubles.append(name)
        }
    }

    private func compareList(at desk: any PaymentDesk, _ since: Instant, _ report: inout PaymentsReport) async throws -> Bool {
        var after: String?
        while true {
            let ending = await desk.payments(since: since, after: after)
            guard case .done(let page) = ending else { return brokenOff(ending, &report) }
            for payment in page.elements {
                let learned = try await settle(payment)
                note(learned, of: "payment \(payment.id) is not what was asked for", since: payment.createdAt, &report)
                if learned != .foreign, try await !compareRefunds(of: payment, at: desk, &report) { return false }
            }
            guard let next = page.next else { return true }
            after = next
        }
    }

    /// What somebody has given back by hand at the provider: nobody here has decided it, and nothing here says so.
    private func compareRefunds(of payment: Payment, at desk: any PaymentDesk, _ report: inout PaymentsReport) async throws
        -> Bool
    {
        guard payment.received > 0, let id = payment.reference.flatMap({ ID<VisitPayment>($0.text) }) else { return true }
        let ending = await desk.refunds(of: payment.id)
        guard case .done(let told) = ending else { return brokenOff(ending, &report) }
        for refund in told {
            let learned = try await database.write { [self] in try compare(refund, of: id, in: $0) }
            let trouble =
                refund.state == .failed
                ? "refund \(refund.id) has failed"
                : "refund \(refund.id) was made by hand at the provider: record it by POST /v1/appointments/…/payment/refunds"
            note(learned, of: trouble, &report)
        }
        return true
    }

    /// One of the provider's list: asked for here, recorded here, or neither.
    private func compare(_ told: Refund, of id: ID<VisitPayment>, in transaction: any WriteTransaction) throws -> Learned {
        let own = try learn(told, in: transaction)
        guard own == .foreign, let payment = try transaction.first(PaymentByID(id: id))?.kept else { return own }
        let recorded = try transaction.fetch(RefundsOfPayment(payment: id)).first { $0.providerID == told.id }
        if let recorded { return try hear(told, of: recorded, in: transaction) ? .trouble : .known }
        if told.state == .failed { return .known }
        return try raiseElsewhere(told, of: payment, in: transaction) ? .trouble : .known
    }

    /// What was recorded as given back by hand at the provider has failed there. What was given otherwise since stands. True when that was not known before.
    private func hear(_ told: Refund, of recorded: VisitRefund, in transaction: any WriteTransaction) throws -> Bool {
        guard told.state == .failed, recorded.hand?.way == .provider, recorded.state != .failed,
            var refund = try transaction.first(RefundToChange(id: recorded.id))
        else { return false }
        // Somebody can give it back in another way from now on.
        (refund.state, refund.hand, refund.updatedAt) = (.failed, nil, surroundings.clock.now)
        try transaction.run(UpdateRefund(refund: refund))
        try raiseFailed(refund, in: transaction)
        return true
    }

    /// Where somebody writes down that it was given back.
    static func recordingRefunds(of payment: VisitPayment) -> String {
        "POST /v1/appointments/\(payment.appointment)/payment/refunds"
    }

    private func askForPayments(at desk: any PaymentDesk, _ report: inout PaymentsReport) async throws -> Bool {
        var after = ID<VisitPayment>(high: 0, low: 0)
        while true {
            let rows = try await database.read { [after] in try $0.fetch(UnsettledPayments(after: after, limit: 100)) }
            for case (let id, let name?) in rows {
                let ending = await desk.payment(name)
                switch ending {
                case .done(let payment):
                    let learned = try await settle(payment)
                    note(learned, of: "payment \(payment.id) is not what was asked for", since: payment.createdAt, &report)
                case .never: try await raiseUnknown(id, name, &report)
                case .later, .postponed, .unknown: return brokenOff(ending, &report)
                }
            }
            guard rows.count == 100, let last = rows.last else { return true }
            after = last.id
        }
    }

    private func askForRefunds(at desk: any PaymentDesk, _ report: inout PaymentsReport) async throws -> Bool {
        var after = ID<VisitRefund>(high: 0, low: 0)
        while true {
            let rows = try await database.read { [after] in try $0.fetch(UnsettledRefunds(after: after, limit: 100)) }
            for refund in rows {
                let ending = await desk.refunds(of: refund.providerPayment)
                guard case .done(let told) = ending else {
                    if case .never = ending {
                        try await raiseUnknown(refund.payment, refund.providerPayment, &report)
                        continue
                    }
                    return brokenOff(ending, &report)
                }
                let ours = told.filter { $0.reference == refund.reference }
                for one in ours {
                    note(try await heard(one), of: "refund \(one.id) has failed", since: refund.createdAt, &report)
                }
                // They had it, and have it no more.
                if ours.isEmpty, refund.state == .pending { try await raiseStuck(refund, &report) }
            }
            guard rows.count == 100, let last = rows.last else { return true }
            after = last.id
        }
    }

    func raiseUnknown(_ id: ID<VisitPayment>, _ name: String, _ report: inout PaymentsReport) async throws {
        let isNew = try await database.write { [self] transaction in
            guard let payment = try transaction.first(PaymentByID(id: id))?.kept else { return false }
            let draft = TaskDraft(
                .paymentUnknown, key: "\(id):\(name)", appointment: payment.appointment, patient: payment.patient.of()
            ) { json in
                json.member("payment", id)
                json.member("provider", name)
            }
            return try raise(draft, in: transaction)
        }
        if isNew { report.troubles.append("payment \(name) is not known there") }
    }

    func brokenOff<Value>(_ ending: Ending<Value>, _ report: inout PaymentsReport) -> Bool {
        switch ending {
        case .done: return true
        case .later(_, let reason), .postponed(_, let reason), .never(let reason), .unknown(let reason):
            report.brokenOff = reason
            return false
        }
    }
}
