import Synchronization

/// The doors through which time, identifiers and chance come in. Nothing else in the program asks the machine for them,
/// so a simulator can hand out its own and replay a day from a seed.
public struct Surroundings: Sendable {
    public var clock: any WallClock
    public var identifiers: any IdentifierSource
    public var random: any RandomSource

    public init(clock: any WallClock, identifiers: any IdentifierSource, random: any RandomSource) {
        self.clock = clock
        self.identifiers = identifiers
        self.random = random
    }

    /// The machine's own clock and randomness.
    public static func machine() -> Surroundings {
        let clock = MachineClock()
        let random = MachineRandom()
        return Surroundings(clock: clock, identifiers: Version7Identifiers(clock: clock, random: random), random: random)
    }
}

public protocol WallClock: Sendable {
    var now: Instant { get }
    /// Returns at or after `deadline`; throws `CancellationError` when the task is cancelled.
    func sleep(until deadline: Instant) async throws
}

public protocol IdentifierSource: Sendable {
    func next<Subject>(_: Subject.Type) -> ID<Subject>
}

public protocol RandomSource: Sendable {
    func next() -> UInt64
}

extension RandomSource {
    /// A number in 0..<1 with 53 random bits.
    public func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// UUID version 7: 48 bits of milliseconds, 12 bits that count within a millisecond, 62 random bits (RFC 9562 §6.2,
/// method 1). Identifiers from one source ascend, also when the clock is set back.
public final class Version7Identifiers: IdentifierSource {
    private let clock: any WallClock
    private let random: any RandomSource
    private let last = Mutex<UInt64>(0)

    public init(clock: any WallClock, random: any RandomSource) {
        self.clock = clock
        self.random = random
    }

    public func next<Subject>(_: Subject.Type) -> ID<Subject> {
        let milliseconds = UInt64(max(0, clock.now.microseconds / 1000))
        let stamp = last.withLock { last in
            last = max(last + 1, milliseconds << 12)
            return last
        }
        let high = (stamp >> 12) << 16 | 0x7000 | stamp & 0xFFF
        return ID(high: high, low: 0x8000_0000_0000_0000 | random.next() >> 2)
    }
}
