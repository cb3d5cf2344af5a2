import Foundation
import Notation

/// What whoever tries things out sets and sees: modes, callbacks, the ledger.
struct ControlPart: Sendable {
    let world: World

    /// Nil when it is not about control.
    func answer(_ asked: Asked, method: String) -> Reply? {
        switch (method, asked.path.first, asked.path.count) {
        case ("PUT", "modes", 2): return part(asked) { setMode(asked, $0) }
        case ("GET", "modes", 1): return modes()
        case ("PUT", "callbacks", 2): return part(asked) { setCallback(asked, $0) }
        case ("PUT", "subscribers", 2): return setSecret(asked)
        case ("PUT", "records", 2): return changeRecord(asked)
        case ("GET", "ledger", 1): return ledger(asked)
        case ("GET", "health", 1): return health()
        default: return nil
        }
    }

    private static func error(_ status: Int, _ detail: String) -> Reply { Reply(status) { $0.member("error", detail) } }

    private func part(_ asked: Asked, _ body: (Part) -> Reply) -> Reply {
        guard let part = Part(rawValue: asked.path[1]) else {
            return Self.error(404, "must be one of " + Part.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return body(part)
    }

    private func setMode(_ asked: Asked, _ part: Part) -> Reply {
        guard let members = asked.json?.members else { return Self.error(400, "must be a JSON object") }
        if let stranger = members.first(where: { !Mode.members.contains($0.name) }) {
            return Self.error(400, "\(stranger.name.prefix(64)) is not known here")
        }
        if let word = members.first(where: { part.deafTo.contains($0.name) }) {
            return Self.error(400, "\(word.name) means nothing to \(part.rawValue)")
        }
        guard let mode = try? JSONDecoder().decode(Mode.self, from: Data(asked.body)) else {
            return Self.error(400, "a member has another type than it must have")
        }
        if let flaw = mode.flaw { return Self.error(400, flaw) }
        world.set(mode, for: part)
        return modes()
    }

    private func modes() -> Reply {
        let modes = world.change { $0.modes }
        return Reply(200) { json in
            for part in Part.allCases {
                json.name(part.rawValue)
                json.raw(Array((try? JSONEncoder().encode(modes[part] ?? Mode())) ?? Data("{}".utf8)))
            }
        }
    }

    private func setCallback(_ asked: Asked, _ part: Part) -> Reply {
        guard part.reports else {
            let those = Part.allCases.filter(\.reports).map(\.rawValue).joined(separator: " and ")
            return Self.error(400, "\(part.rawValue) reports nowhere: a callback is for \(those)")
        }
        guard let url = asked.json?["url"]?.string, Postman.isHere(url) else {
            return Self.error(400, "url must be http:// and a port of this machine: 127.0.0.1, localhost or [::1]")
        }
        world.change { $0.callbacks[part] = url }
        return Reply(200) { $0.member("url", url) }
    }

    /// What signs what a subscriber is told.
    private func setSecret(_ asked: Asked) -> Reply {
        guard let text = asked.json?["secret"]?.string, text.hasPrefix("whsec_"),
            let bytes = Data(base64Encoded: String(text.dropFirst(6))), (24...64).contains(bytes.count)
        else { return Self.error(400, "secret must be whsec_ and 24 to 64 bytes in base64") }
        let isKept = world.change { state in
            guard state.secrets.count < 100 || state.secrets[asked.path[1]] != nil else { return false }
            state.secrets[asked.path[1]] = Array(bytes)
            return true
        }
        return isKept ? Reply(200) { $0.member("subscriber", asked.path[1]) } : Self.error(409, "there are a hundred already")
    }

    /// What somebody at the hospital does to an appointment: `{"status":"cancelled"}`, `{"minutesLater":60}`, or both.
    private func changeRecord(_ asked: Asked) -> Reply {
        guard let members = asked.json?.members, !members.isEmpty else { return Self.error(400, "must be a JSON object") }
        if let stranger = members.first(where: { !["status", "minutesLater"].contains($0.name) }) {
            return Self.error(400, "\(stranger.name.prefix(64)) is not known here")
        }
        let (status, minutes) = (asked.json?["status"], asked.json?["minutesLater"])
        if let status, status.string.map({ Self.statuses.contains($0) }) != true {
            return Self.error(400, "status must be one of \(Self.statuses.joined(separator: ", "))")
        }
        let number = minutes?.integer
        if minutes != nil, number.map({ (-10_080...10_080).contains($0) }) != true {
            return Self.error(400, "minutesLater must be a whole number from -10080 to 10080")
        }
        let later = number.map { Int($0) }
        guard let body = RecordsPart(world: world).changeThere(asked.path[1], status: status?.string, laterBy: later) else {
            return Self.error(404, "there is no such appointment in the records")
        }
        return Reply(200, json: body)
    }

    private static let statuses = ["proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"]

    private func health() -> Reply {
        if let fault = world.change({ $0.diskFault }) { return Self.error(503, fault) }
        return Reply(200) { $0.member("status", "ok") }
    }

    private func ledger(_ asked: Asked) -> Reply {
        var chosen: Part?
        if let name = asked.query["destination"] {
            guard let part = Part(rawValue: name) else { return Self.error(400, "destination is not known here") }
            chosen = part
        }
        let only = asked.query["only"]
        if only != nil, only != "counts" { return Self.error(400, "only must be counts, or be left out") }
        let (effects, tallies, forgotten) = world.change { state in
            (only == nil ? state.ledger.listed(chosen) : [], state.ledger.tallies, state.ledger.forgotten)
        }
        return Reply(200) { json in
            json.name("destinations")
            json.object { json in
                for part in Part.allCases where chosen == nil || chosen == part {
                    json.name(part.rawValue)
                    json.object { Self.write(tallies[part] ?? Tally(), into: &$0) }
                }
            }
            json.member("forgotten", forgotten)
            if only != nil { return }
            json.name("effects")
            json.array(of: effects) { json, effect in json.object { Self.write(effect, into: &$0) } }
        }
    }

    private static func write(_ tally: Tally, into json: inout JSONWriter) {
        json.member("requests", tally.requests)
        json.member("effects", tally.effects)
        json.member("tokens", tally.tokens)
        json.member("repeats", tally.repeats)
        json.name("answers")
        json.object { json in
            for (status, count) in tally.answers.sorted(by: { $0.key < $1.key }) { json.member("\(status)", count) }
        }
        json.member("webhooksSent", tally.webhooksSent)
        json.member("webhooksTaken", tally.webhooksTaken)
        json.member("webhooksRefused", tally.webhooksRefused)
        json.member("webhooksLost", tally.webhooksLost)
    }

    private static func write(_ effect: Effect, into json: inout JSONWriter) {
        json.member("destination", effect.part.rawValue)
        json.member("what", effect.what)
        json.member("key", effect.key)
        json.member("count", effect.count)
        json.member("repeats", effect.repeats)
        json.member("made", effect.made)
        json.member("times", effect.times)
    }
}
