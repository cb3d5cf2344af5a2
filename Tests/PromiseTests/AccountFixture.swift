import Identity
import Notation
import People
import Storage
import TestKit
import Workflows

/// A clinic with an account of the desk's and one of a patient's.
struct AccountFixture: Sendable {
    static let password = Password("correct horse battery staple")
    static let desk = "desk@clinic.example"
    static let patient = "emma@clinic.example"

    let fixture: ClinicFixture
    let accounts: Accounts

    static func open(
        _ engine: Engine, plan: ClinicPlan = ClinicPlan(), _ change: (inout AccountSettings) -> Void = { _ in },
        keyring: LiveKeyring = LiveKeyring(Keyring(secret: Array(repeating: 7, count: 32))),
        sabotage: (any Database) -> any Database = { $0 }, _ body: (AccountFixture) async throws -> Void
    ) async throws {
        try await ClinicFixture.open(engine, plan, sabotage: sabotage) { fixture in
            var settings = AccountSettings()
            settings.passwordCost = .least
            change(&settings)
            let accounts = Accounts(fixture.clinic, keyring, settings: settings)
            for (login, caller) in [("Desk@clinic.example", fixture.plan.desk()), (patient, fixture.plan.patientCaller(1))] {
                try await accounts.create(login: login, password: password, roles: [caller], by: "test", request: "test")
            }
            try await body(AccountFixture(fixture: fixture, accounts: accounts))
        }
    }

    func signIn(
        _ password: Password = password, code: String? = nil, login: String = desk, role: Role? = nil
    ) async throws -> SessionGrant {
        try await accounts.signIn(
            Credentials(login: login, password: password, role: role, code: code), request: "test")
    }

    func refresh(_ token: String, at node: Accounts? = nil) async throws -> SessionGrant {
        try await (node ?? accounts).refresh(token, request: "test")
    }
}

/// What accounts refuse; nil when they do not.
func refusal(_ body: () async throws -> some Any) async -> AccountFault? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? AccountFault }
}
