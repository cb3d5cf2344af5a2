import Identity
import Notation
import People
import Storage
import Synchronization
import TestKit
import Testing
import Workflows

extension Promises {
    /// What a service has signed gets it one token (RFC 7523 §3, MA-9), on however many nodes it is shown at once.
    @Suite struct AnAssertionIsGoodOnce {
        private static let admin = Caller(role: .admin, subject: ID(high: 1, low: 1))
        private static let scopes: Set<Scope> = [Scope(.appointment, [.read, .search])]
        private static let key = ServiceKey(name: "first", x: "x", y: "y")

        /// How many of eight, at two nodes, are let in with one assertion.
        private func letIn(_ engine: Engine, sabotage: (any Database) -> any Database = { $0 }) async throws -> Int {
            let count = Mutex(0)
            try await AccountFixture.open(engine, sabotage: sabotage) { door in
                let service = try await door.accounts.createService(
                    name: "Laboratory", scopes: Self.scopes, keys: [Self.key], by: Self.admin, request: "test")
                let other = Accounts(
                    try await door.fixture.anotherClinic(), secret: Array(repeating: 7, count: 32),
                    settings: door.accounts.settings)
                // Whether it is signed is for those who can look at signatures; here it is.
                let assertion = ServiceAssertion(
                    keyName: "first", identifier: "one", expiresAt: door.fixture.clock.now + .minutes(4)
                ) { $0 == Self.key }
                await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<8 {
                        let node = number.isMultiple(of: 2) ? door.accounts : other
                        group.addTask {
                            await refusal {
                                try await node.admit(
                                    ServiceCredentials(id: service.id, assertion: assertion), asking: nil, request: "test")
                            } == nil
                        }
                    }
                    for await isIn in group where isIn { count.withLock { $0 += 1 } }
                }
            }
            return count.withLock { $0 }
        }

        @Test(arguments: Engine.allCases) func `of many who show one assertion at once, one is let in`(engine: Engine)
            async throws
        {
            #expect(try await letIn(engine) == 1)
        }

        /// Takes every assertion for a new one.
        private final class Trusting: PassingTransaction {
            override func run<Asked: Command>(_ command: Asked) throws -> Int {
                let changed = try super.run(command)
                return Asked.sql.sqlite.contains("INTO service_assertion") ? 1 : changed
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: a store that forgets what was used lets all of them in`(
            engine: Engine
        )
            async throws
        {
            #expect(try await letIn(engine, sabotage: { TamperedDatabase($0) { Trusting($0) } }) > 1)
        }
    }
}
