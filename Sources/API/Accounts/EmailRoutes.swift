import Identity
import Letters
import Notation
import Workflows

/// The address of one's own account: shown to be read, changed, and taken back.
struct EmailRoutes {
    var routes: [Route] { [read, verify, askForVerification, undo, change, askForChange] }

    private var read: Route {
        .own(.get, "/v1/account", "readAccount", "The caller's own account", gives: "Account") { exchange, premises in
            let (login, email) = try await premises.accounts.ownAccount(in: try exchange.ownSession())
            return Answer.json { json in
                json.object { json in
                    json.member("login", login.revealed)
                    json.member("email", email?.address.revealed)
                    json.member("emailVerifiedAt", email?.verifiedAt)
                }
            }
        }
    }

    private var askForVerification: Route {
        .own(
            .post, "/v1/email-verifications", "askForEmailVerification", "Ask for a letter with which to verify one's address",
            takes: "Nothing", gives: "Done", status: 202, problems: [.tooManyTries, .transitionNotAllowed], isSecret: true
        ) { exchange, premises in
            try exchange.fields().check()
            try await premises.accounts.askForVerification(in: try exchange.ownSession(), request: exchange.call.origin)
            return .done(status: 202)
        }
    }

    private var verify: Route {
        .door(
            .post, "/v1/email-verifications/completion", "verifyEmail", "Verify an address with the code of a letter",
            takes: "LetterCode", gives: "Done", status: 200, problems: [.linkOver, .identifierAlreadyUsed]
        ) { exchange, premises in
            try await premises.accounts.verifyEmail(code: try exchange.letterCode(), request: exchange.call.origin)
            return .done()
        }
    }

    private var askForChange: Route {
        .own(
            .post, "/v1/email-changes", "askForEmailChange",
            "Ask for a letter to another address, with which it becomes one's own",
            takes: "EmailChangeRequest", gives: "Done", status: 202,
            problems: [.credentialsWrong, .secondFactorNeeded, .tooManyTries, .transitionNotAllowed], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let (email, password) = (fields.mailAddress("email"), Password(fields.text("password", max: 128)))
            let code = fields.optionalText("code", max: 32)
            try fields.check()
            try await premises.accounts.askForEmailChange(
                to: email, password: password, code: code, in: try exchange.ownSession(), request: exchange.call.origin)
            return .done(status: 202)
        }
    }

    private var change: Route {
        .door(
            .post, "/v1/email-changes/completion", "changeEmail", "Change to the address a letter with this code was read at",
            takes: "LetterCode", gives: "Done", status: 200, problems: [.linkOver, .identifierAlreadyUsed, .transitionNotAllowed]
        ) { exchange, premises in
            try await premises.accounts.changeEmail(code: try exchange.letterCode(), request: exchange.call.origin)
            return .done()
        }
    }

    private var undo: Route {
        .door(
            .post, "/v1/email-changes/undoing", "undoEmailChange", "Take the address before back, and sign everybody out",
            takes: "LetterCode", gives: "Done", status: 200, problems: [.linkOver, .identifierAlreadyUsed]
        ) { exchange, premises in
            try await premises.accounts.undoEmailChange(code: try exchange.letterCode(), request: exchange.call.origin)
            return .done()
        }
    }
}
