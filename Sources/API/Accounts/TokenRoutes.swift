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
            .post, "/v1/token", "issueToken", "Give a service an access token for its secret, or for what it has signed",
            takes: "TokenRequest",
            gives: "AccessToken", status: 200, problems: [.serviceUnknown, .grantUnsupported, .scopeNotGranted, .tooManyTries],
            form: ["grant_type", "scope", "client_id", "client_secret", "client_assertion_type", "client_assertion"]
        ) { exchange, premises in
            let (credentials, scopes) = try exchange.clientCredentials(at: premises.clinic.surroundings.clock.now)
            let service = try await premises.accounts.admit(credentials, asking: scopes, request: exchange.call.origin)
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
    /// Who asks for a token, by one of the ways RFC 6749 §2.3 and RFC 7523 §2.2 have, and by no two.
    fileprivate func clientCredentials(at now: Instant) throws -> (ServiceCredentials, Set<Scope>?) {
        let fields = fields()
        let grant = fields.text("grant_type", max: 64)
        let (scope, id, secret) = (
            fields.optionalText("scope", max: 1_000), fields.optionalText("client_id", max: 64),
            fields.optionalText("client_secret", max: 128)
        )
        let (type, assertion) = (
            fields.optionalText("client_assertion_type", max: 128), fields.optionalText("client_assertion", max: 4_096)
        )
        try fields.check()
        guard grant == "client_credentials" else { throw Problem(.grantUnsupported) }
        let scopes = scope.map { Scope.list($0) }
        if case .some(.none) = scopes { throw Problem(.scopeNotGranted) }
        if type != nil || assertion != nil {
            guard secret == nil, authorization == nil else { throw Problem.twoWays }
            return (try credentials(id, type, assertion, now), scopes ?? nil)
        }
        return (try credentials(id, secret), scopes ?? nil)
    }

    private func credentials(_ id: String?, _ type: String?, _ text: String?, _ now: Instant) throws(Problem)
        -> ServiceCredentials
    {
        guard type == ClientAssertion.type, let text, let signed = ClientAssertion(text, for: "\(base)/v1/token", at: now),
            id == nil || id.flatMap({ ID<Caller>($0) }) == signed.service
        else { throw Problem(.serviceUnknown) }
        return ServiceCredentials(id: signed.service, assertion: signed.assertion)
    }

    private func credentials(_ id: String?, _ secret: String?) throws(Problem) -> ServiceCredentials {
        let basic = authorization.flatMap(BasicCredentials.init)
        if basic != nil, secret != nil || (id != nil && id != basic?.name) {
            throw Problem.twoWays
        }
        guard let name = basic?.name ?? id, let id = ID<Caller>(name), let secret = basic?.secret ?? secret else {
            throw Problem(.serviceUnknown)
        }
        return ServiceCredentials(id: id, secret: secret)
    }
}

extension Problem {
    fileprivate static var twoWays: Problem {
        Problem(.badRequest, detail: "Name the service in one way: in the header, in the body, or by what it has signed.")
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
