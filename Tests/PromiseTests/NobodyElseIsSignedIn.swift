import Identity
import Notation
import People
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension AccountFixture {
    /// Another node, or this one after a restart.
    fileprivate func anotherNode() async throws -> Accounts {
        let node = Accounts(
            try await fixture.anotherClinic(), secret: Array(repeating: 7, count: 32), settings: accounts.settings)
        try await node.refreshEnded()
        return node
    }

    /// What the audit says was done to the desk's account.
    fileprivate func acts() async throws -> [String] {
        let account = try #require(try await accounts.account(login: Self.desk))
        return try await fixture.database.read { try $0.fetch(Acts(subject: account.id.of())) }.sorted()
    }

    private struct Acts: Query {
        static let sql: SQL = "SELECT act FROM audit WHERE subject_id = $1"
        let subject: ID<AuditSubject>
        var bindings: [SQLValue] { [.id(subject)] }
        static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
    }
}

extension Promises {
    /// MA-9, MC-3: who has signed in stays so, and nobody else does in their place.
    @Suite struct NobodyElseIsSignedIn {
        @Test(arguments: Engine.allCases) func `a session goes on for seven days after each turn, and for thirty at most`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { desk in
                var grant = try await desk.signIn()
                #expect(grant.session.caller == desk.fixture.plan.desk())
                for _ in 0..<4 {
                    desk.fixture.clock.advance(by: .days(6))
                    let next = try await desk.refresh(grant.refreshToken)
                    #expect(next.refreshToken != grant.refreshToken && next.session.id == grant.session.id)
                    grant = next
                }
                desk.fixture.clock.advance(by: .days(7))
                let late = grant
                #expect(await refusal { try await desk.refresh(late.refreshToken) } == .sessionEnded)
                // Nobody turned for seven days.
                let idle = try await desk.signIn()
                desk.fixture.clock.advance(by: .days(7))
                #expect(await refusal { try await desk.refresh(idle.refreshToken) } == .sessionEnded)
            }
        }

        @Test(arguments: Engine.allCases) func `a token used again ends the session for both who have it`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let first = try await desk.signIn()
                let second = try await desk.refresh(first.refreshToken)
                desk.fixture.clock.advance(by: .seconds(31))
                #expect(await refusal { try await desk.refresh(first.refreshToken) } == .sessionEnded)
                #expect(await refusal { try await desk.refresh(second.refreshToken) } == .sessionEnded)
                #expect(desk.accounts.ended.has(first.session.id))
                #expect(try await desk.acts().contains("session.ended"))
                // An old one is one at once, however fresh.
                let other = try await desk.signIn()
                let next = try await desk.refresh(other.refreshToken)
                let last = try await desk.refresh(next.refreshToken)
                #expect(await refusal { try await desk.refresh(other.refreshToken) } == .sessionEnded)
                #expect(await refusal { try await desk.refresh(last.refreshToken) } == .sessionEnded)
            }
        }

        @Test(arguments: Engine.allCases) func `who has not heard the answer hears the same again for half a minute`(
            engine: Engine
        )
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let first = try await desk.signIn()
                let second = try await desk.refresh(first.refreshToken)
                desk.fixture.clock.advance(by: .seconds(30))
                #expect(try await desk.refresh(first.refreshToken).refreshToken == second.refreshToken)
                #expect(try await desk.refresh(second.refreshToken).session.id == first.session.id)
            }
        }

        private func successors(_ desk: AccountFixture, asking count: Int = 16) async throws -> Set<String> {
            let first = try await desk.signIn()
            return await withTaskGroup(of: String?.self) { group in
                for _ in 0..<count { group.addTask { try? await desk.refresh(first.refreshToken).refreshToken } }
                return await group.reduce(into: []) { if let token = $1 { $0.insert(token) } }
            }
        }

        @Test(arguments: Engine.allCases) func `all who ask at once with one token are given the same successor`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let successors = try await successors(desk)
                #expect(successors.count == 1)
            }
        }

        /// Somebody else turns every session whenever one is looked at.
        private final class RestlessSessions: PassingTransaction {
            override func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? {
                let row = try super.first(query)
                if Asked.sql.sqlite.contains("FROM session") { try super.execute("UPDATE session SET turn = turn + 2") }
                return row
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: where turns move on by themselves they have none`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine, sabotage: { TamperedDatabase($0) { RestlessSessions($0) } }) { desk in
                let successors = try await successors(desk, asking: 2)
                #expect(successors.count != 1)
            }
        }

        @Test(arguments: Engine.allCases) func `a restart signs nobody out, and lets nobody in who was signed out`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let (stays, goes) = (try await desk.signIn(), try await desk.signIn())
                try await signOut(desk, goes)
                let restarted = try await desk.anotherNode()
                #expect(restarted.ended.has(goes.session.id) && !restarted.ended.has(stays.session.id))
                #expect(try await desk.refresh(stays.refreshToken, at: restarted).session.id == stays.session.id)
                #expect(await refusal { try await desk.refresh(goes.refreshToken, at: restarted) } == .sessionEnded)
            }
        }

        private func signOut(_ desk: AccountFixture, _ grant: SessionGrant) async throws {
            let call = Call(
                caller: grant.session.caller, requestID: "test",
                attempt: Attempt(key: "out-\(grant.session.id)", operation: "endSession", fingerprint: []))
            let wording = Wording<Void>(
                done: { StoredAnswer(status: 200, body: []) },
                refused: { StoredAnswer(status: 404, body: Array($0.rawValue.utf8)) })
            for isRepeat in [false, true] {
                let reply = try await desk.accounts.end(
                    grant.session.id, asOwnerOf: grant.session.id, call: call, wording: wording)
                switch reply {
                case .done: #expect(!isRepeat)
                case .repeated(let answer): #expect(isRepeat && answer.status == 200)
                case .refused(let refusal, _): Issue.record("\(refusal)")
                }
            }
        }

        @Test(arguments: Engine.allCases) func `what one node ends the others hear when they next look`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let other = try await desk.anotherNode()
                let grant = try await desk.signIn()
                try await desk.accounts.set(.locked, login: "desk@clinic.example", by: "test", request: "test")
                #expect(desk.accounts.ended.has(grant.session.id) && !other.ended.has(grant.session.id))
                try await other.refreshEnded()
                #expect(other.ended.has(grant.session.id))
                #expect(await refusal { try await desk.refresh(grant.refreshToken, at: other) } == .sessionEnded)
                // A locked account is told what a wrong password is told; unlocked it may come back.
                #expect(await refusal { try await desk.signIn() } == .credentialsWrong)
                try await desk.accounts.set(.active, login: "desk@clinic.example", by: "test", request: "test")
                _ = try await desk.signIn()
                try await desk.accounts.set(.closed, login: "desk@clinic.example", by: "test", request: "test")
                #expect(
                    await refusal {
                        try await desk.accounts.set(.active, login: "desk@clinic.example", by: "test", request: "test")
                    }
                        == .accountUnknown)
            }
        }

        /// A node that looks every `pause`: whether it has heard of a session another one ended, a second of its clock later.
        private func isHeardOfWithinASecond(on engine: Engine, lookingEvery pause: Span?) async throws -> Bool {
            var isHeardOf = false
            try await AccountFixture.open(engine) { desk in
                let (other, clock) = (try await desk.anotherNode(), desk.fixture.clock)
                try await withThrowingTaskGroup { group in
                    group.addTask {
                        if let pause { await other.heedEnded(every: pause) } else { await other.heedEnded() }
                    }
                    let looks = pause ?? .milliseconds(500)
                    let asleep = clock.now + looks
                    while !clock.isAwaited(at: asleep) { try await Task.sleep(for: .milliseconds(1)) }
                    let grant = try await desk.signIn()
                    try await desk.accounts.set(.locked, login: "desk@clinic.example", by: "test", request: "test")
                    #expect(!other.ended.has(grant.session.id))
                    clock.advance(by: .seconds(1))
                    let asleepAgain = asleep > clock.now ? asleep : clock.now + looks
                    while !clock.isAwaited(at: asleepAgain) { try await Task.sleep(for: .milliseconds(1)) }
                    isHeardOf = other.ended.has(grant.session.id)
                    group.cancelAll()
                }
            }
            return isHeardOf
        }

        @Test(arguments: Engine.allCases) func `what one node ends is over on every other within a second`(engine: Engine)
            async throws
        {
            #expect(try await isHeardOfWithinASecond(on: engine, lookingEvery: nil))
        }

        @Test(arguments: Engine.allCases) func `negative control: not where a node looks every three seconds`(engine: Engine)
            async throws
        {
            #expect(try await !isHeardOfWithinASecond(on: engine, lookingEvery: .seconds(3)))
        }

        @Test(arguments: Engine.allCases) func `wrong passwords wait ever longer, for logins nobody has as for others`(
            engine: Engine
        )
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                for login in ["desk@clinic.example", "nobody@clinic.example"] {
                    let wrong = Password("not the one")
                    for _ in 0..<5 { #expect(await refusal { try await desk.signIn(wrong, login: login) } == .credentialsWrong) }
                    for seconds in [1, 2, 4, 8] {
                        #expect(
                            await refusal { try await desk.signIn(login: login) } == .tooManyTries(seconds: seconds), "\(login)")
                        desk.fixture.clock.advance(by: .seconds(seconds))
                        #expect(await refusal { try await desk.signIn(wrong, login: login) } == .credentialsWrong, "\(login)")
                    }
                    for _ in 0..<20 {
                        desk.fixture.clock.advance(by: .minutes(15))
                        #expect(await refusal { try await desk.signIn(wrong, login: login) } == .credentialsWrong)
                    }
                    #expect(await refusal { try await desk.signIn(login: login) } == .tooManyTries(seconds: 900))
                    desk.fixture.clock.advance(by: .minutes(15))
                }
                _ = try await desk.signIn()
                #expect(await refusal { try await desk.signIn(Password("not the one")) } == .credentialsWrong)
                _ = try await desk.signIn()
                #expect(try await desk.acts().filter { $0 == "account.refused" }.count == 30)
            }
        }

        @Test(arguments: Engine.allCases) func `a hundred guesses at once are five`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { desk in
                let answers = await withTaskGroup(of: AccountFault?.self) { group in
                    for number in 0..<100 {
                        group.addTask { await refusal { try await desk.signIn(Password("guess number \(number)")) } }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.filter { $0 == .credentialsWrong }.count == 5, "\(answers)")
                // The others wait, or found no place at the desk and have not tried.
                #expect(answers.allSatisfy { [.credentialsWrong, .overloaded, .tooManyTries(seconds: 1)].contains($0) })
            }
        }

        @Test(arguments: Engine.allCases) func `another password ends every other session, and the old one is good for nothing`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { desk in
                let (own, other) = (try await desk.signIn(), try await desk.signIn())
                let new = Password("another three words")
                func change(_ old: Password, _ new: Password) async -> AccountFault? {
                    await refusal {
                        try await desk.accounts.changePassword(from: old, to: new, in: own.session.id, request: "test")
                    }
                }
                #expect(await change(Password("not the one"), new) == .credentialsWrong)
                #expect(await change(AccountFixture.password, Password("desk2026")) == .passwordUnsuitable(.tooCommon))
                #expect(await change(AccountFixture.password, new) == nil)
                // Its answer was lost.
                #expect(await change(AccountFixture.password, new) == nil)
                #expect(await refusal { try await desk.refresh(other.refreshToken) } == .sessionEnded)
                #expect(try await desk.refresh(own.refreshToken).session.id == own.session.id)
                #expect(await refusal { try await desk.signIn() } == .credentialsWrong)
                _ = try await desk.signIn(new)
            }
        }

        @Test(arguments: Engine.allCases) func `somebody who is several things says which`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { desk in
                let roles = [desk.fixture.plan.practitionerCaller(0), desk.fixture.plan.admin()]
                try await desk.accounts.create(
                    login: "chief@clinic.example", password: AccountFixture.password, roles: roles, by: "test", request: "test")
                #expect(
                    await refusal { try await desk.signIn(login: "chief@clinic.example") }
                        == .roleNeeded([.practitioner, .admin]))
                #expect(
                    await refusal { try await desk.signIn(login: "chief@clinic.example", role: .desk) }
                        == .roleNeeded([.practitioner, .admin]))
                for role in roles {
                    #expect(try await desk.signIn(login: "CHIEF@clinic.example", role: role.role).session.caller == role)
                }
                #expect(
                    await refusal {
                        try await desk.accounts.create(
                            login: "Chief@Clinic.example", password: AccountFixture.password, roles: roles, by: "test",
                            request: "test")
                    } == .loginTaken)
            }
        }

        @Test(arguments: Engine.allCases) func `whoever reads the database can sign in as nobody`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { desk in
                let grant = try await desk.signIn()
                let dump = try await desk.fixture.database.read { try $0.fetch(Everything()) }.joined(separator: "\n")
                #expect(dump.contains("$argon2id$") && !dump.contains("battery"))
                // The token's seal is nowhere in it.
                #expect(!dump.contains(grant.refreshToken.suffix(64)))
                // A token made up from what is there is none.
                let forged = RefreshToken(session: grant.session.id, turn: 1).text(
                    sealedWith: RefreshKey(secret: Array(dump.utf8)))
                #expect(await refusal { try await desk.refresh(forged) } == .sessionEnded)
                #expect(try await desk.refresh(grant.refreshToken).session.id == grant.session.id, "and harms nobody")
            }
        }

        /// All that is kept of people, whichever table it is in, as text; bytes as small hexadecimal digits.
        private struct Everything: Query {
            private static let tables = [
                "account": ["id", "login", "password_hash"], "account_role": ["account_id", "role", "subject_id"],
                "session": ["id", "account_id", "role", "subject_id", "device", "turn", "end_reason"],
                "login_failure": ["name", "count"], "second_factor": ["account_id", "sealed_secret"],
                "recovery_code": ["account_id", "digest"], "idempotency": ["principal", "key", "fingerprint", "body"],
                "audit": ["subject_id", "by", "act", "reason", "request_id"], "outbox": ["topic", "payload"],
            ]
            static let sql = SQL(
                sqlite: tables.map { table, columns in
                    "SELECT "
                        + columns.map { "COALESCE(lower(hex(\($0))), '') || ' ' || quote(\($0))" }.joined(
                            separator: " || ' ' || ")
                        + " FROM \(table)"
                }.joined(separator: " UNION ALL "),
                postgres: tables.keys.map { "SELECT \($0)::text FROM \($0)" }.joined(separator: " UNION ALL "))
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        @Test(arguments: Engine.allCases)
        func `all sessions end that should, however many there are, and there are never too many`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine, { $0.sessionsMaximum = 5 }) { desk in
                var grants: [SessionGrant] = []
                for _ in 0..<8 { grants.append(try await desk.signIn()) }
                for (index, grant) in grants.enumerated() {
                    #expect(desk.accounts.ended.has(grant.session.id) == (index < 3), "the oldest make room")
                }
                #expect(try await desk.accounts.sessions(ofOwnerOf: grants[7].session.id).count == 5)
                try await desk.accounts.set(.locked, login: "desk@clinic.example", by: "test", request: "test")
                #expect(grants.allSatisfy { desk.accounts.ended.has($0.session.id) })
                try await desk.accounts.set(.active, login: "desk@clinic.example", by: "test", request: "test")
                for grant in grants { #expect(await refusal { try await desk.refresh(grant.refreshToken) } == .sessionEnded) }
            }
        }

        @Test(arguments: Engine.allCases) func `who signs in while the account is locked is out when it is`(engine: Engine)
            async throws
        {
            try await AccountFixture.open(engine, { $0.freeTries = 10_000 }) { desk in
                for _ in 0..<15 {
                    async let entering = [try? desk.signIn(), try? desk.signIn(), try? desk.signIn()]
                    async let locking: Void = desk.accounts.set(
                        .locked, login: "desk@clinic.example", by: "test", request: "test")
                    try await locking
                    for grant in await entering.compactMap({ $0 }) {
                        #expect(desk.accounts.ended.has(grant.session.id))
                        #expect(await refusal { try await desk.refresh(grant.refreshToken) } == .sessionEnded)
                    }
                    try await desk.accounts.set(.active, login: "desk@clinic.example", by: "test", request: "test")
                }
            }
        }

        @Test(arguments: Engine.allCases) func `guessing at the door disturbs nobody inside, and guesses inside are counted too`(
            engine: Engine
        ) async throws {
            try await AccountFixture.open(engine) { desk in
                let own = try await desk.signIn().session.id
                for _ in 0..<5 { _ = await refusal { try await desk.signIn(Password("not the one")) } }
                #expect(await refusal { try await desk.signIn() } == .tooManyTries(seconds: 1))
                func change(_ old: Password) async -> AccountFault? {
                    await refusal {
                        try await desk.accounts.changePassword(
                            from: old, to: Password("another three words"), in: own, request: "test")
                    }
                }
                for _ in 0..<4 { #expect(await change(Password("not the one")) == .credentialsWrong) }
                #expect(await change(AccountFixture.password) == nil)
                // What was right does not make room for more guesses.
                #expect(await change(Password("not the one")) == .tooManyTries(seconds: 1))
            }
        }
    }
}
