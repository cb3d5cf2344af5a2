public import Notation
import Synchronization

/// Chance from a seed (SplitMix64, Steele, Lea and Flood 2014): the same seed, the same day.
public final class SeededRandom: RandomSource {
    private let state: Mutex<UInt64>

    public init(seed: UInt64) { state = Mutex(seed) }

    public func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

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
