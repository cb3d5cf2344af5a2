import Identity
import Notation
import People
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// Another system has what it was given, until it is taken away, on every node (MA-9).
    @Suite struct AServiceIsShutOut {
        private static let admin = Caller(role: .admin, subject: ID(high: 1, low: 1))
        private static let scopes: Set<Scope> = [Scope(.appointment, [.read, .search])]

        private func withService(
            _ engine: Engine, sabotage: (any Database) -> any Database = { $0 },
            _ body: (AccountFixture, ServiceRecord, ServiceSecret) async throws -> Void
        ) async throws {
            try await AccountFixture.open(engine, sabotage: sabotage) { door in
                let (service, secret) = try await door.accounts.createService(
                    name: "Laboratory", scopes: Self.scopes, by: Self.admin, request: "test")
                try await body(door, service, secret)
            }
        }

        private func admit(_ accounts: Accounts, _ service: ServiceRecord, _ secret: ServiceSecret) async -> AccountFault? {
            await refusal {
                try await accounts.admit(
                    ServiceCredentials(id: service.id, secret: secret.text), asking: nil, request: "test")
            }
        }

        private func revoke(_ door: AccountFixture, _ service: ServiceRecord) async throws {
            try await door.accounts.revokeService(service.id, by: Self.admin, request: "test")
        }

        /// A second program at the same database.
        private func anotherNode(_ door: AccountFixture) async throws -> Accounts {
            Accounts(
                try await door.fixture.anotherClinic(), secret: Array(repeating: 7, count: 32), settings: door.accounts.settings)
        }

        @Test(arguments: Engine.allCases) func `on another node its tokens end as soon as that has looked`(engine: Engine)
            async throws
        {
            try await withService(engine) { door, service, secret in
                let node = try await anotherNode(door)
                #expect(await admit(node, service, secret) == nil)
                try await node.refreshEnded()
                #expect(!node.ended.has(service.session))
                try await revoke(door, service)
                #expect(door.accounts.ended.has(service.session))
                #expect(await admit(node, service, secret) == .serviceUnknown)
                try await node.refreshEnded()
                #expect(node.ended.has(service.session))
            }
        }

        /// Knows nothing of services that were revoked.
        private final class Unaware: PassingTransaction {
            override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
                Asked.sql.sqlite.contains("revoked_at >") ? [] : try super.fetch(query)
            }
        }

        @Test(arguments: Engine.allCases) func `negative control: a node that does not look goes on taking them`(engine: Engine)
            async throws
        {
            try await withService(engine, sabotage: { BlindlyRead($0) }) { door, service, _ in
                let node = try await anotherNode(door)
                try await revoke(door, service)
                try await node.refreshEnded()
                #expect(!node.ended.has(service.session))
            }
        }

        /// A database whose reads are unaware.
        private struct BlindlyRead: Database {
            let inner: any Database
            init(_ inner: any Database) { self.inner = inner }

            func read<Answer: Sendable>(
                _ body: @escaping @Sendable (any ReadTransaction) throws -> Answer
            ) async throws -> Answer {
                // The reader has the writer's eyes: what it is shown passes through the saboteur.
                try await inner.write { try body(Unaware($0)) }
            }

            func write<Answer: Sendable>(
                _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
            ) async throws -> Answer { try await inner.write(body) }
        }

        @Test(arguments: Engine.allCases) func `of those who are let in while it is revoked, none comes after`(engine: Engine)
            async throws
        {
            try await withService(engine) { door, service, secret in
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 { group.addTask { _ = await admit(door.accounts, service, secret) } }
                    group.addTask { try? await revoke(door, service) }
                }
                // Whoever was let in before is out with the service, and the audit tells them apart.
                #expect(door.accounts.ended.has(service.session))
                let acts = try await door.fixture.database.read { try $0.fetch(Acts()) }
                #expect(acts.filter { $0 == "service.revoked" }.count == 1)
                let (revoked, admitted) = (acts.firstIndex(of: "service.revoked"), acts.lastIndex(of: "service.admitted"))
                #expect(admitted ?? -1 < revoked ?? -1, "\(acts)")
            }
        }

        private struct Acts: Query {
            static let sql: SQL = "SELECT act FROM audit WHERE act LIKE 'service.%' ORDER BY id"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
        }

        @Test(arguments: Engine.allCases) func `many rotations at once leave one newest secret, and every other ends`(
            engine: Engine
        )
            async throws
        {
            try await withService(engine) { door, service, secret in
                let made = await withTaskGroup(of: ServiceSecret?.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            try? await door.accounts.rotateSecret(
                                of: service.id, overlap: .minutes(10), by: Self.admin, request: "test"
                            ).secret
                        }
                    }
                    return await group.reduce(into: [ServiceSecret]()) { if let secret = $1 { $0.append(secret) } }
                }
                #expect(made.count == 8)
                door.fixture.clock.advance(by: .minutes(10))
                var good = 0
                for secret in made + [secret] where await admit(door.accounts, service, secret) == nil { good += 1 }
                #expect(good == 1)
            }
        }

        @Test(arguments: Engine.allCases) func `only an admin lets systems in, and nothing that is kept gets anybody in`(
            engine: Engine
        )
            async throws
        {
            try await withService(engine) { door, service, secret in
                for caller in [door.fixture.plan.desk(), service.caller] {
                    await #expect(throws: (any Error).self) {
                        try await door.accounts.createService(name: "x", scopes: Self.scopes, by: caller, request: "test")
                    }
                }
                let kept = try await door.fixture.database.read { try $0.fetch(Digests()) }
                #expect(kept.count == 1 && kept[0].count == 32)
                let text = kept[0].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                #expect(!secret.text.contains(text))
                let guess = ServiceCredentials(id: service.id, secret: "mcs_" + text)
                #expect(await refusal { try await door.accounts.admit(guess, asking: nil, request: "test") } == .serviceUnknown)
            }
        }

        private struct Digests: Query {
            static let sql: SQL = "SELECT digest FROM service_secret"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> [UInt8] { try columns.bytes(0) }
        }
    }
}
