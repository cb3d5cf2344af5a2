import Identity
import Letters
import Notation
import People
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// Who is invited comes in; an address is an account's when its owner has shown to read there, and a thief does not keep it.
    @Suite struct AnAddressIsItsReaders {
        private static let new = Password("four other words entirely")
        private static let (desk, thief) = (AccountFixture.desk, "thief@evil.example")

        private func withDoor(_ engine: Engine, _ body: (AccountFixture, Letterbox) async throws -> Void) async throws {
            try await AccountFixture.open(engine, { $0.freeTries = 1_000 }) { try await body($0, Letterbox()) }
        }

        // MARK: Invitations

        private func invite(
            _ door: AccountFixture, _ email: String = "new@clinic.example", as role: Role = .admin,
            language: WrittenLanguage? = nil
        ) async -> AccountFault? {
            await refusal {
                try await door.accounts.invite(
                    Invitation(email: MailAddress(email)!, role: role, language: language), by: "test", request: "test")
            }
        }

        private func accept(_ door: AccountFixture, _ code: String?, _ password: Password = new) async -> AccountFault? {
            await refusal { try await door.accounts.acceptInvitation(code: code ?? "", password: password, request: "test") }
        }

        @Test(arguments: Engine.allCases) func `who is invited chooses a password, and nobody signs in before`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                #expect(await invite(door, language: .german) == nil)
                try await door.deliver(box)
                #expect(box.letters.map(\.words.subject) == ["Ihr Konto"])
                #expect(await refusal { try await door.signIn(login: "new@clinic.example") } == .credentialsWrong)
                #expect(try await door.askForReset(box, "new@clinic.example")?.isEmpty == false && box.letters.count == 1)
                let code = box.code(to: "new@clinic.example")
                #expect(await accept(door, code, Password("short")) == .passwordUnsuitable(.tooShort))
                #expect(await accept(door, code) == nil)
                #expect(await accept(door, code) == nil)
                #expect(await accept(door, code, Password("something else altogether")) == .linkOver)
                #expect(try await door.signIn(Self.new, login: "new@clinic.example").session.caller.role == .admin)
                // The letter showed that they read there.
                #expect(try await door.askForReset(box, "new@clinic.example") != code)
            }
        }

        @Test(arguments: Engine.allCases) func `an invitation is good for seven days, and the newest is the one that counts`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door, box in
                #expect(await invite(door) == nil)
                try await door.deliver(box)
                let first = box.code(to: "new@clinic.example")
                door.fixture.clock.advance(by: .days(7))
                #expect(await accept(door, first) == .linkOver)
                #expect(await invite(door) == nil)
                try await door.deliver(box)
                let second = box.code(to: "new@clinic.example")
                #expect(await invite(door) == nil)
                try await door.deliver(box)
                let third = box.code(to: "new@clinic.example")
                #expect(await accept(door, second) == .linkOver)
                #expect(await accept(door, third) == nil)
            }
        }

        @Test(arguments: Engine.allCases) func `nobody is invited to somebody else's account`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                #expect(await invite(door, Self.desk) == .loginTaken)
                #expect(await invite(door) == nil)
                #expect(await invite(door, as: .desk) == .loginTaken)
                try await door.deliver(box)
                #expect(await accept(door, box.code(to: "new@clinic.example")) == nil)
                #expect(await invite(door) == .loginTaken)
                try await door.accounts.set(.closed, login: "new@clinic.example", by: "test", request: "test")
                #expect(await invite(door) == .loginTaken)
            }
        }

        @Test(arguments: Engine.allCases) func `of many who accept one invitation at once, one has`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                #expect(await invite(door) == nil)
                try await door.deliver(box)
                let code = box.code(to: "new@clinic.example")
                let count = await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<8 {
                        group.addTask { await accept(door, code, Password("four words and the number \(number)")) == nil }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(count == 1)
            }
        }

        // MARK: Verification

        private func verify(_ door: AccountFixture, _ code: String?) async -> AccountFault? {
            await refusal { try await door.accounts.verifyEmail(code: code ?? "", request: "test") }
        }

        @Test(arguments: Engine.allCases) func `an address is verified by who reads there, and is one account's`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                let own = try await door.signIn().session.id
                try await door.accounts.askForVerification(in: own, request: "test")
                try await door.deliver(box)
                let code = box.code(to: Self.desk)
                #expect(try await door.accounts.ownAccount(in: own).email?.verifiedAt == nil)
                for _ in 0..<2 { #expect(await verify(door, code) == nil) }
                #expect(try await door.accounts.ownAccount(in: own).email?.verifiedAt == door.fixture.clock.now)
                #expect(
                    await refusal { try await door.accounts.askForVerification(in: own, request: "test") } == .emailVerified)
                // Another account claims the same, and even asked for its letter first.
                let patient = try await door.signIn(login: AccountFixture.patient).session.id
                try await door.accounts.askForVerification(in: patient, request: "test")
                try await door.deliver(box)
                try await door.fixture.execute("UPDATE account_email SET address = '\(Self.desk)' WHERE verified_at IS NULL")
                #expect(await verify(door, box.code(to: AccountFixture.patient)) == .linkOver)
                #expect(
                    await refusal {
                        try await door.accounts.vouchForEmail(login: AccountFixture.patient, by: "test", request: "test")
                    }
                        == .emailTaken)
            }
        }

        // MARK: Change

        /// Asks for another address, as whoever is signed in with the password.
        private func ask(
            _ door: AccountFixture, _ login: String = desk, to address: String = thief,
            password: Password = AccountFixture.password
        ) async throws -> AccountFault? {
            let own = try await door.signIn(login: login).session.id
            return await refusal {
                try await door.accounts.askForEmailChange(
                    to: MailAddress(address)!, password: password, code: nil, in: own, request: "test")
            }
        }

        private func change(_ door: AccountFixture, _ code: String?) async -> AccountFault? {
            await refusal { try await door.accounts.changeEmail(code: code ?? "", request: "test") }
        }

        private func undo(_ door: AccountFixture, _ code: String?) async -> AccountFault? {
            await refusal { try await door.accounts.undoEmailChange(code: code ?? "", request: "test") }
        }

        @Test(arguments: Engine.allCases) func `a new address counts when it was read there, and the old one hears of it`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door, box in
                try await door.vouch()
                #expect(try await ask(door, password: Password("not the one")) == .credentialsWrong)
                #expect(try await ask(door) == nil)
                try await door.deliver(box)
                #expect(box.letters.map(\.to) == [MailAddress(Self.thief)])
                _ = try await door.signIn()
                for _ in 0..<2 { #expect(await change(door, box.code(to: Self.thief)) == nil) }
                try await door.deliver(box)
                #expect(box.letters.map(\.to.text.revealed) == [Self.thief, Self.desk])
                // Who signed in with the address signs in with the new one.
                _ = try await door.signIn(login: Self.thief)
                #expect(await refusal { try await door.signIn() } == .credentialsWrong)
            }
        }

        @Test(arguments: Engine.allCases) func `whoever took an account over does not keep it, whatever else they change`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door, box in
                try await door.vouch()
                #expect(try await ask(door) == nil)
                try await door.deliver(box)
                #expect(await change(door, box.code(to: Self.thief)) == nil)
                try await door.deliver(box)
                let wayBack = box.code(to: Self.desk)
                // The thief cannot change it twice, changes the password, and has a letter for another one lying about.
                #expect(try await ask(door, Self.thief, to: "other@evil.example") == .emailChangedLately)
                let session = try await door.signIn(login: Self.thief).session.id
                try await door.accounts.changePassword(
                    from: AccountFixture.password, to: Self.new, in: session, request: "test")
                let lying = try await door.askForReset(box, Self.thief)
                door.fixture.clock.advance(by: .days(6))
                let still = try await door.askForReset(box, Self.thief)
                for _ in 0..<2 { #expect(await undo(door, wayBack) == nil) }
                #expect(door.accounts.ended.has(session))
                for login in [Self.thief, Self.desk] {
                    for password in [AccountFixture.password, Self.new] {
                        #expect(await refusal { try await door.signIn(password, login: login) } == .credentialsWrong)
                    }
                }
                for code in [lying, still] {
                    #expect(
                        await refusal { try await door.accounts.resetPassword(code: code ?? "", to: Self.new, request: "test") }
                            == .linkOver)
                }
                try await door.deliver(box)
                let reset = box.code(to: Self.desk)
                #expect(reset != wayBack)
                try await door.accounts.resetPassword(
                    code: reset ?? "", to: Password("five words of the owner's own"), request: "test")
                _ = try await door.signIn(Password("five words of the owner's own"))
                // And then it may be changed again.
                door.fixture.clock.advance(by: .minutes(1))
                let own = try await door.signIn(Password("five words of the owner's own")).session.id
                try await door.accounts.askForEmailChange(
                    to: MailAddress("next@clinic.example")!, password: Password("five words of the owner's own"), code: nil,
                    in: own,
                    request: "test")
            }
        }

        @Test(arguments: Engine.allCases) func `the way back is open for seven days`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                try await door.vouch()
                #expect(try await ask(door) == nil)
                try await door.deliver(box)
                #expect(await change(door, box.code(to: Self.thief)) == nil)
                try await door.deliver(box)
                door.fixture.clock.advance(by: .days(7))
                #expect(await undo(door, box.code(to: Self.desk)) == .linkOver)
                #expect(try await ask(door, Self.thief, to: "other@clinic.example") == nil)
            }
        }

        @Test(arguments: Engine.allCases) func `an address somebody has is asked for in vain, and nobody is told`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                try await door.vouch(AccountFixture.patient)
                #expect(try await ask(door, to: AccountFixture.patient) == nil)
                try await door.deliver(box)
                #expect(box.letters.isEmpty)
                // Somebody else is faster.
                #expect(try await ask(door, to: "free@clinic.example") == nil)
                try await door.deliver(box)
                let code = box.code(to: "free@clinic.example")
                try await door.accounts.create(
                    login: "free@clinic.example", password: Self.new, roles: [door.fixture.plan.desk()], by: "test",
                    request: "test")
                try await door.vouch("free@clinic.example")
                #expect(await change(door, code) == .emailTaken)
                #expect(try await door.signIn().session.caller.role == .desk)
            }
        }

        @Test(arguments: Engine.allCases) func `a change that was asked for is off when the password is another`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                #expect(try await ask(door) == nil)
                try await door.deliver(box)
                try await door.accounts.setPassword(Self.new, login: Self.desk, by: "test", request: "test")
                #expect(await change(door, box.code(to: Self.thief)) == .linkOver)
            }
        }

        @Test(arguments: Engine.allCases) func `every step is in the audit, and names nobody's address`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                #expect(await invite(door) == nil)
                try await door.deliver(box)
                #expect(await accept(door, box.code(to: "new@clinic.example")) == nil)
                let own = try await door.signIn().session.id
                try await door.accounts.askForVerification(in: own, request: "test")
                try await door.deliver(box)
                #expect(await verify(door, box.code(to: Self.desk)) == nil)
                #expect(try await ask(door) == nil)
                try await door.deliver(box)
                #expect(await change(door, box.code(to: Self.thief)) == nil)
                try await door.deliver(box)
                #expect(await undo(door, box.code(to: Self.desk)) == nil)
                try await door.deliver(box)
                try await door.accounts.resetPassword(
                    code: box.code(to: Self.desk) ?? "", to: Self.new, request: "test")
                _ = try await door.askForReset(box)
                let records = try await door.fixture.database.read { try $0.fetch(Acts()) }
                let acts = Set(records.map { $0.split(separator: " ")[0] })
                for act in [
                    "invited", "invitation-accepted", "verification-asked", "email-verified", "email-change-asked",
                    "email-changed",
                    "email-change-undone", "password-reset", "password-reset-asked",
                ] {
                    #expect(acts.contains("account.\(act)"), "\(act)")
                }
                #expect(records.allSatisfy { !$0.contains("@") })
            }
        }

        private struct Acts: Query {
            static let sql: SQL = "SELECT act, by, reason FROM audit WHERE act LIKE 'account.%' LIMIT 1000"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String {
                "\(try columns.text(0)) \(try columns.text(1)) \(try columns.optional(2, columns.text) ?? "")"
            }
        }
    }
}
