import Foundation
import Processes
import TestKit
import Testing

@Suite("Commands for one of many clinics")
struct CommandTests {
    private static let wrong = """
        {"tenants": [
            {"name": "riverside", "hosts": ["one.example.org"], "database": "postgres://clinic:hush@db/river"},
            {"name": "riverside", "hosts": ["one.example.org", "x:80"], "database": "postgres://other:hush@DB:5432/river"},
            {"name": "North", "secretFile": "nowhere.secret"}, {"name": "eastside", "colour": "blue"}
        ]}
        """

    @Test("every mistake in the directory is named by check and at the start, with the clinic and the field")
    func mistakes() async throws {
        try await Network.with { network in
            try network.write(text: Self.wrong)
            for command in ["check", "serve"] {
                let complaints = try await network.refused([command] + network.whole).filter { $0.hasPrefix("mediconnect: ") }
                let said = complaints.map { $0.split(separator: "tenants.json: ").last.map(String.init) ?? $0 }
                let expected = [
                    "riverside: hosts: must be host names without a port", "entry 3 (line 4): name: must have 1 to 63",
                    "eastside: colour: is no field", "riverside: name: stands twice",
                    "riverside: hosts: one.example.org is a host of riverside already",
                    "riverside: database: is the database of riverside already",
                ]
                #expect(said.count == expected.count, "\(said)")
                for start in expected { #expect(said.contains { $0.hasPrefix(start) }, "\(start) is not in \(said)") }
                #expect(!complaints.joined().contains("hush"))
            }
        }
    }

    @Test("a secret that is not there, and a clinic that needs more connections than there are, are mistakes as well")
    func mistakesOfTheNode() async throws {
        try await Network.with { network in
            try network.write(
                text: """
                    {"tenants": [{"name": "riverside", "secretFile": "nowhere.secret"},
                     {"name": "northside", "database": "postgres://db/n", "replicaURL": "postgres://copy/n"}]}
                    """)
            let (status, said) = try await ChildProcess.run(
                Programs.mediconnect, ["check"] + network.whole,
                environment: ["MEDICONNECT_TENANTS_CONNECTIONS": "11"], errors: nil)
            #expect(status == 1)
            #expect(
                said.contains { $0.contains("riverside: secretFile: ") && $0.hasSuffix("nowhere.secret cannot be read") },
                "\(said)")
            #expect(said.contains { $0.contains("northside: replicaURL: with it the clinic takes 17 connections") }, "\(said)")
        }
    }

    @Test("a good directory is listed without its passwords")
    func listed() async throws {
        try await Network.with { network in
            try network.write([.init("riverside"), .init("northside", database: "postgres://clinic:hush@db.example/north")])
            let output = try await network.run(["check"] + network.whole)
            #expect(output.contains { $0.contains("tenant northside") && $0.contains("postgres://clinic:…@db.example/north") })
            #expect(output.contains { $0.contains("tenant riverside") && $0.contains("embedded  riverside.example.org") })
            #expect(!output.joined().contains("hush"))
        }
    }

    static let commands = [
        ["migrate", "up"], ["migrate", "status"], ["migrate", "down", "--to", "0", "--yes"], ["seed", "demo"],
        ["import", "/dev/null"], ["token", "--role", "desk"], ["mailbox"], ["dead-letters"],
    ]

    @Test("a command that is about one clinic says so when it is not told which", arguments: commands)
    func needsName(command: [String]) async throws {
        try await Network.with { network in
            try network.write([.init("riverside")])
            let without = try await network.refused(command + network.whole)
            #expect(without.contains { $0.hasSuffix("lists several clinics; say which one with --tenant NAME") }, "\(without)")
            let unknown = try await network.refused(command + network.whole + ["--tenant", "southside"])
            #expect(unknown.contains { $0.contains("there is no tenant southside in ") }, "\(unknown)")
            let aimless = try await network.refused(command + ["--data", network.data, "--tenant", "riverside"])
            #expect(aimless.contains { $0.contains("--tenant goes with --tenants FILE") }, "\(aimless)")
            #expect(!FileManager.default.fileExists(atPath: network.data))
        }
    }

    @Test("what does not go together is refused")
    func combinations() async throws {
        try await Network.with { network in
            try network.write([.init("riverside")])
            let both = try await network.refused(["check", "--database", "postgres://db/c"] + network.whole)
            #expect(both.contains { $0.contains("tenants: cannot be combined with database.url") }, "\(both)")
            let demo = try await network.refused(["serve", "--demo"] + network.whole)
            #expect(demo.contains { $0.contains("--demo is for one clinic") }, "\(demo)")
            let (status, few) = try await ChildProcess.run(
                Programs.mediconnect, ["check"] + network.whole,
                environment: ["MEDICONNECT_TENANTS_CONNECTIONS": "10"], errors: nil)
            #expect(status == 1 && few.contains { $0.contains("tenants.connections: must be at least 11") }, "\(few)")
        }
    }

    @Test("commands work on the clinic they name", arguments: Engine.allCases)
    func work(engine: Engine) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: engine)
            let named = network.whole + ["--tenant", "riverside"]
            #expect(try await network.run(["migrate", "status"] + named).allSatisfy { !$0.contains("not taken") })
            #expect(try await network.refused(["seed", "demo"] + named).contains { $0.contains("has a clinic already") })
            let checked = try await network.run(["check"] + named)
            #expect(checked.last == "All is well." && checked.contains("appointments            2"), "\(checked)")
            #expect(try await network.run(["mailbox"] + named) == ["No notices."])
        }
    }
}
