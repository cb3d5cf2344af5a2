import Identity
import Notation
import People
import Scheduling
import Workflows

/// Signing in, staying signed in, and signing out.
struct SessionRoutes {
    var routes: [Route] { [signIn, refresh, actAs, list, end, changePassword] }

    private var signIn: Route {
        .door(
            .post, "/v1/sessions", "signIn", "Sign in with a password", takes: "SignInRequest", gives: "SessionGrant",
            status: 201,
            problems: [.credentialsWrong, .tooManyTries, .secondFactorNeeded, .crossSite]
        ) { exchange, premises in
            let fields = exchange.fields()
            let carrier = fields.optionalChoice("as", Carrier.self) ?? .bearer
            let credentials = Credentials(
                login: fields.text("login", max: 254), password: Password(fields.text("password", max: 128)),
                role: fields.optionalChoice("role", Role.self), code: fields.optionalText("code", max: 32),
                device: fields.optionalText("device", max: 128))
            try fields.check()
            // Or another site's page signs somebody in as whom it likes.
            if carrier == .cookie { try exchange.origin.requireNotElsewhere() }
            let grant = try await premises.accounts.signIn(credentials, request: exchange.call.origin)
            return try await premises.answer(grant, status: 201, as: carrier)
        }
    }

    private var refresh: Route {
        .door(
            .post, "/v1/session-continuations", "continueSession", "Exchange a refresh token for the next one",
            takes: "ContinuationRequest", gives: "SessionGrant", status: 200, problems: [.sessionEnded, .crossSite]
        ) { exchange, premises in
            let fields = exchange.fields()
            let given = fields.optionalText("refreshToken", max: 256)
            let kept = exchange.origin.cookies[.refresh]
            if given == nil, kept == nil { fields.reject("refreshToken", "is needed, here or as a cookie") }
            try fields.check()
            if given == nil { try premises.requireOwnPage(exchange.origin, continuing: kept ?? "") }
            let grant = try await premises.accounts.refresh(given ?? kept ?? "", request: exchange.call.origin)
            return try await premises.answer(grant, status: 200, as: given == nil ? .cookie : .bearer)
        }
    }

    private var actAs: Route {
        .own(
            .post, "/v1/session/role", "actAs", "Go on as something else the account is", takes: "RoleChoice",
            gives: "SessionGrant", problems: [.sessionEnded], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let role = fields.choice("role", Role.self)
            try fields.check()
            let own = try exchange.ownSession()
            return try await premises.answer(
                try await premises.accounts.act(as: role, in: own, request: exchange.call.origin), status: 200,
                as: exchange.origin.usesCookies ? .cookie : .bearer)
        }
    }

    private var list: Route {
        .own(.get, "/v1/sessions", "listSessions", "Where the caller is signed in", gives: "SessionList") { exchange, premises in
            let fields = exchange.queryFields()
            try fields.check()
            let own = try exchange.ownSession()
            let sessions = try await premises.accounts.sessions(ofOwnerOf: own)
            return Answer.json { json in
                json.object { json in
                    json.name("items")
                    json.array(of: sessions) { $1.write(to: &$0, isCurrent: $1.id == own) }
                }
            }
        }
    }

    private var end: Route {
        .own(
            .delete, "/v1/sessions/{id}", "endSession", "Sign out, here or on another device", gives: "Ended",
            problems: [.notFound]
        ) { exchange, premises in
            try exchange.fields().check()
            let (id, own) = (try exchange.id("id", Session.self), try exchange.ownSession())
            var answer = Answer(
                try await premises.accounts.end(
                    id, asOwnerOf: own, call: exchange.call,
                    wording: exchange.wording { StoredAnswer(status: 200, body: Answer.ended(id)) }))
            if id == own, exchange.origin.usesCookies { answer.cookies = SessionCookie.allCases.map(\.cleared) }
            return answer
        }
    }

    private var changePassword: Route {
        .own(
            .put, "/v1/password", "changePassword", "Choose another password; every other session ends", takes: "PasswordChange",
            gives: "Ended", problems: [.credentialsWrong, .tooManyTries], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let old = Password(fields.text("oldPassword", max: 128))
            let new = Password(fields.text("newPassword", max: 128))
            try fields.check()
            let own = try exchange.ownSession()
            try await premises.accounts.changePassword(from: old, to: new, in: own, request: exchange.call.origin)
            return Answer(body: Answer.ended(nil))
        }
    }
}

extension Exchange {
    /// Tokens made at the command line belong to nobody's session.
    func ownSession() throws(Problem) -> ID<Session> {
        guard let session, caller.role != .service else {
            throw Problem(.notPermitted, detail: "This token belongs to no session.")
        }
        return session
    }
}

extension Answer {
    static func ended(_ session: ID<Session>?) -> [UInt8] {
        var json = JSONWriter(reserving: 64)
        json.object { json in if let session { json.member("id", session) } }
        return json.bytes
    }
}

/// How a session's tokens are carried: in the body, for programs; or in cookies no script can read, for pages.
enum Carrier: String, Sendable, CaseIterable { case bearer, cookie }

extension Premises {
    /// Throws unless a page of this origin continues its own session.
    fileprivate func requireOwnPage(_ origin: Origin, continuing token: String) throws {
        guard let session = accounts.session(ofRefreshToken: token) else { throw AccountFault.sessionEnded }
        try origin.requireOwnPage(of: session, accounts)
    }

    /// Both tokens, of which this is the only copy.
    func answer(_ grant: SessionGrant, status: Int, as carrier: Carrier) async throws -> Answer {
        let (session, lasting) = (grant.session, accounts.settings.accessLasting)
        let access = try await tokens.issue(
            for: session.caller, session: session.id, mustAddSecondFactor: grant.mustAddSecondFactor, lasting: lasting)
        let now = accounts.clinic.surroundings.clock.now
        let csrfToken = carrier == .cookie ? accounts.csrfToken(of: session.id) : nil
        var answer = Answer.json(status: status) { json in
            json.object { json in
                json.member("session", session.id)
                json.member("role", session.caller.role.rawValue)
                json.member("subject", session.caller.subject)
                if carrier == .bearer { json.member("accessToken", access) }
                json.member("accessTokenExpiresAt", now + lasting)
                if carrier == .bearer { json.member("refreshToken", grant.refreshToken) }
                json.member("refreshTokenExpiresAt", session.expiresAt)
                json.member("csrfToken", csrfToken)
                if grant.mustAddSecondFactor { json.member("mustAddSecondFactor", true) }
            }
        }
        if let csrfToken {
            let left = Int((session.expiresAt - now).seconds)
            answer.cookies = [
                SessionCookie.access.set(access, forSeconds: Int(lasting.seconds)),
                SessionCookie.refresh.set(grant.refreshToken, forSeconds: left),
                SessionCookie.csrf.set(csrfToken, forSeconds: left),
            ]
        }
        return answer
    }
}

extension SessionRecord {
    fileprivate func write(to json: inout JSONWriter, isCurrent: Bool) {
        json.object { json in
            json.member("id", id)
            json.member("role", caller.role.rawValue)
            json.member("device", device?.revealed)
            json.member("createdAt", createdAt)
            json.member("continuedAt", turnedAt)
            json.member("expiresAt", expiresAt)
            json.member("current", isCurrent)
        }
    }
}
