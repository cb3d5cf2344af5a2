import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Testing

/// Accounts as an operator makes them, and as real nodes know them.
@Suite("The user command")
final class UserCommandTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }
    private static let password = "three unrelated words"

    init() throws { folder = try TemporaryFolder("users") }
    deinit { folder.remove() }

    private func run(_ arguments: [String], typing: String = "", database: String? = nil) async throws -> (
        status: Int32, said: String
    ) {
        let typed = folder.file("typed")
        try Data("\(typing)\n".utf8).write(to: URL(fileURLWithPath: typed))
        let errors = folder.file("errors")
        let all = ["user"] + arguments + ["--data", data] + (database.map { ["--database", $0] } ?? [])
        let command = "exec '\(Programs.server)' \"$@\" <'\(typed)'"
        let (status, lines) = try await ChildProcess.run("/bin/sh", ["-c", command, "sh"] + all, errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        return (status, lines.joined(separator: "\n") + complaint)
    }

    private func start(_ more: [String] = []) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"] + more, errors: folder.file("log-\(UUID())"))
    }

    private func signIn(_ server: RunningServer, _ login: String, _ password: String = UserCommandTests.password) async throws
        -> (status: Int, token: String, text: String)
    {
        let body = Array(#"{"login":"\#(login)","password":"\#(password)"}"#.utf8)
        let heard = try await http.send("POST", server.base + "/v1/sessions", token: "none", body: body)
        let token = heard.text.firstMatch(of: /"accessToken":"([^"]+)"/).map { String($0.1) }
        return (heard.status, token ?? "", heard.text)
    }

    @Test("makes accounts, lists them, locks, unlocks and closes them, and says what is wrong")
    func commands() async throws {
        #expect(try await run(["list"]).said.contains("mediconnect"), "without a database there is nothing to list")
        let made = try await run(["create", "Chief@clinic.example", "--role", "admin", "--role", "desk"], typing: Self.password)
        #expect(made.status == 0 && made.said.contains("is account "), "\(made.said)")
        for (arguments, typing, complaint) in [
            (["create", "chief@CLINIC.example", "--role", "admin"], Self.password, "an account with this login already"),
            (["create", "new", "--role", "admin"], "password1", "is one of those that are tried first"),
            (["create", "new", "--role", "admin"], "short", "must have at least 8 characters"),
            (["create", "new", "--role", "admin", "--role", "admin"], Self.password, "each can be named once"),
            (["create", "new", "--role", "king"], Self.password, "--role must be one of patient, practitioner, desk, admin"),
            (["create", "new", "--role", "patient"], Self.password, "needs their identifier in the clinic"),
            (["create", "new", "--role", "patient=emma"], Self.password, "must name a UUID"),
            (["create", "a b c", "--role", "desk"], Self.password, "no blanks"),
            (["lock", "nobody"], "", "there is no such account"),
            (["password", "nobody"], Self.password, "there is no such account"),
        ] {
            let heard = try await run(arguments, typing: typing)
            #expect(heard.status == 1 && heard.said.contains(complaint), "\(arguments): \(heard.said)")
        }
        #expect(try await run(["list"]).said.contains("chief@clinic.example  active  admin="))
        let river = "01900000-0000-7000-8000-000000000001"
        for (arguments, status, said) in [
            (["revoke", "chief@clinic.example", "--role", "billing"], Int32(1), "the account is not that"),
            (["grant", "chief@clinic.example", "--role", "billing"], 0, "may sign in as billing."),
            (["grant", "chief@clinic.example", "--role", "desk", "--place", river], 1, "a place is no location"),
            (["grant", "chief@clinic.example", "--role", "admin", "--place", river], 1, "--place is for desk and billing"),
            (["grant", "chief@clinic.example", "--role", "service"], 1, "--role must be one of"),
            (["revoke", "chief@clinic.example", "--role", "billing"], 0, "is billing no more."),
        ] {
            let heard = try await run(arguments)
            #expect(heard.status == status && heard.said.contains(said), "\(arguments): \(heard.said)")
        }
        for (act, state) in [("lock", "locked"), ("unlock", "active"), ("close", "closed")] {
            #expect(try await run([act, "chief@clinic.example"]).said.contains("is \(state)."))
            #expect(try await run(["list"]).said.contains("chief@clinic.example  \(state)"))
        }
        #expect(try await run(["unlock", "chief@clinic.example"]).status == 1, "closed is closed")
    }

    @Test("the first admin signs in, a restart signs nobody out, and a new password does")
    func signingIn() async throws {
        #expect(try await run(["create", "chief", "--role", "admin"], typing: Self.password).status == 0)
        var server = try await start()
        let admin = try await signIn(server, "chief")
        #expect(admin.status == 201, "\(admin.text)")
        let mailbox = try await http.send("GET", server.base + "/v1/mailbox", token: admin.token)
        #expect(mailbox.status == 200, "\(mailbox.text)")
        #expect(await server.stop() == 0)
        server = try await start()
        #expect(try await http.send("GET", server.base + "/v1/mailbox", token: admin.token).status == 200)
        #expect(await server.stop() == 0)
        #expect(try await run(["password", "chief"], typing: "another three words").status == 0)
        server = try await start()
        let refused = try await http.send("GET", server.base + "/v1/mailbox", token: admin.token)
        #expect(refused.status == 401 && refused.text.contains("session-ended"), "\(refused.text)")
        #expect(try await signIn(server, "chief").status == 401)
        #expect(try await signIn(server, "chief", "another three words").status == 201)
        #expect(await server.stop() == 0)
        await http.close()
    }

    @Test("an account that is locked beside two running nodes is signed out on both")
    func twoNodes() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let fresh = try await cluster.freshDatabase()
            let nodes = [try await start(["--database", fresh.url]), try await start(["--database", fresh.url])]
            #expect(
                try await run(["create", "chief", "--role", "admin"], typing: Self.password, database: fresh.url).status == 0)
            let admin = try await signIn(nodes[0], "chief")
            for node in nodes { #expect(try await http.send("GET", node.base + "/v1/mailbox", token: admin.token).status == 200) }
            #expect(try await run(["lock", "chief"], database: fresh.url).status == 0)
            for node in nodes {
                let limit = ContinuousClock.now + .seconds(60)
                while try await http.send("GET", node.base + "/v1/mailbox", token: admin.token).status != 401 {
                    guard ContinuousClock.now < limit else {
                        Issue.record("a node goes on taking the token")
                        break
                    }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            for node in nodes { #expect(await node.stop() == 0) }
            await http.close()
        }
    }
}
