/// The letters an account's owner may get.
public enum LetterKind: String, Sendable, CaseIterable {
    case invitation
    case verification
    case passwordReset = "password-reset"
    /// Says that it has been done.
    case passwordChanged = "password-changed"
    /// To the address that is to become the account's.
    case emailChange = "email-change"
    /// To the address that was the account's until now; brings it back.
    case emailChanged = "email-changed"

    /// Where a letter's link leads, for a page that reads the code behind the `#`: a browser sends that to nobody, so it is in no log.
    public var path: String? {
        switch self {
        case .invitation: "/account/invitation"
        case .verification: "/account/email"
        case .passwordReset: "/account/password"
        case .passwordChanged: nil
        case .emailChange: "/account/new-email"
        case .emailChanged: "/account/old-email"
        }
    }
}
