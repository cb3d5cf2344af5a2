import Connectors
import Notation
import Resilience

/// How long each destination outside is waited for, how much of us it may keep busy, and when it is left alone (MC-2).
///
/// `partners.<destination>.<figure>`, for any of `PartnerSettings.destinations`; what is not set is the destination's own, as `WayOutSettings` has it.
struct WayFigures: Sendable {
    private struct Figure: Sendable {
        let name: String
        let range: ClosedRange<Int>
        /// At a mail server, where each letter has a thread for as long as it takes.
        var rangeOfThreads: ClosedRange<Int>?
        let set: @Sendable (inout WayOutSettings, Int) -> Void
        let get: @Sendable (WayOutSettings) -> Int
    }

    private static let figures: [Figure] = [
        // seconds: what a call may take from the first look at the address to the last byte; four fifths of it count as slow.
        Figure(name: "seconds", range: 1...120, set: { $0.wait(seconds: $1) }, get: { $0.timeoutSeconds }),
        // room: calls under way at once.
        Figure(
            name: "room", range: 1...1_000, rangeOfThreads: 1...64, set: { $0.bulkhead.atOnce = $1 }, get: { $0.bulkhead.atOnce }),
        // queue: calls that wait for room.
        Figure(name: "queue", range: 0...10_000, set: { $0.bulkhead.waiting = $1 }, get: { $0.bulkhead.waiting }),
        // calls: fewer say nothing of a destination.
        Figure(name: "calls", range: 1...1_000, set: { $0.breaker.minimumCalls = $1 }, get: { $0.breaker.minimumCalls }),
        // failures: in percent of them; from there on it is left alone.
        Figure(
            name: "failures", range: 1...100, set: { $0.breaker.failureShare = Double($1) / 100 },
            get: { Int(($0.breaker.failureShare * 100).rounded()) }),
        // rest: seconds for which it is left alone at first; doubled each time it fails when it is tried out, to a minute or to this.
        Figure(
            name: "rest", range: 1...900,
            set: {
                $0.breaker.rest = .seconds($1)
                $0.breaker.restAtMost = max($0.breaker.restAtMost, .seconds($1))
            }, get: { Int($0.breaker.rest.seconds) }),
    ]

    /// What was set, by key.
    private var set: [String: Int] = [:]
    /// Each destination as it is when nothing is set.
    private let usual: [WayOutSettings]

    init() { usual = WayOutSettings.all }

    /// Reads them, and adds what is wrong to `problems`.
    ///
    /// - Parameter hasMailServer: `mail` is a mail server then, and no service.
    init(_ text: (String) -> String?, hasMailServer: Bool, problems: inout [String]) {
        let mail = WayOutSettings.mail.destination
        usual = WayOutSettings.all.map { hasMailServer && $0.destination == mail ? .mailServer : $0 }
        for destination in usual.map(\.destination) {
            for figure in Self.figures {
                let key = Self.key(destination, figure.name)
                guard let value = text(key) else { continue }
                let threads = hasMailServer && destination == mail ? figure.rangeOfThreads : nil
                let range = threads ?? figure.range
                if let number = Int(value), range.contains(number) {
                    set[key] = number
                } else {
                    problems.append(
                        "\(key): must be from \(range.lowerBound) to \(range.upperBound)"
                            + (threads == nil ? "" : " with a mail server, where each letter has a thread"))
                }
            }
        }
    }

    private static func key(_ destination: String, _ figure: String) -> String { "partners.\(destination).\(figure)" }

    /// The destination's own settings, with what was set instead.
    func applied(to usual: WayOutSettings) -> WayOutSettings {
        var chosen = usual
        for figure in Self.figures {
            if let number = set[Self.key(usual.destination, figure.name)] { figure.set(&chosen, number) }
        }
        return chosen
    }

    /// For `check`: what holds for each, set or not.
    var listing: [(name: String, value: String)] {
        usual.map { usual in
            let chosen = applied(to: usual)
            return (
                "partners.\(usual.destination).…",
                Self.figures.map { "\($0.name) \($0.get(chosen))" }.joined(separator: ", ")
            )
        }
    }
}
