/// Chance that can be had again (SplitMix64, Steele, Lea and Flood 2014): the same seed, the same numbers. A value, for one test by itself;
/// `SeededRandom` is the same for many who share it.
public struct Chance: Sendable {
    private var state: UInt64

    public init(state: UInt64) { self.state = state }

    /// Seeds next to each other are far apart.
    public init(seed: Int) { self.init(state: UInt64(truncatingIfNeeded: seed) &* 0x2545_F491_4F6C_DD1D &+ 1) }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    public mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }

    public mutating func one<Element>(of choices: [Element]) -> Element { choices[number(0...choices.count - 1)] }

    public mutating func happens(oneIn count: Int) -> Bool { number(1...count) == 1 }
}
