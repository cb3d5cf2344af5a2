public import Notation
import Synchronization

/// Chance from a seed: the same seed, the same day.
public final class SeededRandom: RandomSource {
    private let chance: Mutex<Chance>

    public init(seed: UInt64) { chance = Mutex(Chance(state: seed)) }

    public func next() -> UInt64 { chance.withLock { $0.next() } }

    public func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// A source of its own, so that what one caller does never shifts another's chances.
    public func branch() -> SeededRandom { SeededRandom(seed: next()) }

    /// 0 ..< bound.
    public func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True in `parts` of a thousand cases.
    public func happens(perMille parts: Int) -> Bool { below(1000) < parts }

    public func one<Element>(of choices: [Element]) -> Element? { choices.isEmpty ? nil : choices[below(choices.count)] }

    /// Up to `longest`, to the millisecond.
    public func span(upTo longest: Span) -> Span { .milliseconds(below(Int(longest.microseconds / 1000) + 1)) }
}
