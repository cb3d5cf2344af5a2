import Foundation
import Notation

/// A mail service, as SendGrid's API of version 3 is. It knows no repeats: who asks twice sends twice.
struct MailPart: Sendable {
    static let key = "SG.simulated"

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard asked.bearer == Self.key else { return Self.error(401, nil, "authorization required") }
        if method == "GET", asked.path == ["mail", "v3", "messages"] { return list(asked) }
        guard method == "POST", asked.path == ["mail", "v3", "mail", "send"] else { return Self.error(404, nil, "not found") }
        guard let json = asked.json, let person = json["personalizations"]?.array?.first else {
            return Self.error(400, "personalizations", "is needed")
        }
        guard let to = person["to"]?.array?.first?["email"]?.string, to.contains("@"), mode.refuses != true else {
            return Self.error(400, "personalizations.0.to.0.email", "does not contain a valid address")
        }
        guard let from = json["from"]?["email"]?.string else { return Self.error(400, "from", "is needed") }
        guard let subject = json["subject"]?.string else { return Self.error(400, "subject", "is needed") }
        func words(_ type: String) -> String? {
            json["content"]?.array?.first { $0["type"]?.string == type }?["value"]?.string
        }
        guard let text = words("text/plain") else { return Self.error(400, "content", "is needed") }
        let (now, key) = (world.now, person["custom_args"]?["letter"]?.string ?? asked.key)
        let id = world.change { state -> String in
            let id = state.name("", .mail, 22)
            state.put(
                SentMail(
                    id: id, from: from, to: to, subject: subject, text: text, hasHTML: words("text/html") != nil,
                    createdAt: now.secondsSince1970))
            state.note(.mail, "mail", key: key ?? id, made: id, at: now, as: mode)
            return id
        }
        var reply = Reply(202, json: "")
        reply.headers = [("X-Message-Id", id)]
        return reply
    }

    /// What it has of a letter, by the name it came with.
    private func list(_ asked: Asked) -> Reply {
        let query = asked.query["query"].map { $0.removingPercentEncoding ?? $0 } ?? ""
        guard let name = query.firstMatch(of: #/^\(unique_args\['letter'\]="([^"]+)"\)$/#).map({ String($0.1) }) else {
            return Self.error(400, "query", "cannot be read")
        }
        let found = world.change { $0.ledger.effect(.mail, "mail", key: name) }
        return Reply(200) { json in
            json.name("messages")
            json.array { json in
                if let found {
                    json.object { json in
                        json.member("msg_id", found.made.last ?? "")
                        json.member("status", "delivered")
                    }
                }
            }
        }
    }

    private static func error(_ status: Int, _ field: String?, _ message: String) -> Reply {
        Reply(status) { json in
            json.name("errors")
            json.array { json in
                json.object { json in
                    json.member("message", message)
                    json.member("field", field)
                }
            }
        }
    }
}
