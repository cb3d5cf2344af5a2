import API
import Foundation
import Identity
import Notation
import Testing

/// Access tokens while the secret that signs them is rotated (MA-9). What a rotation leaves of sessions and authenticators is in
/// `Promises.ARotationSignsNobodyOut`.
@Suite struct ARotatedSecret {
    private let path = "/v1/patients/\(Known.emma)"

    private func answer(_ token: String, _ visitor: Visitor) async throws -> String {
        let heard = try await visitor.get(path, by: nil, headers: ["Authorization": "Bearer \(token)"])
        return heard.status == 200 ? "ok" : heard.problem ?? "\(heard.status)"
    }

    /// What a token says about the key that signed it.
    private func key(of token: String) throws -> String {
        var part = String(token.prefix { $0 != "." })
        part += String(repeating: "=", count: (4 - part.count % 4) % 4)
        let header = try JSON(parsing: Array(try #require(Data(base64Encoded: part))))
        return try #require(header["kid"]?.string)
    }

    @Test func `signs no more, and what it has signed is good until it ends`() async throws {
        try await inHouse { visitor in
            let (keyring, clock) = (visitor.house.keyring, visitor.house.clock)
            let old = try await visitor.signedIn(.emma)
            let oldToken = old["accessToken"]?.string ?? ""
            #expect(try key(of: oldToken) == keyring.ring.keys[0].id)
            let since = clock.now + .minutes(5)
            keyring.take(try #require(keyring.ring.adding(Array(repeating: 9, count: 32), since: since)))
            // A node that read the file later checks already what this one will sign.
            let early = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            #expect(try key(of: early) == keyring.ring.keys[0].id, "its time has not come")
            clock.advance(by: .minutes(5))
            let newToken = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            #expect(try key(of: newToken) == keyring.ring.keys[1].id)
            for token in [oldToken, early, newToken] { #expect(try await answer(token, visitor) == "ok") }
            clock.advance(by: .minutes(9))
            #expect(try await answer(oldToken, visitor) == "ok")
            clock.advance(by: .minutes(1))
            #expect(try await answer(oldToken, visitor) == "token-invalid", "a quarter of an hour is over")
            #expect(try await answer(newToken, visitor) == "ok")
        }
    }

    @Test func `is good for nothing once it is retired, also where its tokens were seen before`() async throws {
        try await inHouse { visitor in
            let (keyring, clock) = (visitor.house.keyring, visitor.house.clock)
            let token = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            #expect(try await answer(token, visitor) == "ok")
            let ring = try #require(keyring.ring.adding(Array(repeating: 9, count: 32), since: clock.now))
            keyring.take(try #require(ring.retiring(ring.keys[0].id)))
            #expect(try await answer(token, visitor) == "token-invalid")
            // Nor does its name open anything when another secret has signed.
            let mixed = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            #expect(try await answer(mixed, visitor) == "ok")
            let parts = mixed.split(separator: ".")
            let swapped = "\(token.prefix { $0 != "." }).\(parts[1]).\(parts[2])"
            #expect(try await answer(swapped, visitor) == "token-invalid")
        }
    }

    @Test func `a token of one secret under the name of another is refused`() async throws {
        try await inHouse { visitor in
            let (keyring, clock) = (visitor.house.keyring, visitor.house.clock)
            let old = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            keyring.take(try #require(keyring.ring.adding(Array(repeating: 9, count: 32), since: clock.now)))
            let new = try await visitor.signedIn(.emma)["accessToken"]?.string ?? ""
            let (oldParts, newParts) = (old.split(separator: "."), new.split(separator: "."))
            #expect(try await answer("\(newParts[0]).\(oldParts[1]).\(oldParts[2])", visitor) == "token-invalid")
            #expect(try await answer("\(oldParts[0]).\(newParts[1]).\(newParts[2])", visitor) == "token-invalid")
            for token in [old, new] { #expect(try await answer(token, visitor) == "ok") }
        }
    }
}
