import Foundation
import Processes

/// A real mail server (aiosmtpd) with a certificate of its own, for one test. It misbehaves towards recipients whose names say so:
/// `greylisted`, `full`, `nobody`, `hangup`, `spam`, `busy`, `dropped`, `silent`, `silent-once`; see `mail_server.py`.
public final class TrialMailServer: Sendable {
    public let port: Int
    /// The file of the certificate that vouches for it.
    public let authority: String
    private let program: ChildProcess
    private let folder: TemporaryFolder

    public struct Arrival: Decodable, Sendable {
        public let to: String
        /// Whether it was taken, as far as the server knows.
        public let kept: Bool
        public let message: String
    }

    public enum Kind: Sendable { case plain, startTLS, implicit }

    private init(_ kind: Kind, login: (String, String)?) async throws {
        folder = try TemporaryFolder("mail")
        let (certificate, key) = (folder.file("server.crt"), folder.file("server.key"))
        _ = try await ChildProcess.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-keyout", key,
                "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            ])
        authority = certificate
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("mail_server.py").path
        var words = [script, folder.file("record")]
        if kind != .plain { words += ["--tls", certificate, key] }
        if kind == .implicit { words += ["--implicit"] }
        if let login { words += ["--login", login.0, login.1] }
        // Debian's own, which has Debian's aiosmtpd.
        program = try ChildProcess("/usr/bin/python3", words, errors: folder.file("errors"))
        var lines = program.lines.makeAsyncIterator()
        guard let port = await lines.next().flatMap({ Int($0) }) else {
            let errors = (try? String(contentsOfFile: folder.file("errors"), encoding: .utf8)) ?? ""
            throw ProcessFault("the mail server does not start: \(errors)")
        }
        self.port = port
    }

    /// Starts one, lends it to `body` and ends it, also when `body` throws.
    ///
    /// - Parameter login: who may send; nil lets everybody.
    public static func run(
        _ kind: Kind, login: (String, String)? = nil, _ body: (TrialMailServer) async throws -> Void
    ) async throws {
        let server = try await TrialMailServer(kind, login: login)
        do { try await body(server) } catch {
            await server.end()
            throw error
        }
        await server.end()
    }

    private func end() async {
        await program.kill()
        folder.remove()
    }

    /// What it was given so far, kept or not. It writes a message down before it answers.
    public func arrivals() throws -> [Arrival] {
        let record = (try? String(contentsOfFile: folder.file("record"), encoding: .utf8)) ?? ""
        return try record.split(separator: "\n").map { try JSONDecoder().decode(Arrival.self, from: Data($0.utf8)) }
    }
}
