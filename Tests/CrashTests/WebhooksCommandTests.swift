import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes
import StorageSQLite
import Testing

/// HB-4: who outside is told what changes, as whoever looks after the program sees and keeps them.
@Suite("The webhooks command")
final class WebhooksCommandTests {
    private let folder: TemporaryFolder
    private var data: String { folder.file("data") }
    private static let url = "https://hooks.hospital.org/mediconnect"
    private static let nobody = "01900000-0000-7000-8000-0000000000aa"

    init() throws { folder = try TemporaryFolder("webhooks") }
    deinit { folder.remove() }

    private func run(
        _ arguments: [String], database: String? = nil, environment: [String: String] = [:]
    ) async throws -> (status: Int32, said: String) {
        let all = ["webhooks"] + arguments + ["--data", data] + (database.map { ["--database", $0] } ?? [])
        let ended = try await ChildProcess.run(
            Programs.server, all, environment: environment, errors: nil)
        return (ended.status, ended.output.joined(separator: "\n"))
    }

    private func makeClinic() async throws {
        let file = folder.file("patients.jsonl")
        let line = #"{"kind":"patient","id":"01900000-0000-7000-8000-0000000000ff","name":"Emma Example"}"#
        try Data(line.utf8).write(to: URL(fileURLWithPath: file))
        let imported = try await ChildProcess.run(Programs.server, ["import", file, "--data", data], errors: nil)
        #expect(imported.status == 0)
    }

    private func byHand<Answer>(_ body: (SQLiteConnection) throws -> Answer) throws -> Answer {
        let connection = try SQLiteConnection.byHand(data + "/clinic.sqlite")
        defer { connection.closeByHand() }
        return try body(connection)
    }

    private func acts() throws -> [String] {
        try byHand { try $0.texts("SELECT act FROM audit WHERE act LIKE 'webhook.%' ORDER BY id") }
    }

    private func secret(in said: String) throws -> String {
        String(try #require(said.firstMatch(of: /whsec_[A-Za-z0-9+\/]{43}=/), "\(said)").output)
    }

    private func id(in said: String) throws -> String {
        String(
            try #require(said.firstMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/), "\(said)").output)
    }

    private func eventually(_ what: String, _ look: () async throws -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(90)
        while try await !look() {
            guard ContinuousClock.now < limit else { throw ProcessFault("\(what) did not happen") }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    @Test("says what it does, and refuses what is wrong by its name and changes nothing")
    func mistakes() async throws {
        for name in ["", "list", "show", "add", "test", "rotate-secret", "deliveries", "disable", "enable", "remove"] {
            let help = try await run((name.isEmpty ? [] : [name]) + ["--help"])
            #expect(help.status == 0 && help.said.contains("USAGE: mediconnect webhooks"), "\(name): \(help.said)")
        }
        #expect(try await run(["list"]).status == 1, "without a database there is nothing to show")
        #expect(try await run(["add", "--help"]).said.contains("appointment.rescheduled"), "it lists the kinds")
        try await makeClinic()
        #expect(try await run([]).said == "No webhooks.")
        for (arguments, complaint) in [
            (["add"], "url"), (["add", Self.url], "--events"),
            (["add", Self.url, "--events", ""], "--events must name at least one kind"),
            (["add", Self.url, "--events", "appointment.booked,visit.made"], "--events: there is no kind 'visit.made'"),
            (["add", Self.url, "--events", "*", "--description", ""], "--description must be text of 1 to 200 characters"),
            (
                ["add", Self.url, "--events", "*", "--description", String(repeating: "x", count: 201)],
                "--description must be text of 1 to 200 characters"
            ),
            (["add", "http://hooks.hospital.org/", "--events", "*"], "the url must begin with https://"),
            (["add", "https://10.0.0.1/", "--events", "*"], "the url must lead to the internet"),
            (["add", "https://hooks.hospital.org:8443/", "--events", "*"], "the url must use port 443"),
            (["add", "https://printer/", "--events", "*"], "the url must be a host of the internet"),
            (["show", "the first"], "a webhook is named by a UUID"), (["test"], "<webhook>"),
            (["deliveries", Self.nobody, "--limit", "0"], "--limit must be from 1 to 10000"),
            (["forget", Self.nobody], "forget"),
        ] {
            let heard = try await run(arguments)
            #expect(heard.status != 0 && heard.said.contains(complaint), "\(arguments): \(heard.said)")
        }
        for name in ["show", "test", "rotate-secret", "deliveries", "disable", "enable", "remove"] {
            let heard = try await run([name, Self.nobody])
            #expect(heard.status == 1 && heard.said.contains("mediconnect: there is no such webhook"), "\(name): \(heard.said)")
        }
        #expect(try await run(["list"]).said == "No webhooks.")
        #expect(try acts().isEmpty)
    }

    @Test("keeps one from its beginning to its end, shows a secret once, and each step is on record")
    func keeps() async throws {
        try await makeClinic()
        let added = try await run([
            "add", Self.url, "--events", "appointment.booked, appointment.cancelled", "--description", "theatre planning",
        ])
        #expect(added.status == 0 && added.said.contains("is told of appointment.booked, appointment.cancelled"), "\(added.said)")
        let (id, first) = (try id(in: added.said), try secret(in: added.said))
        let other = try await run(["add", "https://other.example.org/", "--events", "*"])
        #expect(other.status == 0, "\(other.said)")

        let listed = try await run([]).said.split(separator: "\n").map(String.init)
        #expect(
            listed.count == 2 && listed.contains("\(id)  enabled  \(Self.url)  appointment.booked, appointment.cancelled"),
            "\(listed)")
        let objects = try await run(["list", "--json"]).said.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
        #expect(objects.count == 2 && objects.contains { $0["description"]?.string == "theatre planning" })
        let shown = try await run(["show", id]).said
        #expect(
            shown.contains("theatre planning") && shown.contains(" by operator:") && shown.contains("version      1"), "\(shown)")

        let tested = try await run(["test", id])
        #expect(tested.status == 0 && tested.said.contains("webhooks deliveries \(id)"), "\(tested.said)")
        let waiting = try await run(["deliveries", id])
        #expect(waiting.said.contains("  webhook.test  waiting  0 attempts"), "\(waiting.said)")
        let delivery = try JSON(parsing: Array(try await run(["deliveries", id, "--json", "--limit", "1"]).said.utf8))
        #expect(delivery["kind"]?.string == "webhook.test" && tested.said.contains(delivery["id"]?.string ?? "-"))
        #expect(try await run(["deliveries", try self.id(in: other.said)]).said == "Nothing was to be told.")

        let rotated = try await run(["rotate-secret", id])
        #expect(rotated.status == 0 && rotated.said.contains("The old secret signs too until 20"), "\(rotated.said)")
        let second = try secret(in: rotated.said)
        #expect(second != first)
        #expect(try await run(["show", id]).said.contains("old secret   signs too until 20"))

        #expect(try await run(["disable", id]).status == 0)
        #expect(try await run(["show", id]).said.contains("state        disabled since 20"))
        #expect(try await run(["deliveries", id]).said.contains("  webhook.test  cancelled  0 attempts"))
        let disabled = try await run(["test", id])
        #expect(
            disabled.status == 1 && disabled.said.contains("mediconnect: it is disabled: enable it first"), "\(disabled.said)")
        #expect(try await run(["enable", id]).status == 0)
        #expect(try await run(["test", id]).status == 0)
        #expect(try await run(["remove", id]).said == "Webhook \(id) is forgotten.")
        #expect(try await run(["show", id]).status == 1)
        #expect(try await run(["list"]).said.split(separator: "\n").count == 1)
        #expect(
            try acts() == [
                "webhook.created", "webhook.created", "webhook.tested", "webhook.secret-rotated", "webhook.disabled",
                "webhook.enabled", "webhook.tested", "webhook.deleted",
            ])
        // What is shown once is shown nowhere else.
        for said in [listed.joined(), shown, tested.said, waiting.said] {
            #expect(!said.contains("whsec_") && !said.contains(first) && !said.contains(second))
        }
    }

    @Test("beside a server with the embedded database it looks and changes nothing")
    func embedded() async throws {
        try await makeClinic()
        let id = try id(in: try await run(["add", Self.url, "--events", "*"]).said)
        let before = try await run(["show", id]).said
        let server = try await RunningServer.start(
            Programs.server, ["serve", "--data", data, "--port", "0"], errors: folder.file("log"))
        for arguments in [["list"], ["show", id], ["deliveries", id]] {
            #expect(try await run(arguments).status == 0, "\(arguments)")
        }
        for name in ["test", "rotate-secret", "disable", "enable", "remove"] {
            let heard = try await run([name, id])
            #expect(heard.status == 1 && heard.said.contains("the database is in use"), "\(name): \(heard.said)")
        }
        #expect(try await run(["add", Self.url, "--events", "*"]).status == 1)
        #expect(try await run(["show", id]).said == before)
        #expect(await server.stop() == 0)
    }

    @Test("beside a server with a database server a test is told at once, and under either secret until the old one is over")
    func beside() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let (fresh, http) = (try await cluster.freshDatabase(), Loopback())
            let simulator = try await RunningServer.simulator(Programs.server, errors: folder.file("simulator"))
            // A trial: what one partner's address says of this machine holds for subscribers, too.
            let trial = [
                "MEDICONNECT_PARTNERS_SIMULATOR": "true",
                "MEDICONNECT_SCHEDULING_PROVIDERS": "north=\(simulator.base)/scheduling",
                "MEDICONNECT_SCHEDULING_TOKEN": "simulated-scheduling",
            ]
            let server = try await RunningServer.start(
                Programs.server, ["serve", "--demo", "--data", data, "--port", "0", "--database", fresh.url], environment: trial,
                errors: folder.file("log"))
            func webhooks(_ arguments: String...) async throws -> (status: Int32, said: String) {
                try await run(arguments, database: fresh.url, environment: trial)
            }
            func knows(_ secret: String) async throws {
                let told = try await http.send(
                    "PUT", "\(simulator.base)/subscribers/lab", body: Array(#"{"secret":"\#(secret)"}"#.utf8))
                #expect(told.status == 200, "\(told.text)")
            }
            func taken() async throws -> Int {
                let ledger = try JSON(parsing: try await http.send("GET", "\(simulator.base)/ledger?destination=webhooks").body)
                return ledger["effects"]?.array?.count ?? 0
            }
            let added = try await webhooks("add", "\(simulator.base)/webhooks/lab", "--events", "*")
            #expect(added.status == 0, "\(added.said)")
            let id = try id(in: added.said)
            try await knows(try secret(in: added.said))
            #expect(try await webhooks("test", id).status == 0)
            try await eventually("the test") { try await taken() == 1 }
            // They have not heard of the new secret, and then of no other.
            let new = try secret(in: try await webhooks("rotate-secret", id).said)
            #expect(try await webhooks("test", id).status == 0)
            try await eventually("a test under the old secret") { try await taken() == 2 }
            try await knows(new)
            #expect(try await webhooks("test", id).status == 0)
            try await eventually("a test under the new one") { try await taken() == 3 }
            try await eventually("what became of them") {
                let said = try await webhooks("deliveries", id).said
                return said.split(separator: "\n").count { $0.contains("  webhook.test  delivered  1 attempt") } == 3
            }
            #expect(try await webhooks("remove", id).status == 0)
            #expect(try await webhooks("list").said == "No webhooks.")
            #expect(await server.stop() == 0)
            await simulator.process.kill()
            await http.close()
        }
    }
}
