import Foundation
import LoopbackClient
import Processes

/// One of the clinic's servers, and how long it was silent.
struct Desk: Sendable {
    /// How it reaches the database: `HAProxy` or `direct`.
    let name: String
    let server: RunningServer
    let silence = Silence()

    var base: String { server.base }
}

/// What a server needs to start: a folder for its secret, and the database.
struct DeskRoom: Sendable {
    let name: String
    let url: String
    let executable: String
    let folder: TemporaryFolder

    var data: DataFolder { DataFolder(path: folder.file("server-\(name)"), url: url) }
    private var log: String { folder.file("server-\(name).log") }

    func open() async throws -> Desk {
        try FileManager.default.createDirectory(atPath: data.path, withIntermediateDirectories: true)
        // The same one everywhere: a token one server issued is good at the other.
        data.makeSecret()
        do {
            // Gone with this process, however that ends.
            let server = try await RunningServer.start(
                "/usr/bin/setpriv", ["--pdeathsig=KILL", "--", executable, "serve", "--port", "0"] + data.flags,
                environment: ["MEDICONNECT_LOG_LEVEL": "warning"], errors: log)
            return Desk(name: name, server: server)
        } catch {
            throw ProcessFault("\(error)\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
    }

    func importClinic() async throws {
        let document = folder.file("clinic.json")
        try Data(CrashClinic.document()).write(to: URL(fileURLWithPath: document))
        data.makeSecret()
        let (status, _) = try await ChildProcess.run(executable, ["import", document] + data.flags, errors: log)
        guard status == 0 else { throw ProcessFault("the import ended with \(status); see \(log)") }
    }
}
