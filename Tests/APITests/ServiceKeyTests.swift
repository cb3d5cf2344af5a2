import API
import Crypto
import Foundation
import Notation
import SingleSignOn
import Testing
import Workflows

/// A key of a service's own, as it would be with whoever runs that service.
private struct OwnKey: Sendable {
    let name: String
    let algorithm: String
    /// As the clinic is given it.
    let document: String
    let sign: @Sendable (Data) throws -> [UInt8]

    static func curve(_ name: String = "first") -> OwnKey {
        let key = P384.Signing.PrivateKey()
        let point = Array(key.publicKey.rawRepresentation)
        let (x, y) = (Base64URL.text(point.prefix(48)), Base64URL.text(point.suffix(48)))
        return OwnKey(
            name: name, algorithm: "ES384",
            document: #"{"kty":"EC","crv":"P-384","kid":"\#(name)","alg":"ES384","use":"sig","x":"\#(x)","y":"\#(y)"}"#
        ) { Array(try key.signature(for: $0).rawRepresentation) }
    }

    /// Made and used by openssl, which knows nothing of the library that looks at it here.
    static func rsa(_ name: String = "first") throws -> OwnKey {
        let pem = try openssl(["genrsa", "2048"])
        let words = String(decoding: try openssl(["rsa", "-noout", "-modulus"], input: pem), as: UTF8.self)
        let digits = words.split(separator: "=").last.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? ""
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { start in
            UInt8(digits.dropFirst(start).prefix(2), radix: 16)
        }
        return OwnKey(
            name: name, algorithm: "RS384",
            document: #"{"kty":"RSA","kid":"\#(name)","n":"\#(Base64URL.text(bytes))","e":"AQAB"}"#
        ) { content in
            let file = NSTemporaryDirectory() + "mediconnect-key-\(UUID()).pem"
            try pem.write(to: URL(fileURLWithPath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            return Array(try openssl(["dgst", "-sha384", "-sign", file, "-binary"], input: content))
        }
    }

    private static func openssl(_ words: [String], input: Data = Data()) throws -> Data {
        let process = Process()
        let (source, sink) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = words
        (process.standardInput, process.standardOutput, process.standardError) = (source, sink, FileHandle.nullDevice)
        try process.run()
        try source.fileHandleForWriting.write(contentsOf: input)
        try source.fileHandleForWriting.close()
        let said = sink.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(words)")
        return said
    }
}

extension Visitor {
    private static let usual = ["system/Slot.s", "system/Appointment.rs"]

    /// Lets a system in that signs with these keys.
    fileprivate func service(with keys: [OwnKey]) async throws -> String {
        let list = keys.map(\.document).joined(separator: ",")
        let scopes = Self.usual.map { "\"\($0)\"" }.joined(separator: ",")
        let made = try await send(
            .post("/v1/services", #"{"name":"Laboratory","scopes":[\#(scopes)],"jwks":{"keys":[\#(list)]}}"#), by: .admin)
        try #require(made.status == 201, "\(made.text)")
        #expect(made["secret"] == nil, "who signs needs none")
        return made.id
    }

    /// What a service signs.
    ///
    /// - Parameters:
    ///   - claims: others than the usual ones, as JSON; an empty text leaves one out.
    ///   - header: the same for the header.
    fileprivate func assertion(
        of service: String, _ key: OwnKey, claims: [String: String] = [:], header: [String: String] = [:]
    ) throws -> String {
        let now = house.clock.now.secondsSince1970
        let usual = [
            "iss": "\"\(service)\"", "sub": "\"\(service)\"", "aud": "\"https://clinic.example/v1/token\"",
            "exp": "\(now + 240)", "jti": "\"\(house.newKey())\"",
        ]
        let head = ["alg": "\"\(key.algorithm)\"", "kid": "\"\(key.name)\"", "typ": "\"JWT\""]
        func object(_ members: [String: String]) -> String {
            "{" + members.filter { !$0.value.isEmpty }.map { "\"\($0.key)\":\($0.value)" }.sorted().joined(separator: ",") + "}"
        }
        let parts = [object(head.merging(header) { $1 }), object(usual.merging(claims) { $1 })]
        let content = parts.map { Base64URL.text(Array($0.utf8)) }.joined(separator: ".")
        return "\(content).\(Base64URL.text(try key.sign(Data(content.utf8))))"
    }

    fileprivate func askForToken(showing assertion: String, more: String = "") async throws -> Heard {
        let type = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        return try await askForToken(
            "grant_type=client_credentials&client_assertion_type=\(type)&client_assertion=\(assertion)\(more)")
    }
}

/// Services that sign for themselves instead of showing a secret (RFC 7523, SMART App Launch 2.0 for backend services).
@Suite struct AServiceThatSigns {
    @Test(arguments: ["ES384", "RS384"]) func `is given a token for what a key of its own has signed`(algorithm: String)
        async throws
    {
        let key = algorithm == "RS384" ? try OwnKey.rsa() : OwnKey.curve()
        try await inHouse { visitor in
            let service = try await visitor.service(with: [OwnKey.curve("other"), key])
            let heard = try await visitor.askForToken(
                showing: try visitor.assertion(of: service, key), more: "&scope=system/Slot.s")
            #expect(heard.status == 200 && heard["scope"]?.string == "system/Slot.s", "\(heard.text)")
            let headers = ["Authorization": "Bearer \(heard["access_token"]?.string ?? "")"]
            let found = try await visitor.get("/v1/free-times?visitType=\(Known.consultation)", by: nil, headers: headers)
            #expect(found.status == 200)
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: headers).problem == "not-permitted")
            let named = try await visitor.askForToken(
                showing: try visitor.assertion(of: service, key), more: "&client_id=\(service)")
            #expect(named.status == 200)
            // Shut out is shut out.
            _ = try await visitor.send(.post("/v1/services/\(service)/revocation", "{}"), by: .admin)
            let after = try await visitor.askForToken(showing: try visitor.assertion(of: service, key))
            #expect(after.status == 401 && after["error"]?.string == "invalid_client")
        }
    }

    @Test func `shows each once, for five minutes at most, to this server alone, signed by a key of its own`() async throws {
        try await inHouse { visitor in
            let (key, stranger) = (OwnKey.curve(), OwnKey.curve())
            let service = try await visitor.service(with: [key])
            let other = try await visitor.service(with: [stranger])
            let now = visitor.house.clock.now.secondsSince1970
            let wrong: [(String, [String: String], [String: String])] = [
                ("expired", ["exp": "\(now)"], [:]), ("too long", ["exp": "\(now + 301)"], [:]), ("for ever", ["exp": ""], [:]),
                ("as text", ["exp": "\"\(now + 60)\""], [:]), ("of the future", ["iat": "\(now + 120)"], [:]),
                ("not yet", ["nbf": "\(now + 120)"], [:]), ("another issuer", ["iss": "\"\(other)\""], [:]),
                ("another subject", ["sub": "\"\(other)\""], [:]), ("nobody", ["iss": "\"me\"", "sub": "\"me\""], [:]),
                ("another server", ["aud": "\"https://elsewhere.example/v1/token\""], [:]),
                ("another address", ["aud": "\"https://clinic.example\""], [:]), ("no audience", ["aud": ""], [:]),
                ("two servers", ["aud": #"["https://clinic.example/v1/token","https://elsewhere.example"]"#], [:]),
                ("no name", ["jti": ""], [:]), ("an empty name", ["jti": "\"\""], [:]),
                ("no algorithm", [:], ["alg": "\"none\""]), ("a shared secret", [:], ["alg": "\"HS256\""]),
                ("another algorithm", [:], ["alg": "\"RS384\""]), ("a weaker one", [:], ["alg": "\"ES256\""]),
                ("another key", [:], ["kid": "\"second\""]), ("no key", [:], ["kid": ""]),
                ("what has to be understood", [:], ["crit": #"["exp"]"#]), ("another type", [:], ["typ": "\"at+jwt\""]),
            ]
            for (what, claims, header) in wrong {
                let heard = try await visitor.askForToken(
                    showing: try visitor.assertion(of: service, key, claims: claims, header: header))
                #expect(heard.status == 401 && heard["error"]?.string == "invalid_client", "\(what): \(heard.text)")
            }
            let forged = try visitor.assertion(of: service, stranger)
            #expect(try await visitor.askForToken(showing: forged).status == 401, "somebody else has signed it")
            let good = try visitor.assertion(of: service, key, claims: ["aud": #"["https://clinic.example/v1/token"]"#])
            let parts = good.split(separator: ".")
            for bad in [
                "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(good).x", "x\(good)", good.dropLast(8) + "AAAAAAAA",
            ] {
                #expect(try await visitor.askForToken(showing: String(bad)).status == 401, "\(bad.suffix(12))")
            }
            #expect(try await visitor.askForToken(showing: good, more: "&client_id=\(other)").status == 401)
            #expect(try await visitor.askForToken(showing: good, more: "&client_secret=mcs_00").status == 400)
            // None of that has used it up, and then it is good once, as long as it would last.
            #expect(try await visitor.askForToken(showing: good).status == 200)
            for _ in 0..<3 {
                #expect(try await visitor.askForToken(showing: good).status == 401)
                visitor.house.clock.advance(by: .minutes(1))
                try await visitor.house.accounts.forgetOld()
            }
            visitor.house.clock.advance(by: .minutes(5))
            try await visitor.house.accounts.forgetOld()
            #expect(try await visitor.askForToken(showing: good).status == 401)
            #expect(try await visitor.askForToken(showing: try visitor.assertion(of: service, key)).status == 200)
        }
    }

    @Test func `gives public keys alone, and hears which is none`() async throws {
        try await inHouse { visitor in
            let curve = OwnKey.curve().document
            let wrong: [(String, String)] = [
                (#"{"keys":[]}"#, "#/jwks/keys"), ("{}", "#/jwks/keys"), (#"{"keys":7}"#, "#/jwks/keys"), ("[]", "#/jwks"),
                (#"{"keys":[\#(curve),\#(curve)]}"#, "#/jwks"),
                (#"{"keys":[\#(curve.dropLast()),"d":"AAAA"}]}"#, "#/jwks/keys/0/d"),
                (#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#, "#/jwks/keys/0/kty"),
                (#"{"keys":[\#(curve.replacing("P-384", with: "P-256"))]}"#, "#/jwks/keys/0/crv"),
                (#"{"keys":[\#(curve.replacing("ES384", with: "RS384"))]}"#, "#/jwks/keys/0/alg"),
                (#"{"keys":[{"kty":"EC","crv":"P-384","kid":"a","x":"AAAA","y":"AAAA"}]}"#, "#/jwks/keys/0/x"),
                (#"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#, "#/jwks/keys/0/n"),
                (#"{"keys":[{"kty":"RSA","kid":"a","e":"AQAB"}]}"#, "#/jwks/keys/0/n"),
            ]
            for (keys, pointer) in wrong {
                let heard = try await visitor.send(
                    .post("/v1/services", #"{"name":"Laboratory","scopes":["system/Slot.s"],"jwks":\#(keys)}"#), by: .admin)
                #expect(heard.problem == "invalid-fields" && heard.pointers.contains(pointer), "\(keys): \(heard.text)")
            }
        }
    }
}
