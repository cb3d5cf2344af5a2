import Connectors
import Notation
import Outbound
import Partners
import Resilience
import TestKit
import Testing

/// Destinations that fail are left alone, and those that hang keep nobody else (MC-2).
@Suite struct LeftAlone {
    private let order = PaymentOrder(Money(4500, "eur")!, reference: EffectKey("v")!)
    private func key(_ number: Int) -> EffectKey { EffectKey("p-\(number)")! }

    private func isOpen(_ way: WayOut) -> Bool { if case .open = way.status.state { true } else { false } }

    @Test func `after ten failures nobody is called any more, and that is told`() async throws {
        try await TrialSimulator.run { simulator in
            let book = EventBook()
            let way = try simulator.way(.payments, book)
            try await simulator.set("payments", #"{"errors":1}"#)
            for number in 0..<10 {
                #expect(!isOpen(way))
                #expect(await simulator.payments(way).open(order, key: key(number)).kind == .later)
            }
            #expect(isOpen(way))
            let refused = await simulator.payments(way).open(order, key: key(11))
            guard case .postponed(let after, "it is left alone for a while") = refused else {
                return #expect(Bool(false), "\(refused)")
            }
            // Five seconds, a fifth more or less.
            #expect(after > .zero && after <= .seconds(6))
            #expect(try await simulator.requests("payments") == 10)
            let opened = book.events.filter { if case .breaker("payments", .open) = $0 { true } else { false } }
            #expect(opened.count == 1)
            #expect(
                book.events.last
                    == .ended(destination: "payments", .resting, took: nil, reason: "it is left alone for a while"))
            #expect(way.status.counts.opened == 1 && way.status.counts.failed == 10 && way.status.counts.refused == 1)
        }
    }

    @Test func `a destination that hangs is left alone as soon as ten calls have waited in vain`() async throws {
        try await TrialSimulator.run { simulator in
            let way = try simulator.way(.payments, seconds: 1)
            let payments = simulator.payments(way)
            try await simulator.set("payments", #"{"hang":true}"#)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { #expect(await payments.open(order, key: key(number)).kind == .later) }
                }
            }
            // All ten were given one second, so they took one second together.
            #expect(isOpen(way))
        }
    }

    @Test func `half of them failing is too much, fewer are not`() async throws {
        for (failures, isTooMuch) in [(4, false), (5, true)] {
            try await TrialSimulator.run { simulator in
                let way = try simulator.way(.payments)
                try await simulator.set("payments", #"{"errors":1,"times":\#(failures)}"#)
                for number in 0..<10 { _ = await simulator.payments(way).open(order, key: key(number)) }
                #expect(isOpen(way) == isTooMuch)
            }
        }
    }

    @Test func `a no speaks against nobody`() async throws {
        try await TrialSimulator.run { simulator in
            let way = try simulator.way(.payments)
            try await simulator.set("payments", #"{"refuses":true}"#)
            for number in 0..<20 { #expect(await simulator.payments(way).open(order, key: key(number)).kind == .never) }
            #expect(way.status.state == .closed)
        }
    }

    @Test func `who asks to be left alone is, for as long as they asked`() async throws {
        try await TrialSimulator.run { simulator in
            let way = try simulator.way(.payments)
            try await simulator.set("payments", #"{"retryAfter":60,"times":1}"#)
            #expect(
                await simulator.payments(way).open(order, key: key(1))
                    == .later(after: .seconds(60), reason: "it asks to come later (429)"))
            guard case .postponed(let after, _) = await simulator.payments(way).open(order, key: key(2)) else {
                return #expect(Bool(false))
            }
            #expect(after > .seconds(30) && after <= .seconds(60))
            #expect(try await simulator.requests("payments") == 1)
        }
    }

    @Test func `who was left alone and is not called any more is shown as one that would be called`() async throws {
        try await TrialSimulator.run { simulator in
            let (book, clock) = (EventBook(), ManualClock(Instant("2026-03-02T05:00:00Z")!))
            let way = try simulator.way(.payments, book, clock: clock)
            try await simulator.set("payments", #"{"retryAfter":60,"times":1}"#)
            _ = await simulator.payments(way).open(order, key: key(1))
            let until = clock.now + .seconds(60)
            #expect(way.status.state == .open(until: until) && way.restsUntil == until)
            clock.advance(by: .seconds(59))
            #expect(way.status.state == .open(until: until))
            clock.advance(by: .seconds(1))
            #expect(way.status.state == .halfOpen(since: until) && way.restsUntil == nil)
            clock.advance(by: .days(3))
            #expect(way.status.state == .halfOpen(since: clock.now))
            // Nothing has happened by that, and nobody was told anything.
            #expect(book.events.count { if case .breaker = $0 { true } else { false } } == 1)
            // It is true: the next call is made. It goes well and nobody else wants to try, so that is the end of it.
            #expect(await simulator.payments(way).open(order, key: key(2)).kind == .done)
            #expect(way.status.state == .halfOpen(since: clock.now))
            clock.advance(by: .seconds(10))
            #expect(way.status.state == .closed)
        }
    }

    @Test(arguments: WayOutSettings.all + [.mailServer])
    func `whoever takes as long as they may, in good health, is tried out for so long`(usual: WayOutSettings) {
        for seconds in [usual.timeoutSeconds, 1, 20, 120] {
            var settings = usual
            settings.wait(seconds: seconds)
            var breaker = CircuitBreaker(settings.breaker)
            let start = Instant("2026-03-02T05:00:00Z")!
            for _ in 0..<settings.breaker.minimumCalls {
                guard case .pass(let permit) = breaker.admit(at: start, luck: 0.5) else { break }
                breaker.record(.failed, of: permit, at: start, luck: 0.5)
            }
            guard case .open(let until) = breaker.state, case .pass(let permit) = breaker.admit(at: until, luck: 0.5) else {
                Issue.record("\(breaker.state)")
                continue
            }
            // As long as is not slow: nobody else wants to try.
            let end = until + settings.breaker.slowAfter
            breaker.record(.done, of: permit, at: end, luck: 0.5)
            #expect(breaker.state(at: end + .minutes(2)) == .closed, "\(settings.destination) \(seconds)")
        }
    }

    @Test func `by hand nobody is called, or everybody, until it is taken back`() async throws {
        try await TrialSimulator.run { simulator in
            let way = try simulator.way(.payments)
            way.follow(.forcedOpen)
            #expect(
                await simulator.payments(way).open(order, key: key(0))
                    == .postponed(after: .seconds(30), reason: "it is left alone for a while"))
            #expect(try await simulator.requests("payments") == 0)
            way.follow(.disabled)
            try await simulator.set("payments", #"{"errors":1}"#)
            for number in 0..<20 { _ = await simulator.payments(way).open(order, key: key(number)) }
            #expect(try await simulator.requests("payments") == 20)
            way.follow(.automatic)
            for number in 0..<20 { _ = await simulator.payments(way).open(order, key: key(number)) }
            #expect(try await simulator.requests("payments") == 30)
        }
    }

    @Test func `a destination that hangs keeps its own callers, and nobody else's`() async throws {
        try await TrialSimulator.run { simulator in
            let book = EventBook()
            let narrow = try simulator.way(.payments, seconds: 2, book) {
                $0.bulkhead = Bulkhead.Settings(atOnce: 2, waiting: 1, patience: .milliseconds(200))
            }
            let payments = simulator.payments(narrow)
            try await simulator.set("payments", #"{"hang":true}"#)
            let kinds = await withTaskGroup(of: String.self) { group in
                for number in 0..<8 {
                    group.addTask { await payments.open(order, key: key(number)).reason ?? "done" }
                }
                return await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(kinds == ["no whole answer came in time": 2, "too much is under way to it": 6])
            #expect(try await simulator.requests("payments") == 2)
            #expect(narrow.status.underWay == 0 && narrow.status.waiting == 0)
            let crowded = book.events.filter { if case .ended(_, .crowded, nil, _) = $0 { true } else { false } }
            #expect(crowded.count == 6)
            let other = try SchedulingOrder(
                id: "a", requestID: "r", provider: "north", time: "2026-03-02T09:00:00Z", patientName: Personal("A"),
                allowed: ["north"])
            #expect(await simulator.scheduling(try simulator.way(.scheduling)).request(other).kind == .done)
        }
    }

    @Test func `whoever gives up makes room`() async throws {
        try await TrialSimulator.run { simulator in
            let way = try simulator.way(.payments, seconds: 30) {
                $0.bulkhead = Bulkhead.Settings(atOnce: 1, waiting: 5, patience: .seconds(30))
            }
            let payments = simulator.payments(way)
            try await simulator.set("payments", #"{"hang":true}"#)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = await payments.open(order, key: key(0)) }
                while way.status.underWay == 0 { await Task.yield() }
                group.addTask { _ = await payments.open(order, key: key(1)) }
                while way.status.waiting == 0 { await Task.yield() }
                group.cancelAll()
            }
            #expect(way.status.underWay == 0 && way.status.waiting == 0)
            // What was interrupted says nothing about the destination.
            #expect(way.status.counts.failed == 0)
            try await simulator.set("payments", "{}")
            #expect(await payments.open(order, key: key(2)).kind == .done)
        }
    }
}
