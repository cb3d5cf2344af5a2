import Notation

/// Five minutes of UTC: the grain of every start, length and buffer. Ticks are counted from 1970.
///
/// Every zone's offset is a multiple of five minutes, so ticks are also five minutes of every wall clock.
enum Tick {
    static let microseconds: Int64 = 300_000_000

    /// The last tick that starts at or before an instant.
    static func down(_ instant: Instant) -> Int { Int(instant.microseconds.flooredDivision(by: microseconds)) }

    /// The first tick that starts at or after an instant.
    static func up(_ instant: Instant) -> Int {
        Int((instant.microseconds + (microseconds - 1)).flooredDivision(by: microseconds))
    }

    static func instant(_ tick: Int) -> Instant { Instant(microseconds: Int64(tick) * microseconds) }

    /// The ticks that start in a range.
    static func starting(in range: TimeRange) -> Range<Int> { ordered(up(range.from), up(range.to)) }

    /// The ticks a range touches, if only with a microsecond: what is taken is rounded outwards.
    static func touched(by range: TimeRange) -> Range<Int> { ordered(down(range.from), up(range.to)) }

    /// The ticks that lie wholly in a range: what is open is rounded inwards.
    static func inside(_ range: TimeRange) -> Range<Int> { ordered(up(range.from), down(range.to)) }

    private static func ordered(_ from: Int, _ to: Int) -> Range<Int> { from..<max(from, to) }
}

/// One bit for each tick of a window, counted from the window's start. A year of a practitioner is 13 KiB.
///
/// What lies outside the window is neither set nor clear: writes to it are dropped.
package struct TickBits: Sendable, Equatable {
    package private(set) var words: ContiguousArray<UInt64>

    package init(wordCount: Int) { words = ContiguousArray(repeating: 0, count: wordCount) }

    package mutating func set(_ ticks: Range<Int>) { change(ticks) { $0 | $1 } }

    package mutating func clear(_ ticks: Range<Int>) { change(ticks) { $0 & ~$1 } }

    package func areAllSet(_ ticks: Range<Int>) -> Bool {
        ticks.clamped(to: all) == ticks && pieces(ticks) { words[$0] & $1 == $1 }
    }

    package func areAllClear(_ ticks: Range<Int>) -> Bool { pieces(ticks) { words[$0] & $1 == 0 } }

    /// Forgets the first words and starts as many new, clear ones at the end.
    package mutating func advance(byWords count: Int) {
        words.withUnsafeMutableBufferPointer { words in
            let kept = max(0, words.count - count)
            for index in 0..<kept { words[index] = words[index + count] }
            for index in kept..<words.count { words[index] = 0 }
        }
    }

    private var all: Range<Int> { 0..<words.count * 64 }

    private mutating func change(_ ticks: Range<Int>, _ combine: (UInt64, UInt64) -> UInt64) {
        let ticks = ticks.clamped(to: all)
        guard !ticks.isEmpty else { return }
        for index in ticks.lowerBound >> 6...(ticks.upperBound - 1) >> 6 {
            words[index] = combine(words[index], mask(ticks, inWord: index))
        }
    }

    private func pieces(_ ticks: Range<Int>, _ holds: (Int, UInt64) -> Bool) -> Bool {
        let ticks = ticks.clamped(to: all)
        guard !ticks.isEmpty else { return true }
        for index in ticks.lowerBound >> 6...(ticks.upperBound - 1) >> 6 where !holds(index, mask(ticks, inWord: index)) {
            return false
        }
        return true
    }
}

/// The bits of one word that a range of ticks covers.
func mask(_ ticks: Range<Int>, inWord index: Int) -> UInt64 {
    let from = max(ticks.lowerBound - index * 64, 0)
    let to = min(ticks.upperBound - index * 64, 64)
    guard from < to else { return 0 }
    return (.max >> UInt64(64 - (to - from))) << UInt64(from)
}
