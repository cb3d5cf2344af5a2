import Foundation
import Notation

/// A hospital's records: appointments over FHIR R4's REST API, behind tokens for client credentials.
struct RecordsPart: Sendable {
    static let client = "clinic"
    static let secret = "simulated-secret"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        if asked.path == ["oauth", "token"] { return token(asked) }
        guard world.hasGiven(asked.bearer, .fhir) else { return Self.outcome(401, "login") }
        switch (method, asked.path.count, asked.path.count > 1 ? asked.path[1] : "") {
        case ("POST", 2, "Appointment"): return create(asked, mode)
        case ("GET", 2, "Appointment"): return search(asked)
        case ("GET", 3, "Appointment"):
            guard let held = world.change({ $0.records[asked.path[2]] }) else { return Self.outcome(404, "not-found") }
            return Self.reply(200, held)
        case ("PUT", 3, "Appointment"): return update(asked, mode)
        default: return Self.outcome(404, "not-supported")
        }
    }

    private func token(_ asked: Asked) -> Reply {
        guard let (user, password) = asked.basic, user == Self.client, password == Self.secret else {
            return Reply(401) { $0.member("error", "invalid_client") }
        }
        guard asked.form["grant_type"] == "client_credentials" else {
            return Reply(400) { $0.member("error", "unsupported_grant_type") }
        }
        return world.giveToken(.fhir)
    }

    private static func outcome(_ status: Int, _ code: String) -> Reply {
        Reply(status) { json in
            json.member("resourceType", "OperationOutcome")
            json.name("issue")
            json.array { json in
                json.object { json in
                    json.member("severity", "error")
                    json.member("code", code)
                }
            }
        }
    }

    private static func reply(_ status: Int, _ held: HeldRecord) -> Reply {
        var reply = Reply(status, json: held.body)
        reply.type = "application/fhir+json"
        reply.headers = [("ETag", "W/\"\(held.version)\""), ("Location", "Appointment/\(held.id)/_history/\(held.version)")]
        return reply
    }

    /// `system|value` of what was sent.
    private static func identifier(_ json: JSON) -> String? {
        guard let first = json["identifier"]?.array?.first, let system = first["system"]?.string,
            let value = first["value"]?.string
        else { return nil }
        return "\(system)|\(value)"
    }

    private static func body(_ json: JSON, _ id: String, _ version: Int, at: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            writer.name("meta")
            writer.object { writer in
                writer.member("versionId", "\(version)")
                writer.member("lastUpdated", at)
            }
            for member in json.members ?? [] where member.name != "id" && member.name != "meta" {
                writer.name(member.name)
                writer.value(member.value)
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func create(_ asked: Asked, _ mode: Mode) -> Reply {
        guard let json = asked.json, json["resourceType"]?.string == "Appointment", let identifier = Self.identifier(json) else {
            return Self.outcome(400, "invalid")
        }
        let wanted = asked.headers["if-none-exist"].flatMap { Self.value(of: "identifier", in: $0) }
        let now = world.now
        return world.change { state in
            let key = String(identifier.split(separator: "|").last ?? "")
            if let wanted, let held = state.records.first({ $0.identifier == wanted }) {
                state.noteRepeat(.fhir, "appointment", key: key)
                return Self.reply(200, held)
            }
            let id = state.name("", .fhir, 12)
            let at = now.description
            let held = HeldRecord(
                id: id, identifier: identifier, version: 1, body: Self.body(json, id, 1, at: at), updatedAt: at)
            state.put(held)
            state.note(.fhir, "appointment", key: key, made: id, at: now, as: mode)
            return Self.reply(201, held)
        }
    }

    private static func value(of name: String, in query: String) -> String? {
        for part in query.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1)
            if halves.count == 2, halves[0] == name { return String(halves[1]).removingPercentEncoding }
        }
        return nil
    }

    /// By `identifier` (`system|value`, or `system|` for all of it) and `_lastUpdated=ge…`, in the order of change; pages have a `next`.
    private func search(_ asked: Asked) -> Reply {
        let wanted = asked.query["identifier"].map { $0.removingPercentEncoding ?? $0 }
        let since = asked.query["_lastUpdated"].map { $0.removingPercentEncoding ?? $0 }
        let (count, skip) = (min(max(1, Int(asked.query["_count"] ?? "") ?? 20), 100), Int(asked.query["_skip"] ?? "") ?? 0)
        let from = since.map { $0.hasPrefix("ge") ? String($0.dropFirst(2)) : $0 }.flatMap { Instant($0) }
        if since != nil, from == nil { return Self.outcome(400, "invalid") }
        let found = world.change { $0.records.all }.filter { held in
            let isWanted = wanted.map { $0.hasSuffix("|") ? held.identifier.hasPrefix($0) : held.identifier == $0 } ?? true
            return isWanted && (from.map { Self.changedAt(held) >= $0 } ?? true)
        }.sorted { (Self.changedAt($0), $0.id) < (Self.changedAt($1), $1.id) }
        let page = found.dropFirst(skip).prefix(count)
        let base = "http://\(asked.headers["host"] ?? "127.0.0.1")/fhir/Appointment"
        return Reply(200) { json in
            json.member("resourceType", "Bundle")
            json.member("type", "searchset")
            json.member("total", found.count)
            if skip + count < found.count {
                var query = asked.query
                query["_skip"] = "\(skip + count)"
                let text = query.sorted { $0.key < $1.key }.map { name, value in
                    "\(name)=\((value.removingPercentEncoding ?? value).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
                }.joined(separator: "&")
                json.name("link")
                json.array { json in
                    json.object { json in
                        json.member("relation", "next")
                        json.member("url", "\(base)?\(text)")
                    }
                }
            }
            json.name("entry")
            json.array(of: page) { json, held in
                json.object { json in
                    json.name("resource")
                    json.raw(Array(held.body.utf8))
                }
            }
        }
    }

    private static func changedAt(_ held: HeldRecord) -> Instant {
        held.updatedAt.flatMap { Instant($0) } ?? Instant(microseconds: 0)
    }

    /// Somebody there changes an appointment, as they do: by its name there, or by the clinic's. Nil when there is none.
    ///
    /// - Parameter minutes: how much later it is to be.
    func changeThere(_ name: String, status: String?, laterBy minutes: Int?) -> String? {
        let now = world.now
        return world.change { state in
            let known = state.records[name] ?? state.records.first { $0.identifier.hasSuffix("|\(name)") }
            guard var held = known, var json = document(Array(held.body.utf8)) else { return nil }
            if let status { json = json.with("status", status) }
            for name in ["start", "end"] {
                if let minutes, let old = json[name]?.string.flatMap({ Instant($0) }) {
                    json = json.with(name, (old + .minutes(minutes)).description)
                }
            }
            held.version += 1
            let at = now.description
            (held.body, held.updatedAt) = (Self.body(json, held.id, held.version, at: at), at)
            state.put(held)
            state.note(.fhir, "their change", key: "\(held.id)/\(held.version)", made: held.id, at: now)
            return held.body
        }
    }

    private func update(_ asked: Asked, _ mode: Mode) -> Reply {
        guard let json = asked.json, let identifier = Self.identifier(json) else { return Self.outcome(400, "invalid") }
        let now = world.now
        return world.change { state in
            guard var held = state.records[asked.path[2]] else { return Self.outcome(404, "not-found") }
            if let match = asked.headers["if-match"], match != "W/\"\(held.version)\"" { return Self.outcome(412, "conflict") }
            held.version += 1
            held.identifier = identifier
            let at = now.description
            (held.body, held.updatedAt) = (Self.body(json, held.id, held.version, at: at), at)
            state.put(held)
            state.note(.fhir, "change", key: "\(held.id)/\(held.version)", made: held.id, at: now, as: mode)
            return Self.reply(200, held)
        }
    }
}

extension World {
    /// A token for five minutes.
    func giveToken(_ part: Part) -> Reply {
        let now = now
        let token = change { state -> String in
            let token = state.name("simulated-", part, 32)
            state.tokens[part, default: [:]] = state.tokens[part, default: [:]].filter { $0.value > now }
            // Nobody needs more than a thousand at once.
            if state.tokens[part, default: [:]].count < 1000 { state.tokens[part, default: [:]][token] = now + .minutes(5) }
            state.note(part, "token", key: token, made: token, at: now)
            return token
        }
        return Reply(200) { json in
            json.member("access_token", token)
            json.member("token_type", "Bearer")
            json.member("expires_in", 300)
        }
    }

    func hasGiven(_ token: String?, _ part: Part) -> Bool {
        guard let token else { return false }
        let now = now
        return change { state in state.tokens[part]?[token].map { $0 > now } ?? false }
    }
}

extension JSON {
    /// The same object with another text.
    fileprivate func with(_ name: String, _ text: String) -> JSON {
        var writer = JSONWriter()
        writer.object { writer in
            for member in members ?? [] where member.name != name {
                writer.name(member.name)
                writer.value(member.value)
            }
            writer.member(name, text)
        }
        return document(writer.bytes) ?? self
    }
}
