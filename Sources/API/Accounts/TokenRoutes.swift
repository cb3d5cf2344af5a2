import Foundation
import Notation
import People
import Workflows

/// Tokens for other systems: OAuth 2.0's client credentials (RFC 6749 §4.4). What is wrong is a problem document as everywhere, with the
/// member `error` that OAuth wants beside it.
struct TokenRoutes {
    var routes: [Route] { [token] }

    private var token: Route {
        .door(
            .post, "/v1/token", "issueToken", "Give a service an access token for its id and secret", takes: "TokenRequest",
            gives: "AccessToken", status: 200, problems: [.serviceUnknown, .grantUnsupported, .scopeNotGranted, .tooManyTries],
            form: ["grant_type", "scope", "client_id", "client_secret"]
        ) { exchange, premises in
            let (credentials, scopes) = try exchange.clientCredentials()
            let service = try await premises.accounts.admit(credentials, asking: scopes, requestID: exchange.requestID)
            let lasting = premises.accounts.settings.accessLasting
            let token = try await premises.tokens.issue(for: service.caller, session: service.session, lasting: lasting)
            return Answer.json { json in
                json.object { json in
                    json.member("access_token", token)
                    json.member("token_type", "Bearer")
                    json.member("expires_in", Int(lasting.seconds))
                    json.member("scope", Scope.text(service.scopes))
                }
            }
        }
    }
}

extension Exchange {
    /// Who asks for a token, by either of the ways RFC 6749 §2.3.1 has, and not by both.
    fileprivate func clientCredentials() throws -> (ServiceCredentials, Set<Scope>?) {
        let fields = fields()
        let grant = fields.text("grant_type", max: 64)
        let (scope, id, secret) = (
            fields.optionalText("scope", max: 1_000), fields.optionalText("client_id", max: 64),
            fields.optionalText("client_secret", max: 128)
        )
        try fields.check()
        guard grant == "client_credentials" else { throw Problem(.grantUnsupported) }
        let scopes = scope.map { Scope.list($0) }
        if case .some(.none) = scopes { throw Problem(.scopeNotGranted) }
        return (try credentials(id, secret), scopes ?? nil)
    }

    private func credentials(_ id: String?, _ secret: String?) throws(Problem) -> ServiceCredentials {
        let basic = authorization.flatMap(BasicCredentials.init)
        if basic != nil, secret != nil || (id != nil && id != basic?.name) {
            throw Problem(.badRequest, detail: "Name the service in one way: in the header or in the body.")
        }
        guard let name = basic?.name ?? id, let id = ID<Caller>(name), let secret = basic?.secret ?? secret else {
            throw Problem(.serviceUnknown)
        }
        return ServiceCredentials(id: id, secret: secret)
    }
}

/// `Authorization: Basic …` (RFC 7617). Neither of ours has a sign in it that RFC 6749 would want escaped.
private struct BasicCredentials {
    let name: String
    let secret: String

    init?(_ header: String) {
        guard header.lowercased().hasPrefix("basic "), let data = Data(base64Encoded: String(header.dropFirst(6))),
            let text = String(data: data, encoding: .utf8)
        else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        (name, secret) = (String(parts[0]), String(parts[1]))
    }
}
