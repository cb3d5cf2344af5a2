public import Notation
import Outbox
public import People
public import Scheduling
import Storage

extension Clinic {
    /// Goes one step on, or back. Nobody books while it is decided, so every booking is decided by the one phase or the other.
    ///
    /// Refused as `notReadyToSwitch` while something is in the way (`LegacyStatus.hindrances`), `transitionNotAllowed` where no step leads there,
    /// and `providerUnknown` where no system is set up that could be replaced.
    ///
    /// - Parameter despite: why somebody goes on although it is in the way; audited. What would lose something cannot be set aside.
    public func changePhase(
        to phase: Replacement.Phase, despite: Personal<String>? = nil, call: Call, wording: Wording<LegacyStatus>
    ) async throws -> Reply<LegacyStatus> {
        try await replace(call, wording) { story in
            let rules = story.legacyRules
            if story.clinic.settings.legacy == nil { throw Refusal.providerUnknown }
            let status = try story.transaction.legacyStatus(rules, now: story.now)
            // It is there already.
            if status.phase == phase { return }
            guard status.phase.next.contains(phase) else { throw Refusal.transitionNotAllowed }
            let isHindered: (LegacyHindrance) -> Bool = { !$0.canBeSetAside || despite == nil }
            if status.isDecided(by: phase), status.hindrances.contains(where: isHindered) { throw Refusal.notReadyToSwitch }
            try story.setPhase(phase, reason: despite)
        }
    }

    /// Says how many of the patients book here while both are in use.
    ///
    /// - Parameter percent: `Replacement.shares`.
    public func setLegacyShare(_ percent: Int, call: Call, wording: Wording<LegacyStatus>) async throws -> Reply<LegacyStatus> {
        try await replace(call, wording) { story in
            if story.clinic.settings.legacy == nil { throw Refusal.providerUnknown }
            var standing = try story.legacyStanding()
            standing.replacement.share = percent
            try story.store(standing, "legacy.share.\(percent)")
        }
    }

    /// Begins to take over what is booked there, and tries once more what could not be.
    public func beginBackfill(call: Call, wording: Wording<LegacyStatus>) async throws -> Reply<LegacyStatus> {
        try await replace(call, wording) { story in
            if story.clinic.settings.legacy == nil { throw Refusal.providerUnknown }
            var standing = try story.legacyStanding()
            guard standing.replacement.blocks else { throw Refusal.transitionNotAllowed }
            standing.backfillSince = standing.backfillSince ?? story.now
            try story.transaction.run(ForgetLegacyRefusals(after: story.now))
            try story.store(standing, "legacy.backfill")
        }
    }

    private func replace(
        _ call: Call, _ wording: Wording<LegacyStatus>, _ body: @escaping @Sendable (Story) throws -> Void
    ) async throws -> Reply<LegacyStatus> {
        try await perform(call, manner: .changingDirectory, wording: wording) { story in
            story.trail.isAbout(AuditSubject.everybody)
            try story.require(.replaceSystem)
        } act: { story, _ in
            try body(story)
            return try story.transaction.legacyStatus(story.legacyRules, now: story.now)
        }
    }
}

extension LegacyDesk {
    /// The way back ends when everything of ours is there.
    func endReturning() async throws {
        let clinic = clinic
        try await clinic.withKeys {
            try await clinic.database.doing(.background).write { transaction in
                let story = try Story(
                    transaction, clinic: clinic, call: Call(caller: .clinic, requestID: "legacy-sweep"), purpose: .changing)
                let status = try transaction.legacyStatus(story.legacyRules, now: story.now)
                guard status.phase == .returning, status.hindrances.isEmpty else { return }
                try story.setPhase(.dual, reason: nil)
                story.sealHooks()
            }
        }
    }
}

extension LegacyStatus {
    /// Whether what hinders is in the way of this step.
    fileprivate func isDecided(by next: Replacement.Phase) -> Bool {
        switch (phase, next) {
        case (.dual, .switched), (.returning, .dual): true
        default: false
        }
    }
}

extension Story {
    fileprivate func legacyStanding() throws -> LegacyStanding {
        try transaction.first(CurrentReplacement()) ?? LegacyStanding()
    }

    fileprivate func setPhase(_ phase: Replacement.Phase, reason: Personal<String>?) throws {
        var standing = try legacyStanding()
        let before = standing.replacement.phase
        standing.replacement.phase = phase
        if before == .off { standing.shadowSince = now }
        // Whoever goes back to looking on decides anew when to take over.
        if phase == .off || phase == .shadow { standing.backfillSince = nil }
        standing.changedAt = now
        standing.changedBy = call.by
        try store(standing, "legacy.\(phase.rawValue)", reason: reason)
    }

    /// The directory says it to every node.
    fileprivate func store(_ standing: LegacyStanding, _ act: String, reason: Personal<String>? = nil) throws {
        try transaction.run(StoreReplacement(standing: standing))
        try auditChange(of: AuditSubject.everybody, act, reason: reason)
        _ = try newDirectory()
    }
}
