import Identity
import Letters
import Notation
import Outbox
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// What an account's owner is written does what it is for once, for them and for nobody else (MA-9), however often it is carried.
    @Suite struct ALetterIsGoodOnce {
        private static let new = Password("four other words entirely")

        private func withDoor(
            _ engine: Engine, freeTries: Int = 1_000, sabotage: (any Database) -> any Database = { $0 },
            _ body: (AccountFixture, Letterbox) async throws -> Void
        ) async throws {
            try await AccountFixture.open(engine, { $0.freeTries = freeTries }, sabotage: sabotage) { door in
                try await door.vouch()
                try await body(door, Letterbox())
            }
        }

        private func reset(_ door: AccountFixture, _ code: String, to password: Password = new) async -> AccountFault? {
            await refusal { try await door.accounts.resetPassword(code: code, to: password, request: "test") }
        }

        @Test(arguments: Engine.allCases) func `a reset brings a new password, ends every session, and says so`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                let session = try await door.signIn()
                let code = try #require(try await door.askForReset(box))
                #expect(await reset(door, code) == nil)
                #expect(await refusal { try await door.signIn() } == .credentialsWrong)
                #expect(door.accounts.ended.has(session.session.id))
                _ = try await door.signIn(Self.new)
                try await door.deliver(box)
                #expect(box.letters.map(\.words.subject) == ["A new password", "Your password has been changed"])
                #expect(box.letters.allSatisfy { $0.to == MailAddress(AccountFixture.desk) })
            }
        }

        @Test(arguments: Engine.allCases) func `of many who use one code at once, one has`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                let code = try #require(try await door.askForReset(box))
                #expect(await used(door, code) == 1)
            }
        }

        /// How many of eight, each with a password of their own, are told that it is theirs.
        private func used(_ door: AccountFixture, _ code: String) async -> Int {
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    group.addTask { await reset(door, code, to: Password("four words and the number \(number)")) == nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
        }

        /// Forgets that a letter was used, and that the account has changed.
        private final class ForgetfulOfLetters: PassingTransaction {
            override func run<Asked: Command>(_ command: Asked) throws -> Int {
                if Asked.sql.sqlite.hasPrefix("UPDATE letter SET used_at") { return 1 }
                if Asked.sql.sqlite.hasPrefix("UPDATE account SET password_hash") { return 1 }
                return try super.run(command)
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: a store that forgets lets everybody in`(engine: Engine)
            async throws
        {
            try await withDoor(engine, sabotage: { TamperedDatabase($0) { ForgetfulOfLetters($0) } }) { door, box in
                let code = try #require(try await door.askForReset(box))
                #expect(await used(door, code) == 8)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a lost answer may be asked for again, with the same password and for some minutes`(
            engine: Engine
        ) async throws {
            try await withDoor(engine) { door, box in
                let code = try #require(try await door.askForReset(box))
                #expect(await reset(door, code) == nil)
                let session = try await door.signIn(Self.new)
                #expect(await reset(door, code) == nil)
                // It was done before: nobody who signed in since is signed out, and nobody is told a second time.
                #expect(!door.accounts.ended.has(session.session.id))
                #expect(await reset(door, code, to: Password("something else altogether")) == .linkOver)
                door.fixture.clock.advance(by: .minutes(5))
                #expect(await reset(door, code) == .linkOver)
                try await door.deliver(box)
                #expect(box.letters.count == 2)
            }
        }

        @Test(arguments: Engine.allCases) func `is over after ten minutes, and when the password is another by then`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door, box in
                let late = try #require(try await door.askForReset(box))
                door.fixture.clock.advance(by: .minutes(10))
                #expect(await reset(door, late) == .linkOver)
                let first = try #require(try await door.askForReset(box))
                let second = try #require(try await door.askForReset(box))
                #expect(first != second)
                #expect(await reset(door, second) == nil)
                #expect(await reset(door, first, to: Password("something else altogether")) == .linkOver)
                let third = try #require(try await door.askForReset(box))
                try await door.accounts.setPassword(
                    AccountFixture.password, login: AccountFixture.desk, by: "test", request: "test")
                #expect(await reset(door, third) == .linkOver)
                let fourth = try #require(try await door.askForReset(box))
                try await door.accounts.set(.locked, login: AccountFixture.desk, by: "test", request: "test")
                #expect(await reset(door, fourth) == .linkOver)
            }
        }

        @Test(arguments: Engine.allCases) func `keeps the second factor`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                let own = try await door.signIn().session.id
                let secret = try await door.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own, request: "test"
                ).secret
                _ = try await door.accounts.confirmSecondFactor(
                    code: secret.code(at: door.fixture.clock.now), in: own, request: "test")
                door.fixture.clock.advance(by: .seconds(30))
                let code = try #require(try await door.askForReset(box))
                #expect(await reset(door, code) == nil)
                #expect(await refusal { try await door.signIn(Self.new) } == .secondFactorNeeded)
                _ = try await door.signIn(Self.new, code: secret.code(at: door.fixture.clock.now))
            }
        }

        @Test(arguments: Engine.allCases) func `a code nobody was sent opens nothing, nor does one for something else`(
            engine: Engine
        )
            async throws
        {
            try await withDoor(engine) { door, box in
                let code = try #require(try await door.askForReset(box))
                let letter = ID<AccountLetter>(box.letters[0].name)!
                let forged = LetterCode(letter: letter).text(sealedWith: LetterKey(secret: Array(repeating: 8, count: 32)))
                for wrong in [forged, code.dropLast() + "x", code.uppercased(), "mcl_", "", code + "0"].map({ String($0) })
                where wrong != code {
                    #expect(await reset(door, wrong) == .linkOver)
                }
                try await door.fixture.execute("UPDATE letter SET kind = 'verification'")
                #expect(await reset(door, code) == .linkOver)
            }
        }

        @Test(arguments: Engine.allCases) func `for an address nobody has as much is done as for one somebody has`(engine: Engine)
            async throws
        {
            try await withDoor(engine, freeTries: 3) { door, box in
                // Nobody's, one that is somebody's login and was never verified, one of a locked account.
                try await door.vouch(AccountFixture.patient)
                try await door.accounts.set(.locked, login: AccountFixture.patient, by: "test", request: "test")
                for address in ["nobody@clinic.example", AccountFixture.patient] {
                    let before = try await queued(door)
                    #expect(try await door.askForReset(box, address) == nil)
                    try await door.accounts.askForPasswordReset(of: MailAddress(address)!, request: "test")
                    #expect(try await queued(door) == before + 1)
                    try await door.deliver(box)
                }
                #expect(box.letters.isEmpty)
                // And both have to wait alike.
                for address in ["else@clinic.example", AccountFixture.desk] {
                    func ask() async -> AccountFault? {
                        await refusal {
                            try await door.accounts.askForPasswordReset(of: MailAddress(address)!, request: "test")
                        }
                    }
                    for _ in 0..<3 { #expect(await ask() == nil) }
                    #expect(await ask() == .tooManyTries(seconds: 1))
                }
            }
        }

        private func queued(_ door: AccountFixture) async throws -> Int {
            try await door.fixture.database.read { try $0.fetch(Waiting()).count }
        }

        private struct Waiting: Query {
            static let sql: SQL = "SELECT topic FROM outbox WHERE state = 'ready'"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        @Test(arguments: Engine.allCases) func `whoever asks on fills nobody's mailbox`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                for _ in 0..<20 { _ = try await door.askForReset(box) }
                #expect(box.letters.count == 5)
                door.fixture.clock.advance(by: .hours(1))
                _ = try await door.askForReset(box)
                #expect(box.letters.count == 6)
            }
        }

        @Test(arguments: Engine.allCases) func `neither the queue nor the table of letters opens anything or names anybody`(
            engine: Engine
        ) async throws {
            try await withDoor(engine) { door, box in
                let code = try #require(try await door.askForReset(box))
                let contents = try await door.fixture.database.read { transaction in
                    try transaction.fetch(Everything()).joined(separator: "\n")
                }
                #expect(contents.contains("account.letter") && contents.contains(box.letters[0].name))
                #expect(!contents.contains("@") && !contents.contains("mcl_") && !contents.contains(code.suffix(32)))
            }
        }

        private struct Everything: Query {
            static let sql = SQL(
                sqlite:
                    "SELECT topic || payload FROM outbox UNION ALL SELECT kind || hex(likeness) || coalesce(address, '') FROM letter",
                postgres:
                    "SELECT topic || payload::text FROM outbox UNION ALL SELECT kind || encode(likeness, 'hex') || coalesce(address, '') FROM letter"
            )
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        // MARK: Carrying

        /// Dies when it is about to write down how a delivery ended.
        private final class Dying: PassingTransaction {
            override func run<Asked: Command>(_ command: Asked) throws -> Int {
                if Asked.self == Settle.self { throw StorageFault.connectionLost("killed") }
                return try super.run(command)
            }
        }

        @Test(arguments: Engine.allCases) func `a worker killed after the letter was handed over sends the same letter again`(
            engine: Engine
        ) async throws {
            try await withDoor(engine) { door, box in
                try await door.accounts.askForPasswordReset(of: MailAddress(AccountFixture.desk)!, request: "test")
                let dying = try door.worker(box, at: TamperedDatabase(door.fixture.database) { Dying($0) })
                while (try? await dying.step()).map({ $0 > 0 }) ?? false {}
                #expect(box.letters.count == 1)
                let other = try door.worker(box, named: "other")
                #expect(try await other.step() == 0)
                door.fixture.clock.advance(by: .seconds(61))
                #expect(try await other.rescueLeases() == 1)
                while try await other.step() > 0 {}
                #expect(box.letters.count == 2 && box.seen.count == 1)
                #expect(Set(box.letters.map(\.message)).count == 1)
                #expect(await reset(door, box.code(to: AccountFixture.desk) ?? "") == nil)
            }
        }

        @Test(arguments: Engine.allCases) func `many workers carry each letter once`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                for _ in 0..<5 {
                    try await door.accounts.askForPasswordReset(of: MailAddress(AccountFixture.desk)!, request: "test")
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8 {
                        let worker = try door.worker(box, named: "worker-\(number)")
                        group.addTask { for _ in 0..<20 { _ = try await worker.step() } }
                    }
                    try await group.waitForAll()
                }
                #expect(box.letters.count == 5 && box.seen.count == 5)
            }
        }

        @Test(arguments: Engine.allCases) func `what the mail server says decides: again, later, or never`(engine: Engine)
            async throws
        {
            try await withDoor(engine) { door, box in
                box.answer(
                    .unknown(reason: "silence"), .later(after: nil, reason: "busy"),
                    .later(after: .minutes(1), reason: "greylisted"))
                _ = try await door.askForReset(box)
                #expect(box.letters.count == 1)
                // Left in peace for two of its ten minutes, then as the receiver wants it.
                door.fixture.clock.advance(by: .minutes(1))
                try await door.deliver(box)
                #expect(box.letters.count == 1)
                for count in 2...4 {
                    door.fixture.clock.advance(by: .minutes(1))
                    try await door.deliver(box)
                    #expect(box.letters.count == count && box.seen.count == 1)
                }
                box.answer(.never(reason: "the mail server said 550 to RCPT"))
                _ = try await door.askForReset(box)
                let dead = try await door.fixture.database.read { try $0.fetch(DeadLetters()) }
                #expect(
                    dead.map(\.lastError) == ["the mail server said 550 to RCPT"] && dead.map(\.topic) == [AccountTopic.letter])
            }
        }

        @Test(arguments: Engine.allCases) func `one that came too late is not sent at all`(engine: Engine) async throws {
            try await withDoor(engine) { door, box in
                box.answer(.later(after: .minutes(1), reason: "greylisted"))
                _ = try await door.askForReset(box)
                let code = try #require(try await door.askForReset(box))
                #expect(await reset(door, code) == nil)
                door.fixture.clock.advance(by: .minutes(1))
                try await door.deliver(box)
                // The first would open nothing any more.
                #expect(box.seen.count == 3 && box.letters.count == 3)
            }
        }
    }
}
