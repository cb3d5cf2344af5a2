import Notation
import Partners

// What partners tell, as it lies in the inbox until it is handled.

extension PaymentNews {
    var document: String {
        var json = JSONWriter(reserving: 320)
        json.object { json in
            json.member("key", key)
            json.member("at", at)
            switch kind {
            case .payment(let payment):
                json.name("payment")
                payment.write(to: &json)
            case .refund(let refund):
                json.name("refund")
                refund.write(to: &json)
            case .other(let type): json.member("other", type)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    init?(document json: JSON) {
        guard let key = json["key"]?.string, let at = json["at"]?.string.flatMap({ Instant($0) }) else { return nil }
        if let payment = json["payment"] {
            guard let payment = Payment(document: payment) else { return nil }
            self.init(key: key, at: at, kind: .payment(payment))
        } else if let refund = json["refund"] {
            guard let refund = Refund(document: refund) else { return nil }
            self.init(key: key, at: at, kind: .refund(refund))
        } else {
            guard let other = json["other"]?.string else { return nil }
            self.init(key: key, at: at, kind: .other(other))
        }
    }
}

extension Payment {
    /// Without what the payer's browser pays with: nobody needs it of news.
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("state", state.rawValue)
            json.member("amount", price.amount)
            json.member("currency", price.currency)
            json.member("received", received)
            json.member("reference", reference?.text)
            json.member("createdAt", createdAt)
        }
    }

    fileprivate init?(document json: JSON) {
        guard let id = json["id"]?.string, let state = json["state"]?.string.flatMap(PaymentState.init(rawValue:)),
            let price = Money(document: json), let received = json["received"]?.integer,
            let createdAt = json["createdAt"]?.string.flatMap({ Instant($0) })
        else { return nil }
        self.init(
            id: id, state: state, price: price, received: Int(received),
            reference: json["reference"]?.string.flatMap { EffectKey($0) },
            createdAt: createdAt)
    }
}

extension Refund {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("payment", payment)
            json.member("state", state.rawValue)
            json.member("amount", amount.amount)
            json.member("currency", amount.currency)
            json.member("reference", reference?.text)
        }
    }

    fileprivate init?(document json: JSON) {
        guard let id = json["id"]?.string, let payment = json["payment"]?.string,
            let state = json["state"]?.string.flatMap(RefundState.init(rawValue:)), let amount = Money(document: json)
        else { return nil }
        self.init(
            id: id, payment: payment, amount: amount, state: state, reference: json["reference"]?.string.flatMap { EffectKey($0) }
        )
    }
}

extension Money {
    fileprivate init?(document json: JSON) {
        guard let amount = json["amount"]?.integer, let currency = json["currency"]?.string else { return nil }
        self.init(Int(amount), currency)
    }
}

extension TextNews {
    var document: String {
        var json = JSONWriter(reserving: 256)
        json.object { json in
            json.member("key", key)
            json.member("id", id)
            switch kind {
            case .state(let state, let about, let code):
                json.member("state", state.rawValue)
                json.member("about", about?.text)
                json.member("code", code)
            case .reply(let from, let words):
                json.member("from", from.text.revealed)
                json.member("words", words.revealed)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    init?(document json: JSON) {
        guard let key = json["key"]?.string, let id = json["id"]?.string else { return nil }
        if let state = json["state"]?.string {
            guard let state = TextState(rawValue: state) else { return nil }
            let about = json["about"]?.string.flatMap { EffectKey($0) }
            self.init(key: key, id: id, kind: .state(state, about: about, code: json["code"]?.string))
        } else {
            guard let from = json["from"]?.string.flatMap({ PhoneNumber($0) }), let words = json["words"]?.string else {
                return nil
            }
            self.init(key: key, id: id, kind: .reply(from: from, words: Personal(words)))
        }
    }
}
