public import Notation

/// What is kept of a seal elsewhere: a line that says up to where the history went at that moment. A history that was cut off,
/// or an older one in its place, no longer reaches it.
public struct Anchor: Sendable, Equatable {
    public let number: Int
    public let at: Instant
    public let link: [UInt8]
    public let publicKey: [UInt8]
    public let signature: [UInt8]

    public init(_ seal: Seal) {
        (number, at, link, publicKey, signature) = (seal.number, seal.at, seal.link, seal.publicKey, seal.signature)
    }

    /// A JSON object without a line break: `seal`, `at`, and `link`, `publicKey`, `signature` in hexadecimal digits.
    public var line: String {
        var json = JSONWriter(reserving: 400)
        json.object { json in
            json.member("seal", number)
            json.member("at", at)
            json.member("link", Hexadecimal.text(link))
            json.member("publicKey", Hexadecimal.text(publicKey))
            json.member("signature", Hexadecimal.text(signature))
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Nil when it is no such line.
    public init?(line: some StringProtocol) {
        guard let json = try? JSON(parsing: String(line)), let number = json["seal"]?.integer,
            let at = json["at"]?.string.flatMap({ Instant($0) }), let link = Self.bytes(json, "link"),
            let publicKey = Self.bytes(json, "publicKey"), let signature = Self.bytes(json, "signature")
        else { return nil }
        (self.number, self.at, self.link, self.publicKey, self.signature) = (Int(number), at, link, publicKey, signature)
    }

    public var isSigned: Bool { SealKey.hasSigned(publicKey, link, signature) }

    private static func bytes(_ json: JSON, _ name: String) -> [UInt8]? { json[name]?.string.flatMap { Hexadecimal.bytes($0) } }
}

public enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }

    /// Nil when it is anything else than pairs of digits.
    public static func bytes(_ text: String) -> [UInt8]? {
        let values = text.utf8.map { digit in Character(Unicode.Scalar(digit)).hexDigitValue }
        guard values.count.isMultiple(of: 2), !values.contains(nil) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0]! << 4 | values[$0 + 1]!) }
    }
}
