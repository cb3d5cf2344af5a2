import Foundation
import LoopbackClient
import Processes
import StorageSQLite
import Testing

/// The audit trail of the real server, as its operator looks at it.
@Suite("The audit command")
final class AuditCommandTests {
    private let folder: TemporaryFolder
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("audit") }
    deinit { folder.remove() }

    private func run(_ arguments: [String]) async throws -> (status: Int32, said: String) {
        let (status, lines) = try await ChildProcess.run(Programs.server, arguments + ["--data", data], errors: nil)
        return (status, lines.joined(separator: "\n"))
    }

    /// A clinic of whose two bookings everything is sealed, left by its server.
    private func serveAndBook() async throws {
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"], errors: folder.file("log"))
        let http = Loopback()
        let token = try await run(["token", "--role", "desk"]).said.split(separator: "\n").last.map(String.init)
        for key in ["one", "two"] {
            let visitType = "01900000-0000-7000-8000-000000000301"
            let found = try await http.send("GET", "\(server.base)/v1/free-times?visitType=\(visitType)&limit=1", token: token)
            let start = try #require(found.text.firstMatch(of: /"start":"([^"]+)"/)?.1)
            let practitioner = try #require(found.text.firstMatch(of: /"practitioner":"([^"]+)"/)?.1)
            let patient = "01900000-0000-7000-8000-00000000050\(key == "one" ? 1 : 2)"
            let booked = try await http.send(
                "POST", server.base + "/v1/appointments", token: token,
                key: key,
                body:
                    Array(
                        #"{"visitType":"\#(visitType)","practitioner":"\#(practitioner)","start":"\#(start)","patients":["\#(patient)"]}"#
                            .utf8)
            )
            #expect(booked.status == 201, "\(booked.text)")
        }
        await http.close()
        // Beside the running server, until everything is sealed.
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(30) {
            let (status, said) = try await run(["audit", "verify"])
            #expect(status == 0, "\(said)")
            if said.contains(" 0 waiting") { break }
        }
        #expect(await server.stop() == 0)
    }

    private func byHand(_ text: String) throws {
        let hand = try SQLiteConnection.byHand(data + "/clinic.sqlite")
        defer { hand.closeByHand() }
        try hand.executeByHand(text)
    }

    private static let withoutTriggers =
        ["audit", "audit_seal"].flatMap { table in ["update", "delete", "replace"].map { "DROP TRIGGER \(table)_\($0);" } }
        .joined()

    @Test("says that nobody has rewritten anything, and who has")
    func verify() async throws {
        try await serveAndBook()
        let whole = try await run(["audit", "verify"])
        #expect(whole.status == 0 && whole.said.contains(" 0 waiting"), "\(whole.said)")
        #expect(whole.said.contains("Nobody has rewritten anything.") && !whole.said.contains("No anchors"), "\(whole.said)")

        let kept = folder.file("kept-elsewhere")
        try FileManager.default.copyItem(atPath: data + "/audit.anchor", toPath: kept)
        try byHand(Self.withoutTriggers + "UPDATE audit SET by = 'desk:nobody' WHERE id = (SELECT id FROM audit LIMIT 1)")
        let edited = try await run(["audit", "verify"])
        #expect(edited.status == 1 && edited.said.contains("was edited after seal"), "\(edited.said)")
        #expect(edited.said.contains("mediconnect: the audit trail is not what was sealed"), "\(edited.said)")

        try byHand("DELETE FROM audit; DELETE FROM audit_seal")
        try FileManager.default.removeItem(atPath: data + "/audit.anchor")
        let emptied = try await run(["audit", "verify"])
        #expect(
            emptied.status == 0 && emptied.said.contains("an end that was cut off would not show"), "\(emptied.said)")
        let compared = try await run(["audit", "verify", "--anchors", kept])
        #expect(compared.status == 1 && compared.said.contains("the history ends at seal 0, and an anchor knows seal"))
    }

    @Test("is written out for a patient and for a stretch of time")
    func export() async throws {
        try await serveAndBook()
        let patient = "01900000-0000-7000-8000-000000000501"
        func lines(_ more: [String]) async throws -> [Substring] {
            let (status, said) = try await run(["audit", "export"] + more)
            var lines = said.split(separator: "\n")
            // How many there are, for the person at the terminal.
            let last = lines.popLast()
            #expect(status == 0 && last?.hasPrefix("\(lines.count) record") == true, "\(said)")
            return lines
        }
        let (everything, own) = (try await lines([]), try await lines(["--patient", patient]))
        for line in everything + own {
            let record = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(["subject", "id", "at", "by", "act", "requestId"].allSatisfy { record[$0] is String }, "\(line)")
        }
        // The booking under "one"; the one under "two" is another patient's.
        #expect(own.filter { $0.contains(#""by":"desk:"#) && $0.contains("appointment.booked") }.count == 1, "\(own)")
        #expect(everything.filter { $0.contains(#""by":"desk:"#) && $0.contains("appointment.booked") }.count == 2)
        // Each export is on record before it begins.
        #expect(everything.filter { $0.contains("export.audit") }.count == 1 && !own.contains { $0.contains("export.audit") })
        #expect(own.count < everything.count && Set(own).isSubset(of: everything))
        #expect(try await lines(["--to", "2026-01-01T00:00:00Z"]).isEmpty)
        let later = try await lines(["--from", "2026-01-01T00:00:00Z"])
        #expect(later.filter { !$0.contains("export.audit") } == everything.filter { !$0.contains("export.audit") })
        let exports = later.filter { $0.contains("export.audit") }
        #expect(exports.count == 4 && exports.allSatisfy { $0.contains(#""by":"operator:"#) }, "\(exports)")
        #expect(exports.filter { $0.contains(#""patients":["\#(patient)"]"#) && $0.contains("PATRQT") }.count == 1, "\(exports)")
        for line in try await lines(["--format", "fhir"]) {
            let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(event["resourceType"] as? String == "AuditEvent" && (event["agent"] as? [Any])?.count == 3, "\(line)")
        }
        for (arguments, complaint) in [
            (["--patient", "emma"], "--patient must be a UUID"), (["--format", "xml"], "--format must be own or fhir"),
            (["--from", "yesterday"], "--from must be a moment like"),
            (["--from", "2026-03-02T00:00:00Z", "--to", "2026-03-01T00:00:00Z"], "--from must be before --to"),
        ] {
            let heard = try await run(["audit", "export"] + arguments)
            #expect(heard.status == 1 && heard.said.contains(complaint), "\(heard.said)")
        }
    }

    @Test("names what is wrong with what it is given, and who may trust what")
    func rubbish() async throws {
        try await serveAndBook()
        let publicKey = try await run(["audit", "key"]).said
        #expect(publicKey.count == 64)
        #expect(try await run(["audit", "verify", "--trust", "xyz"]).said.contains("--trust must be a public key of 64"))
        #expect(try await run(["audit", "verify", "--anchors", folder.file("nowhere")]).said.contains("there is no file"))
        let strange = folder.file("strange")
        try Data("not an anchor\n".utf8).write(to: URL(fileURLWithPath: strange))
        let forged = try await run(["audit", "verify", "--anchors", strange])
        #expect(forged.status == 1 && forged.said.contains("line 1 of the anchors is no anchor"), "\(forged.said)")
        // Another machine has another key.
        try FileManager.default.removeItem(atPath: data + "/audit.key")
        let stranger = try await run(["audit", "verify"])
        #expect(stranger.status == 1 && stranger.said.contains("a key nobody trusts: \(publicKey)"), "\(stranger.said)")
        #expect(try await run(["audit", "verify", "--trust", publicKey]).status == 0)
        try Data("short".utf8).write(to: URL(fileURLWithPath: data + "/audit.key"))
        #expect(try await run(["audit", "verify"]).said.contains("is no key of 32 bytes"))
    }
}
