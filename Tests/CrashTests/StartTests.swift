import Foundation
import LoopbackClient
import Processes
import StorageSQLite
import Testing

/// What stands in a start's way is said in one line that names the way out, and the exit code is 1.
@Suite("Starting")
final class StartTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("start") }
    deinit { folder.remove() }

    @Test("a demonstration has an account for each role, and signs each in with the password it prints")
    func demonstration() async throws {
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--port", "0", "--data", folder.file("demo")], errors: folder.file("errors"))
        var (password, logins): (String?, [(login: String, role: String)]) = (nil, [])
        for await line in server.process.lines {
            if let found = line.firstMatch(of: /all with the password ([0-9a-f]+)/) { password = String(found.1) }
            if let found = line.firstMatch(of: /^ +(\S+@demo\.example) +(\S+)$/) {
                logins.append((String(found.1), String(found.2)))
            }
            if logins.count == 6 { break }
        }
        #expect(Set(logins.map(\.role)) == ["patient", "practitioner", "desk", "billing", "privacy", "admin"])
        let http = Loopback()
        for (login, role) in logins {
            let body = #"{"login":"\#(login)","password":"\#(password ?? "")"}"#
            let reply = try await http.send("POST", server.base + "/v1/sessions", body: Array(body.utf8))
            #expect(
                reply.status == 201 && reply.text.contains(#""role":"\#(role)""#),
                "\(login): \(reply.status) \(reply.text.prefix(200))")
        }
        await http.close()
        await server.process.kill()
    }

    @Test("a port somebody has is named")
    func takenPort() async throws {
        let first = try await serve("first")
        let complaint = try await complaint(["--data", folder.file("second"), "--port", "\(first.port)"])
        #expect(complaint.contains("port \(first.port) is taken"))
        #expect(complaint.contains("choose another with --port"))
        await first.process.kill()
    }

    /// Root may write everywhere, so the obstacle is a file where the folder should be.
    @Test("a data folder that cannot be made is named")
    func noFolder() async throws {
        let obstacle = folder.file("obstacle")
        _ = FileManager.default.createFile(atPath: obstacle, contents: Data("here already".utf8))
        for path in [obstacle, obstacle + "/data"] {
            let complaint = try await complaint(["--data", path, "--port", "0"])
            #expect(complaint.contains(obstacle))
            #expect(complaint.contains("choose another") || complaint.contains("create it"))
        }
    }

    @Test("a database of a newer program is left alone")
    func newerSchema() async throws {
        let path = try await databaseOfStoppedServer("newer")
        let byHand = try SQLiteConnection.byHand(path)
        try byHand.executeByHand("INSERT INTO schema_migration (number, name, applied_at) VALUES (999, 'from the future', 0)")
        byHand.closeByHand()
        let complaint = try await complaint(["--data", folder.file("newer"), "--port", "0"])
        #expect(complaint.contains("999"))
        #expect(complaint.contains("use the newer program"))
    }

    @Test("a damaged database is not served", arguments: [0, 40_000])
    func corrupt(offset: UInt64) async throws {
        let path = try await databaseOfStoppedServer("corrupt")
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 8192))
        try file.close()
        let complaint = try await complaint(["--data", folder.file("corrupt"), "--port", "0"])
        #expect(complaint.contains("damaged or not a database"))
        #expect(complaint.contains("restore it from a backup"))
    }

    @Test("a second server on the same data hears who has it")
    func secondServer() async throws {
        let first = try await serve("shared")
        let complaint = try await complaint(["--data", folder.file("shared"), "--port", "0"])
        #expect(complaint.contains("in use by process \(first.process.number)"))
        #expect(complaint.contains("stop that one first"))
        await first.process.kill()
        // The lock goes with its holder, however it ends.
        let next = try await serve("shared")
        #expect(await next.stop() == 0)
    }

    private func serve(_ name: String) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", folder.file(name), "--port", "0"], errors: folder.file("\(name).log"))
    }

    private func databaseOfStoppedServer(_ name: String) async throws -> String {
        #expect(await (try serve(name)).stop() == 0)
        return folder.file(name) + "/clinic.sqlite"
    }

    /// Starts a server that cannot start, and returns the one line it says about it.
    private func complaint(_ arguments: [String]) async throws -> String {
        let errors = folder.file("complaint-\(UUID().uuidString)")
        let (status, output) = try await ChildProcess.run(Programs.server, ["serve"] + arguments, errors: errors)
        let lines = try String(contentsOfFile: errors, encoding: .utf8).split(separator: "\n")
        #expect(status == 1)
        #expect(output.isEmpty)
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("mediconnect: ") ?? false)
        return lines.joined(separator: "\n")
    }
}
