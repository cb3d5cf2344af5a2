import Identity
import Notation
import Workflows

/// An authenticator beside the password: added, confirmed with its first code, taken away.
struct SecondFactorRoutes {
    var routes: [Route] { [confirm, remove, propose] }

    private var propose: Route {
        .own(
            .post, "/v1/second-factor", "proposeSecondFactor", "Make a secret for an authenticator", takes: "PasswordProof",
            gives: "SecondFactor", status: 201, problems: [.credentialsWrong, .tooManyTries, .transitionNotAllowed],
            isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let password = Password(fields.text("password", max: 128))
            try fields.check()
            let (secret, login) = try await premises.accounts.proposeSecondFactor(
                password: password, in: try exchange.ownSession(), request: exchange.call.origin)
            return Answer.json(status: 201) { json in
                json.object { json in
                    json.member("secret", secret.text)
                    json.member("address", secret.address(issuer: "MediConnect", account: login.revealed))
                }
            }
        }
    }

    private var confirm: Route {
        .own(
            .post, "/v1/second-factor/confirmation", "confirmSecondFactor", "Begin to need it, with the first code it shows",
            takes: "CodeProof", gives: "RecoveryCodes", problems: [.tooManyTries, .transitionNotAllowed], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let code = fields.text("code", max: 32)
            try fields.check()
            let codes = try await premises.accounts.confirmSecondFactor(
                code: code, in: try exchange.ownSession(), request: exchange.call.origin)
            return Answer.json { json in json.object { $0.member("recoveryCodes", codes.map(\.text)) } }
        }
    }

    private var remove: Route {
        .own(
            .post, "/v1/second-factor/removal", "removeSecondFactor", "Need it no more", takes: "FullProof", gives: "Ended",
            problems: [.credentialsWrong, .tooManyTries, .transitionNotAllowed], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let (password, code) = (Password(fields.text("password", max: 128)), fields.text("code", max: 32))
            try fields.check()
            try await premises.accounts.removeSecondFactor(
                password: password, code: code, in: try exchange.ownSession(), request: exchange.call.origin)
            return Answer(body: Answer.ended(nil))
        }
    }
}
