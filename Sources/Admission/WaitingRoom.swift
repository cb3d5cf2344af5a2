public import Notation

/// Where requests wait when as many are worked on as the server can do well: few, for a short time, and the most urgent first.
///
/// It decides and never waits itself: each method takes the time and says who may go in and who has to leave. A number stands for
/// whoever waits.
public struct WaitingRoom: Sendable {
    public struct Settings: Sendable {
        /// How long anybody waits before they are sent away.
        public var patience: Span = .milliseconds(250)
        public var limit = AdaptiveLimit.Settings()

        public init() {}
    }

    public enum Answer: Hashable, Sendable {
        case enter
        case wait(Int)
        case turnedAway
    }

    /// What has become of those who were waiting.
    public struct Outcome: Hashable, Sendable {
        public var admitted: [Int] = []
        public var dismissed: [Int] = []

        public init() {}
    }

    private struct Waiter {
        let number: Int
        let deadline: Instant
    }

    private let settings: Settings
    private var limit: AdaptiveLimit
    /// One line for each urgency, the first to come in front.
    private var lines = [[Waiter]](repeating: [], count: Urgency.allCases.count)
    private var lastNumber = 0
    /// Somebody had to leave since the room was last empty: then who came last goes in first, because who came first is late anyway.
    private var isCrowded = false
    public private(set) var inside = 0
    public private(set) var waiting = 0
    /// Nothing that can wait a minute is let in: connections are running out.
    public var isCrammed = false

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        limit = AdaptiveLimit(settings.limit)
    }

    public var places: Int { Int(limit.value) }

    /// How many may be inside for one more of this urgency to enter.
    public func places(for urgency: Urgency) -> Int {
        if isCrammed && urgency >= .look { return 0 }
        return max(1, places * urgency.share / 100)
    }

    /// Enters at once, or says no and leaves everything as it is. Nobody passes those who wait and are as urgent.
    public mutating func enters(_ urgency: Urgency) -> Bool {
        guard inside < places(for: urgency), waiting == 0 || !lines[...urgency.rawValue].contains(where: { !$0.isEmpty }) else {
            return false
        }
        inside += 1
        return true
    }

    /// Somebody comes. The outcome is about others, who have waited too long or make room.
    public mutating func arrive(_ urgency: Urgency, at now: Instant) -> (Answer, Outcome) {
        var outcome = tick(at: now)
        if enters(urgency) { return (.enter, outcome) }
        limit.hadToWait()
        guard places(for: urgency) > 0, makesRoom(for: urgency, &outcome) else { return (.turnedAway, outcome) }
        lastNumber += 1
        waiting += 1
        lines[urgency.rawValue].append(Waiter(number: lastNumber, deadline: now + settings.patience))
        return (.wait(lastNumber), outcome)
    }

    /// Somebody who was inside has finished.
    ///
    /// - Parameter span: how long it took, where that tells how busy the server is; nil otherwise.
    public mutating func leave(after span: Span?, at now: Instant) -> Outcome {
        precondition(inside > 0, "nobody leaves who has not entered")
        inside -= 1
        if let span { limit.finished(after: span, at: now) }
        return waiting == 0 ? Outcome() : tick(at: now)
    }

    /// Lets in and sends away whoever it is time for.
    public mutating func tick(at now: Instant) -> Outcome {
        var outcome = Outcome()
        guard waiting > 0 else { return outcome }
        dismissLate(at: now, &outcome)
        admitNext(&outcome)
        if waiting == 0 { isCrowded = false }
        return outcome
    }

    private mutating func dismissLate(at now: Instant, _ outcome: inout Outcome) {
        for line in lines.indices {
            let late = lines[line].prefix { $0.deadline <= now || $0.deadline - now > settings.patience }
            guard !late.isEmpty else { continue }
            outcome.dismissed += late.map(\.number)
            waiting -= late.count
            lines[line].removeFirst(late.count)
            isCrowded = true
        }
    }

    private mutating func admitNext(_ outcome: inout Outcome) {
        for urgency in Urgency.allCases {
            while let next = isCrowded ? lines[urgency.rawValue].last : lines[urgency.rawValue].first {
                // Who is less urgent has no more places.
                guard inside < places(for: urgency) else { return }
                if isCrowded { lines[urgency.rawValue].removeLast() } else { lines[urgency.rawValue].removeFirst() }
                waiting -= 1
                inside += 1
                outcome.admitted.append(next.number)
            }
        }
    }

    /// Whether there is room for one more to wait. When there is none, the least urgent has to leave, and of those the one who came
    /// first: unless everybody is more urgent than who comes now.
    private mutating func makesRoom(for urgency: Urgency, _ outcome: inout Outcome) -> Bool {
        guard waiting >= places else { return true }
        isCrowded = true
        guard let last = lines.lastIndex(where: { !$0.isEmpty }), last >= urgency.rawValue else { return false }
        outcome.dismissed.append(lines[last].removeFirst().number)
        waiting -= 1
        return true
    }
}
