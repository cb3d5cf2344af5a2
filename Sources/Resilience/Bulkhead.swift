public import Notation

/// Lets so many calls to one destination be under way at once and so many wait, in the order in which they came. A
/// destination that hangs keeps its own callers, and nobody else's (MC-2).
public struct Bulkhead: Sendable {
    /// Names a caller for as long as they are here; whoever holds the bulkhead hands them out.
    public typealias Caller = Int

    public struct Settings: Sendable, Equatable {
        public var atOnce: Int
        public var waiting: Int
        /// Who waited so long is turned away.
        public var patience: Span
        /// How many callers it keeps at most.
        public var most: Int { atOnce + waiting }

        public init(atOnce: Int = 25, waiting: Int = 100, patience: Span = .seconds(1)) {
            self.atOnce = atOnce
            self.waiting = waiting
            self.patience = patience
        }
    }

    public enum Entry: Sendable, Equatable {
        case enter
        /// Until somebody leaves, or until then.
        case wait(until: Instant)
        /// So many wait already.
        case turnedAway
    }

    /// Who hears something because time passed or somebody left.
    public struct Calls: Sendable, Equatable {
        public var enter: [Caller]
        public var turnedAway: [Caller]

        public init(enter: [Caller] = [], turnedAway: [Caller] = []) {
            self.enter = enter
            self.turnedAway = turnedAway
        }
    }

    public let settings: Settings
    public private(set) var inside: Set<Caller> = []
    /// First come, first served; `until` ascends.
    private var queue: [(caller: Caller, until: Instant)] = []

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    public var waiting: Int { queue.count }

    /// Somebody comes. A caller who is inside or waits already must not come again.
    public mutating func enter(_ caller: Caller, at now: Instant) -> Entry {
        precondition(!inside.contains(caller), "nobody enters twice")
        if inside.count < settings.atOnce && queue.isEmpty {
            inside.insert(caller)
            return .enter
        }
        guard queue.count < settings.waiting else { return .turnedAway }
        let until = max(now + settings.patience, queue.last?.until ?? now)
        queue.append((caller, until))
        return .wait(until: until)
    }

    /// Somebody is done, or gives up while waiting.
    public mutating func leave(_ caller: Caller, at now: Instant) -> Calls {
        if inside.remove(caller) == nil { queue.removeAll { $0.caller == caller } }
        return pass(to: now)
    }

    /// Turns away who waited too long, and lets in whom there is room for.
    public mutating func pass(to now: Instant) -> Calls {
        var calls = Calls()
        let late = queue.prefix { $0.until <= now }
        calls.turnedAway = late.map(\.caller)
        queue.removeFirst(late.count)
        while inside.count < settings.atOnce, !queue.isEmpty {
            let next = queue.removeFirst().caller
            inside.insert(next)
            calls.enter.append(next)
        }
        return calls
    }
}
