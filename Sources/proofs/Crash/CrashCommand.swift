import ArgumentParser
import Foundation
import LoopbackClient
import PostgresCluster
import Processes

struct Crash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kill the server under load, again and again, and show that nothing acknowledged is lost.",
        discussion: """
            Sixteen clients book, hold, confirm, cancel and move while the server is killed with SIGKILL after 20 to 400 ms. \
            Each time it is started again on the same data, and every request whose outcome nobody knows is repeated under its \
            key. Then every answer ever given is compared with what is there. Exits 1 with the history's path when something \
            is not. With --faulty the server answers before it commits, and this must fail: a proof that cannot fail proves \
            nothing.
            """)

    @Argument(help: "How often the server is killed.")
    var cycles = 50
    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?
    @Option(help: "Seed of everything the clients decide and of when the server dies.")
    var seed: UInt64 = 1
    @Option(help: "sqlite, or postgres: a private server, which is killed as often as ours.")
    var engine = "sqlite"
    @Flag(help: "Prove that the proof can fail: use a server that answers before its commit.")
    var faulty = false

    @Flag(help: "Leave the data and the history behind, also when all is well.")
    var keep = false

    func run() async throws {
        Children.all.endWithMe()
        let folder = try TemporaryFolder("crash")
        let start = faulty ? (Siblings.me, ["faulty-server"]) : (server ?? Siblings.server, ["serve", "--port", "0"])
        guard engine == "sqlite" || engine == "postgres" else { throw ValidationError("--engine must be sqlite or postgres") }
        let cluster = engine == "postgres" ? try await PrivateCluster() : nil
        try await cluster?.start()
        let database = try await cluster?.freshDatabase()
        let stage = Stage(
            executable: start.0, arguments: start.1, importer: server ?? Siblings.server, folder: folder, cluster: cluster,
            database: database)
        let ordeal = try await Ordeal(stage: stage, seed: seed)
        let result: Result<[String], any Error>
        do { result = .success(try await ordeal.run(cycles: cycles)) } catch { result = .failure(error) }
        await cluster?.remove()
        let violations = try result.get()
        guard violations.isEmpty else {
            for violation in violations.prefix(20) { say("VIOLATION \(violation)") }
            say("\(violations.count) violation\(violations.count == 1 ? "" : "s")")
            // What the planted mistake did is evidence of nothing.
            if faulty && !keep { folder.remove() } else { say("history: \(ordeal.history.path), data: \(stage.house.path)") }
            throw ExitCode(1)
        }
        if keep { say("data: \(stage.house.path), history: \(ordeal.history.path)") } else { folder.remove() }
    }
}

/// Where the play takes place: the server's program and its data.
struct Stage: Sendable {
    let executable: String
    let arguments: [String]
    /// The faulty server has no import of its own.
    let importer: String
    let folder: TemporaryFolder
    /// The server of the database; nil on the embedded one.
    var cluster: PrivateCluster?
    var database: FreshDatabase?

    var house: DataFolder { DataFolder(path: folder.file("data"), url: database?.url) }

    /// What the database says, as a file: the database itself, or a transcript of it.
    func file() async throws -> String {
        guard let cluster, let database else { return house.databasePath }
        let path = folder.file("transcript.sqlite")
        try await Transcript { try await cluster.psql($0, database: database.name) }.write(to: path)
        return path
    }

    func start() async throws -> RunningServer {
        let errors = folder.file("server.log")
        do {
            return try await RunningServer.start(
                executable, arguments + house.flags,
                // A short log, so that the end also comes while it is being moved into the file.
                environment: ["MEDICONNECT_LOG_LEVEL": "warning", "MEDICONNECT_DATABASE_CHECKPOINT": "100"], errors: errors)
        } catch {
            throw ProcessFault("\(error)\n\((try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")")
        }
    }

    func importClinic() async throws {
        let document = folder.file("clinic.json")
        try Data(CrashClinic.document()).write(to: URL(fileURLWithPath: document))
        house.makeSecret()
        let (status, _) = try await ChildProcess.run(
            importer, ["import", document] + house.flags, errors: folder.file("server.log"))
        guard status == 0 else { throw ProcessFault("the import ended with \(status); see \(folder.file("server.log"))") }
    }
}
