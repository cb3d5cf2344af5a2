public import Notation
public import Outbox
public import Partners
public import Workflows
import Synchronization

/// A payment provider for a test: it keeps its answer to each key, and answers as badly as it is told to.
public final class TrialDesk: PaymentDesk {
    public enum Manner: Sendable {
        case well
        /// Does what it is asked, and nobody hears of it.
        case silent
        /// Does nothing, and nobody knows that.
        case deaf
        case refusing
        /// Does what it is asked, and says that it could not (500).
        case failing
        /// Is not there (503).
        case away
    }

    private struct State {
        var intents: [Payment] = []
        var refunds: [Refund] = []
        /// What was made under which key.
        var made: [String: String] = [:]
        var manner = Manner.well
        var asked = 0
        var names = 0
        var isNextOnly = false
        var isLeftAlone = false
        var lists = 0
    }

    private let state = Mutex(State())
    private let clock: any WallClock

    public init(_ clock: any WallClock) { self.clock = clock }

    /// - Parameter once: in the next call only.
    public func behave(_ manner: Manner, once: Bool = false) {
        state.withLock {
            $0.manner = manner
            $0.isNextOnly = once
        }
    }

    /// Its list and what it knows of one: nobody asks for either.
    public func leaveAlone(_ isLeftAlone: Bool) { state.withLock { $0.isLeftAlone = isLeftAlone } }

    /// As providers do after a day: who comes with a key of then is somebody new.
    public func forgetKeys() { state.withLock { $0.made = [:] } }

    /// It never heard of it.
    public func lose(_ id: String) { state.withLock { $0.intents.removeAll { $0.id == id } } }
    public func loseRefunds() { state.withLock { $0.refunds = [] } }

    /// How often its list was read from the beginning.
    public var lists: Int { state.withLock { $0.lists } }

    public var intents: [Payment] { state.withLock { $0.intents } }
    public var refunds: [Refund] { state.withLock { $0.refunds } }

    /// Somebody pays.
    @discardableResult
    public func pay(_ id: String, received: Int? = nil) -> Payment { change(id, to: .paid, received: received) }

    /// A refund's way ends elsewhere than it seemed.
    @discardableResult
    public func change(refund id: String, to new: RefundState) -> Refund {
        state.withLock { state in
            let index = state.refunds.firstIndex { $0.id == id }!
            let old = state.refunds[index]
            state.refunds[index] = Refund(
                id: old.id, payment: old.payment, amount: old.amount, state: new, reference: old.reference)
            return state.refunds[index]
        }
    }

    @discardableResult
    public func change(_ id: String, to new: PaymentState, received: Int? = nil) -> Payment {
        state.withLock { state in
            let index = state.intents.firstIndex { $0.id == id }!
            let old = state.intents[index]
            let next = Payment(
                id: old.id, state: new, price: old.price, received: new == .paid ? received ?? old.price.amount : 0,
                reference: old.reference, createdAt: old.createdAt, payerSecret: old.payerSecret)
            state.intents[index] = next
            return next
        }
    }

    /// All that is asked comes through here: `work` unless the manner forbids it.
    private func answer<Value>(_ work: (inout State) -> Ending<Value>) -> Ending<Value> {
        state.withLock { state in
            state.asked += 1
            let manner = state.manner
            if state.isNextOnly { (state.manner, state.isNextOnly) = (.well, false) }
            switch manner {
            case .well: return work(&state)
            case .silent:
                _ = work(&state)
                return .unknown(reason: "no answer")
            case .deaf: return .unknown(reason: "no answer")
            case .refusing: return .never(reason: "it does not want to")
            case .failing:
                _ = work(&state)
                return .later(after: nil, reason: "500")
            case .away: return .later(after: nil, reason: "503")
            }
        }
    }

    public func open(_ order: PaymentOrder, key: EffectKey) async -> Ending<Payment> {
        answer { state in
            if let known = state.made[key.text] { return .done(state.intents.first { $0.id == known }!) }
            state.names += 1
            let payment = Payment(
                id: "pi_\(state.names)", state: .open, price: order.price, received: 0, reference: order.reference,
                createdAt: clock.now, payerSecret: Personal("pi_\(state.names)_secret_quax"))
            state.intents.append(payment)
            state.made[key.text] = payment.id
            return .done(payment)
        }
    }

    /// Looks are answered in every manner.
    private func look<Value>(_ work: (inout State) -> Ending<Value>) -> Ending<Value> {
        state.withLock { $0.isLeftAlone ? .postponed(after: .seconds(30), reason: "it is left alone for a while") : work(&$0) }
    }

    public func payment(_ id: String) async -> Ending<Payment> {
        look { state in state.intents.first { $0.id == id }.map { .done($0) } ?? .never(reason: "there is none") }
    }

    public func cancel(_ id: String, key: EffectKey) async -> Ending<Payment> {
        answer { state in
            guard let index = state.intents.firstIndex(where: { $0.id == id }), state.intents[index].state != .paid else {
                return .never(reason: "it is paid")
            }
            let old = state.intents[index]
            state.intents[index] = Payment(
                id: old.id, state: .cancelled, price: old.price, received: 0, reference: old.reference, createdAt: old.createdAt)
            return .done(state.intents[index])
        }
    }

    public func refund(_ id: String, amount: Int?, reference: EffectKey, key: EffectKey) async -> Ending<Refund> {
        answer { state in
            if let known = state.made[key.text] { return .done(state.refunds.first { $0.id == known }!) }
            guard let payment = state.intents.first(where: { $0.id == id }) else { return .never(reason: "there is none") }
            let left = payment.received - state.refunds.filter { $0.payment == id }.reduce(0) { $0 + $1.amount.amount }
            let wanted = amount ?? left
            guard wanted > 0, wanted <= left else { return .never(reason: "so much is not there") }
            state.names += 1
            let refund = Refund(
                id: "re_\(state.names)", payment: id, amount: Money(wanted, payment.price.currency)!, state: .pending,
                reference: reference)
            state.refunds.append(refund)
            state.made[key.text] = refund.id
            return .done(refund)
        }
    }

    /// In pages of two.
    public func payments(since: Instant, after: String?) async -> Ending<Partners.Page<Payment>> {
        look { state in
            if after == nil { state.lists += 1 }
            let all = state.intents.filter { $0.createdAt >= since }.reversed()
            let rest =
                after.flatMap { after in all.firstIndex { $0.id == after }.map { all[all.index(after: $0)...] } } ?? all[...]
            let page = Array(rest.prefix(2))
            return .done(Partners.Page(page, next: rest.count > 2 ? page.last?.id : nil))
        }
    }

    public func refunds(of id: String) async -> Ending<[Refund]> {
        look { state in .done(state.refunds.filter { $0.payment == id }) }
    }

    public func news(in call: IncomingCall, at now: Instant) throws(IncomingRefusal) -> PaymentNews { throw .unsigned }
}

extension ClinicFixture {
    /// A worker that delivers what the payment provider is asked for, too.
    public func worker(with desk: TrialDesk, at other: Clinic? = nil, named name: String = "worker") -> Outbox {
        let clinic = other ?? clinic
        return Outbox(
            database: clinic.database, surroundings: clinic.surroundings, workerName: name,
            handlers: clinic.deliveries.merging(clinic.deliveries(by: desk)) { $1 })
    }
}
