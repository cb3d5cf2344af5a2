public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// Places on the waitlist in the order they were asked for, in pages: a patient's own, or everybody's for staff.
    public func waitlist(of patient: ID<Patient>?, page: PageRequest, for call: Call) async throws -> Page<WaitlistPlace> {
        try await disclose("read.waitlist", patient?.of() ?? AuditSubject.everybody, to: call) { look in
            look.trail.query = "\(patient.map { "patient=\($0)&" } ?? "")limit=\(page.limit)"
            let after: ID<WaitlistEntry> = (page.after ?? .start).id.of()
            let found: [WaitlistPlace]
            if let patient {
                look.trail.concerns([patient])
                try look.require(.joinWaitlist(patient))
                found = try look.looking.fetch(PlacesOfPatient(patient: patient, after: after, limit: page.limit + 1))
            } else {
                try look.require(.keepWaitlist)
                found = try look.looking.fetch(PlacesAfter(after: after, limit: page.limit + 1))
            }
            let answer = page.page(found) { Cursor(at: $0.entry.since, id: $0.id.of()) }
            look.trail.concerns(answer.elements.map(\.patient))
            return answer
        }
    }

    /// What was offered, and to nobody any more, in pages: a patient's own, or everybody's for staff.
    public func offers(of patient: ID<Patient>?, page: PageRequest, for call: Call) async throws -> Page<WaitlistOffer> {
        try await disclose("read.offers", patient?.of() ?? AuditSubject.everybody, to: call) { look in
            look.trail.query = "\(patient.map { "patient=\($0)&" } ?? "")limit=\(page.limit)"
            let after: ID<WaitlistOffer> = (page.after ?? .start).id.of()
            let found: [WaitlistOffer]
            if let patient {
                look.trail.concerns([patient])
                try look.require(.joinWaitlist(patient))
                found = try look.looking.fetch(OffersOfPatient(patient: patient, after: after, limit: page.limit + 1))
            } else {
                try look.require(.keepWaitlist)
                found = try look.looking.fetch(OffersAfter(after: after, limit: page.limit + 1))
            }
            let answer = page.page(found) { Cursor(at: $0.at, id: $0.id.of()) }
            look.trail.concerns(answer.elements.compactMap(\.recipient?.patient))
            return answer
        }
    }
}
