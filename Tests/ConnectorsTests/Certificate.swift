import Processes

/// A certificate for one host, signed by an authority made up for one test. Good for a day.
struct Certificate: Sendable {
    let file: String
    let key: String
    /// For whoever is to trust it.
    let authority: String

    static func make(for host: String, in folder: TemporaryFolder) async throws -> Certificate {
        let authority = try await create(host + ".authority", ["-subj", "/CN=MediConnect tests"], folder)
        let server = try await create(
            host,
            [
                "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host)", "-addext", "basicConstraints=critical,CA:FALSE",
                "-CA", authority.file, "-CAkey", authority.key,
            ], folder)
        return Certificate(file: server.file, key: server.key, authority: authority.file)
    }

    private static func create(
        _ name: String, _ words: [String], _ folder: TemporaryFolder
    ) async throws -> (file: String, key: String) {
        let (file, key) = (folder.file("\(name).crt"), folder.file("\(name).key"))
        let child = try ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-keyout", key,
                "-out", file,
            ] + words, errors: nil)
        var said: [String] = []
        for await line in child.lines { said.append(line) }
        guard await child.ended() == 0 else { throw ProcessFault("openssl: \(said.joined(separator: "\n"))") }
        return (file, key)
    }
}
