import Scheduling
import TestKit
import Testing

/// The arithmetic of the index against the same arithmetic bit by bit.
@Suite struct TickBitsTests {
    private static func random(_ seed: Int, bits: Int) -> [Bool] {
        var chance = Chance(seed: seed)
        let rarely = chance.one(of: [2, 5, 40, 400])
        return (0..<bits).map { _ in !chance.happens(oneIn: rarely) }
    }

    private static func words(_ bits: [Bool]) -> [UInt64] {
        (0..<bits.count / 64).map { word in (0..<64).reduce(0) { $0 | (bits[word * 64 + $1] ? 1 << UInt64($1) : 0) } }
    }

    private static func changed(_ bits: [Bool], _ body: (Words, Int) -> Void) -> [UInt64] {
        var words = words(bits)
        words.withUnsafeMutableBufferPointer { body($0.baseAddress!, $0.count) }
        return words
    }

    @Test(arguments: [1, 2, 3, 6, 12, 63, 64, 65, 100, 128, 129, 288, 400])
    func `a visit fits where all its ticks are free`(length: Int) {
        for seed in 0..<40 {
            let bits = Self.random(seed, bits: 384)
            let expected = bits.indices.map { start in
                start + length <= bits.count && bits[start..<start + length].allSatisfy(\.self)
            }
            #expect(Self.changed(bits) { erode($0, count: $1, length: length) } == Self.words(expected))
        }
    }

    @Test(arguments: [0, 1, 5, 63, 64, 65, 130, 383, 384, 500])
    func `what is delayed comes so many ticks later`(ticks: Int) {
        let bits = Self.random(ticks, bits: 384)
        let expected = bits.indices.map { $0 >= ticks && bits[$0 - ticks] }
        #expect(Self.changed(bits) { delay($0, count: $1, by: ticks) } == Self.words(expected))
    }

    @Test(arguments: [1, 2, 3, 4, 12, 72, 288], [0, 1, -1, 5, -287])
    func `a grid has a start at every step from its phase`(step: Int, phase: Int) {
        let ticks = 37..<301
        let expected = (0..<384).map { ticks.contains($0) && ($0 - phase) % step == 0 }
        let empty = Array(repeating: false, count: 384)
        #expect(Self.changed(empty) { setGrid($0, count: $1, ticks: ticks, step: step, phase: phase) } == Self.words(expected))
    }

    @Test(arguments: [0..<0, 0..<1, 63..<65, 64..<128, -10..<5, 120..<500, 10..<300, 200..<300, -5..<0])
    func `setting and clearing touch only what lies in the window`(ticks: Range<Int>) {
        var bits = TickBits(wordCount: 3)
        bits.set(ticks)
        #expect(Array(bits.words) == Self.words((0..<192).map(ticks.contains)))
        #expect(bits.areAllSet(ticks) == ((0...192).contains(ticks.lowerBound) && ticks.upperBound <= 192))
        #expect(bits.areAllClear(ticks) == ticks.clamped(to: 0..<192).isEmpty)
        bits.clear(ticks)
        #expect(bits == TickBits(wordCount: 3) && bits.areAllClear(0..<192))
    }

    @Test(arguments: [1, 2, 3, 9]) func `advancing forgets the start and leaves the end clear`(count: Int) {
        var bits = TickBits(wordCount: 3)
        bits.set(0..<192)
        bits.clear(70..<71)
        bits.advance(byWords: count)
        let left = max(0, 192 - count * 64)
        #expect(bits.areAllClear(left..<192))
        #expect(bits.areAllSet(0..<left) == (count > 1))
    }
}
