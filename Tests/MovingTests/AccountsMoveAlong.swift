import Identity
import Moving
import Notation
import People
import Storage
import TestKit
import Testing
import Workflows

/// What people sign in with is sealed with keys that lie in the database: they move along, and the master key is the same.
@Suite(.serialized)
struct AccountsMoveAlong {
    private static let password = Password("correct horse battery staple")
    private static let login = "zo\u{EB}@clinic.example"

    private static func accounts(_ clinic: Clinic) -> Accounts {
        var settings = AccountSettings()
        settings.passwordCost = .least
        return Accounts(clinic, secret: Array(repeating: 7, count: 32), settings: settings)
    }

    private static func refusal(_ body: () async throws -> Void) async -> AccountFault? {
        do {
            try await body()
            return nil
        } catch { return error as? AccountFault }
    }

    @Test(arguments: Route.all)
    func `whoever signs in here signs in there, and nobody gets their login`(_ route: Route) async throws {
        try await ClinicFixture.open(route.from) { fixture in
            let here = Self.accounts(fixture.clinic)
            try await here.create(
                login: Self.login, password: Self.password, roles: [fixture.plan.desk()], by: "test", request: "test")
            try await here.link(
                login: Self.login, issuer: "https://login.example", subject: "4711", by: "test", request: "test")
            let session = try await here.signIn(
                Credentials(login: Self.login, password: Self.password, device: "front desk"), request: "test")
            try await route.withTarget { target in
                _ = try await Move(from: fixture.database, called: "a", to: target, called: "b", .small()).run { _ in }
                let clinic = Clinic(database: target, surroundings: fixture.surroundings, master: TestKeys.master)
                let there = Self.accounts(clinic)
                // It was begun before the move, and goes on after it.
                let grant = try await there.refresh(session.refreshToken, request: "test")
                #expect(grant.session.device?.revealed == "front desk")
                _ = try await there.signIn(
                    Credentials(login: "ZOE\u{308}@Clinic.example", password: Self.password), request: "test")
                let identity = ForeignIdentity(
                    issuer: "https://login.example", subject: "4711", linkingEmail: nil, roles: [.desk], hasSecondFactor: true)
                _ = try await there.signIn(identity, request: "test")
                let taken = await Self.refusal {
                    try await there.create(
                        login: Self.login, password: Self.password, roles: [fixture.plan.desk()], by: "test", request: "test")
                }
                #expect(taken == .loginTaken)
                #expect(Set(try await clinic.sealedFields().keys) == [1])
            }
        }
    }
}
