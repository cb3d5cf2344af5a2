import Identity
import Notation
import Sealing
import Testing

@Suite struct AKeyring {
    private static func secret(_ number: UInt8) -> [UInt8] { Array(repeating: number, count: 32) }
    private let start = Instant("2026-03-02T09:00:00Z")!
    private let first = Keyring(secret: secret(1))
    private var rotated: Keyring { first.adding(Self.secret(2), since: start)! }

    @Test func `seals with the newest whose time has come`() {
        let (old, new) = (rotated.keys[0], rotated.keys[1])
        #expect(rotated.sealing(at: start - .seconds(1)) == old && rotated.coming(at: start - .seconds(1)) == new)
        #expect(rotated.sealing(at: start) == new && rotated.coming(at: start) == nil)
        #expect(rotated.end(of: old.id) == start && rotated.end(of: new.id) == nil)
        #expect(rotated.adding(Self.secret(3), since: start) == nil, "two cannot begin at once")
        #expect(rotated.adding(Self.secret(1), since: start + .seconds(1)) == nil, "each is another")
    }

    @Test func `opens whatever one of its secrets has sealed`() throws {
        let code = RecoveryCode(typed: "k7qm-2x9d-aaaa-zzzz-3f5h-bcde")!
        let oneTime = OneTimeSecret(bytes: Array("12345678901234567890".utf8))!
        let sealed = try first.sealed(oneTime, for: "emma", at: start)
        let token = RefreshToken(session: ID(high: 1, low: 2), turn: 3)
        let text = first.text(of: token, at: start)
        #expect(rotated.refreshToken(text) == token && rotated.opened(sealed, for: "emma") == oneTime)
        #expect(rotated.text(of: token, at: start) != text && first.refreshToken(rotated.text(of: token, at: start)) == nil)
        #expect(rotated.digests(of: code).contains(first.digest(of: code, at: start)))
        // What lasts stays when its secret goes, and what passes does not.
        let retired = try #require(rotated.retiring(first.keys[0].id))
        #expect(retired.refreshToken(text) == nil && retired.key(first.keys[0].id) == nil)
        #expect(retired.opened(sealed, for: "emma") == oneTime && retired.opened(sealed, for: "noah") == nil)
        #expect(retired.digests(of: code).contains(first.digest(of: code, at: start)))
        #expect(retired.founding == first.founding)
        #expect(retired.retiring(retired.keys[0].id) == nil, "the last one stays")
        #expect(!retired.text.contains(Hexadecimal.text(Self.secret(1))))
        // A stranger's ring opens nothing.
        let stranger = Keyring(secret: Self.secret(9))
        #expect(stranger.refreshToken(text) == nil && stranger.opened(sealed, for: "emma") == nil)
    }

    @Test func `outlives a secret when nothing of it is good any more`() {
        #expect(rotated.outlived(at: start + .days(8), memory: .days(8)).isEmpty)
        #expect(rotated.outlived(at: start + .days(8) + .seconds(1), memory: .days(8)).map(\.id) == [first.keys[0].id])
    }

    @Test func `is a file, and reads it again`() throws {
        #expect(Keyring(reading: Self.secret(1)) == first, "bare bytes are one secret")
        let ring = try #require(rotated.retiring(first.keys[0].id)?.adding(Self.secret(3), since: start + .seconds(5)))
        for ring in [first, rotated, ring] { #expect(Keyring(reading: Array(ring.text.utf8)) == ring) }
    }

    @Test func `reads nothing that is not whole`() {
        let text = rotated.text
        for length in 0..<text.utf8.count { #expect(Keyring(reading: Array(text.utf8.prefix(length))) == nil, "\(length)") }
        for (part, other) in [
            ("keys 1", "keys 2"), ("key ", "key  "), ("key ", "kex "), ("2026-03-02T09", "2026-03-02T25"), ("0202", "02"),
            ("\nend\n", "\nend\n\n"), ("0202", "02g2"), ("key 2026", "kept 2026"), ("2026", "1969"),
        ] {
            #expect(Keyring(reading: Array(text.replacing(part, with: other).utf8)) == nil, "\(part) → \(other)")
        }
        #expect(Keyring(reading: Array(repeating: 1, count: 31)) == nil)
        #expect(Keyring(reading: []) == nil)
    }
}
