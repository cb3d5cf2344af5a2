import Identity
import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension AccountFixture {
    /// An authenticator that counts, and the recovery codes.
    fileprivate func addFactor(login: String = desk) async throws -> (secret: OneTimeSecret, codes: [RecoveryCode]) {
        let own = try await signIn(login: login).session.id
        let secret = try await accounts.proposeSecondFactor(password: Self.password, in: own, request: "test").secret
        let codes = try await accounts.confirmSecondFactor(
            code: secret.code(at: fixture.clock.now), in: own, request: "test")
        fixture.clock.advance(by: .seconds(30))
        return (secret, codes)
    }

    /// How many of so many at once are let in.
    fileprivate func admitted(_ count: Int, code: String) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<count { group.addTask { (try? await signIn(code: code)) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }
}

extension Promises {
    /// ASVS 6.5.1: what an authenticator shows lets one in, once; and without it nobody is in who should have one.
    @Suite struct ACodeIsGoodOnce {
        private func withDoor(
            _ engine: Engine, requiring roles: Set<Role> = [], sabotage: (any Database) -> any Database = { $0 },
            _ body: (AccountFixture) async throws -> Void
        ) async throws {
            try await AccountFixture.open(
                engine, { ($0.secondFactorFor, $0.freeTries) = (roles, 1_000) }, sabotage: sabotage, body)
        }

        @Test(arguments: Engine.allCases) func `with an authenticator the password alone is not enough`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let (secret, _) = try await door.addFactor()
                #expect(await refusal { try await door.signIn() } == .secondFactorNeeded)
                #expect(await refusal { try await door.signIn(code: "000000") } == .credentialsWrong)
                #expect(try await door.signIn(code: secret.code(at: door.fixture.clock.now)).mustAddSecondFactor == false)
                // A wrong password hears nothing of the code.
                let wrong = Credentials(login: AccountFixture.desk, password: Password("not the one"))
                #expect(await refusal { try await door.accounts.signIn(wrong, request: "test") } == .credentialsWrong)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who type one code at once, one is let in`(engine: Engine) async throws {
            try await withDoor(engine) { door in
                let (secret, codes) = try await door.addFactor()
                let code = secret.code(at: door.fixture.clock.now)
                #expect(await door.admitted(16, code: code) == 1)
                #expect(await refusal { try await door.signIn(code: code) } == .credentialsWrong)
                #expect(await door.admitted(16, code: codes[0].text) == 1)
                #expect(await refusal { try await door.signIn(code: codes[0].text) } == .credentialsWrong)
                #expect(await door.admitted(1, code: codes[1].text.uppercased()) == 1)
                // The code that confirmed it was used too.
                door.fixture.clock.advance(by: .seconds(30))
                #expect(await door.admitted(1, code: secret.code(at: door.fixture.clock.now)) == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `adding one ends the sessions that have not shown it`(engine: Engine) async throws
        {
            try await withDoor(engine, requiring: [.desk]) { door in
                // Somebody with the password was there first.
                let thief = try await door.signIn()
                #expect(thief.mustAddSecondFactor)
                let own = try await door.signIn()
                let secret = try await door.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own.session.id, request: "test"
                ).secret
                // Who only has the session guesses in vain.
                let now = door.fixture.clock.now
                for guess in 0..<4 {
                    let fault = await refusal {
                        try await door.accounts.confirmSecondFactor(
                            code: "00000\(guess)", in: thief.session.id, request: "test")
                    }
                    #expect(fault == .codeWrong)
                }
                _ = try await door.accounts.confirmSecondFactor(
                    code: secret.code(at: now), in: own.session.id, request: "test")
                #expect(await refusal { try await door.accounts.refresh(thief.refreshToken, request: "test") } == .sessionEnded)
                #expect(try await !door.accounts.refresh(own.refreshToken, request: "test").mustAddSecondFactor)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who confirm at once, one is given recovery codes`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let own = try await door.signIn().session.id
                let secret = try await door.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own, request: "test"
                ).secret
                let now = door.fixture.clock.now
                let given = await withTaskGroup(of: Bool.self) { group in
                    for step in 0..<8 {
                        let code = secret.code(at: now + .seconds(30 * (step % 3 - 1)))
                        group.addTask {
                            (try? await door.accounts.confirmSecondFactor(code: code, in: own, request: "test")) != nil
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(given == 1)
            }
        }

        /// Forgets which step was used last.
        private final class ForgetfulOfSteps: PassingTransaction {
            override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
                if Asked.sql.sqlite.contains("FROM second_factor") { try super.execute("UPDATE second_factor SET last_step = 0") }
                return try super.first(query)
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: a store that forgets the step lets the code in again`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine, sabotage: { TamperedDatabase($0) { ForgetfulOfSteps($0) } }) { door in
                let code = try await door.addFactor().secret.code(at: door.fixture.clock.now)
                #expect(await door.admitted(1, code: code) == 1)
                #expect(await door.admitted(1, code: code) == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `a secret that is moved to another account opens nothing there`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let mine = try await door.addFactor().secret
                _ = try await door.addFactor(login: AccountFixture.patient)
                try await door.fixture.execute(
                    """
                    UPDATE second_factor SET sealed_secret = (SELECT mine.sealed_secret FROM second_factor AS mine
                        JOIN account_role ON account_role.account_id = mine.account_id WHERE role = 'desk'), last_step = 0
                    """)
                let code = mine.code(at: door.fixture.clock.now)
                #expect((try? await door.signIn(code: code, login: AccountFixture.patient)) == nil)
                #expect((try? await door.signIn(code: code)) != nil)
            }
        }

        @Test(arguments: Engine.allCases) func `whoever should have one and has none can only add it`(engine: Engine) async throws
        {
            try await withDoor(engine, requiring: [.desk]) { door in
                #expect(try await !door.signIn(login: AccountFixture.patient).mustAddSecondFactor)
                let grant = try await door.signIn()
                #expect(grant.mustAddSecondFactor)
                #expect(try await door.accounts.refresh(grant.refreshToken, request: "test").mustAddSecondFactor)
                let (secret, _) = try await door.addFactor()
                let again = try await door.signIn(code: secret.code(at: door.fixture.clock.now))
                #expect(!again.mustAddSecondFactor)
                #expect(try await !door.accounts.refresh(again.refreshToken, request: "test").mustAddSecondFactor)
            }
        }

        @Test(arguments: Engine.allCases) func `it is taken away with both factors, or by whoever looks after the clinic`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door in
                let (secret, codes) = try await door.addFactor()
                let session = try await door.signIn(code: codes[0].text).session.id
                func remove(_ password: Password, _ code: String) async -> AccountFault? {
                    await refusal {
                        try await door.accounts.removeSecondFactor(
                            password: password, code: code, in: session, request: "test")
                    }
                }
                #expect(await remove(Password("not the one"), secret.code(at: door.fixture.clock.now)) == .credentialsWrong)
                #expect(await remove(AccountFixture.password, "000000") == .credentialsWrong)
                #expect(
                    await refusal {
                        try await door.accounts.proposeSecondFactor(
                            password: AccountFixture.password, in: session, request: "test")
                    } == .secondFactorThere)
                #expect(await remove(AccountFixture.password, secret.code(at: door.fixture.clock.now)) == nil)
                _ = try await door.signIn()
                #expect(await remove(AccountFixture.password, "000000") == .secondFactorMissing)
                // The old recovery codes went with it.
                door.fixture.clock.advance(by: .seconds(30))
                _ = try await door.addFactor()
                #expect(await refusal { try await door.signIn(code: codes[1].text) } == .credentialsWrong)
                try await door.accounts.resetSecondFactor(login: AccountFixture.desk, by: "test", request: "test")
                #expect(door.accounts.ended.has(session))
                _ = try await door.signIn()
            }
        }

        @Test(arguments: Engine.allCases) func `one that was never confirmed locks nobody out`(engine: Engine) async throws {
            try await withDoor(engine) { door in
                let own = try await door.signIn().session.id
                let first = try await door.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own, request: "test"
                )
                .secret
                _ = try await door.signIn()
                let second = try await door.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own, request: "test"
                )
                .secret
                let now = door.fixture.clock.now
                func confirm(_ code: String) async -> AccountFault? {
                    await refusal { try await door.accounts.confirmSecondFactor(code: code, in: own, request: "test") }
                }
                #expect(await confirm(first.code(at: now)) == .codeWrong)
                _ = try await door.signIn()
                #expect(await confirm(second.code(at: now)) == nil)
                #expect(await confirm(second.code(at: now + .seconds(30))) == .secondFactorMissing)
            }
        }
    }
}
