import Foundation
import Processes

/// Certificates made for one test, each with a key of its own.
struct Credentials {
    let folder: TemporaryFolder
    var certificate: String { folder.file("certificate.pem") }
    var key: String { folder.file("key.pem") }

    /// Makes another certificate under a name, and puts it in the place of the one there was.
    func renew(_ name: String) async throws {
        try await make(name)
        try place(name, "certificate")
        try place(name, "key")
    }

    /// Makes one beside, as `NAME.certificate.pem` and `NAME.key.pem`.
    func make(_ name: String) async throws {
        try await openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj",
            "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder.file("\(name).key.pem"), "-out",
            folder.file("\(name).certificate.pem"),
        ])
    }

    /// Makes one that held for a day years ago.
    func makeExpired(_ name: String) async throws {
        let (key, request) = (folder.file("\(name).key.pem"), folder.file("\(name).request"))
        try await openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)",
            "-keyout", key, "-out", request,
        ])
        let settings = """
            [ca]
            default_ca=a
            [a]
            database=\(folder.file("index"))
            rand_serial=yes
            default_md=sha256
            policy=p
            new_certs_dir=\(folder.path)
            [p]
            commonName=supplied
            """
        try Data(settings.utf8).write(to: URL(fileURLWithPath: folder.file("ca")))
        try Data().write(to: URL(fileURLWithPath: folder.file("index")))
        try await openssl([
            "ca", "-selfsign", "-batch", "-config", folder.file("ca"), "-startdate", "20200101000000Z", "-enddate",
            "20200102000000Z", "-in", request, "-keyfile", key, "-notext", "-out", folder.file("\(name).certificate.pem"),
        ])
    }

    /// Puts one of the two files in its place in one step.
    func place(_ name: String, _ kind: String) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("\(name).\(kind).pem")))
        try bytes.write(to: URL(fileURLWithPath: folder.file("\(kind).pem")), options: .atomic)
    }

    private func openssl(_ arguments: [String]) async throws {
        let (status, said) = try await ChildProcess.run("/usr/bin/openssl", arguments, errors: nil)
        guard status == 0 else { throw ProcessFault("openssl: \(said.joined(separator: "\n"))") }
    }
}
