import Notation
import Secrecy

// What accounts are known by: sealed, and found by digests.

extension Account: Sealable {
    static let table = "account"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Account {
        var copy = self
        copy.login = try exchange("login", login)
        return copy
    }
}

extension SessionRecord: Sealable {
    static let table = "session"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> SessionRecord
    {
        var copy = self
        copy.device = try device.map { try exchange("device", $0) }
        return copy
    }
}

extension AccountEmail: Sealable {
    static let table = "account_email"
    var sealedRow: [UInt8] { account.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> AccountEmail
    {
        var copy = self
        copy.address = try exchange("address", address)
        return copy
    }
}

extension LetterRecord: Sealable {
    static let table = "letter"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> LetterRecord
    {
        var copy = self
        copy.address = try address.map { try exchange("address", $0) }
        return copy
    }
}

extension ServiceRecord: Sealable {
    static let table = "service"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> ServiceRecord
    {
        var copy = self
        copy.name = try exchange("name", name)
        return copy
    }
}

extension AccountLink: Sealable {
    static let table = "account_link"
    /// An account has one link to each issuer.
    var sealedRow: [UInt8] { account.bytes + Array(issuer.utf8) }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> AccountLink {
        var copy = self
        copy.subject = try exchange("subject", subject)
        return copy
    }
}

/// What finds them. Each is unique, so each says no more than that the same one is there.
extension FieldKeys {
    func digest(ofLogin login: Personal<String>) -> [UInt8] {
        indexes.digest(of: NormalForm.login(login.revealed), table: Account.table, column: "login")
    }

    func digest(ofAddress address: Personal<String>) -> [UInt8] {
        indexes.digest(of: NormalForm.email(address.revealed), table: AccountEmail.table, column: "address")
    }

    /// To the letter, as OpenID Connect wants it. The same subject of two issuers has two.
    func digest(ofSubject subject: Personal<String>, at issuer: String) -> [UInt8] {
        indexes.digest(of: "\(issuer)\u{0}\(subject.revealed)", table: AccountLink.table, column: "subject")
    }
}
