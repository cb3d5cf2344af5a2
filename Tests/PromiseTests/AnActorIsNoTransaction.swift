import Notation
import Synchronization
import TestKit
import Testing

extension Promises {
    /// Why the clinic decides inside a transaction and not inside an actor. An actor lets others in at every `await`, so
    /// what it looked at before may not be so after (style.md, "Traps already met").
    @Suite struct AnActorIsNoTransaction {
        /// How many of 8 callers were sold the one time there is.
        private func sold(seed: UInt64, by sell: @escaping @Sendable (Counter, ManualClock) async -> Bool) -> Int {
            let clock = ManualClock(Instant("2026-03-02T09:00:00Z")!)
            let counter = Counter()
            let sales = Mutex(0)
            let hasEnded = Interleaving.run(seed: seed, clock) {
                await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<8 { group.addTask { await sell(counter, clock) } }
                    for await isSold in group where isSold { sales.withLock { $0 += 1 } }
                }
            }
            #expect(hasEnded)
            return sales.withLock { $0 }
        }

        @Test func `an actor that looks, waits and then sells, sells twice`() {
            let doubled = (0..<100).count { sold(seed: $0) { await $0.sellAfterWaiting($1) } > 1 }
            #expect(doubled > 0)
        }

        @Test func `an actor that decides without waiting sells once`() {
            for seed in 0..<100 as Range<UInt64> { #expect(sold(seed: seed) { counter, _ in await counter.sellAtOnce() } == 1) }
        }
    }
}

/// The counter of a clinic with one time left.
private actor Counter {
    private var isSold = false

    func sellAfterWaiting(_ clock: ManualClock) async -> Bool {
        if isSold { return false }
        // Asking the database, say. Meanwhile the next caller finds the time unsold, too.
        try? await clock.sleep(until: clock.now + .milliseconds(5))
        isSold = true
        return true
    }

    func sellAtOnce() -> Bool {
        if isSold { return false }
        isSold = true
        return true
    }
}
