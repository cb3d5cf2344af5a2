public import Notation

/// Says before a request is looked at whether it would be turned away anyway: of each urgency, as large a part as the waiting room had to
/// send away of late.
///
/// Whoever is turned away in the waiting room has been read, routed and recognised by then. At five times the load that is most of what
/// there is to do. Here it costs a count.
///
/// It decides and never waits itself; it is told what became of those it let through. Part of those who come are let through in even
/// steps, without chance: of ten that come three go through, the same three each time.
public struct Turnstile: Sendable {
    public struct Settings: Sendable {
        /// How long it counts before it decides anew.
        public var window: Span = .milliseconds(100)
        /// It lets through so many times as many as found a place, so that the room, which knows who came last, still chooses.
        public var surplus = 1.3
        /// It never refuses more: who is let through shows that there is room again.
        public var most = 0.98

        public init() {}
    }

    private struct Count: Sendable {
        var came = 0
        var entered = 0
        var sentAway = 0
        /// The part that is refused.
        var refused = 0.0
        /// Adds up parts of requests to whole ones.
        var owed = 0.0
    }

    private let settings: Settings
    private var counts = [Count](repeating: Count(), count: Urgency.allCases.count)
    private var windowStart: Instant?

    public init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Whether anybody is refused at all.
    public var isTurning: Bool { counts.contains { $0.refused > 0 } }

    /// The part of this urgency that is refused, 0…1.
    public func refused(_ urgency: Urgency) -> Double { counts[urgency.rawValue].refused }

    /// Somebody comes. True when they are turned away here. What is vital never is.
    public mutating func refuses(_ urgency: Urgency) -> Bool {
        guard urgency != .vital else { return false }
        counts[urgency.rawValue].came += 1
        counts[urgency.rawValue].owed += counts[urgency.rawValue].refused
        guard counts[urgency.rawValue].owed >= 1 else { return false }
        counts[urgency.rawValue].owed -= 1
        return true
    }

    /// Somebody who was let through found a place.
    public mutating func entered(_ urgency: Urgency) { counts[urgency.rawValue].entered += 1 }

    /// Somebody who was let through was turned away after all.
    public mutating func sentAway(_ urgency: Urgency) { counts[urgency.rawValue].sentAway += 1 }

    /// Decides anew when it is time.
    public mutating func tick(at now: Instant) {
        guard let start = windowStart, start <= now else { return windowStart = now }
        guard now - start >= settings.window else { return }
        windowStart = now
        for index in counts.indices { decide(&counts[index]) }
    }

    private func decide(_ count: inout Count) {
        let seen = count
        (count.came, count.entered, count.sentAway) = (0, 0, 0)
        guard seen.sentAway > 0 else {
            // Nobody had to leave: a little more each time, and nothing is refused for the sake of a hundredth.
            count.refused = seen.refused < 0.05 ? 0 : seen.refused * 0.7
            return
        }
        // Where nobody asks the turnstile, as in front of another door, who entered and who was sent away is all who came.
        let came = max(seen.came, seen.entered + seen.sentAway)
        let wanted = 1 - settings.surplus * Double(max(1, seen.entered)) / Double(came)
        count.refused = min(max((seen.refused + wanted) / 2, 0), settings.most)
    }
}
