import API
import Foundation
import LoopbackClient
import Processes
import Notation

/// What every measurement needs: the server's binary, the clinic, and a place for data.
struct BenchRig {
    let server: String
    let scripts: String
    let folder: TemporaryFolder
    let cache: String
    let seconds: Int
    let rounds: Int
    let isQuick: Bool
    var tellsStatements = false
    /// Bookings a second of the brown-out.
    var perSecond = 120

    var plan: Plan { Plan(now: MachineClock().now) }

    func wrk(connections: Int = 64, seconds: Int? = nil) -> Wrk {
        Wrk(scripts: scripts, connections: connections, seconds: seconds ?? self.seconds)
    }

    /// The clinic without appointments, imported by the program itself.
    func emptyClinic() async throws -> DataFolder {
        let house = DataFolder(path: folder.file("empty"))
        return try await filled(house)
    }

    /// The same on a server.
    func emptyClinic(on url: String, named name: String = "served-from-postgres") async throws -> DataFolder {
        try await filled(DataFolder(path: folder.file(name), url: url))
    }

    private func filled(_ house: DataFolder) async throws -> DataFolder {
        if FileManager.default.fileExists(atPath: house.databasePath) { return house }
        let document = folder.file("clinic.json")
        try Data(BenchClinic.document()).write(to: URL(fileURLWithPath: document))
        house.makeSecret()
        let (status, _) = try await ChildProcess.run(
            server, ["import", document] + house.flags, errors: folder.file("errors"))
        guard status == 0 else { throw ProcessFault("the import failed:\n\(errors)") }
        return house
    }

    func copy(of other: DataFolder, named name: String) throws -> DataFolder {
        let house = DataFolder(path: folder.file(name))
        try house.copy(from: other)
        return house
    }

    /// - Parameter core: the only one it may use, when it is not to share it with who measures.
    func serve(
        _ house: DataFolder, _ arguments: [String] = [], environment: [String: String] = [:], core: Int? = nil
    ) async throws -> RunningServer {
        let words = [server, "serve", "--port", "0"] + house.flags + arguments
        let pinned = core.map { ["/usr/bin/taskset", "-c", "\($0)"] + words } ?? words
        do {
            return try await RunningServer.start(
                pinned[0], Array(pinned.dropFirst()),
                environment: environment.merging(["MEDICONNECT_LOG_LEVEL": "warning"]) { $1 },
                errors: folder.file("errors"))
        } catch { throw ProcessFault("the server did not start:\n\(errors)") }
    }

    /// Keeps this program, and what it starts from now on, to these cores: `1`, or `0-1`.
    func keep(to cores: String) async throws {
        let me = "\(ProcessInfo.processInfo.processIdentifier)"
        // A thread that ends while they are being told is no fault: the next try does not meet it.
        for _ in 0..<20 where try await ChildProcess.run("/usr/bin/taskset", ["-a", "-c", "-p", cores, me]).0 == 0 { return }
        throw ProcessFault("taskset could not keep this program to \(cores)")
    }

    /// The plan as a file for wrk, with tokens signed by the clinic's secret.
    func planFile(for house: DataFolder, practitioners: Int = BenchClinic.practitioners) async throws -> String {
        let path = folder.file("plan-\(practitioners).lua")
        if !FileManager.default.fileExists(atPath: path) {
            try await plan.write(
                to: path, practitioners: practitioners, tokens: Tokens(secret: try house.secret, clock: MachineClock()))
        }
        return path
    }

    /// Waits until every event has been delivered: what one measurement left must not slow down the next. Returns the
    /// seconds it took.
    func drained(_ house: DataFolder) async throws -> Double {
        let start = ContinuousClock.now
        let file = try PlainFile(house.databasePath)
        let waiting = """
            SELECT EXISTS (SELECT 1 FROM outbox WHERE topic = 'appointment.event' AND state = 'ready')
                OR EXISTS (SELECT 1 FROM outbox WHERE state = 'running')
            """
        while try file.number(waiting) != 0 {
            guard ContinuousClock.now - start < .seconds(300) else { throw ProcessFault("the outbox does not become empty") }
            try await Task.sleep(for: .milliseconds(50))
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private var errors: String { (try? String(contentsOfFile: folder.file("errors"), encoding: .utf8)) ?? "" }
}
