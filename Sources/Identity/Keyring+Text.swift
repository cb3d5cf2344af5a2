public import Notation
import Sealing

// As a file. A clinic begins with bare random bytes, one secret; from the first rotation on there are lines:
//
//     mediconnect keys 1
//     kept 5d1f…                           what lasts of a secret that is gone
//     key 2026-03-02T09:00:00Z 8c07…       a secret, and from when on it seals
//     end
extension Keyring {
    private static let heading = "mediconnect keys 1"
    /// Tells a whole file from one that is still being copied.
    private static let ending = "end"

    public var text: String {
        let lines =
            [Self.heading] + kept.map { "kept \(Hexadecimal.text($0.bytes))" }
            + keys.map { "key \($0.since) \(Hexadecimal.text($0.secret))" } + [Self.ending]
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nil when it is not whole, or anything in it is wrong.
    public init?(reading bytes: [UInt8]) {
        guard Self.isText(bytes) else {
            guard bytes.count >= Self.secretBytes else { return nil }
            self.init(secret: bytes)
            return
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.first == Self.heading[...], lines.suffix(2) == [Self.ending[...], ""] else { return nil }
        var (keys, kept): ([Key], [LastingSecret]) = ([], [])
        for line in lines.dropFirst().dropLast(2) {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let secret = words.last.flatMap { Hexadecimal.bytes(String($0)) } ?? []
            if words.count == 2, words[0] == "kept", let secret = LastingSecret(bytes: secret) {
                kept.append(secret)
            } else if words.count == 3, words[0] == "key", let since = Instant(words[1]), secret.count >= Self.secretBytes {
                keys.append(Key(secret: secret, since: since))
            } else {
                return nil
            }
        }
        self.init(keys: keys, kept: kept)
    }

    /// Whether these are lines rather than a bare secret, be they right or wrong.
    public static func isText(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Array("mediconnect keys ".utf8)) }
}
