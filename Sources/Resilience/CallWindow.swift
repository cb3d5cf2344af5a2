import Notation

/// How calls went.
struct CallTally: Sendable, Equatable {
    var calls = 0
    var failed = 0
    var slow = 0

    mutating func add(hasFailed: Bool, isSlow: Bool) {
        calls += 1
        if hasFailed { failed += 1 }
        if isSlow { slow += 1 }
    }
}

/// The calls of the last while, in ten slices: what is older than the window is forgotten a slice at a time, so it takes
/// the same room whatever the number of calls.
struct CallWindow: Sendable {
    static let slices = 10

    private let slice: Span
    private var tallies = [CallTally](repeating: CallTally(), count: slices)
    /// The number of the newest slice, counted from 1970; it stands at `newest % slices`.
    private var newest = Int64.min

    init(length: Span) { slice = Span(microseconds: max(1, length.microseconds / Int64(CallWindow.slices))) }

    /// Instants must not descend.
    mutating func add(hasFailed: Bool, isSlow: Bool, at now: Instant) {
        roll(to: now)
        tallies[place(of: newest)].add(hasFailed: hasFailed, isSlow: isSlow)
    }

    mutating func tally(at now: Instant) -> CallTally {
        roll(to: now)
        return tallies.reduce(into: CallTally()) { sum, tally in
            sum.calls += tally.calls
            sum.failed += tally.failed
            sum.slow += tally.slow
        }
    }

    private mutating func roll(to now: Instant) {
        let number = now.microseconds.flooredDivision(by: slice.microseconds)
        guard number > newest else { return }
        let first = newest == .min ? number : max(newest + 1, number - Int64(CallWindow.slices) + 1)
        if newest == .min { tallies = [CallTally](repeating: CallTally(), count: CallWindow.slices) }
        for slice in first...number { tallies[place(of: slice)] = CallTally() }
        newest = number
    }

    private func place(of slice: Int64) -> Int { Int(slice.flooredRemainder(by: Int64(CallWindow.slices))) }
}

/// The last few calls, however long ago: for destinations that are called so rarely that a window never has enough of them.
struct LastCalls: Sendable {
    private struct Ended: Sendable { let at: Instant, hasFailed: Bool, isSlow: Bool }

    private let count: Int
    /// The oldest first.
    private var ended: [Ended] = []

    init(_ count: Int) { self.count = count }

    mutating func add(hasFailed: Bool, isSlow: Bool, at now: Instant) {
        if ended.count >= max(1, count) { ended.removeFirst() }
        ended.append(Ended(at: now, hasFailed: hasFailed, isSlow: isSlow))
    }

    func tally(at now: Instant, within span: Span) -> CallTally {
        ended.reduce(into: CallTally()) { tally, call in
            if now - call.at < span { tally.add(hasFailed: call.hasFailed, isSlow: call.isSlow) }
        }
    }
}
