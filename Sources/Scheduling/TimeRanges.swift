import Notation

// Lists of time ranges, as open hours are made of. The lists are short, a day's or a year's, so plain walks do.

extension TimeRange {
    /// The part inside `other`; nil when there is none.
    func clipped(to other: TimeRange) -> TimeRange? {
        let part = TimeRange(from: max(from, other.from), to: min(to, other.to))
        return part.from < part.to ? part : nil
    }
}

/// The same time in order, with ranges that overlap or touch made one.
func merged(_ ranges: [TimeRange]) -> [TimeRange] {
    var result: [TimeRange] = []
    for range in ranges.sorted(by: { $0.from < $1.from }) {
        if let last = result.last, range.from <= last.to {
            result[result.count - 1].to = max(last.to, range.to)
        } else {
            result.append(range)
        }
    }
    return result
}

extension [TimeRange] {
    /// What is left of ranges in order when others, in any order, are taken away.
    func subtracting(_ taken: [TimeRange]) -> [TimeRange] {
        guard !taken.isEmpty else { return self }
        let holes = merged(taken)
        var result: [TimeRange] = []
        var firstHole = 0
        for range in self {
            while firstHole < holes.count, holes[firstHole].to <= range.from { firstHole += 1 }
            var from = range.from
            var hole = firstHole
            while hole < holes.count, holes[hole].from < range.to {
                if from < holes[hole].from { result.append(TimeRange(from: from, to: holes[hole].from)) }
                from = Swift.max(from, holes[hole].to)
                hole += 1
            }
            if from < range.to { result.append(TimeRange(from: from, to: range.to)) }
        }
        return result
    }
}
