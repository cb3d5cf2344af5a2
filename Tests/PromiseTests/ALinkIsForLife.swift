import Identity
import Notation
import People
import Storage
import TestKit
import Testing
import Workflows

extension AccountFixture {
    /// Comes in by a provider's word.
    fileprivate func enter(
        _ subject: String, email: String? = desk, roles: Set<Role> = [.desk], issuer: String = "https://login.example",
        factors: Int = 2
    ) async throws -> SessionGrant {
        try await accounts.signIn(
            ForeignIdentity(
                issuer: issuer, subject: subject, linkingEmail: email.map { Personal($0) }, roles: roles,
                hasSecondFactor: factors == 2),
            request: "test")
    }
}

extension Promises {
    /// HB-6: a provider's word opens the account it is linked to, and no other.
    @Suite struct ALinkIsForLife {
        @Test(arguments: Engine.allCases) func `who was linked by their address is known by their subject from then on`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { desk in
                let first = try await desk.enter("4711")
                #expect(first.session.caller == desk.fixture.plan.desk() && !first.mustAddSecondFactor)
                // Their address has changed, or is not said.
                #expect(try await desk.enter("4711", email: nil).session.caller == first.session.caller)
                // Somebody else has been given it.
                #expect(await refusal { try await desk.enter("4712") } == .identityRefused)
                // Another provider is another word.
                #expect(
                    await refusal { try await desk.enter("4711", email: nil, issuer: "https://evil.example") } == .identityRefused
                )
                // A session goes on as any other, and asks for no factor the provider has seen.
                #expect(try await !desk.refresh(first.refreshToken).mustAddSecondFactor)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who come at once for one account, one subject is linked`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let entered = await withTaskGroup(of: String?.self) { group in
                    for number in 0..<16 {
                        group.addTask { (try? await desk.enter("subject-\(number % 4)")) == nil ? nil : "subject-\(number % 4)" }
                    }
                    return await group.reduce(into: Set<String>()) { if let one = $1 { $0.insert(one) } }
                }
                #expect(entered.count == 1, "\(entered)")
            }
        }

        @Test(arguments: Engine.allCases) func `it opens no more than the account is, and nothing while it is locked`(
            engine: Engine
        )
            async throws
        {
            try await AccountFixture.open(engine, { $0.secondFactorFor = [.desk] }) { desk in
                for roles in [[], [.admin], [.patient, .practitioner]] as [Set<Role>] {
                    #expect(await refusal { try await desk.enter("4711", roles: roles) } == .identityRefused)
                }
                // Patients come in with their password alone.
                let emma = AccountFixture.patient
                #expect(await refusal { try await desk.enter("1", email: emma, roles: Set(Role.allCases)) } == .identityRefused)
                #expect(await refusal { try await desk.enter("2", email: "nobody@clinic.example") } == .identityRefused)
                #expect(await refusal { try await desk.enter("4711", factors: 1) } == .secondFactorNeeded)
                let grant = try await desk.enter("4711")
                #expect(try await !desk.refresh(grant.refreshToken).mustAddSecondFactor)
                try await desk.accounts.set(.locked, login: AccountFixture.desk, by: "test", request: "test")
                #expect(desk.accounts.ended.has(grant.session.id))
                #expect(await refusal { try await desk.enter("4711") } == .identityRefused)
            }
        }

        @Test(arguments: Engine.allCases) func `it is made and taken by whoever looks after accounts`(engine: Engine) async throws
        {
            try await AccountFixture.open(engine) { desk in
                func link(_ login: String, _ subject: String) async -> AccountFault? {
                    await refusal {
                        try await desk.accounts.link(
                            login: login, issuer: "https://login.example", subject: subject, by: "test", request: "test")
                    }
                }
                #expect(await link("nobody@clinic.example", "4711") == .accountUnknown)
                #expect(await link(AccountFixture.desk, "4711") == nil)
                #expect(await link(AccountFixture.desk, "4712") == .linkTaken, "one subject of a provider")
                #expect(await link(AccountFixture.patient, "4711") == .linkTaken, "of one account")
                let grant = try await desk.enter("4711", email: nil)
                try await desk.accounts.unlink(login: AccountFixture.desk, by: "test", request: "test")
                #expect(desk.accounts.ended.has(grant.session.id))
                #expect(await refusal { try await desk.enter("4711", email: nil) } == .identityRefused)
            }
        }

        /// Forgets whom a provider meant when it looks who is linked.
        private final class ForgetfulOfLinks: PassingTransaction {
            override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
                if Asked.sql.sqlite.contains("FROM account_link WHERE account_id") {
                    try super.execute("DELETE FROM account_link")
                }
                return try super.first(query)
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: a store that forgets links gives the account away`(
            engine: Engine
        )
            async throws
        {
            try await AccountFixture.open(engine, sabotage: { TamperedDatabase($0) { ForgetfulOfLinks($0) } }) { desk in
                _ = try await desk.enter("4711")
                #expect(try await desk.enter("4712").session.caller == desk.fixture.plan.desk())
            }
        }
    }
}
