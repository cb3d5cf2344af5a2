import Notation
import People
import Scheduling
import Workflows

// C2, C3, C4: what callers were told and what the database has are the same story.
extension Checker {
    /// An acknowledged change is there exactly once, as it was told; a refused one is not.
    mutating func checkAnswers() {
        for one in tries {
            let effects = effects[one.request] ?? []
            switch one.outcome {
            case .did(let told):
                if effects.count != 1 || effects.first?.subject != told.id {
                    report(.nothingLost, "\(one.request) was told \(told.id) and did \(effects.count) things")
                }
                checkTold(told, one)
            case .existed(let told):
                if !effects.isEmpty { report(.noGhosts, "\(one.request) heard that it existed and did something") }
                checkTold(told, one)
            case .repeated:
                if !effects.isEmpty { report(.onceForEachKey, "\(one.request) was a repeat and did something") }
                if let told = one.outcome.told { checkTold(told, one) }
            case .refused, .failed, .wrongKey:
                if !effects.isEmpty { report(.noGhosts, "\(one.request) was told \(one.outcome) and did something") }
            case .unknown:
                if effects.count > 1 { report(.onceForEachKey, "\(one.request) did \(effects.count) things") }
            }
        }
    }

    /// The version somebody was told of exists, and was as they were told. What came later comes on top.
    private mutating func checkTold(_ told: Told, _ one: Try) {
        guard let link = chains[told.id]?.link(told.version) else {
            return report(.nothingLost, "\(one.request) was told of \(told.id) version \(told.version), which is not there")
        }
        if link.to != told.state.rawValue || link.start != told.start || link.practitioner != told.practitioner {
            report(.nothingLost, "\(one.request) was told something else of \(told.id) than was stored")
        }
    }

    /// However often a key is tried: one effect, and the same bytes for everybody who was told anything.
    mutating func checkKeys() {
        let stored = Dictionary(snapshot.answers.map { ("\($0.principal) \($0.key)", $0.body) }) { first, _ in first }
        let byKey = Dictionary(grouping: tries.filter { $0.key != nil }) { "\($0.caller.principal) \($0.key ?? "")" }
        for (key, tries) in byKey.sorted(by: { $0.key < $1.key }) {
            let count = tries.reduce(0) { $0 + (effects[$1.request]?.count ?? 0) }
            if count > 1 { report(.onceForEachKey, "key \(key) did \(count) things") }
            let answers = tries.filter { !Self.isNotKept($0.outcome) }.compactMap { $0.outcome.answer?.body }
            if let first = answers.first, answers.contains(where: { $0 != first }) {
                report(.onceForEachKey, "key \(key) was answered in different words")
            }
            if let first = answers.first, stored[key] != first { report(.onceForEachKey, "key \(key) has not kept its answer") }
        }
    }

    /// Who may not is not remembered: they may be let in later.
    private static func isNotKept(_ outcome: Outcome) -> Bool {
        outcome == .refused(.notPermitted) || outcome == .refused(.appointmentUnknown)
    }

    /// Every appointment, and every entry of the audit, goes back to somebody who asked for exactly that.
    mutating func checkOrigins() {
        let asked = Dictionary(tries.map { ($0.request, $0) }) { first, _ in first }
        for audit in snapshot.audits {
            if audit.request == "hold-expiry" {
                if audit.by != Caller.clinic.principal || audit.act != "appointment.expired" {
                    report(.noGhosts, "a timer did \(audit.act) to \(audit.subject)")
                }
                continue
            }
            // By the payment provider's word.
            if audit.request == "payment" {
                let acts = ["appointment.confirmed", "appointment.booked", "appointment.expired"]
                if audit.by != Caller.clinic.principal || (audit.act.hasPrefix("appointment.") && !acts.contains(audit.act)) {
                    report(.noGhosts, "a payment did \(audit.act) to \(audit.subject)")
                }
                continue
            }
            if audit.request == "waitlist" {
                let isOffer = snapshot.offers.contains { $0.appointment == audit.subject }
                if audit.by != Caller.clinic.principal || audit.act != "appointment.held" || !isOffer {
                    report(.noGhosts, "the waitlist did \(audit.act) to \(audit.subject)")
                }
                continue
            }
            guard let one = asked[audit.request], one.caller.principal == audit.by, matches(one.ask, audit) else {
                report(.noGhosts, "nobody asked for \(audit.act) of \(audit.subject)")
                continue
            }
        }
        for booking in snapshot.bookings where chains[booking.id] == nil { report(.noGhosts, "nobody asked for \(booking.id)") }
    }

    private func matches(_ ask: Ask, _ audit: Snapshot.Audit) -> Bool {
        switch ask {
        case .book(let request):
            guard let first = chains[audit.subject]?.links.first else { return false }
            return audit.act == (request.isHold ? "appointment.held" : "appointment.booked")
                && request.id ?? audit.subject == audit.subject && first.start == request.start
                && first.practitioner == request.practitioner && first.patients == request.patients.map { $0.of() }
        case .confirm(let id, _): return id == audit.subject && audit.act == "appointment.confirmed"
        case .cancel(let id, _): return id == audit.subject && audit.act == "appointment.cancelled"
        case .move(let id, let move, _):
            let wasMovedThere = chains[id]?.links.contains { $0.kind == audit.act && $0.start == move.start } ?? false
            return id == audit.subject && audit.act == "appointment.rescheduled" && wasMovedThere
        case .advance(let id, _): return id == audit.subject
        case .markError(let id): return id == audit.subject && audit.act == "appointment.entered-in-error"
        }
    }
}
