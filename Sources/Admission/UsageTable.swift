public import Notation

/// How much of one allowance everybody has used, in bounded memory: whoever has all of it again is forgotten, and when there are more
/// than `capacity` others at once, the half that has used least is forgiven. An attacker with many addresses can wash away others'
/// small debts, and never their own.
public struct UsageTable<Key: Hashable & Sendable>: Sendable {
    private var usages: [Key: Usage] = [:]
    private let capacity: Int

    public init(capacity: Int) {
        precondition(capacity >= 2, "a table has room for some")
        self.capacity = capacity
    }

    public var count: Int { usages.count }

    /// One more request of somebody; `share` is the percentage of the allowance that it may take at once.
    public mutating func take(_ key: Key, from allowance: Allowance, share: Int = 100, at now: Instant) -> Standing {
        if usages.count >= capacity, usages[key] == nil { makeRoom(at: now) }
        return usages[key, default: Usage()].take(from: allowance, share: share, at: now)
    }

    /// One request of somebody does not count after all.
    mutating func giveBack(_ key: Key, to allowance: Allowance) { usages[key]?.giveBack(to: allowance) }

    mutating func forgetAll() { usages.removeAll() }

    private mutating func makeRoom(at now: Instant) {
        usages = usages.filter { !$0.value.isRestored(at: now) }
        guard usages.count > capacity / 2 else { return }
        let middle = usages.values.map(\.restoredAt).sorted()[usages.count - capacity / 2]
        // Many may owe as much as the one in the middle; of those it does not matter who is forgiven.
        var places = capacity / 2 - usages.values.count { $0.restoredAt > middle }
        usages = usages.filter { usage in
            guard usage.value.restoredAt == middle else { return usage.value.restoredAt > middle }
            places -= 1
            return places >= 0
        }
    }
}
