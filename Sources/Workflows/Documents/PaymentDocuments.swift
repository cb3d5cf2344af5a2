public import Notation
public import People
public import Scheduling

extension Price {
    init(_ fields: Fields) {
        let currency = fields.text("currency", max: 3)
        if !currency.isEmpty, currency.utf8.count != 3 || !currency.utf8.allSatisfy({ (97...122).contains($0) }) {
            fields.reject("currency", "must be three small letters (ISO 4217), such as eur")
        }
        var steps: [RefundStep] = []
        fields.objects("refunds") { step in
            steps.append(
                RefundStep(hoursBefore: step.integer("hoursBefore", in: 0...8_760), percent: step.integer("percent", in: 0...100))
            )
        }
        if steps.count > 16 { fields.reject("refunds", "must have 16 steps at most") }
        if Set(steps.map(\.hoursBefore)).count != steps.count { fields.reject("refunds", "must not name the same hours twice") }
        self.init(
            amount: fields.integer("amount", in: 1...99_999_999), currency: currency,
            taxRate: fields.optionalInteger("taxRate", in: 0...10_000), refunds: steps)
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("amount", amount)
            json.member("currency", currency)
            json.member("taxRate", taxRate)
            if !refunds.isEmpty {
                json.name("refunds")
                json.array(of: refunds) { json, step in
                    json.object { json in
                        json.member("hoursBefore", step.hoursBefore)
                        json.member("percent", step.percent)
                    }
                }
            }
        }
    }

    /// As it lies in a column.
    var document: String {
        var json = JSONWriter(reserving: 96)
        write(to: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    init?(document: JSON) {
        let fields = Fields(document)
        let price = Price(fields)
        guard (try? fields.check()) != nil else { return nil }
        self = price
    }
}

extension PaymentStanding {
    /// What the payer's own browser pays with is for nobody else.
    public func write(to json: inout JSONWriter, for caller: Caller) {
        json.object { json in
            json.member("id", payment.id)
            json.member("appointment", payment.appointment)
            json.member("patient", payment.patient)
            json.member("state", payment.state.rawValue)
            json.member("amount", payment.price.amount)
            json.member("currency", payment.price.currency)
            if payment.received > 0 { json.member("received", payment.received) }
            if caller.isPatient(payment.patient) { json.member("payWith", payment.payerSecret?.revealed) }
            if !refunds.isEmpty {
                json.name("refunds")
                json.array(of: refunds) { $1.write(to: &$0) }
            }
            json.member("createdAt", payment.createdAt)
            json.member("updatedAt", payment.updatedAt)
            json.member("paidAt", payment.paidAt)
            json.member("version", payment.version)
        }
    }
}

extension VisitRefund {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("amount", amount)
            json.member("state", state.rawValue)
            json.member("reason", reason.rawValue)
            if let hand {
                json.member("way", hand.way.rawValue)
                json.member("givenAt", hand.givenAt)
                json.member("recordedBy", hand.recordedBy)
            }
            json.member("createdAt", createdAt)
            json.member("updatedAt", updatedAt)
        }
    }
}

extension RefundRecord {
    /// - Parameter now: nothing was given back later than that.
    public init(_ fields: Fields, now: Instant) {
        let way: VisitRefund.Way = fields.choice("way")
        let givenAt = fields.instant("givenAt")
        if givenAt > now { fields.reject("givenAt", "lies ahead") }
        let name = fields.optionalText("providerRefund", max: 255)
        if let name, !name.utf8.allSatisfy({ (33...126).contains($0) }) {
            fields.reject("providerRefund", "must be what the provider calls it, without spaces")
        }
        if way == .provider, !fields.has("providerRefund") {
            fields.reject("providerRefund", "is missing: what went back at the provider has a name there")
        }
        if way != .provider, name != nil, fields.has("way") { fields.reject("providerRefund", "goes with the way provider") }
        self.init(
            amount: fields.integer("amount", in: 1...99_999_999), way: way, givenAt: givenAt, providerRefund: name,
            instead: fields.optionalID("instead"), reason: Personal(fields.text("reason", max: 500)))
    }
}

extension RecordedRefund {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("refund")
            refund.write(to: &json)
            if let creditNote {
                json.name("creditNote")
                creditNote.write(to: &json)
            }
        }
    }
}

extension Invoice {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("number", number)
            json.member("kind", kind.rawValue)
            json.member("payment", payment)
            json.member("refund", refund)
            json.member("patient", patient)
            json.member("appointment", appointment)
            json.member("amount", amount)
            json.member("currency", currency)
            if let tax {
                json.member("taxRate", taxRate)
                json.member("tax", tax)
                json.member("net", amount - tax)
            }
            json.member("issuedAt", issuedAt)
        }
    }
}
