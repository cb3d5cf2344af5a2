import Foundation
import Processes

extension PrivateCluster {
    /// From now on it speaks TLS too, with a certificate that an authority made up for it has signed.
    ///
    /// - Parameter host: the name in the certificate, such as `localhost`.
    /// - Returns: the file of the authority's certificate, for `sslrootcert`.
    public func encrypt(as host: String) async throws -> String {
        let authority = try await certificate("authority", ["-subj", "/CN=MediConnect tests"])
        let server = try await certificate(
            "server",
            [
                "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host)", "-addext", "basicConstraints=critical,CA:FALSE",
                "-CA", authority.certificate, "-CAkey", authority.key,
            ])
        try await psql("ALTER SYSTEM SET ssl_cert_file = '\(server.certificate)'")
        try await psql("ALTER SYSTEM SET ssl_key_file = '\(server.key)'")
        try await psql("ALTER SYSTEM SET ssl = on")
        try await psql("SELECT pg_reload_conf()")
        // Each session hears of it by itself; a new one may come before the server has.
        let start = ContinuousClock.now
        while try await psql("SELECT current_setting('ssl')") != ["on"] {
            guard ContinuousClock.now - start < .seconds(30) else {
                throw ProcessFault("PostgreSQL does not speak TLS:\n\(self.server.lastWords())")
            }
        }
        return authority.certificate
    }

    /// Somebody else's authority, which has signed nothing of this server's.
    public func strangeAuthority() async throws -> String {
        try await certificate("stranger", ["-subj", "/CN=somebody else"]).certificate
    }

    /// Good for a day, and the lodger's own: PostgreSQL takes no key that others can read.
    private func certificate(_ name: String, _ words: [String]) async throws -> (certificate: String, key: String) {
        let (certificate, key) = (server.folder.file("\(name).crt"), server.folder.file("\(name).key"))
        try await server.lodger.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-keyout", key,
                "-out", certificate,
            ] + words)
        return (certificate, key)
    }
}
