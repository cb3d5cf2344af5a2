public import Notation

/// A little concurrency from a seed, for tests that need no clinic.
public enum Interleaving {
    /// Runs `body` and everything it starts on this thread, in an order the seed decides; time moves when nobody has
    /// anything to do. False when it came to a standstill, or has not ended within `limit`.
    public static func run(
        seed: UInt64, _ clock: ManualClock, limit: Span = .days(1), _ body: @escaping @Sendable () async -> Void
    ) -> Bool {
        run(SeededRandom(seed: seed), clock, limit: limit, body)
    }

    /// The same with chance that others use, too.
    public static func run(
        _ random: SeededRandom, _ clock: ManualClock, limit: Span = .days(1), _ body: @escaping @Sendable () async -> Void
    ) -> Bool {
        SeededExecutor(random).run(clock, limit: limit, body)
    }
}
