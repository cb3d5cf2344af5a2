import Foundation
import LoopbackClient
import PostgresCluster
import Processes
import Synchronization
import TestKit
import Testing
import Workflows

/// A network of clinics in a folder of its own: a directory, demo clinics, and the nodes that serve them.
final class Network: Sendable {
    struct Entry: Sendable {
        let name: String
        var hosts: [String]
        var database: String?
        var secretFile: String?

        init(_ name: String, hosts: [String]? = nil, database: String? = nil, secretFile: String? = nil) {
            self.name = name
            self.hosts = hosts ?? ["\(name).example.org"]
            self.database = database
            self.secretFile = secretFile
        }
    }

    let folder: Processes.TemporaryFolder
    let http = Loopback(timeoutSeconds: 60)
    private let nodes = Mutex<[RunningServer]>([])
    private let databases = Mutex<[FreshDatabase]>([])
    private let tokens = Mutex<[String: String]>([:])

    var directory: String { folder.file("tenants.json") }
    var data: String { folder.file("data") }
    var log: String { folder.file("log") }
    var whole: [String] { ["--tenants", directory, "--data", data] }

    private init() throws { folder = try Processes.TemporaryFolder("tenants") }

    /// Lends a network, and ends whatever it has started.
    static func with<Answer>(_ body: (Network) async throws -> Answer) async throws -> Answer {
        let network = try Network()
        let answer: Result<Answer, any Error>
        do { answer = .success(try await body(network)) } catch { answer = .failure(error) }
        await network.close()
        return try answer.get()
    }

    private func close() async {
        for node in nodes.withLock({ $0 }) { await node.process.kill() }
        await http.close()
        for database in databases.withLock({ $0 }) { try? await database.drop() }
        folder.remove()
    }

    // MARK: The directory

    func write(_ entries: [Entry]) throws {
        let lines = entries.map { entry in
            let hosts = entry.hosts.map { "\"\($0)\"" }.joined(separator: ",")
            let database = entry.database.map { #","database":"\#($0)""# } ?? ""
            let secret = entry.secretFile.map { #","secretFile":"\#($0)""# } ?? ""
            return #"{"name":"\#(entry.name)","hosts":[\#(hosts)]\#(database)\#(secret)}"#
        }
        try write(text: #"{"tenants":[\#(lines.joined(separator: ",\n"))]}"#)
    }

    /// As an editor or a deployment does it: the file is replaced.
    func write(text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: directory), options: .atomic) }

    /// Clinics on one engine, each with the demo clinic in it.
    func clinics(_ names: [String], on engine: Engine) async throws -> [Entry] {
        var entries: [Entry] = []
        for name in names { entries.append(Entry(name, database: engine == .postgres ? try await freshDatabase() : nil)) }
        try write(entries)
        for name in names { try await seed(name) }
        return entries
    }

    func freshDatabase() async throws -> String {
        let fresh = try await PrivateCluster.shared.freshDatabase()
        databases.withLock { $0.append(fresh) }
        return fresh.url
    }

    // MARK: Commands

    func seed(_ name: String) async throws { _ = try await run(["seed", "demo", "--tenant", name] + whole) }

    /// Runs a command that succeeds. What it printed.
    func run(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
        let (status, output) = try await ChildProcess.run(Programs.mediconnect, arguments, environment: small, errors: nil)
        try #require(status == 0, "\(arguments): \(output)", sourceLocation: sourceLocation)
        return output
    }

    /// Runs a command that is refused. What it complained of, and whatever else it printed.
    func refused(_ arguments: [String]) async throws -> [String] {
        let (status, output) = try await ChildProcess.run(Programs.mediconnect, arguments, environment: small, errors: nil)
        #expect(status == 1, "\(arguments): \(output)")
        return output
    }

    func token(_ name: String) async throws -> String {
        if let known = tokens.withLock({ $0[name] }) { return known }
        let arguments = ["token", "--role", "desk", "--subject", DemoClinic.desk, "--minutes", "600", "--tenant", name] + whole
        let token = try #require(try await run(arguments).first)
        tokens.withLock { $0[name] = token }
        return token
    }

    // MARK: Nodes

    /// What one clinic takes is three connections on either engine.
    static let connectionsOfOne = 3
    private let small = ["MEDICONNECT_DATABASE_POOL": "2", "MEDICONNECT_DATABASE_READERS": "2"]

    /// A node with room for so many clinics at once.
    func serve(
        room: Int = 10, round: Int = 3600, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws -> Node {
        let limits = [
            "MEDICONNECT_TENANTS_CONNECTIONS": "\(room * Self.connectionsOfOne)", "MEDICONNECT_TENANTS_ROUND": "\(round)",
        ]
        let server = try await RunningServer.start(
            Programs.mediconnect, ["serve", "--port", "0"] + whole + arguments,
            environment: small.merging(limits) { $1 }.merging(environment) { $1 }, errors: log)
        nodes.withLock { $0.append(server) }
        return Node(network: self, server: server)
    }

    var logged: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
}

/// Looks again and again, until it is so. Nobody announces what another process does in its own time; the limit is only there
/// for a test that fails.
func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ isTrue: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < end {
        if try await isTrue() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    try #require(Bool(false), "in vain: \(what)", sourceLocation: sourceLocation)
}
