import Notation
import TestKit
import Testing

import Resilience

/// MC-2, and the breaker's own rules.
@Suite struct CircuitBreakerTests {
    @Test func `five failures of ten calls open it, four do not`() {
        var breaker = CircuitBreaker()
        for number in 0..<10 { breaker.call(number.isMultiple(of: 2) ? .failed : .done, at: start) }
        #expect(breaker.state == .open(until: start + .seconds(5)))
        var other = CircuitBreaker()
        for number in 0..<10 { other.call(number < 4 ? .failed : .done, at: start) }
        #expect(other.state == .closed)
    }

    @Test func `nine calls say nothing, and neither do failures long past`() {
        var breaker = CircuitBreaker()
        for _ in 0..<9 { breaker.call(.failed, at: start) }
        #expect(breaker.state == .closed)
        breaker.call(.failed, at: start + .minutes(10))
        #expect(breaker.state == .closed)
    }

    @Test func `where a call is made once in a while the last ten count, five failures among them open it`() {
        var breaker = CircuitBreaker()
        for number in 0..<10 { breaker.call(number.isMultiple(of: 2) ? .failed : .done, at: start + .seconds(number * 50)) }
        #expect(breaker.state == .open(until: start + .seconds(455)))
        var other = CircuitBreaker()
        for number in 0..<100 { other.call(number % 10 < 4 ? .failed : .done, at: start + .seconds(number * 50)) }
        #expect(other.state == .closed)
    }

    @Test func `where many are made, those of the last ten seconds count, and ten that fail among them change nothing`() {
        var breaker = CircuitBreaker()
        for number in 0..<100 {
            breaker.call((50..<60).contains(number) ? .failed : .done, at: start + .milliseconds(number * 50))
        }
        #expect(breaker.state == .closed)
    }

    @Test func `a destination that drags is left alone, though it never fails`() {
        var breaker = CircuitBreaker()
        for permit in (0..<10).compactMap({ _ in breaker.permit(at: start) }) {
            breaker.record(.done, of: permit, at: start + .milliseconds(4_001), luck: 0.5)
        }
        #expect(breaker.state == .open(until: start + .milliseconds(9_001)))
    }

    @Test func `after the rest five calls try it out, and the clinic is back when they went well`() {
        var breaker = opened()
        #expect(breaker.admit(at: start + .milliseconds(4_999), luck: 0.5) == .refused(until: start + .seconds(5)))
        let permits = (0..<6).compactMap { _ in breaker.permit(at: start + .seconds(5)) }
        #expect(permits.count == 5)
        for permit in permits { breaker.record(.done, of: permit, at: start + .seconds(6), luck: 0.5) }
        #expect(breaker.state == .closed)
    }

    @Test func `each time trying out fails the rest doubles, up to a minute`() {
        var breaker = opened()
        var now = start
        var rests: [Span] = []
        for _ in 0..<6 {
            guard case .open(let until) = breaker.state else {
                Issue.record("not open: \(breaker.state)")
                return
            }
            rests.append(until - now)
            now = until
            for _ in 0..<5 { breaker.call(.failed, at: now) }
        }
        #expect(rests == [5, 10, 20, 40, 60, 60].map { .seconds($0) })
    }

    @Test func `a call that was given up gives its permit back and says nothing`() {
        var breaker = opened()
        for _ in 0..<20 { breaker.call(.neither, at: start + .seconds(5)) }
        for _ in 0..<5 { breaker.call(.done, at: start + .seconds(5)) }
        #expect(breaker.state == .closed)
    }

    @Test func `calls that hang while it is tried out do not keep it half open for ever`() {
        var breaker = opened()
        for _ in 0..<5 { _ = breaker.permit(at: start + .seconds(5)) }
        #expect(breaker.admit(at: start + .seconds(15), luck: 0.5) == .refused(until: start + .seconds(25)))
    }

    @Test func `nobody calls any more: what is seen is how it stands by then, not how the last call has left it`() {
        let breaker = opened()
        #expect(breaker.state(at: start + .milliseconds(4_999)) == .open(until: start + .seconds(5)))
        for later in [Span.seconds(5), .hours(1), .days(30)] {
            #expect(breaker.state(at: start + later) == .halfOpen(since: start + later))
            #expect(breaker.restsUntil(at: start + later) == nil)
        }
        // Whoever looks has changed nothing.
        #expect(breaker.state == .open(until: start + .seconds(5)))
        #expect(breaker.state(at: start) == .open(until: start + .seconds(5)))
    }

    @Test func `a trial that hangs has failed when its time is over, and rests from then on, not from the next call`() {
        var breaker = opened()
        _ = breaker.permit(at: start + .seconds(5))
        #expect(breaker.state(at: start + .milliseconds(14_999)) == .halfOpen(since: start + .seconds(5)))
        #expect(breaker.state(at: start + .seconds(15)) == .open(until: start + .seconds(25)))
        #expect(breaker.restsUntil(at: start + .seconds(20)) == start + .seconds(25))
        #expect(breaker.permit(at: start + .minutes(5)) != nil)
    }

    @Test func `who is called once in a while is back when the one call that tried it out went well`() {
        var breaker = opened()
        breaker.call(.done, at: start + .seconds(5))
        #expect(breaker.state(at: start + .seconds(14)) == .halfOpen(since: start + .seconds(5)))
        #expect(breaker.state(at: start + .seconds(15)) == .closed)
        var other = opened()
        other.call(.failed, at: start + .seconds(5))
        #expect(other.state(at: start + .seconds(15)) == .open(until: start + .seconds(25)))
    }

    @Test func `what somebody decided by hand stays until they take it back`() {
        for (order, state) in [(CircuitBreaker.Order.forcedOpen, CircuitBreaker.State.forcedOpen), (.disabled, .disabled)] {
            var breaker = opened()
            breaker.follow(order)
            #expect(breaker.state(at: start + .days(365)) == state)
        }
    }

    @Test func `who asks to be left alone is left alone, for a quarter of an hour at most`() {
        var breaker = CircuitBreaker()
        breaker.call(.toldToWait(.seconds(90)), at: start)
        #expect(breaker.state == .open(until: start + .seconds(90)))
        var other = CircuitBreaker()
        other.call(.toldToWait(.days(400)), at: start)
        #expect(other.state == .open(until: start + .minutes(15)))
    }

    @Test func `a person opens it, or lets everything through`() {
        var breaker = CircuitBreaker()
        breaker.follow(.forcedOpen)
        #expect(breaker.admit(at: start + .days(1), luck: 0.5) == .refused(until: nil))
        breaker.follow(.disabled)
        for _ in 0..<100 { breaker.call(.failed, at: start + .days(1)) }
        #expect(breaker.state == .disabled)
        breaker.follow(.automatic)
        #expect(breaker.state == .closed)
        #expect(breaker.counts.passed == 100 && breaker.counts.refused == 1 && breaker.counts.failed == 100)
    }

    @Test(arguments: 0..<8) func `a million histories go as the obvious breaker says`(part: Int) {
        for seed in part * 125_000..<(part + 1) * 125_000 {
            if let difference = Calls.difference(seed: seed) {
                Issue.record("history \(seed): \(difference)")
                return
            }
        }
    }

    @Test(arguments: ObviousBreaker.Mistake.allCases) func `a planted mistake is found`(mistake: ObviousBreaker.Mistake) {
        #expect((0..<20_000).contains { Calls.difference(seed: $0, mistake: mistake) != nil })
    }

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<10 { breaker.call(.failed, at: start) }
        return breaker
    }
}

private let start = Instant(secondsSince1970: 1_800_000_000)

extension CircuitBreaker {
    fileprivate mutating func permit(at now: Instant) -> Permit? {
        if case .pass(let permit) = admit(at: now, luck: 0.5) { permit } else { nil }
    }

    fileprivate mutating func call(_ outcome: Outcome, at now: Instant) {
        guard let permit = permit(at: now) else { return }
        record(outcome, of: permit, at: now, luck: 0.5)
    }
}

/// Calls and their ends in an order that a seed decides, told to the breaker and to the obvious one.
struct Calls {
    typealias Mistake = ObviousBreaker.Mistake

    private let random: SeededRandom
    private var breaker: CircuitBreaker
    private var obvious: ObviousBreaker
    private var underWay: [(number: Int, permit: CircuitBreaker.Permit)] = []
    private var now = start

    private init(seed: Int, mistake: Mistake?) {
        random = SeededRandom(seed: UInt64(seed))
        var settings = CircuitBreaker.Settings(slowAfter: .milliseconds(700))
        settings.minimumCalls = 1 + Int(random.next() % 4)
        settings.memory = .seconds(12 + Int(random.next() % 20))
        settings.permits = 1 + Int(random.next() % 3)
        settings.restAtMost = .seconds(12)
        breaker = CircuitBreaker(settings)
        obvious = ObviousBreaker(settings, mistake: mistake)
    }

    static func difference(seed: Int, mistake: Mistake? = nil) -> String? {
        var told = Calls(seed: seed, mistake: mistake)
        return told.difference()
    }

    private mutating func difference() -> String? {
        for step in 0..<24 {
            let luck = random.unit()
            switch random.next() % 16 {
            case 0..<7:
                if let difference = call(step, luck) { return "step \(step): \(difference)" }
            case 7..<13 where !underWay.isEmpty: end(luck)
            case 13, 14: pass()
            case 15 where random.next() % 4 == 0: order()
            default: now = now + .milliseconds(Int(random.next() % 900))
            }
            if breaker.state != obvious.state { return "step \(step): \(breaker.state), not \(obvious.state)" }
            if let difference = look(ahead: .milliseconds(Int(random.next() % 40_000))) { return "step \(step): \(difference)" }
            if case .halfOpen = breaker.state, obvious.tryingOut > breaker.settings.permits {
                return "step \(step): too many try"
            }
        }
        return nil
    }

    private mutating func call(_ number: Int, _ luck: Double) -> String? {
        let rests = breaker.restsUntil(at: now)
        let verdict = breaker.admit(at: now, luck: luck)
        if let rests, verdict != .refused(until: rests) { return "said to rest until \(rests), and did not" }
        let may = obvious.mayCall(number, at: now, luck: luck)
        switch verdict {
        case .pass(let permit):
            underWay.append((number, permit))
            return may ? nil : "let through"
        case .refused(let until):
            if let until, until <= now { return "refused until a time that has passed" }
            return may ? "refused" : nil
        }
    }

    /// What is seen without asking is what whoever asks then meets, whatever their luck.
    private func look(ahead: Span) -> String? {
        let (later, luck) = (now + ahead, random.unit())
        var asked = breaker
        _ = asked.admit(at: later, luck: luck)
        let seen = breaker.state(at: later)
        return seen == asked.state ? nil : "seen as \(seen), met as \(asked.state)"
    }

    private mutating func end(_ luck: Double) {
        let call = underWay.remove(at: Int(random.next() % UInt64(underWay.count)))
        let outcome: CircuitBreaker.Outcome =
            switch random.next() % 10 {
            case 0..<4: .done
            case 4..<8: .failed
            case 8: .neither
            default: .toldToWait(.seconds(Int(random.next() % 30) - 2))
            }
        breaker.record(outcome, of: call.permit, at: now, luck: luck)
        obvious.heard(outcome, of: call.number, at: now, luck: luck)
    }

    /// Mostly forwards; sometimes a caller with an older idea of the time comes.
    private mutating func pass() { now = now + .milliseconds(Int(random.next() % 6_000) - 400) }

    private mutating func order() {
        let order = CircuitBreaker.Order.allCases[Int(random.next() % 3)]
        breaker.follow(order)
        obvious.follow(order)
    }
}
