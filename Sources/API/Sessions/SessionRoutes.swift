import Identity
import Notation
import People
import Scheduling
import Workflows

/// Signing in, staying signed in, and signing out.
struct SessionRoutes {
    var routes: [Route] { [signIn, refresh, list, end, changePassword] }

    private var signIn: Route {
        .door(
            .post, "/v1/sessions", "signIn", "Sign in with a password", takes: "SignInRequest", gives: "SessionGrant",
            status: 201,
            problems: [.credentialsWrong, .tooManyTries, .secondFactorNeeded]
        ) { exchange, premises in
            let fields = exchange.fields()
            let credentials = Credentials(
                login: fields.text("login", max: 254), password: Password(fields.text("password", max: 128)),
                role: fields.optionalChoice("role", Role.self), code: fields.optionalText("code", max: 32),
                device: fields.optionalText("device", max: 128))
            try fields.check()
            let grant = try await premises.accounts.signIn(credentials, requestID: exchange.requestID)
            return try await premises.answer(grant, status: 201)
        }
    }

    private var refresh: Route {
        .door(
            .post, "/v1/session-continuations", "continueSession", "Exchange a refresh token for the next one",
            takes: "ContinuationRequest", gives: "SessionGrant", status: 200, problems: [.sessionEnded]
        ) { exchange, premises in
            let fields = exchange.fields()
            let token = fields.text("refreshToken", max: 256)
            try fields.check()
            return try await premises.answer(
                try await premises.accounts.refresh(token, requestID: exchange.requestID), status: 200)
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
            let id = try exchange.id("id", Session.self)
            return Answer(
                try await premises.accounts.end(
                    id, asOwnerOf: try exchange.ownSession(), call: exchange.call,
                    wording: exchange.wording { StoredAnswer(status: 200, body: Answer.ended(id)) }))
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
            try await premises.accounts.changePassword(from: old, to: new, in: own, requestID: exchange.requestID)
            return Answer(body: Answer.ended(nil))
        }
    }
}

extension Exchange {
    /// Tokens made at the command line belong to nobody's session.
    func ownSession() throws(Problem) -> ID<Session> {
        guard let session else { throw Problem(.notPermitted, detail: "This token belongs to no session.") }
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

extension Premises {
    /// Both tokens, of which this is the only copy.
    fileprivate func answer(_ grant: SessionGrant, status: Int) async throws -> Answer {
        let (session, lasting) = (grant.session, accounts.settings.accessLasting)
        let access = try await tokens.issue(
            for: session.caller, session: session.id, mustAddSecondFactor: grant.mustAddSecondFactor, lasting: lasting)
        let accessEnd = accounts.clinic.surroundings.clock.now + lasting
        return Answer.json(status: status) { json in
            json.object { json in
                json.member("session", session.id)
                json.member("role", session.caller.role.rawValue)
                json.member("subject", session.caller.subject)
                json.member("accessToken", access)
                json.member("accessTokenExpiresAt", accessEnd)
                json.member("refreshToken", grant.refreshToken)
                json.member("refreshTokenExpiresAt", session.expiresAt)
                if grant.mustAddSecondFactor { json.member("mustAddSecondFactor", true) }
            }
        }
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
