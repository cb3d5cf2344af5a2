import Identity
import Notation
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MA-9, MC-3: secrets are rotated while people are signed in, and nobody notices.
    @Suite struct ARotationSignsNobodyOut {
        private static let (old, new) = (Array(repeating: UInt8(7), count: 32), Array(repeating: UInt8(8), count: 32))

        /// What somebody has from before a rotation.
        private struct Belongings {
            let refreshToken: String
            let authenticator: OneTimeSecret
            let recoveryCode: String
        }

        /// Which of them are good for nothing any more.
        private func lost(_ things: Belongings, _ desk: AccountFixture) async -> [String] {
            let clock = desk.fixture.clock
            clock.advance(by: .seconds(30))
            var lost: [String] = []
            if await refusal({ try await desk.refresh(things.refreshToken) }) != nil { lost.append("session") }
            if await refusal({ try await desk.signIn(code: things.authenticator.code(at: clock.now)) }) != nil {
                lost.append("authenticator")
            }
            if await refusal({ try await desk.signIn(code: things.recoveryCode) }) != nil { lost.append("recovery code") }
            return lost
        }

        private func withBelongings(
            _ engine: Engine, _ keyring: LiveKeyring, _ body: (Belongings, AccountFixture) async throws -> Void
        ) async throws {
            try await AccountFixture.open(engine, { $0.freeTries = 1_000 }, keyring: keyring) { desk in
                let grant = try await desk.signIn()
                let own = grant.session.id
                let secret = try await desk.accounts.proposeSecondFactor(
                    password: AccountFixture.password, in: own, request: "test"
                ).secret
                let codes = try await desk.accounts.confirmSecondFactor(
                    code: secret.code(at: desk.fixture.clock.now), in: own, request: "test")
                try await body(
                    Belongings(refreshToken: grant.refreshToken, authenticator: secret, recoveryCode: codes[0].text), desk)
            }
        }

        @Test(arguments: Engine.allCases) func `who is signed in stays so, and comes in with what they had`(engine: Engine)
            async throws
        {
            let keyring = LiveKeyring(Keyring(secret: Self.old))
            try await withBelongings(engine, keyring) { things, desk in
                let now = desk.fixture.clock.now
                keyring.take(try #require(keyring.ring.adding(Self.new, since: now + .seconds(1))))
                #expect(await lost(things, desk) == [])
            }
        }

        @Test(arguments: Engine.allCases) func `the answer that was lost is given again, whichever secret seals by then`(
            engine: Engine
        ) async throws {
            let keyring = LiveKeyring(Keyring(secret: Self.old))
            try await AccountFixture.open(engine, keyring: keyring) { desk in
                let grant = try await desk.signIn()
                let first = try await desk.refresh(grant.refreshToken)
                keyring.take(try #require(keyring.ring.adding(Self.new, since: desk.fixture.clock.now)))
                let again = try await desk.refresh(grant.refreshToken)
                #expect(again.session.id == first.session.id && again.refreshToken != first.refreshToken)
                // Both are the one turn that follows: the client goes on with either.
                let next = try await desk.refresh(first.refreshToken)
                #expect(try await desk.refresh(again.refreshToken).refreshToken == next.refreshToken)
            }
        }

        @Test(arguments: Engine.allCases) func `a secret that is retired ends what it sealed, and takes nobody's authenticator`(
            engine: Engine
        ) async throws {
            let keyring = LiveKeyring(Keyring(secret: Self.old))
            try await withBelongings(engine, keyring) { things, desk in
                let ring = try #require(keyring.ring.adding(Self.new, since: desk.fixture.clock.now))
                keyring.take(try #require(ring.retiring(ring.keys[0].id)))
                #expect(await lost(things, desk) == ["session"])
            }
        }

        @Test(arguments: Engine.allCases) func `wrong passwords stay counted`(engine: Engine) async throws {
            let keyring = LiveKeyring(Keyring(secret: Self.old))
            try await AccountFixture.open(engine, keyring: keyring) { desk in
                for _ in 0..<5 { _ = await refusal { try await desk.signIn(Password("not the one")) } }
                let ring = try #require(keyring.ring.adding(Self.new, since: desk.fixture.clock.now))
                keyring.take(try #require(ring.retiring(ring.keys[0].id)))
                #expect(await refusal { try await desk.signIn() } == .tooManyTries(seconds: 1))
            }
        }

        @Test(arguments: Engine.allCases) func `with one secret put in another's place everything is lost, and the test sees it`(
            engine: Engine
        ) async throws {
            let keyring = LiveKeyring(Keyring(secret: Self.old))
            try await withBelongings(engine, keyring) { things, desk in
                keyring.take(Keyring(secret: Self.new))
                #expect(await lost(things, desk) == ["session", "authenticator", "recovery code"])
            }
        }
    }
}
