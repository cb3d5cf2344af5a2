public import Notation
public import People

extension CorrectionRequest {
    public init(_ fields: Fields) {
        let field = fields.choice("field", RecordField.self)
        let says = fields.optionalText("says", max: 254)
        let shouldSay = fields.optionalText("shouldSay", max: 254)
        if let flaw = shouldSay.flatMap({ field.flaw(of: $0) }) { fields.reject("shouldSay", flaw) }
        if field == .name, !fields.has("shouldSay") { fields.reject("shouldSay", "is missing: nobody is without a name") }
        if let says, let shouldSay, Array(says.utf8) == Array(shouldSay.utf8) { fields.reject("shouldSay", "is what it says") }
        if !fields.has("says"), !fields.has("shouldSay") { fields.reject("shouldSay", "either this or says is needed") }
        self.init(
            field: field, says: says.map { Personal($0) }, shouldSay: shouldSay.map { Personal($0) },
            statement: Personal(fields.text("statement", max: 1_000)))
    }
}

extension Correction {
    public func write(to json: inout JSONWriter, now: Instant) {
        json.object { json in
            json.member("id", id)
            json.member("patient", patient)
            json.member("field", field.rawValue)
            json.member("says", says?.revealed)
            json.member("shouldSay", shouldSay?.revealed)
            json.member("statement", statement.revealed)
            json.member("state", state.rawValue)
            json.member("askedBy", askedBy)
            json.member("askedAt", askedAt)
            json.member("dueAt", dueAt)
            json.member("overdue", isOverdue(at: now))
            json.member("extensionReason", extensionReason?.revealed)
            if let decision {
                json.member("decidedAt", decision.at)
                json.member("decidedBy", decision.by)
                json.member("basis", decision.basis?.rawValue)
                json.member("reason", decision.reason?.revealed)
            }
            json.member("disagreement", disagreement?.statement.revealed)
            json.member("disagreedAt", disagreement?.at)
            json.member("version", version)
        }
    }
}

extension RecordStanding {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("patient", patient)
            json.member("state", state.rawValue)
            json.member("closedAt", closedAt)
            json.member("closedBy", closure?.by)
            json.member("reason", closure?.reason.revealed)
            json.member("erasedAt", erasedAt)
            json.member("lastVisitAt", lastVisit)
            json.member("keptUntil", keptUntil)
            json.member("eraseAfter", eraseAfter)
            if let hold {
                json.name("legalHold")
                json.object { json in
                    json.member("reason", hold.reason.revealed)
                    json.member("placedBy", hold.by)
                    json.member("placedAt", hold.at)
                }
            }
        }
    }
}
