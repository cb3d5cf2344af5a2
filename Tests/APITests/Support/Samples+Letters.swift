import Identity
import Letters
import Notation
import People
import Testing
import Workflows

extension Sample {
    /// What letters are asked for and used with. Each is about an account of its own, but for what is the caller's own.
    static let letters: [String: Sample] = [
        "askForPasswordReset": Sample("yyyyyyyy") { _ in .post("/v1/password-resets", #"{"email":"nobody@clinic.example"}"#) },
        "completePasswordReset": Sample("yyyyyyyy") { visitor in
            .post(
                "/v1/password-resets/completion",
                Known.newPassword(try await visitor.resetCode(for: try await visitor.newcomer())))
        },
        "invite": Sample("nnnnyynn") { visitor in
            .post(
                "/v1/accounts/invitations",
                #"{"email":"\#(visitor.house.newKey())@newcomers.example","role":"patient","subject":"\#(Known.lina)"}"#)
        },
        "acceptInvitation": Sample("yyyyyyyy") { visitor in
            let address = "\(visitor.house.newKey())@newcomers.example"
            let asked = #"{"email":"\#(address)","role":"patient","subject":"\#(Known.lina)"}"#
            _ = try await visitor.send(.post("/v1/accounts/invitations", asked))
            return .post("/v1/accounts/invitations/acceptance", Known.newPassword(try await visitor.code(to: address)))
        },
        "readAccount": Sample("yyyyyyyy") { _ in .get("/v1/account") },
        "askForEmailVerification": Sample("yyyyyyyy") { _ in .post("/v1/email-verifications", "{}") },
        "verifyEmail": Sample("yyyyyyyy") { visitor in
            let newcomer = try await visitor.signedInNewcomer(isVouchedFor: false)
            _ = try await visitor.send(.post("/v1/email-verifications", "{}"), by: nil, headers: newcomer.headers)
            return .post("/v1/email-verifications/completion", #"{"code":"\#(try await visitor.code(to: newcomer.address))"}"#)
        },
        "askForEmailChange": Sample("yyyyyyyy") { visitor in
            .post(
                "/v1/email-changes",
                #"{"email":"\#(visitor.house.newKey())@newcomers.example","password":"\#(Known.passwordText)"}"#)
        },
        "changeEmail": Sample("yyyyyyyy") { visitor in
            let newcomer = try await visitor.signedInNewcomer()
            return .post("/v1/email-changes/completion", #"{"code":"\#(try await visitor.changeCode(for: newcomer))"}"#)
        },
        "undoEmailChange": Sample("yyyyyyyy") { visitor in
            let newcomer = try await visitor.signedInNewcomer()
            let code = try await visitor.changeCode(for: newcomer)
            _ = try await visitor.send(.post("/v1/email-changes/completion", #"{"code":"\#(code)"}"#), by: nil)
            return .post("/v1/email-changes/undoing", #"{"code":"\#(try await visitor.code(to: newcomer.address))"}"#)
        },
    ]
}

/// Somebody who has just come.
struct Newcomer {
    let address: String
    let headers: [String: String]
}

extension Visitor {
    /// Somebody with an account and an address nobody else has.
    func newcomer(isVouchedFor: Bool = true) async throws -> String {
        let address = "\(house.newKey())@newcomers.example"
        let caller = Caller(role: .patient, subject: ID(Known.lina)!)
        try await house.accounts.create(login: address, password: Known.password, roles: [caller], by: "test", request: "test")
        if isVouchedFor { try await house.accounts.vouchForEmail(login: address, by: "test", request: "test") }
        return address
    }

    func signedInNewcomer(isVouchedFor: Bool = true) async throws -> Newcomer {
        let address = try await newcomer(isVouchedFor: isVouchedFor)
        let grant = try await send(
            .post("/v1/sessions", #"{"login":"\#(address)","password":"\#(Known.passwordText)"}"#), by: nil)
        return Newcomer(address: address, headers: ["Authorization": "Bearer \(grant["accessToken"]?.string ?? "")"])
    }

    /// What the newest letter to an address says, once everything due is delivered.
    func code(to address: String) async throws -> String {
        try await house.deliver()
        return house.letters.code(to: address) ?? ""
    }

    func resetCode(for address: String) async throws -> String {
        _ = try await send(.post("/v1/password-resets", #"{"email":"\#(address)"}"#), by: nil)
        return try await code(to: address)
    }

    func changeCode(for newcomer: Newcomer) async throws -> String {
        let next = "next-\(newcomer.address)"
        _ = try await send(
            .post("/v1/email-changes", #"{"email":"\#(next)","password":"\#(Known.passwordText)"}"#), by: nil,
            headers: newcomer.headers)
        return try await code(to: next)
    }
}

extension Known {
    static func newPassword(_ code: String) -> String { #"{"code":"\#(code)","newPassword":"four other words entirely"}"# }
}
