import Crypto
import Foundation
import Notation

/// A payment provider, as Stripe's API is: it keeps its answer to each key.
struct PaymentPart: Sendable {
    static let secret = "sk_test_simulated"
    static let signing = "whsec_simulated"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard asked.path.count >= 3, asked.path[1] == "v1" else { return Self.error(404, "resource_missing") }
        guard asked.bearer == Self.secret || asked.basic?.user == Self.secret else { return Self.error(401, "invalid_api_key") }
        let rest = Array(asked.path.dropFirst(2))
        guard method == "POST" else { return look(rest, asked) }
        return keeping(asked) { change(rest, asked, mode) }
    }

    private static func error(_ status: Int, _ code: String, _ message: String = "") -> Reply {
        Reply(status) { json in
            json.name("error")
            json.object { json in
                json.member("type", status == 402 ? "card_error" : "invalid_request_error")
                json.member("code", code)
                json.member("message", message.isEmpty ? code : message)
            }
        }
    }

    /// The same answer to the same key, and an error to another request under it.
    private func keeping(_ asked: Asked, _ work: () -> (reply: Reply, posts: [Post], mode: Mode)) -> Reply {
        let request =
            asked.path.joined(separator: "/") + "?" + asked.form.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined()
        switch standing(of: asked.key) {
        case .fresh: break
        case .busy: return Self.error(409, "idempotency_key_in_use")
        case .kept(let kept, let key):
            guard kept.request == request else {
                return Self.error(
                    400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters")
            }
            world.change { $0.noteRepeat(.payments, Self.what(asked), key: key) }
            var reply = Reply(kept.status, json: kept.body)
            reply.headers = [("Idempotent-Replayed", "true")]
            return reply
        }
        let (reply, posts, mode) = work()
        if let key = asked.key {
            world.change { state in
                state.busy.remove(key)
                state.keep(
                    KeptAnswer(request: request, status: reply.status, body: reply.text, id: ""), .payments, key)
            }
        }
        world.send(posts, as: mode)
        return reply
    }

    private enum Standing { case fresh, busy, kept(KeptAnswer, key: String) }

    /// Looked at and taken in one step: of two who come at once one is told that the other is there.
    private func standing(of key: String?) -> Standing {
        guard let key else { return .fresh }
        return world.change { state in
            if let kept = state.kept(.payments, key) { return .kept(kept, key: key) }
            return state.busy.insert(key).inserted ? .fresh : .busy
        }
    }

    private static func what(_ asked: Asked) -> String {
        if asked.path.last == "cancel" { return "cancellation" }
        return asked.path.contains("refunds") ? "refund" : "payment"
    }

    // MARK: Changes

    private func change(_ path: [String], _ asked: Asked, _ mode: Mode) -> (reply: Reply, posts: [Post], mode: Mode) {
        let key = asked.key
        switch (path.first, path.count, path.last) {
        case ("payment_intents", 1, _): return (create(asked, mode, key), [], mode)
        case ("payment_intents", 3, "cancel"): return changed(path[1], mode, cancel(path[1], key, mode))
        case ("payment_intents", 3, "confirm"): return changed(path[1], mode, pay(path[1], mode))
        case ("refunds", 1, _): return refund(asked, mode, key)
        default: return (Self.error(404, "resource_missing"), [], mode)
        }
    }

    private func create(_ asked: Asked, _ mode: Mode, _ key: String?) -> Reply {
        guard let amount = asked.form["amount"].flatMap({ Int($0) }), amount > 0 else {
            return Self.error(400, "parameter_invalid_integer", "amount must be a positive number")
        }
        guard let currency = asked.form["currency"], currency.count == 3 else {
            return Self.error(400, "parameter_missing", "currency is needed")
        }
        if mode.refuses == true { return Self.error(402, "card_declined") }
        let now = world.now
        let intent = world.change { state -> PaymentIntent in
            var intent = PaymentIntent(
                id: state.name("pi_", .payments), amount: amount, currency: currency, createdAt: now.secondsSince1970)
            intent.metadata = Self.metadata(asked)
            state.put(intent)
            state.note(.payments, "payment", key: key ?? intent.id, made: intent.id, at: now, as: mode)
            return intent
        }
        return Reply(200) { Self.write(intent, into: &$0) }
    }

    private static func metadata(_ asked: Asked) -> [String: String] {
        var metadata: [String: String] = [:]
        for (name, value) in asked.form where name.hasPrefix("metadata[") && name.hasSuffix("]") {
            metadata[String(name.dropFirst(9).dropLast())] = value
        }
        return metadata
    }

    private enum Outcome { case changed(PaymentIntent, event: String), unchanged(Reply) }

    private func changed(_ id: String, _ mode: Mode, _ outcome: Outcome) -> (reply: Reply, posts: [Post], mode: Mode) {
        switch outcome {
        case .unchanged(let reply): return (reply, [], mode)
        case .changed(let intent, let event):
            return (Reply(200) { Self.write(intent, into: &$0) }, posts(event) { Self.write(intent, into: &$0) }, mode)
        }
    }

    private func cancel(_ id: String, _ key: String?, _ mode: Mode) -> Outcome {
        let now = world.now
        return world.change { state in
            guard var intent = state.intents[id] else { return .unchanged(Self.error(404, "resource_missing")) }
            guard intent.status == "requires_payment_method" else {
                return .unchanged(Self.error(400, "payment_intent_unexpected_state"))
            }
            intent.status = "canceled"
            state.put(intent)
            state.note(.payments, "cancellation", key: key ?? id, made: id, at: now, as: mode)
            return .changed(intent, event: "payment_intent.canceled")
        }
    }

    private func pay(_ id: String, _ mode: Mode) -> Outcome {
        world.change { state in
            guard var intent = state.intents[id] else { return .unchanged(Self.error(404, "resource_missing")) }
            guard intent.status == "requires_payment_method" else {
                return .unchanged(Self.error(400, "payment_intent_unexpected_state"))
            }
            if mode.refuses == true { return .unchanged(Self.error(402, "card_declined")) }
            intent.status = "succeeded"
            intent.received = intent.amount
            intent.charge = state.name("ch_", .payments)
            state.put(intent)
            return .changed(intent, event: "payment_intent.succeeded")
        }
    }

    /// Somebody pays. Nil when there is nothing to pay.
    func pay(_ id: String) -> PaymentIntent? {
        let mode = world.change { $0.modes[.payments] ?? Mode() }
        guard case .changed(let intent, let event) = pay(id, mode) else { return nil }
        world.send(posts(event) { Self.write(intent, into: &$0) }, as: mode)
        return intent
    }

    private func refund(_ asked: Asked, _ mode: Mode, _ key: String?) -> (reply: Reply, posts: [Post], mode: Mode) {
        let now = world.now
        let result = world.change { state -> (GivenBack?, Reply) in
            guard let id = asked.form["payment_intent"], var intent = state.intents[id] else {
                return (nil, Self.error(404, "resource_missing"))
            }
            let left = intent.received - intent.refunded
            let amount = asked.form["amount"].map { Int($0) ?? 0 } ?? left
            guard amount > 0, amount <= left else {
                return (nil, Self.error(400, left > 0 ? "parameter_invalid_integer" : "charge_already_refunded"))
            }
            var refund = GivenBack(
                id: state.name("re_", .payments), intent: id, amount: amount, currency: intent.currency,
                createdAt: now.secondsSince1970)
            refund.metadata = Self.metadata(asked)
            refund.key = key
            if mode.pending == true { refund.status = "pending" }
            intent.refunded += amount
            state.put(intent)
            state.put(refund)
            state.note(.payments, "refund", key: key ?? refund.id, made: refund.id, at: now, as: mode)
            return (refund, Reply(200) { Self.write(refund, into: &$0) })
        }
        guard let refund = result.0 else { return (result.1, [], mode) }
        let created = posts("refund.created") { Self.write(refund, into: &$0) }
        // Answered as it was, and over before anybody has heard of it.
        let failure = mode.refundsFail == true ? failed(refund.id).map(newsOfFailure) ?? [] : []
        return (result.1, created + failure, mode)
    }

    /// The bank does not take the money: the payment has it again. Nil when it has failed already, or there is none.
    private func failed(_ id: String) -> GivenBack? {
        let now = world.now
        return world.change { state in
            guard var refund = state.refunds[id], refund.status != "failed", var intent = state.intents[refund.intent] else {
                return nil
            }
            refund.status = "failed"
            intent.refunded -= refund.amount
            state.put(intent)
            state.put(refund)
            state.note(.payments, "failed refund", key: refund.key ?? id, made: id, at: now)
            return refund
        }
    }

    /// Told twice over, as two events of two kinds.
    private func newsOfFailure(_ refund: GivenBack) -> [Post] {
        ["charge.refund.updated", "refund.failed"].flatMap { type in posts(type) { Self.write(refund, into: &$0) } }
    }

    /// A refund fails, however long ago it was made, or is done that was pending. False when there is nothing to decide.
    func decide(refund id: String, isDone: Bool) -> Bool {
        let mode = world.change { $0.modes[.payments] ?? Mode() }
        guard isDone else {
            guard let refund = failed(id) else { return false }
            world.send(newsOfFailure(refund), as: mode)
            return true
        }
        let done = world.change { state -> GivenBack? in
            guard var refund = state.refunds[id], refund.status == "pending" else { return nil }
            refund.status = "succeeded"
            state.put(refund)
            return refund
        }
        guard let done else { return false }
        world.send(posts("charge.refund.updated") { Self.write(done, into: &$0) }, as: mode)
        return true
    }

    // MARK: Looks

    private func look(_ path: [String], _ asked: Asked) -> Reply {
        switch (path.first, path.count) {
        case ("payment_intents", 2):
            guard let intent = world.change({ $0.intents[path[1]] }) else { return Self.error(404, "resource_missing") }
            return Reply(200) { Self.write(intent, into: &$0) }
        case ("payment_intents", 1):
            let since = asked.query["created[gte]"].flatMap { Int64($0) } ?? 0
            let all = world.change { $0.intents.newest }.filter { $0.createdAt >= since }
            return list(all, asked, id: \.id) { Self.write($1, into: &$0) }
        case ("refunds", 1):
            let all = world.change { $0.refunds.newest }.filter { asked.query["payment_intent"] ?? $0.intent == $0.intent }
            return list(all, asked, id: \.id) { Self.write($1, into: &$0) }
        default: return Self.error(404, "resource_missing")
        }
    }

    private func list<Thing>(
        _ all: [Thing], _ asked: Asked, id: (Thing) -> String, _ write: (inout JSONWriter, Thing) -> Void
    ) -> Reply {
        let limit = min(max(asked.query["limit"].flatMap { Int($0) } ?? 10, 1), 100)
        let after = asked.query["starting_after"]
        let start = after.flatMap { after in all.firstIndex { id($0) == after }.map { $0 + 1 } } ?? 0
        let rest = all.dropFirst(start)
        return Reply(200) { json in
            json.member("object", "list")
            json.name("data")
            json.array(of: rest.prefix(limit)) { json, thing in json.object { write(&$0, thing) } }
            json.member("has_more", rest.count > limit)
        }
    }

    // MARK: As they are written

    private static func write(_ intent: PaymentIntent, into json: inout JSONWriter) {
        json.member("id", intent.id)
        json.member("object", "payment_intent")
        json.member("amount", intent.amount)
        json.member("amount_received", intent.received)
        json.member("currency", intent.currency)
        json.member("status", intent.status)
        json.member("client_secret", "\(intent.id)_secret_simulated")
        json.member("created", intent.createdAt)
        json.member("latest_charge", intent.charge)
        write(intent.metadata, into: &json)
    }

    private static func write(_ refund: GivenBack, into json: inout JSONWriter) {
        json.member("id", refund.id)
        json.member("object", "refund")
        json.member("payment_intent", refund.intent)
        json.member("amount", refund.amount)
        json.member("currency", refund.currency)
        json.member("status", refund.status)
        if refund.status == "failed" { json.member("failure_reason", "expired_or_canceled_card") }
        json.member("created", refund.createdAt)
        write(refund.metadata, into: &json)
    }

    private static func write(_ metadata: [String: String], into json: inout JSONWriter) {
        json.name("metadata")
        json.object { json in for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { json.member(name, value) } }
    }

    // MARK: What it tells

    private func posts(_ type: String, _ write: (inout JSONWriter) -> Void) -> [Post] {
        let now = world.now
        let told = world.change { state in state.callbacks[.payments].map { ($0, state.name("evt_", .payments)) } }
        guard let (url, id) = told else { return [] }
        var json = JSONWriter()
        json.object { json in
            json.member("id", id)
            json.member("object", "event")
            json.member("type", type)
            json.member("created", now.secondsSince1970)
            json.name("data")
            json.object { json in
                json.name("object")
                json.object(write)
            }
        }
        let body = json.bytes
        return [
            Post(part: .payments, url: url, body: body, type: "application/json") { now in
                let time = now.secondsSince1970
                let code = HMAC<SHA256>.authenticationCode(
                    for: Data(Array("\(time).".utf8) + body), using: SymmetricKey(data: Data(Self.signing.utf8)))
                let digits = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                return ("Stripe-Signature", "t=\(time),v1=\(digits)")
            }
        ]
    }
}
