import Notation

// What the index remembers of appointments besides their bits, sixteen bytes each. Bits alone cannot tell a hint that
// comes twice from a second claim, nor clear one of two claims that share a tick.

/// The claims on one resource, in the order of their start.
struct ClaimLedger: Sendable {
    struct Entry: Sendable, Equatable {
        /// Ticks since 1970; four bytes reach to the year 20,000.
        var from: Int32
        var to: Int32
        /// 48 bits of the appointment, 16 of the lane. Two appointments of one resource that start in the same tick and
        /// share 48 random bits would be taken for one; a clinic meets that once in an age, and only in the index.
        var mark: UInt64

        init(_ claim: Claim) {
            let ticks = Tick.touched(by: claim.range)
            from = Int32(clamping: ticks.lowerBound)
            to = Int32(clamping: ticks.upperBound)
            mark = fingerprint(claim.appointment) << 16 | UInt64(truncatingIfNeeded: claim.lane) & 0xFFFF
        }

        var lane: Int { Int(mark & 0xFFFF) }
        var ticks: Range<Int> { Int(from)..<Int(to) }
    }

    private(set) var entries: ContiguousArray<Entry> = []

    /// False when it is already there.
    mutating func insert(_ entry: Entry) -> Bool {
        let position = position(of: entry)
        if position < entries.count, entries[position] == entry { return false }
        entries.insert(entry, at: position)
        return true
    }

    /// False when it is not there.
    mutating func remove(_ entry: Entry) -> Bool {
        let position = position(of: entry)
        guard position < entries.count, entries[position] == entry else { return false }
        entries.remove(at: position)
        return true
    }

    func overlapping(_ ticks: Range<Int>) -> [Entry] {
        let end = first(entries.count) { Int(entries[$0].from) >= ticks.upperBound }
        return entries[..<end].filter { $0.to > ticks.lowerBound }
    }

    /// No claim is longer than two days, so nobody looks further back.
    func isFree(_ ticks: Range<Int>) -> Bool {
        var place = first(entries.count) { Int(entries[$0].from) >= ticks.upperBound }
        while place > 0, Int(entries[place - 1].from) >= ticks.lowerBound - 2 * 288 {
            place -= 1
            if Int(entries[place].to) > ticks.lowerBound { return false }
        }
        return true
    }

    mutating func forget(before tick: Int) { entries.removeAll { $0.to <= tick } }

    private func position(of entry: Entry) -> Int {
        first(entries.count) { (entries[$0].from, entries[$0].mark, entries[$0].to) >= (entry.from, entry.mark, entry.to) }
    }
}

/// When appointments of one practitioner start: how full a day is.
struct StartLedger: Sendable {
    struct Entry: Sendable, Equatable {
        var start: Instant
        var mark: UInt64

        init(_ appointment: ID<Appointment>, _ start: Instant) {
            self.start = start
            mark = fingerprint(appointment)
        }
    }

    private(set) var entries: ContiguousArray<Entry> = []

    mutating func insert(_ entry: Entry) {
        let position = position(of: entry)
        if position == entries.count || entries[position] != entry { entries.insert(entry, at: position) }
    }

    mutating func remove(_ entry: Entry) {
        let position = position(of: entry)
        if position < entries.count, entries[position] == entry { entries.remove(at: position) }
    }

    func count(in day: TimeRange) -> Int {
        first(entries.count) { entries[$0].start >= day.to } - first(entries.count) { entries[$0].start >= day.from }
    }

    mutating func forget(in range: TimeRange) { entries.removeAll { $0.start >= range.from && $0.start < range.to } }

    mutating func forget(before instant: Instant) { entries.removeAll { $0.start < instant } }

    private func position(of entry: Entry) -> Int {
        first(entries.count) { (entries[$0].start, entries[$0].mark) >= (entry.start, entry.mark) }
    }
}

/// 48 bits that stand for an appointment among its neighbours. Most of a UUIDv7's chance is in its low half.
private func fingerprint(_ id: ID<Appointment>) -> UInt64 {
    let mixed = (id.low ^ id.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return mixed >> 16
}
