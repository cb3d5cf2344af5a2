import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Testing

/// Secrets rotated by an operator beside servers that run (MA-9, MC-3).
@Suite("The token keys command")
final class TokenKeysTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("keys") }
    deinit { folder.remove() }

    private func run(_ arguments: [String], in data: String? = nil) async throws -> (status: Int32, said: String) {
        let errors = folder.file("errors-\(UUID())")
        let (status, lines) = try await ChildProcess.run(
            Programs.server, ["token"] + arguments + ["--data", data ?? self.data], errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        return (status, lines.joined(separator: "\n") + complaint)
    }

    private func start(_ more: [String] = [], in data: String? = nil) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--data", data ?? self.data, "--port", "0"] + more, errors: folder.file("log-\(UUID())"))
    }

    private func token(in data: String? = nil) async throws -> String {
        let (status, said) = try await run(["--role", "admin"], in: data)
        try #require(status == 0, "\(said)")
        return said
    }

    private func status(_ token: String, at node: RunningServer) async throws -> Int {
        try await http.send("GET", node.base + "/v1/mailbox", token: token).status
    }

    /// Waits until a node answers a token so.
    private func becomes(_ expected: Int, _ token: String, at node: RunningServer) async throws {
        let limit = ContinuousClock.now + .seconds(60)
        while try await status(token, at: node) != expected {
            guard ContinuousClock.now < limit else {
                Issue.record("it goes on answering otherwise than \(expected)")
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The id of the key that signed it.
    private func key(of token: String) throws -> String {
        var part = String(token.prefix { $0 != "." })
        part += String(repeating: "=", count: (4 - part.count % 4) % 4)
        let header = String(decoding: try #require(Data(base64Encoded: part)), as: UTF8.self)
        return String(try #require(header.firstMatch(of: /"kid":"([0-9a-f]+)"/)).1)
    }

    @Test("a running server follows a rotation and takes the old secret's tokens on")
    func rotation() async throws {
        let server = try await start()
        let old = try await token()
        #expect(try await status(old, at: server) == 200)
        let rotated = try await run(["keys", "rotate", "--delay", "6"])
        #expect(rotated.status == 0 && rotated.said.contains(" signs from "), "\(rotated.said)")
        let again = try await run(["keys", "rotate", "--delay", "6"])
        #expect(again.status == 1 && again.said.contains("rotate again after that"), "\(again.said)")
        // The command signs with the new one when its time has come, and the server knows it by then.
        let limit = ContinuousClock.now + .seconds(60)
        var new = old
        while try key(of: new) == key(of: old), ContinuousClock.now < limit {
            try await Task.sleep(for: .milliseconds(100))
            new = try await token()
        }
        let (oldKey, newKey) = (try key(of: old), try key(of: new))
        #expect(oldKey != newKey)
        #expect(try await status(new, at: server) == 200)
        #expect(try await status(old, at: server) == 200, "nobody is signed out")
        let listed = try await run(["keys", "list"]).said
        #expect(listed.contains("\(oldKey)  signed until ") && listed.contains("\(newKey)  signs"))
        // One that signs stays, one that sessions may need stays unless it must go.
        for (arguments, complaint) in [
            (["retire", newKey], "signs, or is about to"), (["retire", oldKey], "--now ends them"),
            (["retire", "../../etc/passwd"], "there is no secret"), (["rotate", "--delay", "1"], "--delay must be from 2"),
        ] {
            let heard = try await run(["keys"] + arguments)
            #expect(heard.status == 1 && heard.said.contains(complaint), "\(arguments): \(heard.said)")
        }
        #expect(try await run(["keys", "retire", oldKey, "--now"]).status == 0)
        try await becomes(401, old, at: server)
        #expect(try await status(new, at: server) == 200)
        let rights = try FileManager.default.attributesOfItem(atPath: data + "/token.secret")[.posixPermissions] as? Int
        #expect(rights == 0o600)
        #expect(await server.stop() == 0)
        let restarted = try await start()
        #expect(try await status(new, at: restarted) == 200)
        #expect(await restarted.stop() == 0)
        await http.close()
    }

    @Test("a file that is half copied, or another secret altogether, changes nothing")
    func damage() async throws {
        let server = try await start()
        let token = try await token()
        let path = data + "/token.secret"
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        let wrongs = [Data("mediconnect keys 1\nkey 2026".utf8), Data(repeating: 1, count: 32), Data()]
        for (count, wrong) in wrongs.enumerated() {
            try wrong.write(to: URL(fileURLWithPath: path), options: .atomic)
            let limit = ContinuousClock.now + .seconds(60)
            while try complaints() <= count, ContinuousClock.now < limit { try await Task.sleep(for: .milliseconds(50)) }
            #expect(try complaints() == count + 1, "the server says that it has looked")
            #expect(try await status(token, at: server) == 200)
        }
        try good.write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(try await status(token, at: server) == 200)
        #expect(await server.stop() == 0)
        await http.close()
    }

    private func complaints() throws -> Int {
        let logs = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("log-") }
        return try logs.reduce(0) {
            $0 + (try String(contentsOfFile: folder.file($1), encoding: .utf8)).ranges(of: "secrets.wrong").count
        }
    }

    @Test("two nodes with a file each follow when each has been given the new one")
    func twoNodes() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let fresh = try await cluster.freshDatabase()
            let (here, there) = (folder.file("here"), folder.file("there"))
            let first = try await start(["--database", fresh.url], in: here)
            try FileManager.default.createDirectory(atPath: there, withIntermediateDirectories: true)
            func copy() throws {
                for name in ["/token.secret", "/master.key"] {
                    let secret = try Data(contentsOf: URL(fileURLWithPath: here + name))
                    try secret.write(to: URL(fileURLWithPath: there + name), options: .atomic)
                }
            }
            try copy()
            let nodes = [first, try await start(["--database", fresh.url], in: there)]
            let old = try await token(in: here)
            for node in nodes { #expect(try await status(old, at: node) == 200) }
            #expect(try await run(["keys", "rotate", "--delay", "2"], in: here).status == 0)
            try copy()
            let limit = ContinuousClock.now + .seconds(60)
            var new = old
            let oldKey = try key(of: old)
            while try key(of: new) == oldKey, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(100))
                new = try await token(in: here)
            }
            for node in nodes {
                try await becomes(200, new, at: node)
                #expect(try await status(old, at: node) == 200)
            }
            for node in nodes { #expect(await node.stop() == 0) }
            await http.close()
        }
    }
}
