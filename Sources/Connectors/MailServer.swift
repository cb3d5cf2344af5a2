public import Notation

/// The mail server letters are handed to, and how.
public struct MailServer: Sendable {
    public enum Encryption: String, Sendable, CaseIterable {
        /// From the first byte (`smtps://`, RFC 8314).
        case implicit
        /// Begun with STARTTLS, or nothing is sent.
        case startTLS
        /// Only for a server on the same machine.
        case none
    }

    public var host: String
    public var port: Int
    public var encryption: Encryption
    public var user: String?
    public var password: Personal<String>?
    /// A file of certificates to trust instead of the machine's own.
    public var authorities: String?
    /// For the connection, and for each answer (MC-2).
    public var patience: Span = .seconds(5)
    /// For a letter altogether. A way out has its own, see `SMTPConnector`.
    public var deadline: Span = .seconds(30)
    /// Whether a simulator's word counts. Otherwise letters wait: one that is handed to a simulator by mistake would be nobody's.
    public var believesSimulators = false
    /// How many letters are under way at once. A way out has its own.
    public var lanes = 4

    public init(host: String, port: Int, encryption: Encryption) {
        self.host = host
        self.port = port
        self.encryption = encryption
    }

    /// From `smtp://host:587` or `smtps://host:465`; nil when it is neither. User and password do not belong there: addresses are
    /// written down in too many places.
    public init?(address: String) {
        let parts = address.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, let encryption = ["smtp": Encryption.startTLS, "smtps": .implicit][String(parts[0])] else {
            return nil
        }
        let place = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let usual = encryption == .implicit ? 465 : 587
        guard (1...2).contains(place.count), !place[0].isEmpty, place[0].utf8.allSatisfy(Self.isHostSign),
            let port = place.count == 1 ? usual : Int(place[1]), (1...65_535).contains(port)
        else { return nil }
        self.init(host: String(place[0]), port: port, encryption: encryption)
    }

    private static func isHostSign(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46
    }
}
