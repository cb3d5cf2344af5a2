public import Notation
public import Partners

public struct SchedulingSettings: Sendable {
    /// Where each provider's API is, by the provider's name; nobody else is asked.
    public var providers: [String: String]
    public var token: Personal<String>

    public init(providers: [String: String], token: Personal<String>) {
        self.providers = providers
        self.token = token
    }
}

/// An external scheduling provider as GF §4–6 has it:
///
///     POST /appointments                     Idempotency-Key, {"id","request_id","provider","time","patient_name"}
///     POST /appointments/{id}/cancellation   Idempotency-Key
///     GET  /appointments/{id}
///     GET  /appointments?provider=&since=&after=&limit=
///
/// each answered with `{"id","request_id","provider","state","time","updated_at","reason"}` or a list of them and `next`.
public struct SchedulingFormat: Sendable {
    private let token: Personal<String>

    public init(token: Personal<String>) { self.token = token }

    private func head(_ key: EffectKey?) -> [(name: String, value: String)] {
        [OutboundCall.bearer(token)] + (key.map { [OutboundCall.jsonType, ("Idempotency-Key", $0.text)] } ?? [])
    }

    public func requesting(_ order: SchedulingOrder, at base: String) -> OutboundCall {
        var json = JSONWriter()
        json.object { json in
            json.member("id", order.id)
            json.member("request_id", order.requestID.text)
            json.member("provider", order.provider)
            json.member("time", order.time)
            json.member("patient_name", order.patientName.revealed)
        }
        return OutboundCall(.post, "\(base)/appointments", headers: head(order.requestID), body: json.bytes)
    }

    public func cancelling(_ id: String, key: EffectKey, at base: String) -> OutboundCall {
        OutboundCall(
            .post, "\(base)/appointments/\(Form.encoded(id))/cancellation", headers: head(key), body: Array("{}".utf8))
    }

    public func looking(at id: String, at base: String) -> OutboundCall {
        OutboundCall(.get, "\(base)/appointments/\(Form.encoded(id))", headers: head(nil))
    }

    public func listing(_ provider: String, since: Instant, after: String?, at base: String) -> OutboundCall {
        let fields = [("provider", provider), ("since", since.description), ("limit", "100")]
        let query = Form.text(fields + (after.map { [("after", $0)] } ?? []))
        return OutboundCall(.get, "\(base)/appointments?\(query)", headers: head(nil))
    }

    public func read<Value>(_ answer: OutboundAnswer, now: Instant, _ value: (JSON) -> Value?) -> Reading<Value> {
        let json = document(answer.body)
        let code = plainCode(json?["error"]?.string)
        if let reading = Reading<Value>.standard(answer, isRepeatable: true, code: code, now: now) { return reading }
        guard let json, let value = value(json) else { return .garbled(isRepeatable: true) }
        return .value(value)
    }

    public static func entry(_ json: JSON) -> SchedulingEntry? {
        guard let id = json["id"]?.string, let request = json["request_id"]?.string,
            let state = json["state"]?.string.flatMap({ SchedulingState(rawValue: $0) }),
            let time = json["time"]?.string.flatMap({ Instant($0) }),
            let updated = json["updated_at"]?.string.flatMap({ Instant($0) })
        else { return nil }
        return SchedulingEntry(
            id: id, requestID: request, state: state, time: time, updatedAt: updated, reason: plainCode(json["reason"]?.string))
    }

    public static func page(_ json: JSON) -> Page<SchedulingEntry>? {
        guard let list = json["appointments"]?.array else { return nil }
        let entries = list.compactMap(entry)
        guard entries.count == list.count else { return nil }
        return Page(entries, next: json["next"]?.string)
    }
}
