public import Notation
public import People
public import Scheduling
import Storage

extension Clinic {
    /// Who broke the glass, oldest first: all of it, or what nobody has looked into yet.
    public func emergencies(onlyUnreviewed: Bool, page: PageRequest, for call: Call) async throws -> Page<EmergencyAccess> {
        let sealed = try await disclose("read.emergencies", AuditSubject.everybody, to: call) { look in
            look.trail.query = "unreviewed=\(onlyUnreviewed)&limit=\(page.limit)"
            try look.require(.reviewEmergencies)
            let after: ID<EmergencyAccess> = (page.after ?? .start).id.of()
            let found =
                if onlyUnreviewed {
                    try look.looking.fetch(UnreviewedEmergencies(after: after, limit: page.limit + 1))
                } else {
                    try look.looking.fetch(EmergenciesAfter(after: after, limit: page.limit + 1))
                }
            let answer = page.page(found.map(\.kept)) { Cursor(at: $0.begunAt, id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.patient))
            return answer
        }
        return try await opened(sealed)
    }

    /// Says whether there was reason to break the glass. Nobody judges what they did themself, and nobody judges twice.
    public func review(
        _ id: ID<EmergencyAccess>, _ verdict: EmergencyAccess.Verdict, note: Personal<String>?, call: Call,
        wording: Wording<EmergencyAccess>
    ) async throws -> Reply<EmergencyAccess> {
        try await perform(call, wording: wording) { story in
            let access = try story.emergency(id)
            try story.require(.reviewEmergencies)
            guard let access else { throw Refusal.recordUnknown }
            // Somebody may be a practitioner today and the privacy officer tomorrow.
            if access.principal.hasSuffix(":\(call.caller.subject)") { throw Refusal.notPermitted }
            return access
        } act: { story, access in
            if access.review != nil { throw Refusal.transitionNotAllowed }
            let review = EmergencyAccess.Review(by: call.caller.principal, at: story.now, verdict: verdict, note: note)
            let reviewed = access.reviewed(review)
            guard try story.transaction.run(ReviewEmergency(access: try story.sealed(reviewed))) == 1 else {
                throw Refusal.changedMeanwhile
            }
            try story.auditChange(of: access.patient.of(), "emergency.\(verdict.rawValue)", reason: note)
            return reviewed
        }
    }

    /// Ends it before its hour is over. Whoever broke the glass may, and whoever looks into it.
    public func endEmergency(
        _ id: ID<EmergencyAccess>, call: Call, wording: Wording<EmergencyAccess>
    ) async throws -> Reply<EmergencyAccess> {
        try await perform(call, wording: wording) { story in
            let access = try story.emergency(id)
            let isOwn = access?.principal == call.caller.principal
            guard let access, try isOwn || story.permits(.reviewEmergencies) else { throw Refusal.recordUnknown }
            return access
        } act: { story, access in
            // What is over is over.
            if access.endsAt <= story.now { return access }
            try story.transaction.run(EndEmergency(id: id, at: story.now))
            try story.auditChange(of: access.patient.of(), "emergency.ended")
            return access.ended(at: story.now)
        }
    }
}

extension Story {
    fileprivate func emergency(_ id: ID<EmergencyAccess>) throws -> EmergencyAccess? {
        let access = try transaction.first(EmergencyToChange(id: id)).map { try opened($0) }
        trail.isAbout(access?.patient ?? id.of(), access.map { [$0.patient] } ?? [])
        return access
    }
}

extension EmergencyAccess {
    fileprivate func reviewed(_ review: Review) -> EmergencyAccess {
        EmergencyAccess(
            id: id, principal: principal, patient: patient, reason: reason, begunAt: begunAt, endsAt: endsAt, review: review)
    }

    fileprivate func ended(at now: Instant) -> EmergencyAccess {
        EmergencyAccess(
            id: id, principal: principal, patient: patient, reason: reason, begunAt: begunAt, endsAt: now, review: review)
    }
}
