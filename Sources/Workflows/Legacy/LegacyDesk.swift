public import Notation
public import Outbox
public import Partners
public import Scheduling
import Storage

/// What came of one step with the system that is being replaced, for logs and metrics. Nothing in it is about a person.
public struct LegacyReport: Sendable, Equatable {
    public enum What: String, Sendable, CaseIterable {
        case told, cancelled, refused, later, postponed, takenOver = "taken-over", notTaken = "not-taken"
    }

    public let what: What
    public let appointment: ID<Appointment>?
    /// Their name for it; nil where there is none yet.
    public let theirs: String?
    public let reason: String?
}

/// Follows the system that is being replaced, takes over what it has, and keeps it in step for as long as there is a way back (GF-6).
///
/// All of it goes by how things are on both sides, and each step is one transaction: it may be killed anywhere, run twice, and by two at once.
public struct LegacyDesk: Sendable {
    public static let system = "legacy"
    /// How many changes are asked for, and taken in, at once.
    static let portion = 50

    let clinic: Clinic
    let legacy: any LegacySystem
    let report: @Sendable (LegacyReport) -> Void

    public init(_ clinic: Clinic, legacy: any LegacySystem, report: @escaping @Sendable (LegacyReport) -> Void = { _ in }) {
        self.clinic = clinic
        self.legacy = legacy
        self.report = report
    }

    public var deliveries: [String: OutboxHandler] { [Topic.legacyChange: .external { try await carry($0) }] }

    var now: Instant { clinic.surroundings.clock.now }

    func standing() async throws -> (standing: LegacyStanding, feed: LegacyFeed) {
        try await clinic.database.doing(.background).read { transaction in
            (
                standing: try transaction.first(CurrentReplacement()) ?? LegacyStanding(),
                feed: try transaction.first(CurrentLegacyFeed()) ?? LegacyFeed()
            )
        }
    }

    /// Follows, takes over, looks for what is not there, and ends the way back when everything is.
    public func sweep(every interval: Span = .seconds(5)) -> Sweep {
        let behind = SweepPlace<BehindPlace>()
        return Sweep(.legacy, every: interval) {
            let phase = try await standing().standing.replacement.phase
            guard phase != .off else { return SweepOutcome() }
            var outcome = try await follow()
            let count = max(1, clinic.legacyTakenPerSecond * Int(max(1, interval.seconds)))
            outcome = outcome + (try await takeOver(atMost: count))
            if phase == .switched || phase == .returning {
                outcome = outcome + (try await tellWhatIsMissing(behind, grace: phase == .returning ? .zero : .minutes(1)))
            }
            if phase == .returning { try await endReturning() }
            return outcome
        }
    }
}

extension Clinic {
    var legacyTakenPerSecond: Int { settings.legacy?.takenPerSecond ?? 50 }
}
