public import Notation
import People
public import Scheduling
import Storage

/// What is in the way of the next step.
public enum LegacyHindrance: String, Sendable, CaseIterable {
    /// What happened there in the last minute is not known here yet.
    case feedBehind
    /// Nobody has begun to take over what is booked there.
    case backfillNotBegun
    /// It is not taken over yet.
    case backfillNotDone
    /// Some of it cannot be: see the tasks.
    case notTaken
    /// Too few requests were compared to say anything.
    case tooFewCompared
    /// One in a thousand or more differs.
    case tooManyDiffer
    /// They do not know of everything that was booked here.
    case notThereYet

    /// What somebody may set aside with a reason, because they have looked at it.
    public var canBeSetAside: Bool {
        switch self {
        case .notTaken, .tooFewCompared, .tooManyDiffer, .notThereYet: true
        case .feedBehind, .backfillNotBegun, .backfillNotDone: false
        }
    }

    public var sentence: String {
        switch self {
        case .feedBehind: "what happened there in the last minute is not known here yet"
        case .backfillNotBegun: "nobody has begun to take over what is booked there"
        case .backfillNotDone: "what is booked there is not taken over yet"
        case .notTaken: "some of what is booked there cannot be taken over; there is a task for each"
        case .tooFewCompared: "too few requests were compared"
        case .tooManyDiffer: "one request in a thousand or more is decided differently"
        case .notThereYet: "they do not know of everything that was booked here"
        }
    }
}

/// How far the replacement of the other system is.
public struct LegacyStatus: Sendable, Equatable {
    public let phase: Replacement.Phase
    public let share: Int
    public let changedAt: Instant?
    public let changedBy: String?
    public let backfillSince: Instant?
    /// How many of theirs were taken over, wait for it (counted to ten thousand), and cannot be (counted to a hundred).
    public let taken: Int
    public let waiting: Int
    public let notTaken: Int
    /// Their number of the last change that is known, and when there was last nothing more.
    public let change: Int
    public let caughtUpAt: Instant?
    /// Changes of ours on their way there, counted to ten thousand, and when everything was last seen to be there.
    public let outstanding: Int
    public let mirroredAt: Instant?
    /// Nil when nothing was compared.
    public let comparison: LegacyComparison
    /// What is in the way of the next step: the switch while both are in use, the way back after it.
    public let hindrances: [LegacyHindrance]

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("phase", phase.rawValue)
            json.member("share", share)
            json.member("next", phase.next.map(\.rawValue))
            json.member("changedAt", changedAt)
            json.member("changedBy", changedBy)
            json.member("backfillSince", backfillSince)
            json.member("taken", taken)
            json.member("waiting", waiting)
            json.member("notTaken", notTaken)
            json.member("change", change)
            json.member("caughtUpAt", caughtUpAt)
            json.member("outstanding", outstanding)
            json.member("mirroredAt", mirroredAt)
            json.member("compared", comparison.count)
            json.member("mismatched", comparison.mismatched)
            json.member("hindrances", hindrances.map(\.rawValue))
        }
    }
}

extension ReadTransaction {
    func legacyStatus(_ rules: LegacyRules, now: Instant) throws -> LegacyStatus {
        let standing = try first(CurrentReplacement())
        let feed = try first(CurrentLegacyFeed()) ?? LegacyFeed()
        let replacement = standing?.replacement ?? Replacement()
        let waiting = try first(HowManyLegacyRowsWait(after: now)) ?? 0
        let notTaken = try fetch(RefusedLegacyRows(after: now, limit: 100)).count
        let outstanding = try first(WaitingOfTopic(topic: Topic.legacyChange))?.count ?? 0
        let comparison = try legacyComparison(last: rules.compared)
        var hindrances: [LegacyHindrance] = []
        switch replacement.phase {
        case .dual:
            if feed.caughtUpAt.map({ $0 < now - .minutes(1) }) ?? true { hindrances.append(.feedBehind) }
            if standing?.backfillSince == nil {
                hindrances.append(.backfillNotBegun)
            } else if waiting > 0 {
                hindrances.append(.backfillNotDone)
            }
            if notTaken > 0 { hindrances.append(.notTaken) }
            if comparison.count < rules.compared { hindrances.append(.tooFewCompared) }
            if comparison.count > 0, !comparison.isWithinTolerance { hindrances.append(.tooManyDiffer) }
        case .switched, .returning:
            let isThere = standing.flatMap { standing in standing.mirroredAt.map { $0 >= standing.changedAt } } ?? false
            if outstanding > 0 || !isThere { hindrances.append(.notThereYet) }
        case .off, .shadow: break
        }
        // A share that was set before the first phase is no change of the phase.
        let changed = standing?.changedBy.isEmpty == false ? standing : nil
        return LegacyStatus(
            phase: replacement.phase, share: replacement.share, changedAt: changed?.changedAt, changedBy: changed?.changedBy,
            backfillSince: standing?.backfillSince, taken: feed.taken, waiting: waiting, notTaken: notTaken, change: feed.change,
            caughtUpAt: feed.caughtUpAt, outstanding: outstanding, mirroredAt: standing?.mirroredAt, comparison: comparison,
            hindrances: hindrances)
    }
}

extension Clinic {
    /// How far it is, for somebody who may know.
    public func legacyStatus(for call: Call) async throws -> LegacyStatus {
        guard call.caller.may(.replaceSystem) else { throw Refusal.notPermitted }
        return try await legacyStatus()
    }

    /// The same for whoever looks after the program.
    public func legacyStatus() async throws -> LegacyStatus {
        let (rules, now) = (settings.legacy ?? LegacyRules(), surroundings.clock.now)
        return try await database.doing(.background).read { try $0.legacyStatus(rules, now: now) }
    }
}
