import Notation
import Scheduling

/// Chance that can be had again: the same seed, the same clinic. (SplitMix64.)
struct Chance {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x2545_F491_4F6C_DD1D &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    mutating func one<Element>(of choices: [Element]) -> Element { choices[number(0...choices.count - 1)] }

    mutating func happens(oneIn count: Int) -> Bool { number(1...count) == 1 }
}

/// The identifier of the so-many-th thing of a fixture.
func id<Subject>(_ number: Int, _: Subject.Type = Subject.self) -> ID<Subject> {
    ID(high: 0x0195_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number))
}

func at(_ text: String) -> Instant { Instant(text)! }

func day(_ text: String) -> CalendarDay { CalendarDay(text)! }

func range(_ from: String, _ to: String) -> TimeRange { TimeRange(from: at(from), to: at(to)) }
