import Identity
import Notation
import Synchronization
import Testing

/// Chance of which one bit is set and no other: every number it gives is a byte of it.
private final class Bits: RandomSource {
    private let place = Mutex(0)
    private let set: Int?

    init(set: Int? = nil) { self.set = set }

    func next() -> UInt64 {
        let byte = place.withLock { place in
            place += 1
            return place - 1
        }
        guard let set, set / 8 == byte else { return 0 }
        return 1 << UInt64(set % 8)
    }
}

@Suite struct AOneTimeSecret {
    /// Of RFC 6238, appendix B; the codes are the last six of its eight digits.
    private let secret = OneTimeSecret(bytes: Array("12345678901234567890".utf8))!
    private func at(_ seconds: Int64) -> Instant { Instant(microseconds: seconds * 1_000_000) }

    @Test(
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
            (2_000_000_000, "279037"), (20_000_000_000, "353130"),
        ] as [(Int64, String)]) func `makes the codes of RFC 6238`(seconds: Int64, code: String)
    {
        #expect(secret.code(at: at(seconds)) == code)
        #expect(secret.step(of: code, at: at(seconds), after: 0) == Int(seconds / 30))
    }

    @Test func `takes the step before and the step after, and none beyond`() {
        let now = at(1_111_111_111)
        for (seconds, isTaken) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] as [(Int64, Bool)] {
            let code = secret.code(at: at(1_111_111_111 + seconds))
            #expect((secret.step(of: code, at: now, after: 0) != nil) == isTaken, "\(seconds)")
        }
    }

    @Test func `takes each step once, and none before one that was used`() throws {
        let now = at(1_111_111_111)
        let step = try #require(secret.step(of: secret.code(at: now), at: now, after: 0))
        #expect(secret.step(of: secret.code(at: now), at: now, after: step) == nil)
        #expect(secret.step(of: secret.code(at: now - .seconds(30)), at: now, after: step) == nil)
        #expect(secret.step(of: secret.code(at: now + .seconds(30)), at: now, after: step) == step + 1)
    }

    @Test(arguments: ["", "0", "05047", "0504711", "050 471", "٠٥٠٤٧١", "05047\u{301}1", "abcdef"])
    func `takes nothing else`(code: String) { #expect(secret.step(of: code, at: at(1_111_111_111), after: 0) == nil) }

    @Test func `is written as authenticators read it`() {
        #expect(secret.text == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        #expect(OneTimeSecret(typed: secret.text) == secret)
        for other in ["", "GEZDGNBV", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "1EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"] {
            #expect(OneTimeSecret(typed: other) == nil)
        }
        #expect(
            secret.address(issuer: "Klinik Süd", account: "emma+a@x.example")
                == "otpauth://totp/Klinik%20S%C3%BCd:emma%2Ba%40x.example?secret=\(secret.text)&issuer=Klinik%20S%C3%BCd")
        #expect(OneTimeSecret.make(MachineRandom()) != OneTimeSecret.make(MachineRandom()))
    }

    @Test func `sealed for one account opens for no other, nor with another key, nor changed`() throws {
        let vault = OneTimeVault(secret: Array(repeating: 7, count: 32))
        let sealed = try vault.sealed(secret, for: "one")
        #expect(vault.opened(sealed, for: "one") == secret)
        #expect(vault.opened(sealed, for: "other") == nil)
        #expect(OneTimeVault(secret: Array(repeating: 8, count: 32)).opened(sealed, for: "one") == nil)
        #expect(try vault.sealed(secret, for: "one") != sealed, "a nonce of its own each time")
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(vault.opened(changed, for: "one") == nil)
        }
        for cut in [[], Array(sealed.prefix(12)), Array(sealed.dropLast())] { #expect(vault.opened(cut, for: "one") == nil) }
    }

    /// Each of its letters comes from five bits of chance that no other comes from, so there are five times as many bits as letters.
    @Test func `a recovery code has at least 112 bits of chance (ASVS 6.5.2)`() {
        let nothing = RecoveryCode.make(Bits())
        #expect(nothing.text.filter { $0 != "-" } == String(repeating: "a", count: nothing.text.filter { $0 != "-" }.count))
        var seen: Set<String> = []
        for bit in 0..<256 { seen.insert(RecoveryCode.make(Bits(set: bit)).text) }
        #expect(seen.count - 1 >= 112, "\(seen.count - 1) bits make a difference")
    }

    @Test func `a recovery code is read however it is typed, and kept as a digest`() throws {
        let codes = (0..<20).map { _ in RecoveryCode.make(MachineRandom()) }
        #expect(Set(codes.map(\.text)).count == 20)
        for code in codes {
            #expect(code.text.wholeMatch(of: #/([a-z2-7]{4}-){5}[a-z2-7]{4}/#) != nil)
            for typed in [
                code.text, code.text.uppercased(), code.text.replacing("-", with: ""), code.text.replacing("-", with: " "),
            ] {
                #expect(RecoveryCode(typed: typed) == code)
            }
        }
        for typed in ["", "123456", "k7qm-2x9d-aaaa-zzzz", "k7qm-2x9d-aaaa-zzzz-3f5h-bcd", "k7qm-2x9d-aaaa-zzzz-3f5h-bcdü"] {
            #expect(RecoveryCode(typed: typed) == nil)
        }
        let secret = [UInt8](repeating: 7, count: 32)
        #expect(codes[0].digest(with: secret) != codes[1].digest(with: secret) && codes[0].digest(with: secret).count == 32)
    }
}
