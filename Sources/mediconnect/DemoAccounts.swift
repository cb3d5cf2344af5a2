import Foundation
import Identity
import Letters
import Notation
import People
import Scheduling
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

    /// Dr. Brandt is told of changes of the next two weeks, at any hour; the simulator has the telephone and the mailbox. Who has said
    /// otherwise since is left alone.
    func tellDoctor() async throws {
        guard let practitioner = ID<Resource>(DemoClinic.practitioner), let admin = ID<Caller>(DemoClinic.admin) else { return }
        var contact = StaffContact(of: practitioner)
        (contact.phone, contact.email) = (Personal("+49 30 5550101"), Personal("doctor@demo.example"))
        contact.wishes = StaffWishes(
            channels: [.created: [.sms], .confirmed: [.sms], .cancelled: [.sms, .email], .moved: [.email]], withinHours: 14 * 24)
        contact.quiet = ContactPreferences.QuietHours(from: 0, until: 0)
        let reply = try await accounts.clinic.setStaffContact(
            contact, expectedVersion: 0, call: Call(caller: Caller(role: .admin, subject: admin), requestID: "demo"),
            wording: .unheard)
        if case .refused(let refusal, _) = reply, refusal != .changedMeanwhile { throw refusal }
    }
}
