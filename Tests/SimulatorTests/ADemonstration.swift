#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// A demonstration brings whomever the clinic works with along.
@Suite final class ADemonstration {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("demonstration") }
    deinit { folder.remove() }

    /// A port nobody had a moment ago: what reports to the clinic has to know it before the clinic listens.
    private static func freePort() throws -> Int {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(handle) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(handle, $0, size) | getsockname(handle, $0, &size) }
        }
        guard handle >= 0, result == 0 else { throw ProcessFault("no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private func serve(_ flags: [String]) async throws -> (status: Int32, said: String) {
        let errors = folder.file("refused")
        let (status, _) = try await ChildProcess.run(
            Programs.mediconnect, ["serve", "--data", folder.file("data")] + flags, errors: errors)
        return (status, (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")
    }

    @Test func `sends letters to the simulator beside it, shows them there, and ends with it`() async throws {
        let http = Loopback()
        // Taken: then it is another.
        let other = try await RunningServer.start(
            Programs.mediconnect, ["simulator", "--port", "0"], errors: folder.file("other"))
        let port = try Self.freePort()
        let server = try await RunningServer.start(
            Programs.mediconnect,
            ["serve", "--demo", "--simulator", "\(other.port)", "--port", "\(port)", "--data", folder.file("data")],
            errors: folder.file("log"))
        var simulator = ""
        for await line in server.process.lines {
            guard let base = line.firstRange(of: /http:\/\/127\.0\.0\.1:[0-9]+(?=\/ shows mails)/) else { continue }
            simulator = String(line[base])
            break
        }
        #expect(simulator != other.base)
        let ask = Array(#"{"email":"desk@demo.example"}"#.utf8)
        #expect(try await http.send("POST", server.base + "/v1/password-resets", token: "none", body: ask).status == 202)
        let effects: [JSON] = try await awaited {
            let ledger = try JSON(parsing: try await http.send("GET", simulator + "/ledger?destination=mail").body)
            let effects = ledger["effects"]?.array ?? []
            return effects.isEmpty ? nil : effects
        }
        #expect(effects.count == 1)
        let page = try await http.send("GET", simulator + "/")
        #expect(page.status == 200 && page.text.contains("desk@demo.example"), "the letter is to be read there")
        let health = try await http.send("GET", server.base + "/health").text
        for partner in ["sms", "payments", "scheduling", "mail", "ehr"] {
            #expect(health.contains(#""partner.\#(partner)":"ok""#))
        }
        #expect(await server.stop() == 0)
        await #expect(throws: (any Error).self) { try await http.send("GET", simulator + "/health") }
        #expect(await other.stop() == 0)
        await http.close()
    }

    /// The guide's own lines, one after the other in one shell: each has to succeed.
    @Test func `is walked through as the guide has it`() async throws {
        let guide = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/guides/trying-it.md").standardized
        let blocks = try String(contentsOf: guide, encoding: .utf8).components(separatedBy: "```sh\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(blocks.count >= 7)
        let (clinic, simulator) = (try Self.freePort(), try Self.freePort())
        let lines = blocks.joined().replacing("PORT=8080", with: "PORT=\(clinic)").replacing(
            "PORT=8090", with: "PORT=\(simulator)"
        )
        .replacing("$(mktemp -d)", with: folder.file("walk"))
        let script = """
            set -euo pipefail
            mediconnect() { exec '\(Programs.mediconnect)' "$@"; }
            trap 'kill ${SERVER:-} 2>/dev/null || true' EXIT
            mkdir -p '\(folder.file("walk"))'
            set -x
            \(lines)
            """
        let path = folder.file("walk.sh")
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        let errors = folder.file("walk.errors")
        let (status, said) = try await ChildProcess.run(
            "/usr/bin/timeout", ["-s", "KILL", "540", "/bin/bash", path], errors: errors)
        let trace = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        #expect(status == 0, "\(said.suffix(5))\n\(trace.split(separator: "\n").suffix(12).joined(separator: "\n"))")
    }

    /// The negative control: a line that does not do what it says.
    @Test func `would not pass with a line that fails`() async throws {
        let path = folder.file("fails.sh")
        try Data("set -euo pipefail\necho no | grep yes\necho late\n".utf8).write(to: URL(fileURLWithPath: path))
        let (status, said) = try await ChildProcess.run("/bin/bash", [path])
        #expect(status == 1 && said.isEmpty)
    }

    @Test func `is the only one that does, and has to know where it will be`() async throws {
        for (flags, complaint) in [
            (["--simulator", "0"], "--simulator goes with --demo"),
            (["--demo", "--simulator", "0", "--port", "0"], "--simulator needs a --port that is known beforehand"),
            (["--demo", "--simulator", "70000"], "--simulator must be a port"),
        ] {
            let (status, said) = try await serve(flags)
            #expect(status == 1 && said.contains(complaint), "\(flags): \(said)")
        }
    }
}
