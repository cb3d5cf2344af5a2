public import Notation
public import People

extension EmergencyAccess {
    /// All of it, for whoever looks into it.
    public func write(to json: inout JSONWriter, now: Instant) {
        json.object { json in
            json.member("id", id)
            json.member("by", principal)
            json.member("patient", patient)
            json.member("reason", reason.revealed)
            json.member("begunAt", begunAt)
            json.member("endsAt", endsAt)
            json.member("overdue", isOverdue(at: now))
            if let review {
                json.name("review")
                json.object { json in
                    json.member("by", review.by)
                    json.member("at", review.at)
                    json.member("verdict", review.verdict.rawValue)
                    json.member("note", review.note?.revealed)
                }
            }
        }
    }
}
