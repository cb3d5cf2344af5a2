import Notation

/// The appointment system a clinic had before, with an API of its own. It keeps practitioners from being booked twice, unless its mode says
/// `overbooks`, and patients from nothing; it knows a repeat by its key, unless its mode says `forgetful`.
struct LegacyPart: Sendable {
    static let token = "simulated-legacy"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard asked.bearer == Self.token else { return Self.error(401, "unauthorized") }
        guard asked.path.count >= 2, asked.path[1] == "appointments" else { return Self.error(404, "not_found") }
        switch (method, asked.path.count) {
        case ("POST", 2): return request(asked, mode)
        case ("POST", 4) where asked.path[3] == "cancellation": return cancel(asked.path[2], asked, mode)
        case ("GET", 2): return list(asked)
        case ("GET", 3):
            guard let thing = world.change({ $0.former[asked.path[2]] }) else { return Self.error(404, "not_found") }
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
            json[name]?.string.flatMap { (1...most).contains($0.utf8.count) ? $0 : nil }
        }
        func time(_ name: String) -> Instant? { json[name]?.string.flatMap { Instant($0) } }
        guard let requestID = text("request_id", 128) else { return Self.error(400, "invalid", field: "request_id") }
        guard let practitioner = text("practitioner", 64) else { return Self.error(400, "invalid", field: "practitioner") }
        guard let visitType = text("visit_type", 64) else { return Self.error(400, "invalid", field: "visit_type") }
        guard let patient = text("patient", 64) else { return Self.error(400, "invalid", field: "patient") }
        guard let start = time("start") else { return Self.error(400, "invalid", field: "start") }
        guard let end = time("end"), start < end else { return Self.error(400, "invalid", field: "end") }
        let now = world.now
        return world.change { state in
            if mode.forgetful != true, let known = state.former.first({ $0.requestID == requestID }) {
                state.noteRepeat(.legacy, "appointment", key: requestID)
                return Reply(200) { Self.write(known, into: &$0) }
            }
            let isTaken = state.former.all.contains {
                $0.state == "booked" && $0.practitioner == practitioner && $0.start < end.microseconds
                    && start.microseconds < $0.end
            }
            let isRefused = mode.refuses == true || (isTaken && mode.overbooks != true)
            state.changes += 1
            let thing = FormerAppointment(
                id: "L-\(state.changes)", requestID: requestID, practitioner: practitioner, visitType: visitType,
                patient: patient, start: start.microseconds, end: end.microseconds, state: isRefused ? "refused" : "booked",
                reason: isRefused ? "taken" : nil, createdAt: now.description, updatedAt: now.description,
                change: state.changes)
            state.put(thing)
            if !isRefused { state.note(.legacy, "appointment", key: requestID, made: thing.id, at: now, as: mode) }
            return Reply(201) { Self.write(thing, into: &$0) }
        }
    }

    private func cancel(_ id: String, _ asked: Asked, _ mode: Mode) -> Reply {
        let now = world.now
        return world.change { state in
            guard var thing = state.former[id] else { return Self.error(404, "not_found") }
            let key = asked.key ?? id
            guard thing.state == "booked" else {
                state.noteRepeat(.legacy, "cancellation", key: key)
                return Reply(200) { Self.write(thing, into: &$0) }
            }
            state.changes += 1
            thing.state = "cancelled"
            thing.updatedAt = now.description
            thing.change = state.changes
            state.put(thing)
            state.note(.legacy, "cancellation", key: key, made: id, at: now, as: mode)
            return Reply(200) { Self.write(thing, into: &$0) }
        }
    }

    private func list(_ asked: Asked) -> Reply {
        let after = asked.query["after"].flatMap { Int($0) } ?? 0
        let limit = min(max(asked.query["limit"].flatMap { Int($0) } ?? 50, 1), 200)
        let found = world.change { $0.former.all }.filter { thing in
            thing.change > after && (asked.query["request_id"].map { $0 == thing.requestID } ?? true)
        }.sorted { $0.change < $1.change }
        return Reply(200) { json in
            json.name("appointments")
            json.array(of: found.prefix(limit)) { json, thing in json.object { Self.write(thing, into: &$0) } }
            json.member("more", found.count > limit)
        }
    }

    private static func write(_ thing: FormerAppointment, into json: inout JSONWriter) {
        json.member("id", thing.id)
        json.member("request_id", thing.requestID)
        json.member("practitioner", thing.practitioner)
        json.member("visit_type", thing.visitType)
        json.member("patient", thing.patient)
        json.member("start", Instant(microseconds: thing.start))
        json.member("end", Instant(microseconds: thing.end))
        json.member("state", thing.state)
        json.member("reason", thing.reason)
        json.member("created_at", thing.createdAt)
        json.member("updated_at", thing.updatedAt)
        json.member("change", thing.change)
    }
}
