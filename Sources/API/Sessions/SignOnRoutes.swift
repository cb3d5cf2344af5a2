import Identity
import Notation
import People
import SingleSignOn
import Workflows

/// Signing in with an identity provider: the browser goes there with an errand, and comes back with an answer to it.
///
/// Both are addresses a browser is sent to, so both are reads by their method. What begins a session is not that somebody follows a link, but
/// that they bring the errand's cookie, which this server has sealed, and a code that is good once.
struct SignOnRoutes {
    var routes: [Route] { [start, callback] }

    /// Comes along when the provider's page sends the browser back, which `Strict` would not.
    private static let cookie = "__Host-mc-errand"
    private static let attributes = "; Path=/; Secure; SameSite=Lax; HttpOnly"

    private var start: Route {
        .door(
            .get, "/v1/oidc/{provider}/start", "startSignOn", "Go to an identity provider to sign in",
            query: [QueryParameter("role", "string", "As what, where the account is several things")], status: 302,
            problems: [.providerUnavailable]
        ) { exchange, premises in
            let fields = exchange.queryFields()
            let role = fields.optionalChoice("role", Role.self)
            try fields.check()
            let signOn = try premises.signOn(exchange.parameters["provider"])
            let surroundings = premises.clinic.surroundings
            let errand = SignOnErrand(
                provider: signOn.provider.name, role: role, at: surroundings.clock.now, surroundings.random)
            var answer = Answer(status: 302)
            answer.location = try await signOn.address(for: errand)
            let sealed = try errand.sealed(with: premises.accounts.secrets)
            answer.cookies = ["\(Self.cookie)=\(sealed); Max-Age=\(Int(SignOnErrand.patience.seconds))\(Self.attributes)"]
            return answer
        }
    }

    private var callback: Route {
        .door(
            .get, "/v1/oidc/{provider}/callback", "finishSignOn", "Come back from an identity provider, and be signed in",
            query: [
                QueryParameter("code", "string", "Good once, for the provider"),
                QueryParameter("state", "string", "The errand's"), QueryParameter("iss", "string", "Who answers (RFC 9207)"),
                QueryParameter("error", "string", "Why there is no code"),
            ], status: 303, problems: [.identityRefused, .providerUnavailable, .secondFactorNeeded]
        ) { exchange, premises in
            let signOn = try premises.signOn(exchange.parameters["provider"])
            let errand = try Self.errand(exchange, premises, signOn)
            // Providers add what they like; what is not known is not looked at.
            guard exchange.query["error"] == nil, let code = exchange.word("code"), code.utf8.count <= 2048 else {
                throw SignOnFault.refused("the provider has given no code")
            }
            let identified = try await signOn.identify(code: code, for: errand, namedIssuer: exchange.word("iss"))
            let grant = try await premises.accounts.signIn(
                ForeignIdentity(identified, signOn.provider), as: errand.role, request: exchange.call.origin)
            var answer = try await premises.answer(grant, status: 303, as: .cookie)
            // Where it lands, the page knows who it is by asking.
            (answer.body, answer.location) = ([], signOn.provider.landing)
            answer.cookies.append("\(Self.cookie)=; Max-Age=0\(Self.attributes)")
            return answer
        }
    }

    /// What this browser was sent away with. Throws unless it comes back with the answer to just that.
    private static func errand(_ exchange: Exchange, _ premises: Premises, _ signOn: SignOn) throws -> SignOnErrand {
        guard let text = exchange.origin.cookies[cookie], let errand = SignOnErrand(text, sealedWith: premises.accounts.secrets),
            errand.provider == signOn.provider.name
        else { throw SignOnFault.refused("this browser has begun no sign-in here") }
        guard errand.isFresh(at: premises.clinic.surroundings.clock.now) else { throw SignOnFault.refused("it took too long") }
        guard let state = exchange.word("state"), errand.isAnswered(by: state) else {
            throw SignOnFault.refused("it is the answer to another errand")
        }
        return errand
    }
}

extension Premises {
    fileprivate func signOn(_ name: String?) throws(Problem) -> SignOn {
        guard let signOn = signOns.first(where: { $0.provider.name == name }) else { throw Problem(.notFound) }
        return signOn
    }
}

extension Exchange {
    /// A parameter of the query as it was written, also when it looks like a number.
    fileprivate func word(_ name: String) -> String? { query[name].flatMap { $0.string ?? $0.integer.map { String($0) } } }
}

extension ForeignIdentity {
    init(_ identified: Identified, _ provider: Provider) {
        var email: Personal<String>?
        if case .byEmail(let domains) = provider.linking, let known = identified.verifiedEmail,
            domains.contains(where: { known.isAddress(in: $0) })
        {
            email = known
        }
        self.init(
            issuer: identified.issuer, subject: identified.subject, linkingEmail: email,
            roles: provider.rule.allowed(by: identified.claims), hasSecondFactor: identified.hasSecondFactor)
    }
}

extension Personal<String> {
    /// One sign `@`, and after it the domain to the letter.
    fileprivate func isAddress(in domain: String) -> Bool {
        let parts = revealed.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[1] == domain
    }
}
