import Notation
import TestKit
import Testing

import Resilience

@Suite struct RetryTests {
    @Test func `bounds double with every failure, up to the cap (MC-16)`() {
        let backoff = Backoff(base: .milliseconds(500), cap: .seconds(16))
        #expect((1...6).map { backoff.bound(attempt: $0) } == [1, 2, 4, 8, 16, 16].map { .seconds($0) })
        #expect(backoff.bound(attempt: 10_000) == .seconds(16))
    }

    @Test func `when everything fails, a tenth more is asked and not three times as much`() {
        var budget = RetryBudget()
        var retries = 0
        for _ in 0..<10_000 {
            budget.noteFirstTry()
            for _ in 0..<2 where budget.takeRetry() { retries += 1 }
        }
        // Ten were there at the beginning, and the first call adds nothing to a full budget.
        #expect(retries == 1_009)
    }

    @Test func `what the destination asks for is never shortened`() {
        var budget = RetryBudget()
        let asked = start + .seconds(20)
        let next = Retry().next(
            after: 1, at: start, notBefore: asked, deadline: Deadline(after: .minutes(1), from: start), budget: &budget, luck: 0.9
        )
        #expect(next == .again(at: asked))
    }

    @Test func `nothing is tried again after the deadline, and nothing charged for it`() {
        var budget = RetryBudget()
        let next = Retry().next(
            after: 1, at: start, notBefore: start + .seconds(5), deadline: Deadline(after: .seconds(5), from: start),
            budget: &budget, luck: 0)
        #expect(next == .giveUp(.deadline))
        #expect(budget.left == 10)
    }

    @Test(arguments: 0..<8) func `a million deliveries go as counting on fingers says`(part: Int) {
        for seed in part * 125_000..<(part + 1) * 125_000 {
            if let difference = Deliveries.difference(seed: seed) {
                Issue.record("deliveries \(seed): \(difference)")
                return
            }
        }
    }

    @Test(arguments: Deliveries.Mistake.allCases) func `a planted mistake is found`(mistake: Deliveries.Mistake) {
        #expect((0..<20_000).contains { Deliveries.difference(seed: $0, mistake: mistake) != nil })
    }
}

private let start = Instant(secondsSince1970: 1_800_000_000)

/// Some deliveries to one destination, with failures that a seed decides.
struct Deliveries {
    enum Mistake: CaseIterable { case oneAttemptMore, impatience, freeRetries, noDeadline }

    private let random: SeededRandom
    private let mistake: Mistake?
    private let retry: Retry
    private var budget: RetryBudget
    /// What is left of the budget, in thousandths of a retry.
    private var saved: Int
    private var now = start

    private init(seed: Int, mistake: Mistake?) {
        random = SeededRandom(seed: UInt64(seed))
        self.mistake = mistake
        retry = Retry(attempts: 1 + Int(random.next() % 4), backoff: Backoff(base: .milliseconds(100), cap: .milliseconds(500)))
        budget = RetryBudget(share: 0.25, most: 2)
        saved = 2_000
    }

    static func difference(seed: Int, mistake: Mistake? = nil) -> String? {
        var told = Deliveries(seed: seed, mistake: mistake)
        return told.difference()
    }

    private mutating func difference() -> String? {
        for delivery in 0..<6 {
            budget.noteFirstTry()
            saved = min(2_000, saved + 250)
            let deadline = Deadline(after: .milliseconds(Int(random.next() % 2_000)), from: now)
            for attempt in 1...6 {
                let asked: Span? = random.next() % 3 == 0 ? .milliseconds(Int(random.next() % 900)) : nil
                let luck = random.unit()
                let expected = expected(attempt, asked: asked, deadline: deadline, luck: luck)
                let next = retry.next(
                    after: attempt, at: now, notBefore: asked.map { now + $0 }, deadline: deadline, budget: &budget, luck: luck)
                if next != expected { return "delivery \(delivery), attempt \(attempt): \(next), not \(expected)" }
                if Int((budget.left * 1000).rounded()) != saved { return "delivery \(delivery): \(budget.left) retries left" }
                guard case .again(let again) = next else { break }
                if deadline.remaining(at: again) <= .zero || deadline.hasPassed(at: again) { return "too late" }
                now = again
            }
            now = now + .milliseconds(Int(random.next() % 300))
        }
        return nil
    }

    private mutating func expected(_ attempt: Int, asked: Span?, deadline: Deadline, luck: Double) -> Retry.Next {
        if attempt >= retry.attempts + (mistake == .oneAttemptMore ? 1 : 0) { return .giveUp(.attempts) }
        let longest = [200_000, 400_000, 500_000, 500_000, 500_000, 500_000][attempt - 1]
        var wait = Int64(Double(longest) * luck)
        if let asked, mistake != .impatience { wait = max(wait, asked.microseconds) }
        if wait >= deadline.at.microseconds - now.microseconds && mistake != .noDeadline { return .giveUp(.deadline) }
        if saved < 1_000 { return .giveUp(.budget) }
        if mistake != .freeRetries { saved -= 1_000 }
        return .again(at: Instant(microseconds: now.microseconds + wait))
    }
}
