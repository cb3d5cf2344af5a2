import Letters
import Notation
import Testing

extension Sample {
    /// The pages behind letters' links: what they show, and their forms as a browser sends them.
    static let pages: [String: Sample] = [
        "showInvitationPage": page(.invitation), "showVerificationPage": page(.verification),
        "showPasswordResetPage": page(.passwordReset), "showEmailChangePage": page(.emailChange),
        "showEmailUndoingPage": page(.emailChanged),
        "takeInvitationPage": form(.invitation, like: "acceptInvitation"),
        "takeVerificationPage": form(.verification, like: "verifyEmail"),
        "takePasswordResetPage": form(.passwordReset, like: "completePasswordReset"),
        "takeEmailChangePage": form(.emailChange, like: "changeEmail"),
        "takeEmailUndoingPage": form(.emailChanged, like: "undoEmailChange"),
    ]

    private static func page(_ kind: LetterKind) -> Sample { Sample("yyyyyyyy") { _ in .get(kind.path ?? "") } }

    /// With a code as the operation for programs takes it.
    private static func form(_ kind: LetterKind, like operation: String) -> Sample {
        Sample("yyyyyyyy") { visitor in
            let body = try JSON(parsing: try await letters[operation]!.ask(visitor).body ?? "")
            return .letterForm(kind, code: body["code"]?.string ?? "", password: body["newPassword"]?.string)
        }
    }
}

extension Ask {
    static func letterForm(_ kind: LetterKind, code: String, password: String? = nil, language: String = "en") -> Ask {
        let path = "\(kind.path ?? "")?language=\(language)"
        guard let password else { return .form(path, ["code": code]) }
        return .form(path, ["code": code, "newPassword": password])
    }
}
