import Identity
import Letters
import Notation
import People
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MA-9, HB-6: what somebody signs in with is sealed, and still theirs alone, however it is typed.
    @Suite struct ALoginIsOnePersons {
        /// The same to whoever types them: capitals, an accent put together or set on top, full width.
        private static let spellings = [
            "zo\u{EB}@clinic", "Zoe\u{308}@Clinic", "ZO\u{CB}@CLINIC", "\u{FF5A}\u{FF4F}\u{EB}@clinic",
        ]

        private static func create(_ door: AccountFixture, _ login: String, at node: Accounts? = nil) async -> AccountFault? {
            await refusal {
                try await (node ?? door.accounts).create(
                    login: login, password: AccountFixture.password, roles: [door.fixture.plan.desk(3)], by: "test",
                    request: "test")
            }
        }

        private static func anotherNode(_ door: AccountFixture) async throws -> Accounts {
            Accounts(
                try await door.fixture.anotherClinic(), secret: Array(repeating: 7, count: 32), settings: door.accounts.settings)
        }

        /// As an earlier version has left an account.
        private static func unseal(_ door: AccountFixture, _ login: String, as plain: String? = nil, _ engine: Engine)
            async throws
        {
            let id = engine.typed(try #require(try await door.accounts.account(login: login)).id)
            try await door.fixture.execute(
                "UPDATE account SET login = '\(plain ?? login)', login_index = NULL WHERE id = \(id)")
            try await door.fixture.execute(
                "UPDATE account_email SET address = '\(plain ?? login)', address_index = NULL WHERE account_id = \(id)")
            try await door.fixture.execute("DELETE FROM key_walk")
        }

        @Test(arguments: Engine.allCases) func `is given to one of many who ask for it at once, on any node and in any spelling`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { door in
                let other = try await Self.anotherNode(door)
                let outcomes = await withTaskGroup(of: AccountFault?.self) { group in
                    for number in 0..<8 {
                        let node = number % 2 == 0 ? door.accounts : other
                        group.addTask { await Self.create(door, Self.spellings[number % 4], at: node) }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.filter { $0 == nil }.count == 1 && outcomes.filter { $0 == .loginTaken }.count == 7)
                for spelling in Self.spellings { _ = try await door.signIn(login: spelling) }
                #expect(await refusal { try await door.signIn(login: "zoe@clinic") } == .credentialsWrong)
            }
        }

        /// Keeps the look for others, and the constraint, out of it.
        private final class Lenient: PassingTransaction {
            override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
                Asked.sql.sqlite.contains("account WHERE login_index") ? nil : try super.first(query)
            }
            override func run<Asked: Command>(_ command: Asked) throws -> Int {
                let changed = try super.run(command)
                if Asked.sql.sqlite.contains("INTO account (") { try super.execute("UPDATE account SET login_index = NULL") }
                return changed
            }
        }

        @Test(arguments: Engine.allCases) func `would be two persons': with no digest to be unique by, a second one gets it`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine, sabotage: { TamperedDatabase($0) { Lenient($0) } }) { door in
                #expect(await Self.create(door, Self.spellings[0]) == nil)
                #expect(await Self.create(door, Self.spellings[1]) == nil)
            }
        }

        @Test(arguments: Engine.allCases) func `is guessed at with the same few tries in every spelling`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { door in
                #expect(await Self.create(door, Self.spellings[0]) == nil)
                var refused: [AccountFault?] = []
                for number in 0..<8 {
                    refused.append(
                        await refusal {
                            try await door.signIn(Password("not the right one"), login: Self.spellings[number % 4])
                        })
                }
                #expect(refused.prefix(5).allSatisfy { $0 == .credentialsWrong })
                #expect(refused.dropFirst(5).allSatisfy { if case .tooManyTries = $0 { true } else { false } }, "\(refused)")
            }
        }

        @Test(arguments: Engine.allCases)
        func `of an earlier version signs in, and is nobody else's, before it is sealed and after`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { door in
                let (login, box) = (AccountFixture.desk, Letterbox())
                try await door.vouch()
                try await Self.unseal(door, login, engine)
                #expect(try await door.fixture.clinic.sealedFields()[0] == 2)
                for round in 0..<2 {
                    let own = try await door.signIn(login: "Desk@Clinic.example").session.id
                    #expect(try await door.accounts.ownAccount(in: own).email?.address.revealed == login)
                    #expect(await Self.create(door, "DESK@clinic.example") == .loginTaken)
                    let invitation = Invitation(email: MailAddress(login)!, role: .desk)
                    #expect(
                        await refusal { try await door.accounts.invite(invitation, by: "test", request: "test") } == .loginTaken)
                    #expect(try await door.askForReset(box) != nil, "round \(round)")
                    // Its address is taken too.
                    let patient = try await door.signIn(login: AccountFixture.patient).session.id
                    try await door.accounts.askForEmailChange(
                        to: MailAddress(login)!, password: AccountFixture.password, code: nil, in: patient, request: "test")
                    try await door.deliver(box)
                    #expect(box.letters.count == round + 1, "nobody is written to for it")
                    try await door.fixture.clinic.sealAnew()
                    let fields = try await door.fixture.clinic.sealedFields()
                    #expect(fields[0] == nil, "\(fields)")
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `is not found any more where it was only typed like an earlier one, and that is on record`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { door in
                for login in ["first@clinic", "second@clinic"] { #expect(await Self.create(door, login) == nil) }
                try await Self.unseal(door, "first@clinic", as: "zo\u{EB}@clinic", engine)
                try await Self.unseal(door, "second@clinic", as: "zoe\u{308}@clinic", engine)
                try await door.fixture.clinic.sealAnew()
                let first = try #require(try await door.accounts.account(login: Self.spellings[2]))
                let all = try await door.accounts.accounts().map(\.account)
                let records = try await door.fixture.database.read { try $0.fetch(Shared()) }
                let second = try #require(all.last { $0.id != first.id })
                #expect(records == [second.id.of()] && all.count == 4)
            }
        }

        private struct Shared: Query {
            static let sql: SQL = "SELECT subject_id FROM audit WHERE act = 'account.login-shared'"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> ID<Account> { try columns.id(0) }
        }

        @Test(arguments: Engine.allCases)
        func `and a provider's word for it, an address, a device and a service's name are sealed late`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { door in
                try await door.accounts.link(
                    login: AccountFixture.desk, issuer: "https://login.example", subject: "4711", by: "test", request: "test")
                _ = try await door.accounts.createService(
                    name: "Laboratory", scopes: [Scope(.appointment, [.read])], by: door.fixture.plan.admin(), request: "test")
                try await door.fixture.execute("UPDATE account_link SET subject = '4711', subject_index = NULL")
                try await door.fixture.execute("UPDATE service SET name = 'Laboratory'")
                try await door.fixture.execute("DELETE FROM key_walk")
                func enter() async throws -> SessionGrant {
                    try await door.accounts.signIn(
                        ForeignIdentity(
                            issuer: "https://login.example", subject: "4711", linkingEmail: nil, roles: [.desk],
                            hasSecondFactor: true), request: "test")
                }
                let (before, taken) = (
                    try await enter().session.caller,
                    await refusal {
                        try await door.accounts.link(
                            login: AccountFixture.patient, issuer: "https://login.example", subject: "4711", by: "test",
                            request: "test")
                    }
                )
                #expect(taken == .linkTaken)
                try await door.fixture.clinic.sealAnew()
                #expect(try await door.fixture.clinic.sealedFields()[0] == nil)
                #expect(try await enter().session.caller == before)
                #expect(
                    try await door.accounts.services(for: door.fixture.plan.admin()).map(\.name.revealed) == ["Laboratory"])
            }
        }
    }
}
