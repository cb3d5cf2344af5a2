import Crypto
import Foundation
import Notation

/// An outside subscriber (Standard Webhooks): `/webhooks/NAME` takes what is signed rightly and not older than five minutes, each message
/// once. `/webhooks/gone` wants nothing any more.
///
/// A clinic makes the secret and shows it once: `PUT /subscribers/NAME` passes it on.
struct SinkPart: Sendable {
    /// `whsec_` and these in base64, for whoever was given no other.
    static let secret = Array("simulated-webhook-secret-32bytes".utf8)

    let world: World

    func answer(_ asked: Asked, _ mode: Mode, method: String) -> Reply {
        guard method == "POST", asked.path.count == 2 else { return Reply(404) { $0.member("error", "not_found") } }
        if asked.path[1] == "gone" || mode.refuses == true { return Reply(410) { $0.member("error", "gone") } }
        guard let id = asked.headers["webhook-id"], let time = asked.headers["webhook-timestamp"], let seconds = Int64(time),
            let signatures = asked.headers["webhook-signature"]
        else { return Reply(400) { $0.member("error", "unsigned") } }
        let now = world.now
        guard abs(now.secondsSince1970 - seconds) <= 300 else { return Reply(400) { $0.member("error", "stale") } }
        let spoken = Data(Array("\(id).\(time).".utf8) + asked.body)
        let key = SymmetricKey(data: Data(world.change { $0.secrets[asked.path[1]] } ?? Self.secret))
        let isRight = signatures.split(separator: " ").contains { part in
            guard part.hasPrefix("v1,"), let code = Data(base64Encoded: String(part.dropFirst(3))) else { return false }
            return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: spoken, using: key)
        }
        guard isRight else { return Reply(401) { $0.member("error", "forged") } }
        world.change { state in
            let key = "\(asked.path[1].prefix(64)) \(id.prefix(128))"
            if state.ledger.effect(.webhooks, "message", key: key) != nil {
                state.noteRepeat(.webhooks, "message", key: key)
            } else {
                state.note(.webhooks, "message", key: key, made: String(id.prefix(128)), at: now, as: mode)
            }
        }
        return Reply(200) { $0.member("status", "taken") }
    }
}
