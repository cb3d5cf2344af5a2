#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Processes
import Synchronization

/// One PostgreSQL server over one data folder, and every way it can stop.
final class Postmaster: Sendable {
    let binaries: PostgresBinaries
    let lodger: Lodger
    let folder: ClusterFolder
    let port: Int
    let settings: [String: String]
    let disk: FullDisk?
    private let process = Mutex<ChildProcess?>(nil)

    var data: String { folder.file("data") }
    var log: String { folder.file("log") }

    init(settings: [String: String], isFleeting: Bool = false, diskLibrary: String? = nil) async throws {
        binaries = try await PostgresBinaries.found()
        lodger = try Lodger()
        folder = try ClusterFolder(for: lodger, isFleeting: isFleeting)
        port = try FreePort.any()
        self.settings = settings
        disk = try diskLibrary.map { [folder, lodger] in try FullDisk(library: $0, in: folder, of: lodger) }
        // It goes with the process or when asked, not with the last use of this value: a test that keeps only the address
        // would lose the server.
        Children.all.beforeTheEnd { self.end() }
    }

    /// Returns when it takes connections.
    func start() async throws {
        guard !isRunning else { throw ProcessFault("the server on port \(port) runs already") }
        let server = try lodger.start(
            binaries("postgres"), ["-D", data] + options(), farewell: "QUIT", environment: disk?.environment ?? [:],
            errors: log)
        process.withLock { $0 = server }
        let data = data
        let came = await Patience.until(seconds: 60) { Self.isReady(server, in: data) || !server.isRunning }
        guard came, server.isRunning else {
            await kill()
            throw ProcessFault("PostgreSQL did not start:\n\(lastWords())")
        }
    }

    var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }
    var processNumber: Int32? { process.withLock { $0?.number } }

    private func options() -> [String] {
        let own = [
            "listen_addresses": "127.0.0.1", "port": "\(port)", "unix_socket_directories": folder.path,
            "max_connections": "200",
            // Segments of shared memory outlive a server that is killed; files in its folder go with that.
            "dynamic_shared_memory_type": "mmap",
        ]
        return own.merging(settings) { $1 }.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// Ends every session, finishes what is written, and waits: PostgreSQL's "fast" shutdown.
    func stop() async {
        await ended {
            ProcessTree.thaw($0.number)
            $0.signal(SIGINT)
        }
    }

    /// As a power cut leaves it, but for the kernel's cache. Returns when the server and all of its processes are gone.
    func kill() async {
        await ended { ProcessTree.kill9($0.number) }
    }

    private func ended(_ end: @escaping @Sendable (ChildProcess) -> Void) async {
        guard let server = process.withLock({ $0 }), server.isRunning else { return }
        let done = Promise<Void>()
        Thread.detachNewThread {
            end(server)
            done.keep(())
        }
        await done.value
        _ = await server.ended()
        process.withLock { $0 = nil }
    }

    /// Nobody in there runs, and nobody outside is told: connections stay open and are not answered.
    func freeze() throws {
        guard let server = process.withLock({ $0 }), server.isRunning else {
            throw ProcessFault("a server that does not run cannot be frozen")
        }
        _ = ProcessTree.freeze(server.number)
    }

    func thaw() {
        if let server = process.withLock({ $0 }), server.isRunning { ProcessTree.thaw(server.number) }
    }

    /// Stops it and leaves nothing behind.
    func remove() async {
        await stop()
        Self.forgetMemory(in: data, of: lodger)
        folder.remove()
    }

    /// The same at the process's end, when nobody can be awaited: PostgreSQL's "immediate" shutdown.
    private func end() {
        if let server = process.withLock({ $0 }), server.isRunning {
            ProcessTree.thaw(server.number)
            server.signal(SIGQUIT)
            if !Patience.wait(seconds: 6, { !server.isRunning }) {
                ProcessTree.kill9(server.number)
                _ = Patience.wait(seconds: 2) { !server.isRunning }
            }
        }
        Self.forgetMemory(in: data, of: lodger)
        folder.remove()
    }

    func lastWords() -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(12).joined(separator: "\n")
    }

    // MARK: What PostgreSQL writes down about itself, as long as it runs or when it was killed

    /// The file of a killed server says `ready` until the next one has written its own.
    private static func isReady(_ server: ChildProcess, in data: String) -> Bool {
        let lines = lines(in: data)
        return lines.first == "\(server.number)" && lines.dropFirst(7).first?.hasPrefix("ready") ?? false
    }

    /// Ends a server that outlived the process it belonged to.
    static func kill9(leftIn data: String, by lodger: Lodger) {
        if let number = lines(in: data).first.flatMap({ Int32($0) }),
            let command = FileManager.default.contents(atPath: "/proc/\(number)/cmdline"),
            String(decoding: command, as: UTF8.self).contains(data)
        {
            ProcessTree.kill9(number)
            _ = Patience.wait(seconds: 5) { "Z-".contains(ProcessTree.state(number)) }
        }
        forgetMemory(in: data, of: lodger)
    }

    /// A killed server leaves a few bytes of shared memory, of which a machine has some thousand pieces. The next start of the
    /// same data would take care of it; when there is none, the seventh line says which.
    private static func forgetMemory(in data: String, of lodger: Lodger) {
        guard let segment = lines(in: data).dropFirst(6).first?.split(separator: " ").last.flatMap({ Int32($0) })
        else { return }
        // Only its owner may, or a root who may everything.
        let removal = try? lodger.start("/usr/bin/ipcrm", ["-m", "\(segment)"], farewell: "KILL", errors: "/dev/null")
        _ = Patience.wait(seconds: 2) { !(removal?.isRunning ?? false) }
    }

    private static func lines(in data: String) -> [Substring] {
        let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)
        return text?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
    }
}
