import Crypto
import Foundation
public import Notation
public import Partners

/// Webhooks as Standard Webhooks 1.0 has them.
public enum WebhookFormat {
    /// `webhook-signature`: for each secret `v1,` and the HMAC-SHA256 over `id.timestamp.body` in base64, with blanks between.
    public static func signature(_ message: WebhookMessage, at now: Instant, with secrets: [WebhookSecret]) -> String {
        let spoken = Data(Array("\(message.id).\(now.secondsSince1970).".utf8) + message.body)
        return secrets.map { secret in
            let code = HMAC<SHA256>.authenticationCode(for: spoken, using: SymmetricKey(data: Data(secret.bytes.revealed)))
            return "v1," + Base64.text(code)
        }.joined(separator: " ")
    }

    public static func telling(_ message: WebhookMessage, to endpoint: WebhookEndpoint, at now: Instant) -> OutboundCall {
        OutboundCall(
            .post, endpoint.url,
            headers: [
                OutboundCall.jsonType, ("webhook-id", message.id.text), ("webhook-timestamp", "\(now.secondsSince1970)"),
                ("webhook-signature", signature(message, at: now, with: endpoint.secrets)),
            ], body: message.body)
    }

    /// Only 2xx has taken it, only 410 wants nothing more; a redirect is a failure, and everything else may be mended.
    public static func read(_ answer: OutboundAnswer, now: Instant) -> Reading<WebhookAnswer> {
        switch answer.status {
        case 200..<300: return .value(.taken)
        case 410: return .value(.gone)
        case 408, 425, 429, 500...:
            return Reading.standard(answer, isRepeatable: true, now: now) ?? .garbled(isRepeatable: true)
        default: return .notNow(after: nil, reason: "it did not take it (\(answer.status))", isTheirs: false)
        }
    }
}

extension WebhookSecret {
    /// `whsec_…`, as it is shown to whoever checks signatures; nil when it is not written so.
    public init?(text: Personal<String>) {
        guard text.revealed.hasPrefix("whsec_"), let bytes = Base64.bytes(String(text.revealed.dropFirst(6))) else { return nil }
        self.init(bytes)
    }

    public var text: Personal<String> { Personal("whsec_" + Base64.text(bytes.revealed)) }
}
