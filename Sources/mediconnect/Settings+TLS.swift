import Configuration
import NIOSSL

/// How the server speaks TLS, if it does.
struct TLSSettings: Sendable {
    /// Nil speaks plain HTTP, for a proxy on this machine.
    var files: CertificateFiles?
    var minimum: Minimum
    /// How long a connection may take to agree on how to speak.
    var handshakeSeconds: Int
    /// Of plain HTTP beside TLS; nil is none.
    var plainPort: Int?

    enum Minimum: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"

        var version: TLSVersion { self == .tls12 ? .tlsv12 : .tlsv13 }
    }

    /// What is wrong is added to `problems`.
    init(_ config: ConfigReader, _ whole: (ConfigKey, String, Int, ClosedRange<Int>) -> Int, _ problems: inout [String]) {
        // tls.certificate: a file, PEM, the server's certificate and those between it and the root; default none, which is plain HTTP.
        let certificate = config.string(forKey: "tls.certificate").flatMap { $0.isEmpty ? nil : $0 }
        // tls.key: a file, PEM, its private key. Both are read again when they change, and on SIGHUP.
        let key = config.string(forKey: "tls.key").flatMap { $0.isEmpty ? nil : $0 }
        if (certificate == nil) != (key == nil) { problems.append("tls.certificate and tls.key: one needs the other") }
        if let certificate, let key { files = CertificateFiles(certificate: certificate, key: key) }
        // tls.minimum: 1.2 or 1.3; default 1.2. What is older is refused.
        let minimum = config.string(forKey: "tls.minimum", default: "1.2")
        self.minimum = Minimum(rawValue: minimum) ?? .tls12
        if Minimum(rawValue: minimum) == nil { problems.append("tls.minimum: must be 1.2 or 1.3") }
        // tls.handshake: seconds a new connection may take until both sides speak; default 10.
        handshakeSeconds = whole("tls.handshake", "tls.handshake", 10, 1...60)
        // http.plain.port: whole number 0…65535; default none. A second door without TLS, for probes on this machine.
        let port = whole("http.plain.port", "http.plain.port", -1, 0...65_535)
        plainPort = port < 0 ? nil : port
        if plainPort != nil, files == nil { problems.append("http.plain.port: is for a server that speaks TLS") }
    }

    var listing: [(name: String, value: String)] {
        [
            ("tls.certificate", files?.certificate ?? "none: plain HTTP"), ("tls.key", files?.key ?? "none"),
            ("tls.minimum", minimum.rawValue), ("tls.handshake", String(handshakeSeconds)),
            ("http.plain.port", plainPort.map(String.init) ?? "none"),
        ]
    }
}
