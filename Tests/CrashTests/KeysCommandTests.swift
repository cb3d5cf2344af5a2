import Foundation
import LoopbackClient
import Processes
import Testing

/// Keys as an operator looks after them, and what is said when the right ones are missing (HB-6).
@Suite("The keys command")
final class KeysCommandTests {
    private let folder: TemporaryFolder
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("keys") }
    deinit { folder.remove() }

    @Test("beside the server that has the database, rotates and wraps anew, and shows what came of it")
    func besideAServer() async throws {
        let server = try await start()
        let before = try await run(["list", "--fields"])
        #expect(before.status == 0 && before.said.contains("field 1  active") && !before.said.contains("plain"), "\(before.said)")
        let rotated = try await run(["rotate"])
        #expect(rotated.status == 0 && rotated.said.contains("sealed with key 2 from now on"), "\(rotated.said)")
        #expect(rotated.said.contains("older keys are gone"))
        let after = try await run(["list", "--fields"]).said
        #expect(after.contains("field 1  retired") && after.contains("field 2  active") && after.contains("record 1  retiring"))
        #expect(try await run(["rewrap"]).said.contains("0 keys were wrapped anew"), "there is no other master key")
        #expect(await server.stop() == 0)
    }

    @Test("killed while it seals, leaves a clinic that is read with both keys, and is gone on with")
    func killedHalfWay() async throws {
        try await importPatients(20_000)
        let rotation = try ChildProcess(Programs.server, ["keys", "rotate", "--data", data], errors: folder.file("errors"))
        for await line in rotation.lines {
            #expect(line.contains("sealed with key 2"), "\(line)")
            break
        }
        await rotation.kill()
        let half = try await run(["list", "--fields"]).said
        #expect(half.contains("field 1  retiring") && half.contains("field 2  active"), "\(half)")
        let ended = try await run(["retire"])
        #expect(ended.status == 0 && ended.said.contains("older keys are gone"), "\(ended.said)")
        let whole = try await run(["list", "--fields"]).said
        #expect(whole.contains("field 1  retired") && whole.contains("20000 fields"), "\(whole)")
    }

    @Test("a server without the master key, or with another, says which it wants and does not start")
    func masterKeyMissing() async throws {
        #expect(await (try start()).stop() == 0)
        let file = "\(data)/master.key"
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect((attributes[.posixPermissions] as? Int) == 0o600)
        let kept = try #require(FileManager.default.contents(atPath: file))
        try FileManager.default.removeItem(atPath: file)
        let missing = try await serve()
        #expect(missing.status == 1 && missing.said.contains("put it back") && missing.said.contains(file), "\(missing.said)")
        #expect(!FileManager.default.fileExists(atPath: file), "no other is made in its place")
        try Data(repeating: 1, count: 32).write(to: URL(fileURLWithPath: file))
        let another = try await serve()
        #expect(another.status == 1 && another.said.contains("is not among those given"), "\(another.said)")
        try Data(repeating: 1, count: 31).write(to: URL(fileURLWithPath: file))
        #expect(try await serve().said.contains("32 bytes"))
        try kept.write(to: URL(fileURLWithPath: file))
        #expect(await (try start()).stop() == 0)
    }

    private func start() async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"], errors: folder.file("log-\(UUID())"))
    }

    private func serve() async throws -> (status: Int32, said: String) {
        try await run(program: ["serve", "--demo", "--port", "0"])
    }

    private func run(_ arguments: [String]) async throws -> (status: Int32, said: String) {
        try await run(program: ["keys"] + arguments)
    }

    private func run(program arguments: [String]) async throws -> (status: Int32, said: String) {
        let errors = folder.file("errors")
        let (status, lines) = try await ChildProcess.run(Programs.server, arguments + ["--data", data], errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        return (status, lines.joined(separator: "\n") + complaint)
    }

    private func importPatients(_ count: Int) async throws {
        let lines = (0..<count).map { number in
            let digits = String(number)
            let id = "01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
            return #"{"kind":"patient","id":"\#(id)","name":"Patient \#(number)"}"#
        }
        let file = folder.file("patients.jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
        let imported = try await run(program: ["import", file])
        #expect(imported.status == 0, "\(imported.said)")
    }
}
