import Notation

// Arithmetic on stretches of words, the inner loops of a search. They work on bare pointers because a search runs them
// over hundreds of calendars, and the compiler can then do several words in one instruction; whoever calls keeps `count`
// true. A later tick is a higher bit.

package typealias Words = UnsafeMutablePointer<UInt64>

/// Leaves bit t only where all of t ..< t + length are set: the starts at which a visit of that length fits.
///
/// Each pass doubles the length that is known to fit, so an hour takes four passes and a day nine. Beyond the end counts
/// as clear.
package func erode(_ words: Words, count: Int, length: Int) {
    var known = 1
    while known * 2 <= length {
        keepWhereAlsoSet(words, count: count, later: known)
        known *= 2
    }
    if known < length { keepWhereAlsoSet(words, count: count, later: length - known) }
}

private func keepWhereAlsoSet(_ words: Words, count: Int, later ticks: Int) {
    let whole = ticks >> 6
    let bits = UInt64(ticks & 63)
    let kept = max(0, count - whole)
    let carried = max(0, kept - 1)
    if whole == 0 {
        // Nearly every shift: lengths under five hours. Alone in its loop it is vectorised.
        for index in 0..<carried { words[index] &= words[index] &>> bits | words[index + 1] &<< (64 &- bits) }
    } else if bits == 0 {
        for index in 0..<carried { words[index] &= words[index + whole] }
    } else {
        for index in 0..<carried { words[index] &= words[index + whole] &>> bits | words[index + whole + 1] &<< (64 &- bits) }
    }
    if kept > 0 { words[carried] &= words[carried + whole] &>> bits }
    for index in kept..<count { words[index] = 0 }
}

/// Moves every bit to a later tick. Clear bits come in at the start.
package func delay(_ words: Words, count: Int, by ticks: Int) {
    guard ticks > 0 else { return }
    let whole = ticks >> 6
    let bits = UInt64(ticks & 63)
    var index = count - 1
    while index >= 0 {
        let near = index - whole >= 0 ? words[index - whole] : 0
        let far = index - whole - 1 >= 0 && bits > 0 ? words[index - whole - 1] &>> (64 &- bits) : 0
        words[index] = near &<< bits | far
        index -= 1
    }
}

/// Sets every `step`th tick from those of `ticks` that `phase` says: the starts of a grid. Both count from the first bit.
package func setGrid(_ words: Words, count: Int, ticks: Range<Int>, step: Int, phase: Int) {
    let ticks = ticks.clamped(to: 0..<count * 64)
    guard !ticks.isEmpty else { return }
    var comb: UInt64 = 0
    for bit in stride(from: 0, to: 64, by: step) { comb |= 1 << UInt64(bit) }
    for index in ticks.lowerBound >> 6...(ticks.upperBound - 1) >> 6 {
        let shift = Int(Int64(phase - index * 64).flooredRemainder(by: Int64(step)))
        words[index] |= (shift < 64 ? comb << UInt64(shift) : 0) & mask(ticks, inWord: index)
    }
}
