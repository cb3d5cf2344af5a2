import Foundation
import Notation

/// Firebase Cloud Messaging's HTTP API of version 1, with Google's tokens. A second notice with the same tag takes the first one's place; a
/// device whose registration begins with `gone` wants none.
struct PushPart: Sendable {
    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard method == "POST" else { return Self.error(404, "NOT_FOUND", nil) }
        if asked.path == ["push", "token"] { return token(asked) }
        guard asked.path.count == 5, asked.path[1] == "v1", asked.path[4] == "messages:send" else {
            return Self.error(404, "NOT_FOUND", nil)
        }
        guard world.hasGiven(asked.bearer, .push) else { return Self.error(401, "UNAUTHENTICATED", nil) }
        guard let message = asked.json?["message"], let device = message["token"]?.string, !device.isEmpty,
            let title = message["notification"]?["title"]?.string, mode.refuses != true
        else { return Self.error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT") }
        if device.hasPrefix("gone") { return Self.error(404, "NOT_FOUND", "UNREGISTERED") }
        return show(message, title, device, in: asked.path[3], mode)
    }

    private func show(_ message: JSON, _ title: String, _ device: String, in project: String, _ mode: Mode) -> Reply {
        let now = world.now
        let tag = message["android"]?["notification"]?["tag"]?.string
        let id = world.change { state -> String in
            let id = state.name("0:", .push, 20)
            let key = "\(device.prefix(64)) \(tag ?? id)"
            if state.ledger.effect(.push, "notice", key: key) != nil {
                state.noteRepeat(.push, "notice", key: key)
            } else {
                state.note(.push, "notice", key: key, made: String(title.prefix(200)), at: now, as: mode)
            }
            return id
        }
        return Reply(200) { $0.member("name", "projects/\(project)/messages/\(id)") }
    }

    /// A signed assertion (RFC 7523): for us, for notices, and not yet over. Whose signature it is, nobody here can know.
    private func token(_ asked: Asked) -> Reply {
        let parts = (asked.form["assertion"] ?? "").split(separator: ".")
        let now = world.now.secondsSince1970
        guard asked.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer", parts.count == 3,
            Self.claims(parts[0])?["alg"]?.string == "RS256", let claims = Self.claims(parts[1]),
            claims["iss"]?.string?.contains("@") == true, claims["aud"]?.string?.hasSuffix("/push/token") == true,
            claims["scope"]?.string?.hasSuffix("/auth/firebase.messaging") == true,
            let begins = claims["iat"]?.integer, let ends = claims["exp"]?.integer, ends > now, ends - begins <= 3_600
        else { return Reply(400) { $0.member("error", "invalid_grant") } }
        return world.giveToken(.push)
    }

    private static func claims(_ part: Substring) -> JSON? {
        let plain = part.replacing("-", with: "+").replacing("_", with: "/")
        let bytes = Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
        return bytes.flatMap { try? JSON(parsing: Array($0)) }
    }

    private static func error(_ status: Int, _ name: String, _ code: String?) -> Reply {
        Reply(status) { json in
            json.name("error")
            json.object { json in
                json.member("code", status)
                json.member("status", name)
                json.name("details")
                json.array { json in
                    if let code { json.object { $0.member("errorCode", code) } }
                }
            }
        }
    }
}
