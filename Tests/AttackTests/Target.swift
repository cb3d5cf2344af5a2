import Foundation
import LoopbackClient
import Notation
import Processes
import Testing
import Workflows

/// The real server with its demo clinic, as attackers reach it: over sockets. Started once for a test and ended with it.
struct Target: Sendable {
    let server: RunningServer
    let http: Loopback
    /// The desk's.
    let token: String
    /// Where it writes its log.
    let log: String

    /// With the demo clinic, or as a clinic is on its first day.
    static func withServer(demo: Bool = true, _ body: (Target) async throws -> Void) async throws {
        let folder = try TemporaryFolder("attack", under: FolderInMemory.path)
        defer { folder.remove() }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["serve"] + (demo ? ["--demo"] : []) + ["--data", folder.file("data"), "--port", "0"],
            errors: folder.file("log"))
        let (_, output) = try await ChildProcess.run(
            Programs.mediconnect, ["token", "--role", "desk", "--subject", DemoClinic.desk, "--data", folder.file("data")])
        let target = Target(server: server, http: Loopback(), token: try #require(output.first), log: folder.file("log"))
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(target)) } catch { outcome = .failure(error) }
        await target.http.close()
        #expect(await server.stop() == 0, "it is still well enough to stop")
        try outcome.get()
    }

    /// What the server says to these bytes on a connection of their own, until it closes it; nil when it does not.
    func said(to bytes: [UInt8], timeoutSeconds: Int = 20) throws -> String? {
        let connection = try HalfRequest(port: server.port, timeoutSeconds: timeoutSeconds)
        connection.attempt(bytes)
        return connection.receivedUntilClosed()
    }

    func isWell() async throws -> Bool { try await http.send("GET", server.base + "/health/ready").status == 200 }
}

extension String {
    /// The status of each answer in what was said on a connection.
    var statuses: [Int] { matches(of: /HTTP\/1\.1 ([0-9]{3})/).compactMap { Int($0.1) } }
}
