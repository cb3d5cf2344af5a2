import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes
import Testing

/// How another system is replaced by whoever looks after the program (GF-6).
@Suite("The legacy command")
final class LegacyCommandTests {
    private let folder: TemporaryFolder
    private let http = Loopback()
    private var data: String { folder.file("data") }

    init() throws { folder = try TemporaryFolder("legacy") }
    deinit { folder.remove() }

    /// Where a simulator plays the system that is replaced.
    private func settings(_ simulator: RunningServer) -> [String: String] {
        [
            "MEDICONNECT_LEGACY_URL": "\(simulator.base)/legacy", "MEDICONNECT_LEGACY_TOKEN": "simulated-legacy",
            "MEDICONNECT_LEGACY_COMPARED": "10", "MEDICONNECT_PARTNERS_SIMULATOR": "true",
        ]
    }

    private func run(
        _ arguments: [String], _ environment: [String: String] = [:], database: String? = nil
    ) async throws -> (status: Int32, said: String) {
        let all = ["legacy"] + arguments + ["--data", data] + (database.map { ["--database", $0] } ?? [])
        let ended = try await ChildProcess.run(Programs.server, all, environment: environment, errors: nil)
        return (ended.status, ended.output.joined(separator: "\n"))
    }

    private func simulator() async throws -> RunningServer {
        try await RunningServer.simulator(Programs.server, errors: folder.file("simulator"))
    }

    private func start(_ environment: [String: String], _ more: [String] = []) async throws -> RunningServer {
        try await RunningServer.start(
            Programs.server, ["serve", "--demo", "--data", data, "--port", "0"] + more, environment: environment,
            errors: folder.file("log-\(UUID())"))
    }

    private func token(_ role: String) async throws -> String {
        try #require(try await ChildProcess.run(Programs.server, ["token", "--role", role, "--data", data]).output.first)
    }

    private func phase(_ server: RunningServer, _ admin: String) async throws -> String? {
        try JSON(parsing: try await http.send("GET", "\(server.base)/v1/legacy", token: admin).body)["phase"]?.string
    }

    /// What nobody may type, and what is said to it.
    private static let mistakes: [(arguments: [String], said: String)] = [
        (["phase", "sideways"], "the phase must be one of off, shadow, dual, switched, returning"),
        (["phase"], "<phase>"), (["phase", "shadow", "--despite", ""], "--despite must be text of 1 to 500 characters"),
        (["share", "0"], "the percent must be from 1 to 5"), (["share", "6"], "the percent must be from 1 to 5"),
        (["share", "few"], "<percent>"), (["share"], "<percent>"),
        (["compare", "--last", "0"], "--last must be from 1 to 100000"),
        (["compare", "--last", "100001"], "--last must be from 1 to 100000"), (["compare", "--last", "all"], "--last"),
        (["rollback", "--wait", "3601"], "--wait must be from 0 to 3600 seconds"), (["rollback", "--wait", "soon"], "--wait"),
        (["switch", "--despite", String(repeating: "x", count: 501)], "--despite must be text of 1 to 500 characters"),
        (["forward"], "forward"), (["status", "--xml"], "--xml"),
    ]

    @Test("says what it does, and beside a server with the embedded database it looks and changes nothing")
    func embedded() async throws {
        for name in ["", "status", "compare", "phase", "share", "backfill", "switch", "rollback", "step"] {
            let help = try await run((name.isEmpty ? [] : [name]) + ["--help"])
            #expect(help.status == 0 && help.said.contains("USAGE: mediconnect legacy"), "\(name): \(help.said)")
        }
        #expect(try await run(["status"]).status == 1, "without a database there is nothing to show")
        let simulator = try await simulator()
        let settings = settings(simulator)
        let server = try await start(settings)
        let admin = try await token("admin")
        for (arguments, said) in Self.mistakes {
            let heard = try await run(arguments, settings)
            #expect(heard.status != 0 && heard.said.contains(said), "\(arguments): \(heard.said)")
        }
        for arguments in [["phase", "shadow"], ["share", "2"], ["backfill"], ["switch"], ["rollback"], ["step"]] {
            let heard = try await run(arguments, settings)
            #expect(heard.status == 1 && heard.said.contains("mediconnect: "), "\(arguments): \(heard.said)")
            #expect(heard.said.contains("the database is in use"), "the server has it: \(heard.said)")
        }
        #expect(try await phase(server, admin) == "off")
        for arguments in [["status"], []] {
            let status = try await run(arguments, settings)
            #expect(status.status == 0 && status.said.contains("phase        off"), "\(status.said)")
        }
        #expect(try await run(["compare"], settings).status == 1, "nothing is compared")
        #expect(await server.stop() == 0)
        // Nobody has it now: the commands do what the server would.
        let far = try await run(["phase", "switched"], settings)
        #expect(far.status == 1 && far.said.contains("the phase is off: from there it goes to shadow"), "\(far.said)")
        let none = try await run(["phase", "shadow"])
        #expect(none.status == 1 && none.said.contains("legacy.url is not set: there is no system to replace"), "\(none.said)")
        #expect(try await run(["phase", "shadow"], settings).said.contains("phase        shadow since 20"))
        #expect(try await run(["step"], settings).said.contains("nothing more at 20"))
        let json = try JSON(parsing: Array(try await run(["status", "--json"], settings).said.utf8))
        #expect(json["phase"]?.string == "shadow" && json["next"]?.array?.compactMap(\.string) == ["dual", "off"])
        await simulator.process.kill()
        await http.close()
    }

    @Test("beside a server with a database server it goes the whole way, and back")
    func beside() async throws {
        try await PrivateCluster.withCluster(durable: false) { cluster in
            let fresh = try await cluster.freshDatabase()
            let simulator = try await simulator()
            let settings = settings(simulator)
            let server = try await start(settings, ["--database", fresh.url])
            func legacy(_ arguments: String...) async throws -> (status: Int32, said: String) {
                try await run(arguments, settings, database: fresh.url)
            }
            func eventually(_ what: String, _ look: () async throws -> Bool) async throws {
                let limit = ContinuousClock.now + .seconds(90)
                while try await !look() {
                    guard ContinuousClock.now < limit else { throw ProcessFault("\(what) did not happen") }
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
            #expect(try await legacy("phase", "shadow").said.contains("phase        shadow since 20"))
            #expect(try await legacy("phase", "dual").said.contains("share        1 % of the patients book here"))
            #expect(try await legacy("share", "5").said.contains("share        5 % of the patients book here"))
            // What is wrong changes nothing.
            let before = try await legacy("status", "--json").said
            for (arguments, said) in Self.mistakes {
                let heard = try await run(arguments, settings, database: fresh.url)
                #expect(heard.status != 0 && heard.said.contains(said), "\(arguments): \(heard.said)")
            }
            let early = try await legacy("switch")
            #expect(
                early.status == 1 && early.said.contains("something is in the way: ")
                    && early.said.contains("nobody has begun to take over what is booked there"), "\(early.said)")
            let reasoned = try await legacy("switch", "--despite", "a test")
            #expect(reasoned.status == 1, "what would lose something is set aside by nobody: \(reasoned.said)")
            let apart = try await legacy("phase", "off")
            #expect(
                apart.status == 1 && apart.said.contains("the phase is dual: from there it goes to switched or shadow"),
                "\(apart.said)")
            func kept(_ text: String) throws -> [String?] {
                let json = try JSON(parsing: Array(text.utf8))
                return [json["phase"]?.string, json["share"]?.integer.map { "\($0)" }, json["backfillSince"]?.string]
            }
            #expect(try kept(try await legacy("status", "--json").said) == (try kept(before)))
            // Who may not, may not: over the API, and in the database.
            let desk = try await token("desk")
            let asked = try await http.send(
                "POST", "\(server.base)/v1/legacy/phase", token: desk, key: "desk", body: Array(#"{"phase":"shadow"}"#.utf8))
            #expect(asked.status == 403, "\(asked.text)")
            #expect(try await http.send("GET", "\(server.base)/v1/legacy", token: desk).status == 403)
            try await cluster.psql("CREATE ROLE stranger LOGIN PASSWORD 'strange'")
            let stranger = cluster.url(
                database: String(fresh.url.split(separator: "/").last ?? ""), user: "stranger", password: "strange")
            for arguments in [["status"], ["phase", "shadow"], ["share", "2"]] {
                let heard = try await run(arguments, settings, database: stranger)
                #expect(heard.status == 1 && heard.said.contains("permission denied"), "\(arguments): \(heard.said)")
            }
            #expect(try kept(try await legacy("status", "--json").said) == (try kept(before)))
            // On.
            #expect(try await legacy("backfill").status == 0)
            try await eventually("the end of the backfill") {
                let json = try JSON(parsing: Array(try await legacy("status", "--json").said.utf8))
                return json["hindrances"]?.array?.compactMap(\.string) == ["tooFewCompared"]
            }
            let few = try await legacy("switch")
            #expect(few.status == 1 && few.said.contains("too few requests were compared"), "\(few.said)")
            #expect(try await legacy("switch", "--despite", "a test").said.contains("phase        switched since 20"))
            #expect(try await legacy("switch").status == 0, "it is there already")
            let admin = try await token("admin")
            #expect(try await phase(server, admin) == "switched", "the server goes by it")
            let back = try await legacy("rollback", "--wait", "120")
            #expect(back.status == 0 && back.said.contains("phase        dual"), "\(back.said)")
            #expect(try await phase(server, admin) == "dual")
            #expect(await server.stop() == 0)
            await simulator.process.kill()
            await http.close()
        }
    }
}
