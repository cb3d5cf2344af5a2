import Notation

/// A little concurrency from a seed, for tests that need no clinic.
public enum Interleaving {
    /// Runs `body` and everything it starts on this thread, in an order the seed decides; time moves when nobody has
    /// anything to do. False when it came to a standstill.
    public static func run(seed: UInt64, _ clock: ManualClock, _ body: @escaping @Sendable () async -> Void) -> Bool {
        SeededExecutor(SeededRandom(seed: seed)).run(clock, limit: .days(1), body)
    }
}
