import Identity
import Notation
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// MC-10, MA-9: who signs in, or pretends to, waits for others who do, and nobody else waits for them.
    @Suite struct PasswordsAreLookedAtAside {
        private struct Hash: Query {
            static let sql: SQL = "SELECT password_hash FROM account WHERE id = $1"
            let account: ID<Account>
            var bindings: [SQLValue] { [.id(account)] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        private final class Flood: Sendable {
            let left = Mutex(0)
            let turnedAway = Mutex(0)
        }

        @Test(arguments: Engine.allCases) func `a flood of guesses is bounded, and bookings go on beside it`(engine: Engine)
            async throws
        {
            // A comparison takes some milliseconds: the flood is far from its end when the booking is.
            try await AccountFixture.open(engine, { $0.passwordCost.bytes = 8 << 20 }) { desk in
                let (flood, guesses) = (Flood(), 120)
                flood.left.withLock { $0 = guesses }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<guesses {
                        group.addTask {
                            defer { flood.left.withLock { $0 -= 1 } }
                            do {
                                _ = try await desk.signIn(Password("not the one"), login: "nobody-\(number)@clinic.example")
                                Issue.record("a guess signed somebody in")
                            } catch AccountFault.credentialsWrong {
                            } catch AccountFault.overloaded {
                                flood.turnedAway.withLock { $0 += 1 }
                            }
                        }
                    }
                    // Until the desk is full, and says so.
                    while flood.turnedAway.withLock({ $0 == 0 }) { await Task.yield() }
                    let booked = await desk.fixture.book(at: desk.fixture.plan.time(day: 2, hour: 10))
                    #expect(booked.told != nil, "\(booked)")
                    let left = flood.left.withLock { $0 }
                    #expect(left > 0, "the booking waited for all of them")
                    try await group.waitForAll()
                }
                #expect(flood.turnedAway.withLock { $0 } < guesses, "nobody was looked at")
                // And it is there again for who knows the password.
                _ = try await desk.signIn()
            }
        }

        @Test func `a password is compared after whatever takes a moment`() async throws {
            let ordinary = try await withCheckedThrowingContinuation { caller in
                do { try WorkerThread().start { caller.resume(returning: GivingWay.niceness) } } catch {
                    caller.resume(throwing: error)
                }
            }
            let hashing = try await HashingDesk.shared.attending { place in try await place.run { GivingWay.niceness } }
            #expect(
                hashing == min(19, ordinary + GivingWay.somewhat.rawValue),
                "or whoever arrives waits for everybody who signs in, where there is one core")
        }

        @Test(arguments: Engine.allCases) func `a hash that was cheap to make is made anew by the next who signs in`(
            engine: Engine
        )
            async throws
        {
            try await AccountFixture.open(engine) { desk in
                let account = try #require(try await desk.accounts.account(login: AccountFixture.desk)).id
                func hash() async throws -> String {
                    try #require(try await desk.fixture.database.read { try $0.first(Hash(account: account)) })
                }
                let before = try await hash()
                _ = try await desk.signIn()
                #expect(try await hash() == before, "as dear as it is to be")
                var settings = desk.accounts.settings
                settings.passwordCost.passes = 2
                settings.passwordCost.bytes = 1 << 20
                let dearer = Accounts(
                    desk.fixture.clinic, LiveKeyring(Keyring(secret: Array(repeating: 7, count: 32))), settings: settings)
                let credentials = Credentials(login: AccountFixture.desk, password: AccountFixture.password)
                _ = try await dearer.signIn(credentials, request: "test")
                let after = PasswordHash(text: try await hash())
                #expect(after.text != before && !after.isOutdated(for: settings.passwordCost))
                _ = try await dearer.signIn(credentials, request: "test")
                #expect(try await hash() == after.text)
            }
        }
    }
}
