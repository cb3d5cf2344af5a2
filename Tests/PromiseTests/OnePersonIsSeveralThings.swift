import Identity
import Notation
import People
import Scheduling
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-6: one person may be several things in a clinic, and is one of them at a time.
    @Suite struct OnePersonIsSeveralThings {
        private static let elsewhere = ID<Workplace>(high: 99, low: 99)

        @Test(arguments: Engine.allCases) func `who is several things says as which, and may change it`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let billing = Caller(role: .billing, subject: desk.fixture.plan.desk().subject)
                try await desk.accounts.grant(billing, login: AccountFixture.desk, by: "test", request: "test")
                let unsaid = await refusal { try await desk.signIn() }
                #expect(unsaid == .roleNeeded([.desk, .billing]))
                let grant = try await desk.signIn(role: .billing)
                #expect(grant.session.caller == billing)
                let changed = try await desk.accounts.act(as: .desk, in: grant.session.id, request: "test")
                #expect(changed.session.caller == desk.fixture.plan.desk() && changed.session.id == grant.session.id)
                let continued = try await desk.refresh(changed.refreshToken)
                #expect(continued.session.caller.role == .desk, "and stays so")
                let again = try await desk.accounts.act(as: .desk, in: grant.session.id, request: "again")
                #expect(again.session.caller.role == .desk)
                let other = await refusal { try await desk.accounts.act(as: .admin, in: grant.session.id, request: "test") }
                #expect(other == .roleNeeded([.desk, .billing]))
            }
        }

        @Test(arguments: Engine.allCases) func `what is taken is gone at once`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { desk in
                let (accounts, login) = (desk.accounts, AccountFixture.desk)
                let billing = Caller(role: .billing, subject: desk.fixture.plan.desk().subject)
                try await accounts.grant(billing, login: login, by: "test", request: "test")
                let grant = try await desk.signIn(role: .billing)
                try await accounts.revoke(.billing, login: login, by: "test", request: "test")
                #expect(accounts.ended.has(grant.session.id))
                let late = await refusal { try await desk.refresh(grant.refreshToken) }
                #expect(late == .sessionEnded)
                let left = try await desk.signIn()
                #expect(left.session.caller == desk.fixture.plan.desk())
                // Nobody is left with an account that is nothing.
                for role in [Role.desk, .billing] {
                    let last = await refusal { try await accounts.revoke(role, login: login, by: "test", request: "test") }
                    #expect(last == .roleMissing)
                }
                let somebodyElse = Caller(role: .desk, subject: ID(high: 5, low: 5))
                let taken = await refusal { try await accounts.grant(somebodyElse, login: login, by: "test", request: "t") }
                #expect(taken == .roleTaken)
            }
        }

        @Test(arguments: Engine.allCases) func `a session carries the places the role has now, and ends when they change`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { desk in
                let (accounts, login, caller) = (desk.accounts, AccountFixture.desk, desk.fixture.plan.desk())
                let place = desk.fixture.plan.location.of(Workplace.self)
                let everywhere = try await desk.signIn()
                try await accounts.grant(caller.working(at: [place]), login: login, by: "test", request: "test")
                #expect(accounts.ended.has(everywhere.session.id))
                let grant = try await desk.signIn()
                #expect(grant.session.caller.places == [place])
                let continued = try await desk.refresh(grant.refreshToken)
                #expect(continued.session.caller.places == [place])
                let roles = try await accounts.roles(login: login)
                #expect(roles == [caller.working(at: [place])])
                let nowhere = caller.working(at: [Self.elsewhere])
                let refused = await refusal { try await accounts.grant(nowhere, login: login, by: "test", request: "t") }
                #expect(refused == .placeUnknown)
                let unchanged = try await desk.refresh(continued.refreshToken)
                #expect(unchanged.session.caller.places == [place], "nothing was changed")
                try await accounts.grant(caller, login: login, by: "test", request: "test")
                let free = try await desk.signIn()
                #expect(free.session.caller.places.isEmpty)
            }
        }
    }
}
