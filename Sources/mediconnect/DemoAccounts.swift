import Foundation
import Identity
import Notation
import People
import Workflows

/// An account for each role of the demo clinic. Their password is another in each data folder, and the same at each start.
struct DemoAccounts {
    private let accounts: Accounts

    init(_ accounts: Accounts) { self.accounts = accounts }

    private static let people: [(login: String, role: Role, subject: String)] = [
        ("emma@demo.example", .patient, DemoClinic.patient), ("doctor@demo.example", .practitioner, DemoClinic.practitioner),
        ("desk@demo.example", .desk, DemoClinic.desk), ("billing@demo.example", .billing, DemoClinic.billing),
        ("privacy@demo.example", .privacy, DemoClinic.privacy), ("admin@demo.example", .admin, DemoClinic.admin),
    ]

    var password: String { accounts.derivedPassword(for: "demo") }

    /// For people, a line each.
    var list: String {
        Self.people.map { "  \($0.login.padding(toLength: 22, withPad: " ", startingAt: 0))\($0.role.rawValue)" }.joined(
            separator: "\n")
    }

    func makeMissing() async throws {
        for person in Self.people where try await accounts.account(login: person.login) == nil {
            let caller = Caller(role: person.role, subject: ID<Caller>(person.subject)!)
            try await accounts.create(
                login: person.login, password: Password(password), roles: [caller], by: Caller.clinic.principal, request: "demo"
            )
            // Nobody reads there: their letters are in the folder.
            try await accounts.vouchForEmail(login: person.login, by: Caller.clinic.principal, request: "demo")
        }
    }
}
