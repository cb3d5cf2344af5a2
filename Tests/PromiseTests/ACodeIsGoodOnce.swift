import Identity
import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// ASVS 6.5.1: what an authenticator shows lets one in, once; and without it nobody is in who should have one.
    @Suite struct ACodeIsGoodOnce {
        private struct Door: Sendable {
            static let password = Password("correct horse battery staple")
            static let login = "desk@clinic.example"
            let fixture: ClinicFixture
            let accounts: Accounts

            func signIn(code: String? = nil, login: String = Door.login) async throws -> SessionGrant {
                try await accounts.signIn(Credentials(login: login, password: Self.password, code: code), requestID: "test")
            }

            /// An authenticator that counts, and the recovery codes.
            func add(login: String = Door.login) async throws -> (secret: OneTimeSecret, codes: [RecoveryCode]) {
                let own = try await signIn(login: login).session.id
                let secret = try await accounts.proposeSecondFactor(password: Self.password, in: own, requestID: "test").secret
                let codes = try await accounts.confirmSecondFactor(
                    code: secret.code(at: fixture.clock.now), in: own, requestID: "test")
                fixture.clock.advance(by: .seconds(30))
                return (secret, codes)
            }

            /// How many of so many at once are let in.
            func admitted(_ count: Int, code: String) async -> Int {
                await withTaskGroup(of: Bool.self) { group in
                    for _ in 0..<count { group.addTask { (try? await signIn(code: code)) != nil } }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
            }
        }

        private func withDoor(
            _ engine: Engine, requiring roles: Set<Role> = [], sabotage: (any Database) -> any Database = { $0 },
            _ body: (Door) async throws -> Void
        ) async throws {
            try await ClinicFixture.open(engine, sabotage: sabotage) { fixture in
                var settings = AccountSettings()
                settings.passwordCost = .least
                settings.secondFactorFor = roles
                settings.freeTries = 1_000
                let accounts = Accounts(fixture.clinic, secret: Array(repeating: 7, count: 32), settings: settings)
                for (login, caller) in [
                    (Door.login, fixture.plan.desk()), ("emma@clinic.example", fixture.plan.patientCaller(1)),
                ] {
                    try await accounts.create(
                        login: login, password: Door.password, roles: [caller], by: "test", requestID: "test")
                }
                try await body(Door(fixture: fixture, accounts: accounts))
            }
        }

        private func fault(_ body: () async throws -> some Any) async -> AccountFault? {
            do {
                _ = try await body()
                return nil
            } catch { return error as? AccountFault }
        }

        @Test(arguments: Engine.allCases) func `with an authenticator the password alone is not enough`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let (secret, _) = try await door.add()
                #expect(await fault { try await door.signIn() } == .secondFactorNeeded)
                #expect(await fault { try await door.signIn(code: "000000") } == .credentialsWrong)
                #expect(try await door.signIn(code: secret.code(at: door.fixture.clock.now)).mustAddSecondFactor == false)
                // A wrong password hears nothing of the code.
                let wrong = Credentials(login: Door.login, password: Password("not the one"))
                #expect(await fault { try await door.accounts.signIn(wrong, requestID: "test") } == .credentialsWrong)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who type one code at once, one is let in`(engine: Engine) async throws {
            try await withDoor(engine) { door in
                let (secret, codes) = try await door.add()
                let code = secret.code(at: door.fixture.clock.now)
                #expect(await door.admitted(16, code: code) == 1)
                #expect(await fault { try await door.signIn(code: code) } == .credentialsWrong)
                #expect(await door.admitted(16, code: codes[0].text) == 1)
                #expect(await fault { try await door.signIn(code: codes[0].text) } == .credentialsWrong)
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
                    password: Door.password, in: own.session.id, requestID: "test"
                ).secret
                // Who only has the session guesses in vain.
                let now = door.fixture.clock.now
                for guess in 0..<4 {
                    let fault = await fault {
                        try await door.accounts.confirmSecondFactor(
                            code: "00000\(guess)", in: thief.session.id, requestID: "test")
                    }
                    #expect(fault == .codeWrong)
                }
                _ = try await door.accounts.confirmSecondFactor(
                    code: secret.code(at: now), in: own.session.id, requestID: "test")
                #expect(await fault { try await door.accounts.refresh(thief.refreshToken, requestID: "test") } == .sessionEnded)
                #expect(try await !door.accounts.refresh(own.refreshToken, requestID: "test").mustAddSecondFactor)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who confirm at once, one is given recovery codes`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let own = try await door.signIn().session.id
                let secret = try await door.accounts.proposeSecondFactor(
                    password: Door.password, in: own, requestID: "test"
                ).secret
                let now = door.fixture.clock.now
                let given = await withTaskGroup(of: Bool.self) { group in
                    for step in 0..<8 {
                        let code = secret.code(at: now + .seconds(30 * (step % 3 - 1)))
                        group.addTask {
                            (try? await door.accounts.confirmSecondFactor(code: code, in: own, requestID: "test")) != nil
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
                let code = try await door.add().secret.code(at: door.fixture.clock.now)
                #expect(await door.admitted(1, code: code) == 1)
                #expect(await door.admitted(1, code: code) == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `a secret that is moved to another account opens nothing there`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door in
                let mine = try await door.add().secret
                _ = try await door.add(login: "emma@clinic.example")
                try await door.fixture.execute(
                    """
                    UPDATE second_factor SET sealed_secret = (SELECT mine.sealed_secret FROM second_factor AS mine
                        JOIN account ON account.id = mine.account_id WHERE login = '\(Door.login)'), last_step = 0
                    """)
                let code = mine.code(at: door.fixture.clock.now)
                #expect((try? await door.signIn(code: code, login: "emma@clinic.example")) == nil)
                #expect((try? await door.signIn(code: code)) != nil)
            }
        }

        @Test(arguments: Engine.allCases) func `whoever should have one and has none can only add it`(engine: Engine) async throws
        {
            try await withDoor(engine, requiring: [.desk]) { door in
                #expect(try await !door.signIn(login: "emma@clinic.example").mustAddSecondFactor)
                let grant = try await door.signIn()
                #expect(grant.mustAddSecondFactor)
                #expect(try await door.accounts.refresh(grant.refreshToken, requestID: "test").mustAddSecondFactor)
                let (secret, _) = try await door.add()
                let again = try await door.signIn(code: secret.code(at: door.fixture.clock.now))
                #expect(!again.mustAddSecondFactor)
                #expect(try await !door.accounts.refresh(again.refreshToken, requestID: "test").mustAddSecondFactor)
            }
        }

        @Test(arguments: Engine.allCases) func `it is taken away with both factors, or by whoever looks after the clinic`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door in
                let (secret, codes) = try await door.add()
                let session = try await door.signIn(code: codes[0].text).session.id
                func remove(_ password: Password, _ code: String) async -> AccountFault? {
                    await fault {
                        try await door.accounts.removeSecondFactor(
                            password: password, code: code, in: session, requestID: "test")
                    }
                }
                #expect(await remove(Password("not the one"), secret.code(at: door.fixture.clock.now)) == .credentialsWrong)
                #expect(await remove(Door.password, "000000") == .credentialsWrong)
                #expect(
                    await fault {
                        try await door.accounts.proposeSecondFactor(password: Door.password, in: session, requestID: "test")
                    } == .secondFactorThere)
                #expect(await remove(Door.password, secret.code(at: door.fixture.clock.now)) == nil)
                _ = try await door.signIn()
                #expect(await remove(Door.password, "000000") == .secondFactorMissing)
                // The old recovery codes went with it.
                door.fixture.clock.advance(by: .seconds(30))
                _ = try await door.add()
                #expect(await fault { try await door.signIn(code: codes[1].text) } == .credentialsWrong)
                try await door.accounts.resetSecondFactor(login: Door.login, by: "test", requestID: "test")
                #expect(door.accounts.ended.has(session))
                _ = try await door.signIn()
            }
        }

        @Test(arguments: Engine.allCases) func `one that was never confirmed locks nobody out`(engine: Engine) async throws {
            try await withDoor(engine) { door in
                let own = try await door.signIn().session.id
                let first = try await door.accounts.proposeSecondFactor(password: Door.password, in: own, requestID: "test")
                    .secret
                _ = try await door.signIn()
                let second = try await door.accounts.proposeSecondFactor(password: Door.password, in: own, requestID: "test")
                    .secret
                let now = door.fixture.clock.now
                func confirm(_ code: String) async -> AccountFault? {
                    await fault { try await door.accounts.confirmSecondFactor(code: code, in: own, requestID: "test") }
                }
                #expect(await confirm(first.code(at: now)) == .codeWrong)
                _ = try await door.signIn()
                #expect(await confirm(second.code(at: now)) == nil)
                #expect(await confirm(second.code(at: now + .seconds(30))) == .secondFactorMissing)
            }
        }
    }
}
