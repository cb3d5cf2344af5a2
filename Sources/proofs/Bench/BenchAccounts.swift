import Foundation
import LoopbackClient
import Notation
import Processes

/// Accounts of a measured clinic, made as an operator makes them.
struct BenchAccounts {
    static let password = "three unrelated words"
    let rig: BenchRig
    let house: DataFolder

    /// Of a patient, who needs no second factor.
    func make(_ login: String, number: Int = 1) async throws {
        try await run(
            ["create", login, "--role", "patient=\(BenchClinic.id(.patient, number, as: BenchAccounts.self))"],
            typing: Self.password)
    }

    func lock(_ login: String) async throws { try await run(["lock", login]) }

    private func run(_ words: [String], typing: String = "") async throws {
        let (typed, errors) = (rig.folder.file("typed"), rig.folder.file("user-errors"))
        try Data("\(typing)\n".utf8).write(to: URL(fileURLWithPath: typed))
        let (status, _) = try await ChildProcess.run(
            "/bin/sh", ["-c", "exec '\(rig.server)' user \"$@\" <'\(typed)'", "sh"] + words + house.flags, errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        guard status == 0 else { throw ProcessFault("mediconnect user \(words[0]) failed:\n\(complaint)") }
    }

    /// The session's identifier and its access token.
    func signIn(_ login: String, at server: RunningServer, by http: Loopback) async throws -> (session: String, token: String) {
        let heard = try await Self.answer(login, Self.password, at: server.base, by: http)
        guard heard.status == 201, let grant = try? JSON(parsing: heard.text), let token = grant["accessToken"]?.string,
            let session = grant["session"]?.string
        else { throw ProcessFault("signing in failed with \(heard.status): \(heard.text)") }
        return (session, token)
    }

    static func answer(_ login: String, _ password: String, at base: String, by http: Loopback) async throws -> Loopback.Reply {
        var json = JSONWriter()
        json.object { json in
            json.member("login", login)
            json.member("password", password)
        }
        return try await http.send("POST", base + "/v1/sessions", token: "none", body: json.bytes)
    }
}
