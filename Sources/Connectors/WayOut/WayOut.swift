import Foundation
public import Notation
public import Outbound
public import Partners
public import Resilience
import Synchronization

/// The way to one destination: so many at once, each for so long, none while the destination is left alone; and what an answer, or none,
/// means for what was asked (MC-2).
///
/// Nobody repeats a call here. What has to be tried again is the outbox's, which survives a crash.
public final class WayOut: Sendable {
    /// The breaker inside a struct: see STYLE.md.
    private struct Held {
        var breaker: CircuitBreaker
    }

    public let settings: WayOutSettings
    private let caller: OutboundCaller
    private let gate: Gate
    private let held: Mutex<Held>
    private let surroundings: Surroundings
    private let report: @Sendable (WayOutEvent) -> Void

    /// Throws when the file of authorities cannot be read.
    public init(
        _ settings: WayOutSettings, surroundings: Surroundings, resolver: any HostResolver = SystemResolver(),
        report: @escaping @Sendable (WayOutEvent) -> Void = { _ in }
    ) throws {
        self.settings = settings
        self.surroundings = surroundings
        self.report = report
        var outbound = OutboundSettings()
        outbound.wholeSeconds = settings.timeoutSeconds
        outbound.connectSeconds = min(outbound.connectSeconds, settings.timeoutSeconds)
        outbound.answerMaximum = settings.answerMaximum
        outbound.authorities = settings.authorities
        caller = try OutboundCaller(
            policy: OutboundPolicy(exceptions: settings.exceptions), resolver: resolver, clock: surroundings.clock,
            settings: outbound)
        gate = Gate(settings.bulkhead, clock: surroundings.clock)
        held = Mutex(Held(breaker: CircuitBreaker(settings.breaker)))
    }

    /// As it is now, whether or not anybody has called since.
    public var status: WayOutStatus {
        let (now, (underWay, waiting)) = (now, gate.count)
        return held.withLock { held in
            WayOutStatus(
                destination: settings.destination, state: held.breaker.state(at: now), counts: held.breaker.counts,
                underWay: underWay, waiting: waiting)
        }
    }

    /// Until when nobody is called; nil when the next call may be made, as far as can be seen without making it.
    public var restsUntil: Instant? {
        let now = now
        return held.withLock { held in
            held.breaker.state == .forcedOpen ? now + Self.look : held.breaker.restsUntil(at: now)
        }
    }

    /// What somebody decides by hand: leave the destination alone, call it whatever comes back, or look again.
    public func follow(_ order: CircuitBreaker.Order) { change { $0.follow(order) } }

    var now: Instant { surroundings.clock.now }

    /// Asks the destination once.
    ///
    /// - Parameters:
    ///   - isRepeatable: Whether the other side does nothing twice when it is asked twice.
    ///   - beginsBy: After that nobody is asked, whatever was waited for: who was stopped in between may not be the only one who asks.
    ///   - read: What an answer says. What it knows nothing about it leaves to `Reading.standard`.
    func ask<Value: Sendable>(
        _ call: OutboundCall, isRepeatable: Bool, beginsBy: Instant? = nil, read: @Sendable (OutboundAnswer) -> Reading<Value>
    ) async -> Ending<Value> {
        await pass {
            if let beginsBy, self.now >= beginsBy {
                return Read(reading: .unclear("it was begun too late, when somebody else may be at it"), outcome: .neither)
            }
            return await self.reading(of: call, isRepeatable, read)
        }
    }

    /// Does `work`, which asks the destination once, when there is room and the destination is not left alone.
    func pass<Value: Sendable>(_ work: () async -> Read<Value>) async -> Ending<Value> {
        guard let place = await gate.enter() else {
            return notCalled(.crowded, after: settings.bulkhead.patience, "too much is under way to it")
        }
        defer { gate.leave(place) }
        let (at, luck) = (now, surroundings.random.unit())
        switch change({ $0.admit(at: at, luck: luck) }) {
        case .refused(let until):
            return notCalled(.resting, after: until.map { max(.zero, $0 - at) } ?? Self.look, "it is left alone for a while")
        case .pass(let permit):
            let reading = await work()
            let (ended, luck) = (now, surroundings.random.unit())
            change { $0.record(reading.outcome, of: permit, at: ended, luck: luck) }
            let ending = reading.reading.ending
            report(ending.event(settings.destination, took: ended - at))
            return ending
        }
    }

    private func notCalled<Value: Sendable>(
        _ outcome: WayOutEvent.Outcome, after: Span, _ reason: String
    ) -> Ending<Value> {
        report(.ended(destination: settings.destination, outcome, took: nil, reason: reason))
        return .postponed(after: after, reason: reason)
    }

    /// When somebody has decided by hand, nobody knows until when.
    private static let look = Span.seconds(30)

    /// Changes the breaker, and tells when it opened or closed by that.
    @discardableResult
    private func change<Answer: Sendable>(_ body: (inout CircuitBreaker) -> Answer) -> Answer {
        let (answer, old, new) = held.withLock { held in
            let old = held.breaker.state
            let answer = body(&held.breaker)
            return (answer, old, held.breaker.state)
        }
        if old != new { report(.breaker(destination: settings.destination, new)) }
        return answer
    }

    /// What came of it, and what that says about the destination.
    struct Read<Value: Sendable>: Sendable {
        let reading: Reading<Value>
        let outcome: CircuitBreaker.Outcome

        init(_ reading: Reading<Value>) { self.init(reading: reading, outcome: reading.outcome) }

        init(reading: Reading<Value>, outcome: CircuitBreaker.Outcome) {
            self.reading = reading
            self.outcome = outcome
        }
    }

    private func reading<Value: Sendable>(
        of call: OutboundCall, _ isRepeatable: Bool, _ read: @Sendable (OutboundAnswer) -> Reading<Value>
    ) async -> Read<Value> {
        let isSent = Flag()
        do {
            let answer = try await caller.call(call) { isSent.raise() }
            if answer[header: Self.simulatorHeader] != nil, !settings.believesSimulators {
                return Read(
                    reading: .notNow(after: nil, reason: "a simulator answers there", isTheirs: false), outcome: .neither)
            }
            let reading = read(answer)
            return Read(reading: reading, outcome: reading.outcome)
        } catch {
            let fault = Self.reading(of: error, mayBeDone: isSent.isRaised && !isRepeatable, as: Value.self)
            return Read(reading: fault, outcome: error is CancellationError ? .neither : fault.outcome)
        }
    }

    /// Stands in every answer of `mediconnect simulator`.
    public static let simulatorHeader = "MediConnect-Simulator"

    private static func reading<Value: Sendable>(of error: any Error, mayBeDone: Bool, as: Value.Type) -> Reading<Value> {
        switch error {
        case let refusal as OutboundRefusal:
            .notNow(after: nil, reason: "its address may not be called: it \(refusal)", isTheirs: false)
        case OutboundFault.header: .refused("the request cannot be written")
        case is CancellationError:
            mayBeDone ? .unclear("we were interrupted") : .notNow(after: nil, reason: "we were interrupted", isTheirs: false)
        case let fault as OutboundFault:
            mayBeDone ? .unclear("\(fault)") : .notNow(after: nil, reason: "\(fault)", isTheirs: true)
        default: mayBeDone ? .unclear("the call failed") : .notNow(after: nil, reason: "the call failed", isTheirs: true)
        }
    }
}

/// Whether something has happened.
final class Flag: Sendable {
    private let state = Mutex(false)
    func raise() { state.withLock { $0 = true } }
    var isRaised: Bool { state.withLock { $0 } }
}

extension Reading {
    /// What it says about the destination.
    var outcome: CircuitBreaker.Outcome {
        switch self {
        case .value: .done
        case .notNow(let after?, _, true): .toldToWait(after)
        case .notNow(_, _, let isTheirs): isTheirs ? .failed : .neither
        case .refused: .neither
        case .unclear: .failed
        }
    }

    var ending: Ending<Value> {
        switch self {
        case .value(let value): .done(value)
        case .notNow(let after, let reason, _): .later(after: after, reason: reason)
        case .refused(let reason): .never(reason: reason)
        case .unclear(let reason): .unknown(reason: reason)
        }
    }
}

extension Ending {
    func event(_ destination: String, took: Span) -> WayOutEvent {
        switch self {
        case .done: .ended(destination: destination, .done, took: took, reason: nil)
        case .later(_, let reason): .ended(destination: destination, .later, took: took, reason: reason)
        case .postponed(_, let reason): .ended(destination: destination, .resting, took: nil, reason: reason)
        case .never(let reason): .ended(destination: destination, .never, took: took, reason: reason)
        case .unknown(let reason): .ended(destination: destination, .unknown, took: took, reason: reason)
        }
    }
}
