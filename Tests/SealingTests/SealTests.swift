import Notation
import Sealing
import Testing

@Suite("A seal")
struct SealTests {
    private let key = SealKey(secret: Array(repeating: 7, count: 32))!
    private let stranger = SealKey(secret: Array(repeating: 8, count: 32))!
    private let digests = (1...3).map { [UInt8](repeating: $0, count: 32) }
    private let noon = Instant(microseconds: 1_790_000_000_123_456)

    private func seal(_ number: Int = 1, after previous: [UInt8] = Seal.beginning, by key: SealKey? = nil) throws -> Seal {
        try Seal(number: number, at: noon, over: digests, after: previous, signedWith: key ?? self.key)
    }

    @Test func `is sound after the one before it and nowhere else`() throws {
        let first = try seal()
        let second = try seal(2, after: first.link)
        #expect(first.isSound(after: Seal.beginning) && second.isSound(after: first.link))
        #expect(!second.isSound(after: Seal.beginning) && !first.isSound(after: second.link))
    }

    @Test func `is broken by a change of any of its parts`() throws {
        let one = try seal()
        func changed(
            number: Int? = nil, at: Instant? = nil, count: Int? = nil, root: [UInt8]? = nil, link: [UInt8]? = nil,
            publicKey: [UInt8]? = nil, signature: [UInt8]? = nil
        ) -> Seal {
            Seal(
                number: number ?? one.number, at: at ?? one.at, count: count ?? one.count, root: root ?? one.root,
                link: link ?? one.link, publicKey: publicKey ?? one.publicKey, signature: signature ?? one.signature)
        }
        let zeros = [UInt8](repeating: 0, count: 32)
        for other in [
            changed(number: 2), changed(at: noon + .seconds(1)), changed(count: 4), changed(root: zeros), changed(link: zeros),
            changed(publicKey: stranger.publicKey), changed(publicKey: []), changed(signature: zeros + zeros),
            changed(signature: []),
        ] {
            #expect(!other.isSound(after: Seal.beginning))
        }
        #expect(changed().isSound(after: Seal.beginning))
    }

    @Test func `an anchor is read as it was written, and only that`() throws {
        let anchor = Anchor(try seal())
        #expect(Anchor(line: anchor.line) == anchor)
        #expect(anchor.isSigned)
        #expect(!anchor.line.contains("\n"))
        for rubbish in [
            "", "{", "[]", "{}", anchor.line.replacing("seal", with: "sea"), String(anchor.line.dropLast(4)) + "g\"}",
        ] {
            #expect(Anchor(line: rubbish) == nil, "\(rubbish)")
        }
        let forged = anchor.line.replacing(Hexadecimal.text(anchor.link), with: String(repeating: "0", count: 64))
        #expect(Anchor(line: forged)?.isSigned == false)
    }

    @Test func `a key has 32 bytes`() {
        for count in [0, 31, 33, 64] { #expect(SealKey(secret: Array(repeating: 1, count: count)) == nil) }
        #expect(key.publicKey.count == 32 && key.publicKey != stranger.publicKey)
    }
}
