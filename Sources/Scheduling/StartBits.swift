import Notation

/// Where one calendar lets a visit start: open for the visit, and one lane free for the visit and its buffers.
struct StartBits {
    private let fit: Fit
    /// Words of the window.
    private let wordCount: Int
    /// A visit that starts in one word reaches into the next ones, its buffer into the ones before.
    private let ahead: Int
    private let behind: Int
    private let scratch: WordRows

    init(fit: Fit, widest: Int, wordCount: Int) {
        self.fit = fit
        self.wordCount = wordCount
        ahead = (fit.length + fit.after) / 64 + 1
        behind = fit.before / 64 + 1
        scratch = WordRows(count: 2, width: widest + ahead + behind)
    }

    /// Sets in `row` the starts of `words` that are `wanted` and fit. False when there are none; then the row says nothing.
    func find(_ tracks: [Track], _ place: Int, _ words: Range<Int>, within wanted: Words, into row: Words) -> Bool {
        guard let live = narrow(tracks, place, words, wanted, row) else { return false }
        let part = words.lowerBound + live.lowerBound..<words.lowerBound + live.upperBound
        keepOpen(tracks[place].open, part, row + live.lowerBound)
        keepFree(tracks[place].busy, part, row + live.lowerBound)
        return live.contains { row[$0] != 0 }
    }

    /// The words in which anything could start at all. In a full week that is none, and the costly passes are spared.
    private func narrow(_ tracks: [Track], _ place: Int, _ words: Range<Int>, _ wanted: Words, _ row: Words) -> Range<Int>? {
        var any: UInt64 = 0
        tracks[place].open.words.withUnsafeBufferPointer { open in
            for word in 0..<words.count {
                row[word] = wanted[word] & open[words.lowerBound + word]
                any |= row[word]
            }
        }
        if any != 0, tracks[place].busy.count == 1 { any = takeBusy(tracks[place].busy[0], words, row) }
        guard any != 0 else { return nil }
        var from = 0
        var to = words.count
        while row[from] == 0 { from += 1 }
        while row[to - 1] == 0 { to -= 1 }
        return from..<to
    }

    private func takeBusy(_ busy: TickBits, _ words: Range<Int>, _ row: Words) -> UInt64 {
        var any: UInt64 = 0
        busy.words.withUnsafeBufferPointer { busy in
            for word in 0..<words.count {
                row[word] &= ~busy[words.lowerBound + word]
                any |= row[word]
            }
        }
        return any
    }

    private func keepOpen(_ hours: TickBits, _ words: Range<Int>, _ row: Words) {
        let open = scratch[0]
        load(hours, words.lowerBound..<words.upperBound + ahead, into: open) { $0 }
        erode(open, count: words.count + ahead, length: fit.length)
        for word in 0..<words.count { row[word] &= open[word] }
    }

    private func keepFree(_ lanes: [TickBits], _ words: Range<Int>, _ row: Words) {
        let all = scratch[1]
        let count = words.count
        if lanes.count != 1 { all.update(repeating: 0, count: count) }
        for lane in lanes {
            let free = scratch[0]
            load(lane, words.lowerBound - behind..<words.upperBound + ahead, into: free) { ~$0 }
            erode(free, count: count + ahead + behind, length: fit.before + fit.length + fit.after)
            delay(free, count: count + behind, by: fit.before)
            if lanes.count == 1 {
                for word in 0..<count { row[word] &= free[word + behind] }
                return
            }
            for word in 0..<count { all[word] |= free[word + behind] }
        }
        for word in 0..<count { row[word] &= all[word] }
    }

    /// Copies words of the window; outside of it nothing fits.
    private func load(_ bits: TickBits, _ words: Range<Int>, into target: Words, _ read: (UInt64) -> UInt64) {
        let known = words.clamped(to: 0..<wordCount)
        bits.words.withUnsafeBufferPointer { source in
            for word in words.lowerBound..<known.lowerBound { target[word - words.lowerBound] = 0 }
            for word in known { target[word - words.lowerBound] = read(source[word]) }
            for word in known.upperBound..<words.upperBound { target[word - words.lowerBound] = 0 }
        }
    }
}

/// Rows of words that live as long as one search. Nothing is cleared: who reads a row has written it.
final class WordRows {
    private let memory: Words
    private let width: Int

    init(count: Int, width: Int) {
        self.width = width
        memory = .allocate(capacity: max(1, count * width))
    }

    deinit { memory.deallocate() }

    subscript(row: Int) -> Words { memory + row * width }
}
