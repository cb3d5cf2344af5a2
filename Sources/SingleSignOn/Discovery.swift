import Notation

/// What a provider says of itself (OpenID Connect Discovery 1.0 §3), as far as it is needed and believed.
public struct Discovery: Sendable, Equatable {
    public let authorizationEndpoint: String
    public let tokenEndpoint: String
    public let keysAddress: String
    /// How the client shows its secret: in `Authorization`, or else in the body.
    let takesBasic: Bool
    /// Answers say who gives them (RFC 9207).
    public let namesItself: Bool

    /// Throws a `SignOnFault` unless it is the issuer that was asked, and every address is as safe as the issuer's own.
    init(_ document: JSON, issuer: String) throws {
        guard document["issuer"]?.string == issuer else {
            throw SignOnFault.provider("its discovery document names another issuer")
        }
        func address(_ name: String) throws -> String {
            guard let address = document[name]?.string, Self.isSafe(address, beside: issuer) else {
                throw SignOnFault.provider("its discovery document has no safe \(name)")
            }
            return address
        }
        func lists(_ name: String, _ value: String) -> Bool {
            document[name]?.array.map { $0.contains { $0.string == value } } ?? true
        }
        authorizationEndpoint = try address("authorization_endpoint")
        tokenEndpoint = try address("token_endpoint")
        keysAddress = try address("jwks_uri")
        guard lists("response_types_supported", "code"), lists("code_challenge_methods_supported", "S256") else {
            throw SignOnFault.provider("it does not do the authorization code flow with PKCE")
        }
        takesBasic = lists("token_endpoint_auth_methods_supported", "client_secret_basic")
        namesItself = document["authorization_response_iss_parameter_supported"] == JSON(.bool(true))
    }

    /// `https`, or whatever the issuer itself is, on the same host: who runs a provider on this machine has said so.
    private static func isSafe(_ address: String, beside issuer: String) -> Bool {
        guard !address.contains("#"), address.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        return address.hasPrefix("https://") || origin(address) == origin(issuer)
    }

    private static func origin(_ address: String) -> Substring {
        guard let start = address.firstRange(of: "://")?.upperBound else { return "" }
        return address[..<(address[start...].firstIndex(of: "/") ?? address.endIndex)]
    }
}

/// Why somebody could not be signed in by a provider. What it says is for the log; who asks hears one of two things.
public enum SignOnFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The provider cannot be reached, or does not behave as one.
    case provider(String)
    /// What came back is not what was asked for, or says nothing that opens a door here.
    case refused(String)

    public var description: String {
        switch self {
        case .provider(let reason): "the provider cannot be used: \(reason)"
        case .refused(let reason): "the sign-in was refused: \(reason)"
        }
    }
}
