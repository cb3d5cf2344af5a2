import Identity
import Letters
import Notation
import Workflows

/// A forgotten password: a letter is asked for, and its code brings a new one.
struct PasswordResetRoutes {
    var routes: [Route] { [ask, complete] }

    private var ask: Route {
        .door(
            .post, "/v1/password-resets", "askForPasswordReset", "Ask for a letter with which to choose a new password",
            takes: "PasswordResetRequest", gives: "Done", status: 202, problems: [.tooManyTries]
        ) { exchange, premises in
            let fields = exchange.fields()
            let email = fields.mailAddress("email")
            try fields.check()
            try await premises.accounts.askForPasswordReset(of: email, request: exchange.call.origin)
            // The same whether anybody has this address or not.
            return .done(status: 202)
        }
    }

    private var complete: Route {
        .door(
            .post, "/v1/password-resets/completion", "completePasswordReset", "Choose a new password with the code of a letter",
            takes: "NewPassword", gives: "Done", status: 200, problems: [.linkOver]
        ) { exchange, premises in
            let (code, password) = try exchange.newPassword()
            try await premises.accounts.resetPassword(code: code, to: password, request: exchange.call.origin)
            return .done()
        }
    }
}

extension Exchange {
    /// The code of a letter stands in the body: what stands in an address is logged everywhere.
    func letterCode() throws -> String {
        let fields = fields()
        let code = fields.text("code", max: 128)
        try fields.check()
        return code
    }

    func newPassword() throws -> (code: String, password: Password) {
        let fields = fields()
        let (code, password) = (fields.text("code", max: 128), Password(fields.text("newPassword", max: 128)))
        try fields.check()
        return (code, password)
    }
}

extension Fields {
    /// An address a letter can be sent to.
    func mailAddress(_ name: String) -> MailAddress {
        if let text = optionalText(name, max: MailAddress.lengthMaximum) {
            if let address = MailAddress(text) { return address }
            reject(name, "must be an e-mail address, such as emma@clinic.example")
        } else if !has(name) {
            reject(name, "is missing")
        }
        return MailAddress("nobody@invalid")!
    }
}

extension Answer {
    /// It is done, and there is nothing to say about it.
    static func done(status: Int = 200) -> Answer { .json(status: status) { $0.object { _ in } } }
}
