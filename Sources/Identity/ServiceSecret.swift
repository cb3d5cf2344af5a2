public import Notation
import Sealing

/// What a service proves itself with: 256 random bits, shown once. A plain digest with the clinic's secret keeps it; nobody guesses it, so
/// it needs no slow one.
public struct ServiceSecret: Sendable, Equatable {
    private let bytes: [UInt8]
    /// For scanners that look for secrets where they should not be.
    private static let prefix = "mcs_"
    private static let byteCount = 32

    public static func make(_ random: any RandomSource) -> ServiceSecret {
        ServiceSecret(bytes: (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Nil when it cannot be one.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.prefix.utf8.count + 2 * Self.byteCount,
            let bytes = Hexadecimal.bytes(String(text.dropFirst(Self.prefix.count)))
        else { return nil }
        self.bytes = bytes
    }

    /// The only copy.
    public var text: String { Self.prefix + Hexadecimal.text(bytes) }

    /// What is kept of it.
    public func digest(with secret: [UInt8]) -> [UInt8] {
        DerivedKey.digest(of: text, from: secret, for: "mediconnect service secrets")
    }

    /// Takes as long for any two of one length.
    public static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension Keyring {
    /// What is kept of a service's secret that is given out now.
    public func digest(of secret: ServiceSecret, at now: Instant) -> [UInt8] {
        secret.digest(with: sealing(at: now).lasting.bytes)
    }

    /// All that may be kept of it, newest first.
    public func digests(of secret: ServiceSecret) -> [[UInt8]] { lasting.reversed().map { secret.digest(with: $0.bytes) } }
}
