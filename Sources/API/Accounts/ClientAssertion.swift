import JWTKit
public import Notation
import People
import SingleSignOn
public import Workflows

/// What a service has signed instead of showing a secret (RFC 7523 §3, as SMART App Launch 2.0 has it for backend services).
struct ClientAssertion {
    static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    /// How far clocks may be apart where something is not to lie in the future.
    private static let skew = Span.minutes(1)

    let service: ID<Caller>
    let assertion: ServiceAssertion

    /// Nil unless it has the form of one that is meant for this server: who has signed it is not looked at yet.
    ///
    /// - Parameter audience: the address of the token endpoint, as services know it.
    init?(_ text: String, for audience: String, at now: Instant) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let algorithm = header["alg"]?.string.flatMap(ServiceKey.Algorithm.init), let keyName = header["kid"]?.string,
            header["crit"] == nil, ["JWT", nil].contains(header["typ"]?.string)
        else { return nil }
        guard let issuer = claims["iss"]?.string, claims["sub"]?.string == issuer, let service = ID<Caller>(issuer),
            Self.isFor(audience, claims["aud"]), let identifier = claims["jti"]?.string,
            (1...255).contains(identifier.utf8.count),
            let expiresAt = Self.moment(claims["exp"])
        else { return nil }
        for name in ["iat", "nbf"] where claims[name] != nil {
            guard let moment = Self.moment(claims[name]), moment <= now + Self.skew else { return nil }
        }
        self.service = service
        assertion = ServiceAssertion(keyName: keyName, identifier: identifier, expiresAt: expiresAt) { key in
            key.algorithm == algorithm ? await Self.hasSigned(key, text) : false
        }
    }

    private static func object(_ part: Substring) -> JSON? {
        Base64URL.bytes(part).flatMap { try? JSON(parsing: $0) }.flatMap { $0.members == nil ? nil : $0 }
    }

    /// For this server and for nobody else.
    private static func isFor(_ audience: String, _ said: JSON?) -> Bool {
        if let one = said?.string { return one == audience }
        guard let list = said?.array, list.count == 1 else { return false }
        return list[0].string == audience
    }

    private static func moment(_ said: JSON?) -> Instant? {
        guard let seconds = said?.integer, (0...253_402_300_799).contains(seconds) else { return nil }
        return Instant(secondsSince1970: seconds)
    }

    /// The key says what it is for, and the library holds the token against that (RFC 8725 §3.1).
    private static func hasSigned(_ key: ServiceKey, _ text: String) async -> Bool {
        guard let jwk = try? JWK(json: key.document) else { return false }
        let keys = JWTKeyCollection()
        guard (try? await keys.add(jwk: jwk)) != nil else { return false }
        return (try? await keys.verify(text, as: AnyClaims.self)) != nil
    }

    /// What is in it was read before, with our own eyes.
    private struct AnyClaims: JWTPayload { func verify(using algorithm: some JWTAlgorithm) throws {} }
}

extension Fields {
    /// A set of public keys (RFC 7517 §5); empty when the member is absent. Whatever is secret in one is refused: nobody is to send it.
    public func serviceKeys(_ name: String) -> [ServiceKey] {
        var keys: [ServiceKey] = []
        let isThere: Bool? = object(name) { set in
            guard set.has("keys") else {
                set.reject("keys", "is missing")
                return true
            }
            var count = 0
            set.objects("keys") { fields in
                count += 1
                if let key = fields.serviceKey() { keys.append(key) }
            }
            if !(1...10).contains(count) { set.reject("keys", "must be a list of 1 to 10 entries") }
            return true
        }
        if isThere == true, Set(keys.map(\.name)).count != keys.count { reject(name, "has two keys with one kid") }
        return keys
    }

    private func serviceKey() -> ServiceKey? {
        let (kind, id) = (choice("kty", KeyKind.self), text("kid", max: 128))
        let algorithm = optionalChoice("alg", ServiceKey.Algorithm.self)
        if let algorithm, (algorithm == .RS384) != (kind == .RSA) { reject("alg", "is not one of such a key's") }
        _ = optionalChoice("use", KeyUse.self)
        switch kind {
        case .RSA:
            let (modulus, exponent) = (text("n", max: 2_048), text("e", max: 16))
            // 2,048 bits are 342 digits.
            guard isBase64URL(modulus), modulus.utf8.count >= 342 else {
                reject("n", "must be the modulus of an RSA key of 2048 bits or more, in base64url")
                return nil
            }
            guard isBase64URL(exponent) else {
                reject("e", "must be the exponent, in base64url")
                return nil
            }
            return ServiceKey(name: id, modulus: modulus, exponent: exponent)
        case .EC:
            _ = choice("crv", KeyCurve.self)
            let (x, y) = (text("x", max: 128), text("y", max: 128))
            for (name, value) in [("x", x), ("y", y)] where !isBase64URL(value) || value.utf8.count != 64 {
                reject(name, "must be 48 bytes in base64url")
                return nil
            }
            return ServiceKey(name: id, x: x, y: y)
        }
    }

    private func isBase64URL(_ text: String) -> Bool { Base64URL.bytes(text) != nil }
}

private enum KeyKind: String, CaseIterable { case RSA, EC }
private enum KeyUse: String, CaseIterable { case sig }
private enum KeyCurve: String, CaseIterable { case p384 = "P-384" }
