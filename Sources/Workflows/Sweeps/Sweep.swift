public import Notation
import Synchronization

/// Looks at how things are, and makes right what does not fit: whatever a message, a timer or a machine has lost. It goes by the state and
/// never by what happened, so it may run at any time, twice, and by two at once (reliability.md §5).
public struct Sweep: Sendable {
    public enum Name: String, Sendable, CaseIterable {
        /// Holds nobody confirmed, against the clock.
        case holds
        /// What waits in the outbox, against the appointments and messages it is about, in both directions; and what was given up there.
        case outbox
        /// Claims against appointments, in both directions.
        case claims
        /// Counters, against what they have numbered.
        case counters
        /// Payments and refunds, against what the provider has.
        case payments
        /// What other calendars say, against what stands here.
        case scheduling
        /// A hospital's records, against appointments.
        case records
        /// What somebody has changed in a hospital's records.
        case recordsIn = "records-in"
        /// The system that is being replaced, against appointments.
        case legacy
    }

    public let name: Name
    /// From the end of one round to the beginning of the next.
    public let interval: Span
    private let look: @Sendable () async throws -> SweepOutcome

    init(_ name: Name, every interval: Span, _ look: @escaping @Sendable () async throws -> SweepOutcome) {
        self.name = name
        self.interval = interval
        self.look = look
    }

    /// One look. A sweep with much to go through looks at a part, and goes on where it was in the next round.
    public func round() async throws -> SweepOutcome { try await look() }
}

/// What one round of a sweep came upon.
public struct SweepOutcome: Sendable, Equatable {
    /// How many things did not fit and do now.
    public var repaired: Int
    /// How many tasks were raised for humans.
    public var raised: Int
    /// Since when the oldest thing was wrong that this round came upon; nil when everything fitted.
    public var oldest: Instant?

    public init(repaired: Int = 0, raised: Int = 0, oldest: Instant? = nil) {
        self.repaired = repaired
        self.raised = raised
        self.oldest = oldest
    }

    mutating func found(since instant: Instant) { oldest = min(oldest ?? instant, instant) }

    static func + (left: SweepOutcome, right: SweepOutcome) -> SweepOutcome {
        SweepOutcome(
            repaired: left.repaired + right.repaired, raised: left.raised + right.raised,
            oldest: [left.oldest, right.oldest].compactMap { $0 }.min())
    }
}

/// Where a sweep goes on in its next round. Kept in memory: whoever starts anew begins at the beginning.
final class SweepPlace<Place: Sendable>: Sendable {
    private let place: Mutex<Place?>

    init() { place = Mutex(nil) }

    /// Nil at the beginning.
    var current: Place? { place.withLock { $0 } }

    /// - Parameter next: nil at the end: the next round begins anew.
    func goOn(at next: Place?) { place.withLock { $0 = next } }
}

extension Clinic {
    /// Everything there is to sweep, each with a place of its own to go on at: made once by whoever runs them.
    public func sweeps() -> [Sweep] {
        let (waiting, dead) = (SweepPlace<WaitingFor.Place>(), SweepPlace<DeadPlace>())
        let (reminded, messages) = (SweepPlace<AppointmentPlace>(), SweepPlace<ID<Message>>())
        let numbers = SweepPlace<Int>()
        let (appointments, claims) = (SweepPlace<AppointmentPlace>(), SweepPlace<ClaimsInOrder.Place>())
        return [
            Sweep(.holds, every: .seconds(10)) { try await self.endOverdueHolds() },
            Sweep(.outbox, every: .seconds(60)) {
                let cancelled = try await self.cancelWhatWaitsInVain(waiting)
                let queued = try await self.remindAfterAll(reminded)
                let sent = try await self.sendAfterAll(messages)
                return cancelled + queued + sent + (try await self.raiseDeadLetters(dead))
            },
            Sweep(.claims, every: .seconds(60)) {
                let unclaimed = try await self.raiseUnclaimed(appointments)
                return unclaimed + (try await self.releaseOrphans(claims))
            },
            Sweep(.counters, every: .minutes(10)) { try await self.compareCounters(numbers) },
        ]
    }
}
