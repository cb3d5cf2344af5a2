import Admission
import Notation
import TestKit
import Testing

@Suite struct AnAllowance {
    @Test func `may be used at once, and then one comes free after another`() {
        var table = UsageTable<Int>(capacity: 8)
        let allowance = Allowance.perMinute(100)
        for left in (0..<100).reversed() {
            let standing = table.take(1, from: allowance, at: .start)
            #expect(!standing.isRefused && standing.remaining == left)
        }
        let refused = table.take(1, from: allowance, at: .start)
        #expect(refused.wait == .milliseconds(600) && refused.remaining == 0)
        #expect(table.take(1, from: allowance, at: .start + .milliseconds(599)).isRefused)
        #expect(!table.take(1, from: allowance, at: .start + .milliseconds(600)).isRefused)
        #expect(table.take(1, from: allowance, at: .start + .milliseconds(600)).isRefused)
    }

    @Test func `keeps a rest for what is more urgent`() {
        var table = UsageTable<Int>(capacity: 8)
        let allowance = Allowance.perMinute(100)
        func used(_ urgency: Urgency) -> Int {
            var count = 0
            while !table.take(1, from: allowance, share: urgency.share, at: .start).isRefused { count += 1 }
            return count
        }
        #expect(Urgency.allCases.reversed().map { used($0) } == [30, 30, 30, 5, 5])
    }

    @Test func `is not owed twice when the clock is set back`() {
        var table = UsageTable<Int>(capacity: 8)
        for _ in 0..<100 { _ = table.take(1, from: .perMinute(100), at: .start + .days(365)) }
        let standing = table.take(1, from: .perMinute(100), at: .start)
        #expect(standing.wait == .milliseconds(600))
        #expect(!table.take(1, from: .perMinute(100), at: .start + .milliseconds(600)).isRefused)
    }

    @Test func `that grows lets people in at once, one that shrinks lets nobody wait longer than it lasts`() {
        var table = UsageTable<Int>(capacity: 8)
        for _ in 0..<100 { _ = table.take(1, from: .perMinute(100), at: .start) }
        #expect(!table.take(1, from: .perMinute(200), share: 100, at: .start + .milliseconds(400)).isRefused)
        let wait = table.take(1, from: .perSecond(2), at: .start + .milliseconds(400)).wait
        #expect(wait == .milliseconds(500))
    }

    @Test(arguments: 0..<200) func `is given out as by a bucket that leaks`(seed: Int) {
        var chance = Chance(seed: seed)
        let span = chance.one(of: [Span.seconds(1), .seconds(60), .seconds(3600)])
        // A count that divides the span: then the model needs no rounding either.
        let allowance = Allowance(chance.one(of: [1, 2, 10, 100, 1000]), per: span)
        let share = chance.one(of: Urgency.allCases).share
        let capacity = max(1, allowance.count * share / 100)
        let interval = span.microseconds / Int64(allowance.count)
        var table = UsageTable<Int>(capacity: 8)
        // How full the bucket is, in microseconds of leaking.
        var (level, last, now): (Int64, Instant, Instant) = (0, .start, .start)
        for _ in 0..<2_000 {
            now = now + Span(microseconds: Int64(chance.number(0...Int(interval) * 2)) * (chance.happens(oneIn: 3) ? 0 : 1))
            level = max(0, level - (now - last).microseconds)
            last = now
            let fits = level + interval <= interval * Int64(capacity)
            let standing = table.take(1, from: allowance, share: share, at: now)
            #expect(standing.isRefused == !fits)
            if fits {
                level += interval
                #expect(standing.remaining == Int((interval * Int64(capacity) - level) / interval))
            } else {
                #expect(standing.wait?.microseconds == level + interval - interval * Int64(capacity))
            }
        }
    }

    @Test(arguments: 0..<50) func `never lets more in than its burst and its pace`(seed: Int) {
        var chance = Chance(seed: seed)
        let allowance = Allowance.perSecond(chance.number(1...50))
        var table = UsageTable<Int>(capacity: 8)
        var (admitted, now): ([Instant], Instant) = ([], .start)
        for _ in 0..<1_000 {
            now = now + .milliseconds(chance.number(0...60))
            if !table.take(1, from: allowance, at: now).isRefused { admitted.append(now) }
        }
        var isTooMany = false
        for (index, first) in admitted.enumerated() {
            for (later, last) in admitted.enumerated().dropFirst(index) {
                let most = Double(allowance.count) + (last - first).seconds * Double(allowance.count)
                if Double(later - index + 1) > most + 1e-6 { isTooMany = true }
            }
        }
        #expect(!isTooMany && admitted.count > 1)
    }
}

@Suite struct TheTable {
    @Test func `forgets whoever has everything again, and nobody else while there is room`() {
        var table = UsageTable<Int>(capacity: 100)
        let allowance = Allowance.perMinute(60)
        for key in 0..<60 { _ = table.take(key, from: allowance, at: .start) }
        for key in 60..<100 { for _ in 0..<60 { _ = table.take(key, from: allowance, at: .start) } }
        _ = table.take(1_000, from: allowance, at: .start + .seconds(2))
        #expect(table.count == 41)
        for key in 60..<100 { #expect(table.take(key, from: allowance, at: .start + .seconds(2)).remaining <= 2) }
    }

    @Test func `forgives those who have used least when there are too many, never those who have used most`() {
        var table = UsageTable<Int>(capacity: 100)
        let allowance = Allowance.perMinute(60)
        for key in 0..<10 { while !table.take(key, from: allowance, at: .start).isRefused {} }
        for key in 10..<100_000 {
            _ = table.take(key, from: allowance, at: .start)
            #expect(table.count <= 100)
        }
        for key in 0..<10 { #expect(table.take(key, from: allowance, at: .start).isRefused) }
    }
}

@Suite struct TheLimiter {
    @Test func `limits an address, its sign-ins more, and of version 6 the household`() {
        var limiter = RateLimiter(RateLimits([.address: .perMinute(100), .signIn: .perMinute(5)]))
        func arrive(_ text: String, isSignIn: Bool) -> RateVerdict? {
            limiter.arrive(from: NetworkAddress(text)!, as: .vital, isSignIn: isSignIn, at: .start)
        }
        for count in 1...5 { #expect(arrive("2001:db8::\(count)", isSignIn: true)?.isRefused == false) }
        #expect(arrive("2001:db8::ffff:1", isSignIn: true)?.policy == .signIn)
        #expect(arrive("2001:db8::ffff:1", isSignIn: true)?.isRefused == true)
        #expect(arrive("2001:db8::ffff:1", isSignIn: false)?.standing.remaining == 94)
        #expect(arrive("2001:db8:0:1::1", isSignIn: true)?.isRefused == false)
        #expect(arrive("192.0.2.1", isSignIn: true)?.isRefused == false)
        #expect(arrive("::ffff:192.0.2.1", isSignIn: false)?.standing.remaining == 98)
    }

    @Test func `gives out its part of what all nodes share, and the whole of what one person has`() {
        var limiter = RateLimiter(RateLimits([.system: .perSecond(1_000), .user: .perMinute(100)]))
        limiter.set(nodes: 4)
        let user = RateLimiter.User(ID<Never>(high: 1, low: 2), of: nil)
        #expect(limiter.enter(tenant: nil, user: user, as: .vital, at: .start)?.standing.remaining == 99)
        var let_in = 0
        while limiter.arrive(from: nil, as: .vital, isSignIn: false, at: .start) == nil { let_in += 1 }
        #expect(let_in == 250)
    }

    @Test func `counts what is held from an address until it is taken, and of version 6 from the household`() {
        var limiter = RateLimiter(RateLimits([.holds: Allowance(3, per: .hours(1))]))
        func holds(_ text: String, after minutes: Int = 0) -> Bool {
            limiter.hold(from: NetworkAddress(text)!, at: .start + .minutes(minutes))?.isRefused == false
        }
        #expect((1...5).map { holds("2001:db8::\($0)") } == [true, true, true, false, false])
        #expect(holds("2001:db8:0:1::1") && holds("192.0.2.1"))
        limiter.giveHoldBack(to: NetworkAddress("2001:db8::ffff"))
        #expect([holds("2001:db8::1"), holds("2001:db8::1")] == [true, false])
        #expect(holds("2001:db8::1", after: 20) && !holds("2001:db8::1", after: 20))
        // Whoever takes more than they hold, because they held it elsewhere, gains nothing by it.
        for _ in 0..<50 { limiter.giveHoldBack(to: NetworkAddress("192.0.2.1")) }
        #expect((1...5).map { _ in holds("192.0.2.1") } == [true, true, true, false, false])
        #expect(limiter.hold(from: nil, at: .start) == nil)
    }

    @Test func `keeps users and clinics apart, and the same person in two clinics too`() {
        var limiter = RateLimiter(RateLimits([.user: .perMinute(2), .tenant: .perMinute(5)]))
        func enter(_ number: UInt64, _ tenant: String) -> RatePolicy? {
            let verdict = limiter.enter(
                tenant: tenant, user: .init(ID<Never>(high: 0, low: number), of: tenant), as: .vital, at: .start)
            return verdict?.isRefused == true ? verdict?.policy : nil
        }
        #expect([enter(1, "a"), enter(1, "a"), enter(1, "a")] == [nil, nil, .user])
        #expect([enter(2, "a"), enter(2, "a"), enter(2, "a")] == [nil, nil, .tenant])
        #expect(enter(1, "b") == nil)
    }

    @Test func `can be told other limits, and everybody begins anew with those that are others`() {
        var limiter = RateLimiter(RateLimits([.user: .perMinute(10)]))
        let user = RateLimiter.User(ID<Never>(high: 0, low: 1), of: nil)
        for _ in 0..<10 { _ = limiter.enter(tenant: nil, user: user, as: .vital, at: .start) }
        #expect(limiter.enter(tenant: nil, user: user, as: .vital, at: .start)?.isRefused == true)
        limiter.set(RateLimits([.user: .perMinute(10), .tenant: .perSecond(1)]))
        #expect(limiter.enter(tenant: nil, user: user, as: .vital, at: .start)?.isRefused == true)
        limiter.set(RateLimits([.user: .perMinute(20)]))
        #expect(limiter.enter(tenant: nil, user: user, as: .vital, at: .start)?.standing.remaining == 19)
        limiter.set(.none)
        #expect(limiter.enter(tenant: nil, user: user, as: .vital, at: .start) == nil)
    }
}
