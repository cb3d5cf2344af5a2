import API
import Crypto
import Foundation
import Identity
import Notation
import People
import Testing

/// Tokens as an attacker makes them (RFC 8725): each differs from a good one in one thing.
@Suite struct AForgedToken {
    /// Signed by the clinic's own secret unless said otherwise, so that nothing but the one thing is wrong.
    private struct Forgery {
        var header = Self.heading()
        var claims: [(name: String, value: String)] = [
            ("iss", #""mediconnect""#), ("sub", "\"\(Who.admin.caller.subject)\""), ("role", #""admin""#),
            ("iat", "\(Self.now)"), ("exp", "\(Self.now + 900)"),
        ]
        var secret = key.accessSecret

        /// The clinic's, which signs with nothing else.
        static let key = Keyring(secret: Array(repeating: 7, count: 32)).keys[0]

        /// With other values, or more of them, than a good one's.
        static func heading(alg: String = "HS256", typ: String = "JWT", kid: String = key.id, more: String = "") -> String {
            #"{"alg":"\#(alg)","typ":"\#(typ)","kid":"\#(kid)"\#(more)}"#
        }

        static let now = Known.morning.secondsSince1970

        func with(_ name: String, _ value: String?) -> Forgery {
            var copy = self
            copy.claims.removeAll { $0.name == name }
            if let value { copy.claims.append((name, value)) }
            return copy
        }

        func header(_ text: String) -> Forgery {
            var copy = self
            copy.header = text
            return copy
        }

        private var content: String {
            let payload = "{" + claims.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}"
            return "\(Self.encoded(Array(header.utf8))).\(Self.encoded(Array(payload.utf8)))"
        }

        var text: String { signed(with: HMAC<SHA256>.self) }

        func signed<Hash: HashFunction>(with _: HMAC<Hash>.Type) -> String {
            let code = HMAC<Hash>.authenticationCode(for: Array(content.utf8), using: SymmetricKey(data: secret))
            return "\(content).\(Self.encoded(Array(code)))"
        }

        var unsigned: String { content + "." }

        static func encoded(_ bytes: [UInt8]) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }
    }

    private func status(_ token: String, _ visitor: Visitor) async throws -> Int {
        let heard = try await visitor.get("/v1/mailbox", by: nil, headers: ["Authorization": "Bearer \(token)"])
        if heard.status != 200 { #expect(heard.problem == "token-invalid", "\(heard.text)") }
        return heard.status
    }

    @Test func `is not taken, and the good one it was made from is`() async throws {
        try await inHouse { visitor async throws in
            let good = Forgery()
            #expect(try await status(good.text, visitor) == 200)
            var stranger = good
            stranger.secret = Array(repeating: 8, count: 32)
            var bare = good
            bare.secret = Array(repeating: 7, count: 32)
            func says(_ header: String) -> Forgery { good.header(header) }
            func alg(_ alg: String) -> Forgery { says(Forgery.heading(alg: alg)) }
            func kid(_ kid: String) -> String { says(Forgery.heading(kid: kid)).text }
            func more(_ more: String) -> String { says(Forgery.heading(more: "," + more)).text }
            let id = Forgery.key.id
            let forged: [(what: String, token: String)] = [
                ("no signature", good.unsigned), ("no signature part", String(good.unsigned.dropLast())),
                ("alg none", alg("none").unsigned), ("alg None", alg("None").unsigned), ("alg none, signed", alg("none").text),
                ("another key", stranger.text), ("the secret itself", bare.text),
                ("HS384, as it says", alg("HS384").signed(with: HMAC<SHA384>.self)),
                ("HS512, as it says", alg("HS512").signed(with: HMAC<SHA512>.self)),
                ("says HS512 and is not", alg("HS512").text), ("says RS256 and is not", alg("RS256").text),
                ("says hs256", alg("hs256").text), ("says EdDSA with the key's id", alg("EdDSA").text),
                ("no alg", says(#"{"typ":"JWT","kid":"\#(id)"}"#).text),
                ("another type", says(Forgery.heading(typ: "secevent+jwt")).text),
                ("no type", says(#"{"alg":"HS256","kid":"\#(id)"}"#).text),
                ("no key named", says(#"{"alg":"HS256","typ":"JWT"}"#).text),
                ("a key nobody has", kid("0123456789abcdef")), ("a path", kid("../../dev/null")), ("a device", kid("/dev/null")),
                ("a path of the right length", kid("../../../dev/nul")), ("a file there is", kid("../token.secret0")),
                ("an address", kid("http://evil.tld/")), ("a wildcard", kid("****************")),
                ("half of SQL", kid("' UNION SELECT 1-")),
                ("an empty one", kid("")), ("capitals", kid(id.uppercased())), ("a digit more", kid(id + "0")),
                ("a digit less", kid(String(id.dropLast()))), ("a zero in it", kid(#"\u0000"# + id.dropFirst())),
                ("other digits", kid(String(id.dropLast()) + "٣")),
                ("a number for a key", says(#"{"alg":"HS256","typ":"JWT","kid":1}"#).text),
                ("a list of keys", says(#"{"alg":"HS256","typ":"JWT","kid":["\#(id)"]}"#).text),
                ("two keys", more(#""kid":"\#(id)""#)), ("two algorithms", more(#""alg":"none""#)),
                ("a key of its own", more(#""jwk":{"kty":"oct","k":"AA"}"#)),
                ("a key from elsewhere", more(#""jku":"https://evil.example/keys""#)),
                ("a certificate from elsewhere", more(#""x5u":"https://evil.example/chain""#)),
                ("a certificate of its own", more(#""x5c":["AA"]"#)),
                ("something critical", more(#""crit":["b64"],"b64":false"#)),
                ("a header that is a list", good.header(#"["HS256"]"#).text),
                ("expired", good.with("exp", "\(Forgery.now)").text), ("without end", good.with("exp", nil).text),
                ("an end far beyond", good.with("exp", "1e400").text), ("a negative end", good.with("exp", "-1").text),
                ("an end in words", good.with("exp", #""tomorrow""#).text),
                ("of the future", good.with("iat", "\(Forgery.now + 3_600)").text),
                ("without a beginning", good.with("iat", nil).text),
                ("not valid yet", good.with("nbf", "\(Forgery.now + 3_600)").text),
                ("another issuer", good.with("iss", #""other""#).text), ("no issuer", good.with("iss", nil).text),
                ("for another audience", good.with("aud", #""billing""#).text),
                ("an unknown role", good.with("role", #""root""#).text), ("several roles", good.with("role", #"["admin"]"#).text),
                ("no role", good.with("role", nil).text), ("nobody", good.with("sub", nil).text),
                ("a subject that is none", good.with("sub", #""admin""#).text),
                ("a session that is none", good.with("sid", #""x' OR 1=1""#).text),
                ("two dots more", good.text + ".."), ("a blank", good.text + " x"), ("a letter more", good.text + "A"),
                ("longer than any", good.with("x", "\"\(String(repeating: "a", count: 4_000))\"").text),
                ("rubbish", "a.b.c"), ("nothing", ".."),
            ]
            for (what, token) in forged {
                let status = try await status(token, visitor)
                #expect(status == 401, "\(what)")
            }
            // However often it is tried.
            for (what, token) in forged {
                let status = try await status(token, visitor)
                #expect(status == 401, "\(what), again")
            }
            #expect(try await status(good.text, visitor) == 200)
        }
    }
}
