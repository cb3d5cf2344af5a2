import Foundation
import LoopbackClient
import Processes
import StorageSQLite
import Testing

/// Records whose time is over, as an operator and as a server erase them.
@Suite("The patients command")
final class PatientsCommandTests {
    private let folder: TemporaryFolder
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("patients") }
    deinit { folder.remove() }

    private func run(_ arguments: [String]) async throws -> (status: Int32, said: String) {
        let errors = folder.file("errors")
        let (status, lines) = try await ChildProcess.run(Programs.server, arguments + ["--data", data], errors: errors)
        let complaint = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        return (status, lines.joined(separator: "\n") + complaint)
    }

    /// Patients of whom some closed their records in 1970 and never came.
    private func makeClinic(closed: Int) async throws {
        let lines = (0..<5).map { number in
            #"{"kind":"patient","id":"01900000-0000-7000-8000-00000000000\#(number)","name":"Patient \#(number)"}"#
        }
        let file = folder.file("patients.jsonl")
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
        let imported = try await run(["import", file])
        #expect(imported.status == 0, "\(imported.said)")
        let byHand = try SQLiteConnection.byHand(data + "/clinic.sqlite")
        try byHand.executeByHand(
            "UPDATE patient SET closed_at = 0 WHERE id IN (SELECT id FROM patient ORDER BY id LIMIT \(closed))")
        byHand.closeByHand()
    }

    @Test("shows what would be erased, erases it once, and keeps the rules")
    func erasesWhatIsDue() async throws {
        try await makeClinic(closed: 2)
        let rules = try await run(["patients", "retention", "--years", "30"])
        #expect(rules.status == 0 && rules.said.contains("years         30") && rules.said.contains("automatic     off"))
        #expect(try await run(["patients", "retention"]).said.contains("years         30"))
        let wrong = try await run(["patients", "retention", "--years", "-1"])
        #expect(wrong.status != 0 && wrong.said.contains("--years"), "\(wrong.said)")
        let dry = try await run(["patients", "erase-due", "--dry-run"])
        #expect(
            dry.status == 0 && dry.said.contains("2 records would be erased.") && dry.said.contains("no visit  is due"),
            "\(dry.said)")
        let done = try await run(["patients", "erase-due"])
        #expect(done.status == 0 && done.said.contains("2 records were erased."), "\(done.said)")
        #expect(!done.said.contains("Patient 0"), "nobody is named")
        #expect(try await run(["patients", "erase-due"]).said.contains("0 records were erased."))
        let waiting = try await run(["patients", "corrections"])
        #expect(waiting.status == 0 && waiting.said.contains("0 open, 0 overdue."), "\(waiting.said)")
    }

    @Test("a server erases nothing by itself, until the clinic says that it may")
    func byItself() async throws {
        try await makeClinic(closed: 1)
        for (automatic, isErased) in [("off", false), ("on", true)] {
            #expect(try await run(["patients", "retention", "--automatic", automatic]).status == 0)
            let log = folder.file("log-\(automatic)")
            let server = try await RunningServer.start(
                Programs.server, ["serve", "--data", data, "--port", "0"], errors: log)
            for _ in 0..<(isErased ? 3_000 : 20) {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                if text.contains("records.erased") { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            let http = Loopback()
            let metrics = try await http.send("GET", server.base + "/metrics", token: "none").text
            await http.close()
            for gauge in ["mediconnect_corrections_open 0", "mediconnect_corrections_overdue 0"] {
                #expect(metrics.contains(gauge), "\(gauge)")
            }
            #expect(await server.stop() == 0)
            let left = try await run(["patients", "erase-due", "--dry-run"])
            #expect(left.said.contains(isErased ? "0 records would be erased." : "1 record would be erased."), "\(left.said)")
        }
    }
}
