import Notation

/// Chance that can be had again. (SplitMix64.)
struct SplitMix {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x2545_F491_4F6C_DD1D &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }
    mutating func one<Element>(of choices: [Element]) -> Element { choices[number(0...choices.count - 1)] }
    mutating func happens(oneIn count: Int) -> Bool { number(1...count) == 1 }
}

extension Instant {
    static let start = Instant(secondsSince1970: 1_772_000_000)
}
