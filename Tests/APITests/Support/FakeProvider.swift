import Crypto
import Foundation
import Notation
import People
import SingleSignOn
import Synchronization

/// An identity provider that says whatever a test wants it to, signed as it should be or not.
final class FakeProvider: ProviderLine {
    static let issuer = "https://login.hospital.example"
    static let clientID = "mediconnect"

    static func settings(linking: Provider.Linking = .byEmail(domains: ["clinic.example"])) -> Provider {
        Provider(
            name: "hospital", tenant: nil, issuer: issuer, clientID: clientID, clientSecret: Personal("a secret: with signs"),
            linking: linking,
            rule: RoleRule(claim: "groups", roles: ["reception": .desk, "doctors": .practitioner, "it": .admin]),
            factors: .claimed, landing: "/welcome", base: "https://clinic.example")
    }

    /// What somebody has agreed to at the provider, for the one who comes with the code.
    private struct Grant {
        let challenge: String
        let token: String
    }

    private struct State {
        var key = P256.Signing.PrivateKey()
        var keyID = "first"
        var grants: [String: Grant] = [:]
        var count = 0
        var isDown = false
        var asked: [String: Int] = [:]
        var discovery: [String: String] = [:]
    }

    private let state = Mutex(State())

    // MARK: What a test does

    func go(down: Bool) { state.withLock { $0.isDown = down } }

    func rotate(to id: String) { state.withLock { ($0.key, $0.keyID) = (P256.Signing.PrivateKey(), id) } }

    /// Says something else of itself: a JSON value for a member.
    func say(_ member: String, _ value: String?) { state.withLock { $0.discovery[member] = value } }

    func timesAsked(_ path: String) -> Int { state.withLock { $0.asked[path] ?? 0 } }

    /// Somebody agrees to the address they were sent to. Where the browser is sent back.
    ///
    /// - Parameters:
    ///   - claims: More than the usual ones, or others, as JSON values; an empty text leaves one out.
    ///   - header: Another header than the usual one.
    ///   - forged: Signed by somebody else.
    func agree(
        to address: String, at now: Instant, claims: [String: String] = [:], header: String? = nil, forged: Bool = false
    ) -> String {
        let asked = Self.fields(address.split(separator: "?").last.map(String.init) ?? "")
        return state.withLock { state in
            state.count += 1
            let code = "code-\(state.count)"
            let usual: [String: String] = [
                "iss": "\"\(Self.issuer)\"", "aud": "\"\(Self.clientID)\"", "sub": "\"4711\"",
                "nonce": "\"\(asked["nonce"] ?? "")\"",
                "iat": "\(now.secondsSince1970)", "exp": "\(now.secondsSince1970 + 300)", "amr": #"["pwd","otp"]"#,
                "email": #""desk@clinic.example""#, "email_verified": "true", "groups": #"["reception","choir"]"#,
            ]
            let all = usual.merging(claims) { $1 }.filter { !$0.value.isEmpty }
            let payload = "{" + all.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
            let head = header ?? #"{"alg":"ES256","typ":"JWT","kid":"\#(state.keyID)"}"#
            let content = "\(Base64URL.text(Array(head.utf8))).\(Base64URL.text(Array(payload.utf8)))"
            let key = forged ? P256.Signing.PrivateKey() : state.key
            let signature = try! key.signature(for: Data(content.utf8)).rawRepresentation
            state.grants[code] = Grant(challenge: asked["code_challenge"] ?? "", token: "\(content).\(Base64URL.text(signature))")
            return "/v1/oidc/hospital/callback?code=\(code)&state=\(asked["state"] ?? "")"
        }
    }

    // MARK: What the server does

    func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        let path = String(question.address.dropFirst(Self.issuer.count))
        return try state.withLock { state in
            state.asked[path, default: 0] += 1
            if state.isDown { throw CancellationErrorOfTheNetwork() }
            switch path {
            case "/.well-known/openid-configuration": return Self.found(Self.discovery(state.discovery))
            case "/keys":
                let point = state.key.publicKey.rawRepresentation
                return Self.found(
                    #"{"keys":[{"kty":"oct","k":"AAAA","kid":"shared"},{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"\#(state.keyID)","x":"\#(Base64URL.text(point.prefix(32)))","y":"\#(Base64URL.text(point.suffix(32)))"}]}"#
                )
            case "/token": return Self.token(question, &state)
            default: return ProviderAnswer(status: 404, body: [])
            }
        }
    }

    /// Not the cancellation of a task.
    private struct CancellationErrorOfTheNetwork: Error {}

    private static func discovery(_ other: [String: String]) -> String {
        let usual = [
            "issuer": "\"\(issuer)\"", "authorization_endpoint": "\"\(issuer)/authorize?tenant=1\"",
            "token_endpoint": "\"\(issuer)/token\"", "jwks_uri": "\"\(issuer)/keys\"", "response_types_supported": #"["code"]"#,
        ]
        let all = usual.merging(other) { $1 }
        return "{" + all.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    /// Once for each code, to whoever shows the client's secret and knows what the challenge was made of (RFC 7636).
    private static func token(_ question: ProviderQuestion, _ state: inout State) -> ProviderAnswer {
        let form = fields(String(decoding: question.form ?? [], as: UTF8.self))
        let secret = Data("mediconnect:a%20secret%3A%20with%20signs".utf8).base64EncodedString()
        guard question.headers.contains(where: { $0.name == "Authorization" && $0.value == "Basic \(secret)" }),
            form["grant_type"] == "authorization_code",
            form["redirect_uri"] == "https://clinic.example/v1/oidc/hospital/callback",
            let grant = form["code"].flatMap({ state.grants.removeValue(forKey: $0) }),
            grant.challenge == Base64URL.text(SHA256.hash(data: Data((form["code_verifier"] ?? "").utf8)))
        else { return ProviderAnswer(status: 400, body: Array(#"{"error":"invalid_grant"}"#.utf8)) }
        return found(#"{"access_token":"an access token","token_type":"Bearer","id_token":"\#(grant.token)"}"#)
    }

    private static func found(_ text: String) -> ProviderAnswer { ProviderAnswer(status: 200, body: Array(text.utf8)) }

    static func fields(_ text: String) -> [String: String] {
        Dictionary(
            text.split(separator: "&").map { part in
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(pair[0]), pair.count > 1 ? String(pair[1]).removingPercentEncoding ?? "" : "")
            }, uniquingKeysWith: { first, _ in first })
    }
}
