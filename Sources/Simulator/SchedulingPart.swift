import Notation

/// An external scheduling provider, as GF describes it: it keeps its answer to each key.
struct SchedulingPart: Sendable {
    static let token = "simulated-scheduling"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard asked.bearer == Self.token else { return Self.error(401, "unauthorized") }
        guard asked.path.count >= 2, asked.path[1] == "appointments" else { return Self.error(404, "not_found") }
        switch (method, asked.path.count) {
        case ("POST", 2): return request(asked, mode)
        case ("POST", 4) where asked.path[3] == "cancellation": return cancel(asked.path[2], asked, mode)
        case ("GET", 2): return list(asked)
        case ("GET", 3):
            guard let thing = world.change({ $0.scheduled[asked.path[2]] }) else { return Self.error(404, "not_found") }
            return Reply(200) { Self.write(thing, into: &$0) }
        default: return Self.error(404, "not_found")
        }
    }

    private static func error(_ status: Int, _ code: String, field: String? = nil) -> Reply {
        Reply(status) { json in
            json.member("error", code)
            json.member("field", field)
        }
    }

    private func request(_ asked: Asked, _ mode: Mode) -> Reply {
        guard let json = asked.json else { return Self.error(400, "not_json") }
        func text(_ name: String, _ most: Int) -> String? {
            json[name]?.string.flatMap { (1...most).contains($0.count) ? $0 : nil }
        }
        guard let id = text("id", 64) else { return Self.error(400, "invalid", field: "id") }
        guard let requestID = text("request_id", 64) else { return Self.error(400, "invalid", field: "request_id") }
        guard let provider = text("provider", 64) else { return Self.error(400, "invalid", field: "provider") }
        guard let time = text("time", 40), Instant(time) != nil else { return Self.error(400, "invalid", field: "time") }
        guard let name = text("patient_name", 128) else { return Self.error(400, "invalid", field: "patient_name") }
        let request = String(decoding: json.canonicalBytes, as: UTF8.self)
        let (key, now) = (asked.key ?? requestID, world.now)
        return world.change { state in
            if let kept = state.kept(.scheduling, key) {
                guard kept.request == request else { return Self.error(409, "key_reused") }
                state.noteRepeat(.scheduling, "appointment", key: key)
                // What it is by now, not what it was then.
                guard let thing = state.scheduled[kept.id] else { return Reply(kept.status, json: kept.body) }
                return Reply(200) { Self.write(thing, into: &$0) }
            }
            guard state.scheduled[id] == nil else { return Self.error(409, "id_taken") }
            state.changes += 1
            var thing = Scheduled(
                id: id, requestID: requestID, provider: provider, time: time, patientName: name, state: "confirmed",
                updatedAt: now.description, change: state.changes)
            if mode.pending == true { thing.state = "pending" }
            if mode.refuses == true { (thing.state, thing.reason) = ("failed", "slot_taken") }
            state.put(thing)
            if thing.state != "failed" { state.note(.scheduling, "appointment", key: key, made: id, at: now, as: mode) }
            let reply = Reply(201) { Self.write(thing, into: &$0) }
            state.keep(KeptAnswer(request: request, status: 201, body: reply.text, id: id), .scheduling, key)
            return reply
        }
    }

    private func cancel(_ id: String, _ asked: Asked, _ mode: Mode) -> Reply {
        let now = world.now
        return world.change { state in
            guard var thing = state.scheduled[id] else { return Self.error(404, "not_found") }
            let key = asked.key ?? id
            guard thing.state != "cancelled" else {
                state.noteRepeat(.scheduling, "cancellation", key: key)
                return Reply(200) { Self.write(thing, into: &$0) }
            }
            state.changes += 1
            thing.state = "cancelled"
            thing.updatedAt = now.description
            thing.change = state.changes
            state.put(thing)
            state.note(.scheduling, "cancellation", key: key, made: id, at: now, as: mode)
            return Reply(200) { Self.write(thing, into: &$0) }
        }
    }

    /// Somebody decides on one that is pending. False when none is.
    func decide(_ id: String, isConfirmed: Bool) -> Bool {
        let now = world.now
        return world.change { state in
            guard var thing = state.scheduled[id], thing.state == "pending" else { return false }
            state.changes += 1
            thing.state = isConfirmed ? "confirmed" : "failed"
            thing.reason = isConfirmed ? nil : "slot_taken"
            thing.updatedAt = now.description
            thing.change = state.changes
            state.put(thing)
            return true
        }
    }

    private func list(_ asked: Asked) -> Reply {
        let since = asked.query["since"].flatMap { Instant($0) }
        let after = asked.query["after"].flatMap { Int($0) } ?? 0
        let limit = min(max(asked.query["limit"].flatMap { Int($0) } ?? 20, 1), 100)
        let all = world.change { $0.scheduled.all }.filter { thing in
            thing.change > after && (asked.query["provider"].map { $0 == thing.provider } ?? true)
                && (since.map { since in Instant(thing.updatedAt).map { $0 >= since } ?? false } ?? true)
        }.sorted { $0.change < $1.change }
        return Reply(200) { json in
            json.name("appointments")
            json.array(of: all.prefix(limit)) { json, thing in json.object { Self.write(thing, into: &$0) } }
            if all.count > limit { json.member("next", String(all[limit - 1].change)) }
        }
    }

    private static func write(_ thing: Scheduled, into json: inout JSONWriter) {
        json.member("id", thing.id)
        json.member("request_id", thing.requestID)
        json.member("provider", thing.provider)
        json.member("state", thing.state)
        json.member("time", thing.time)
        json.member("updated_at", thing.updatedAt)
        json.member("reason", thing.reason)
    }
}
