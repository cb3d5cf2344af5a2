public import Notation
public import Partners

/// An appointment system that is being replaced, as this program speaks to it:
///
///     GET  /appointments?after=&limit=        what changed after a number, in the order of the changes
///     GET  /appointments?request_id=          what became of a request
///     POST /appointments                      Idempotency-Key, {"request_id","practitioner","visit_type","patient","start","end"}
///     POST /appointments/{id}/cancellation    Idempotency-Key
///
/// An appointment is `{"id","request_id","practitioner","visit_type","patient","start","end","state","reason","created_at",
/// "updated_at","change"}`, a list `{"appointments":[…],"more":false}`. `state` is `booked`, `cancelled` or `refused`; a request that is
/// refused is answered with 201 and an appointment that is `refused`.
public struct LegacyFormat: Sendable {
    private let settings: LegacySettings

    public init(_ settings: LegacySettings) { self.settings = settings }

    private func head(_ key: EffectKey?) -> [(name: String, value: String)] {
        [OutboundCall.bearer(settings.token)] + (key.map { [OutboundCall.jsonType, ("Idempotency-Key", $0.text)] } ?? [])
    }

    public func listing(after change: Int, limit: Int) -> OutboundCall {
        OutboundCall(.get, "\(settings.base)/appointments?after=\(change)&limit=\(limit)", headers: head(nil))
    }

    public func finding(_ requestID: EffectKey) -> OutboundCall {
        OutboundCall(.get, "\(settings.base)/appointments?request_id=\(Form.encoded(requestID.text))", headers: head(nil))
    }

    public func booking(_ visit: LegacyVisit, _ requestID: EffectKey) -> OutboundCall {
        var json = JSONWriter()
        json.object { json in
            json.member("request_id", requestID.text)
            json.member("practitioner", visit.practitioner)
            json.member("visit_type", visit.visitType)
            json.member("patient", visit.patient.revealed)
            json.member("start", visit.start)
            json.member("end", visit.end)
        }
        return OutboundCall(.post, "\(settings.base)/appointments", headers: head(requestID), body: json.bytes)
    }

    public func cancelling(_ id: String, _ key: EffectKey) -> OutboundCall {
        OutboundCall(
            .post, "\(settings.base)/appointments/\(Form.encoded(id))/cancellation", headers: head(key), body: Array("{}".utf8))
    }

    public func read<Value>(_ answer: OutboundAnswer, now: Instant, _ value: (JSON) -> Value?) -> Reading<Value> {
        let json = document(answer.body)
        let code = plainCode(json?["error"]?.string)
        if let reading = Reading<Value>.standard(answer, isRepeatable: true, code: code, now: now) { return reading }
        guard let json, let value = value(json) else { return .garbled(isRepeatable: true) }
        return .value(value)
    }

    public static func entry(_ json: JSON) -> LegacyEntry? {
        func text(_ name: String, _ most: Int) -> String? {
            json[name]?.string.flatMap { (1...most).contains($0.utf8.count) ? $0 : nil }
        }
        func time(_ name: String) -> Instant? { json[name]?.string.flatMap { Instant($0) } }
        guard let id = text("id", 64), let request = text("request_id", 128), let practitioner = text("practitioner", 64),
            let visitType = text("visit_type", 64), let patient = text("patient", 64)
        else { return nil }
        guard let start = time("start"), let end = time("end"), start < end, let created = time("created_at"),
            let updated = time("updated_at"), let state = text("state", 16).flatMap({ LegacyState(rawValue: $0) }),
            let change = json["change"]?.integer, change > 0
        else { return nil }
        return LegacyEntry(
            id: id, requestID: request,
            visit: LegacyVisit(
                practitioner: practitioner, visitType: visitType, patient: Personal(patient), start: start, end: end),
            state: state, reason: plainCode(json["reason"]?.string), createdAt: created, updatedAt: updated, change: Int(change))
    }

    /// Nil when it is no list at all. One of it that cannot be read is told by its name, and keeps nobody from the others.
    public static func changes(_ json: JSON, after change: Int) -> LegacyChanges? {
        guard let list = json["appointments"]?.array, case .bool(let isMore)? = json["more"]?.content else { return nil }
        var (entries, unreadable, last): ([LegacyEntry], [String], Int) = ([], [], change)
        for one in list {
            // Without its number nobody knows where to go on.
            guard let number = one["change"]?.integer, number > 0 else { return nil }
            last = max(last, Int(number))
            if let entry = entry(one) {
                entries.append(entry)
            } else {
                unreadable.append(plainCode(one["id"]?.string) ?? "\(number)")
            }
        }
        // A list that says that there is more and goes nowhere would be asked for for ever.
        if isMore, last == change { return nil }
        return LegacyChanges(entries: entries, unreadable: unreadable, last: last, isMore: isMore)
    }
}
