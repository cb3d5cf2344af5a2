import Foundation
import LoopbackClient
import Processes
import StorageSQLite
import Testing

/// What was given up, as an operator sees it and mends it (MA-9).
@Suite("The dead-letters command")
final class DeadLettersCommandTests {
    private let folder: TemporaryFolder
    private var data: String { folder.file("data") }
    private static let ids = (1...3).map { "01900000-0000-7000-8000-00000000000\($0)" }

    init() throws { folder = try TemporaryFolder("dead-letters") }
    deinit { folder.remove() }

    private func run(_ arguments: String...) async throws -> (status: Int32, said: String) {
        let errors = folder.file("errors")
        let (status, lines) = try await ChildProcess.run(
            Programs.server, ["dead-letters"] + arguments + ["--data", data], errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        return (status, lines.joined(separator: "\n") + complaint)
    }

    /// A clinic in which three deliveries were given up, the last of another topic.
    private func makeClinic() async throws {
        let file = folder.file("patients.jsonl")
        let line = #"{"kind":"patient","id":"01900000-0000-7000-8000-0000000000ff","name":"Emma Example"}"#
        try Data(line.utf8).write(to: URL(fileURLWithPath: file))
        let imported = try await ChildProcess.run(Programs.server, ["import", file, "--data", data], errors: nil)
        #expect(imported.status == 0)
        try byHand { byHand in
            for (number, id) in Self.ids.enumerated() {
                try byHand.executeByHand(
                    """
                    INSERT INTO outbox (id, topic, payload, priority, state, available_at, attempt, max_attempts, lease, last_error, \
                    created_at, finished_at) VALUES (x'\(id.replacing("-", with: ""))', '\(number < 2 ? "some.topic" : "other.topic")', \
                    '{"appointment":"\(id)","name":"Emma Example"}', 1, 'dead', 0, 5, 5, 5, 'nobody lives there', 0, 1000000)
                    """)
            }
        }
    }

    private func byHand<Answer>(_ body: (SQLiteConnection) throws -> Answer) throws -> Answer {
        let connection = try SQLiteConnection.byHand(data + "/clinic.sqlite")
        defer { connection.closeByHand() }
        return try body(connection)
    }

    private func states() throws -> [String] {
        try byHand { try $0.texts("SELECT state FROM outbox WHERE payload LIKE '%Emma%' ORDER BY id") }
    }

    private func acts(_ act: String) throws -> Int {
        try byHand { try $0.texts("SELECT act FROM audit WHERE act = '\(act)'").count }
    }

    @Test("shows what was given up without anybody's words, unless they are asked for, and both are on record")
    func shows() async throws {
        try await makeClinic()
        let listed = try await run("list")
        #expect(listed.status == 0 && Self.ids.allSatisfy(listed.said.contains), "\(listed.said)")
        #expect(listed.said.contains("after 5 attempts  nobody lives there") && !listed.said.contains("Emma"))
        #expect(try await run("list", "--topic", "other.topic").said.split(separator: "\n").count == 1)
        let masked = try await run("show", Self.ids[0])
        #expect(masked.said.contains("‹masked›") && masked.said.contains("because   nobody lives there"), "\(masked.said)")
        #expect(!masked.said.contains("Emma"))
        #expect(try await run("show", Self.ids[0], "--texts").said.contains("Emma Example"))
        #expect(try acts("read.dead-letter") == 1 && acts("read.dead-letter.unmasked") == 1)
        let nobody = try await run("show", "01900000-0000-7000-8000-0000000000aa")
        #expect(nobody.status != 0 && nobody.said.contains("there is no such dead letter"), "\(nobody.said)")
        let wrong = try await run("show", "the first")
        #expect(wrong.status != 0 && wrong.said.contains("a dead letter is named by a UUID"), "\(wrong.said)")
    }

    @Test("replays one, discards those a filter names with a reason, and nothing that nobody named")
    func mends() async throws {
        try await makeClinic()
        for (arguments, complaint) in [
            (["replay"], "name one dead letter, or some of them"), (["discard", Self.ids[0]], "--reason"),
            (["discard", Self.ids[0], "--reason", ""], "must be text of 1 to 500 characters"),
            (["replay", "--died-from", "yesterday"], "--died-from must be a time"),
            (["replay", Self.ids[0], "--topic", "some.topic"], "name one dead letter, or some of them"),
        ] {
            let errors = folder.file("errors")
            let (status, lines) = try await ChildProcess.run(
                Programs.server, ["dead-letters"] + arguments + ["--data", data], errors: errors)
            let said = try lines.joined(separator: "\n") + String(contentsOfFile: errors, encoding: .utf8)
            #expect(status != 0 && said.contains(complaint), "\(arguments): \(said)")
        }
        #expect(try states() == ["dead", "dead", "dead"])
        let replayed = try await run("replay", Self.ids[0])
        #expect(replayed.status == 0 && replayed.said.contains("1 dead letter replayed."), "\(replayed.said)")
        #expect(try states() == ["ready", "dead", "dead"] && acts("dead-letter.replayed") == 1)
        let again = try await run("replay", Self.ids[0])
        #expect(again.status != 0 && again.said.contains("there is no such dead letter"), "\(again.said)")
        let discarded = try await run("discard", "--died-before", "1970-01-02T00:00:00Z", "--reason", "told by telephone")
        #expect(discarded.status == 0 && discarded.said.contains("2 dead letters discarded."), "\(discarded.said)")
        #expect(try states() == ["ready", "cancelled", "cancelled"] && acts("dead-letter.discarded") == 2)
        #expect(try await run("list").said.contains("No dead letters."))
    }

    @Test("a server counts them in a metric, and works no less for it")
    func counted() async throws {
        try await makeClinic()
        let http = Loopback()
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--data", data, "--port", "0"], errors: folder.file("log"))
        let metrics = try await http.send("GET", server.base + "/metrics").text
        #expect(
            metrics.contains("mediconnect_outbox_dead 3"),
            "\(metrics.split(separator: "\n").filter { $0.contains("outbox_dead") })")
        #expect(try await http.send("GET", server.base + "/health/ready").status == 200)
        #expect(await server.stop() == 0)
        await http.close()
    }
}
