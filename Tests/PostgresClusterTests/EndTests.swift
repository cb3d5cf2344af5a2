import Foundation
import PostgresCluster
import Processes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A cluster goes with the process that started it. Each of these starts one in a process of its own, which prints where it is
/// and ends in its way.
@Suite("The end of a process", .serialized)
struct EndTests {
    @Test("an ordinary end takes the cluster and its folder along")
    func ordinary() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await Trace.leave()
            exit(0)
        }
        let trace = try Trace(result)
        #expect(trace.processes.allSatisfy { !isAlive($0) })
        #expect(!FileManager.default.fileExists(atPath: trace.folder))
    }

    @Test("kill -9 takes the cluster and its bouncer along, and the next start removes their folders")
    func killed() async throws {
        let result = await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
            try await Trace.leave()
            kill(getpid(), SIGKILL)
        }
        let trace = try Trace(result)
        #expect(await eventually { trace.processes.allSatisfy { !isAlive($0) } })
        await (try PrivateCluster()).remove()
        // Another test may just be doing the same.
        #expect(await eventually { !FileManager.default.fileExists(atPath: trace.folder) })
    }

    @Test("a cluster frozen at that moment is ended by the next start")
    func frozen() async throws {
        let result = await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
            try await Trace.leave { try $0.freeze() }
            kill(getpid(), SIGKILL)
        }
        let trace = try Trace(result)
        await (try PrivateCluster()).remove()
        #expect(await eventually { trace.processes.allSatisfy { !isAlive($0) } })
        #expect(await eventually { !FileManager.default.fileExists(atPath: trace.folder) })
    }
}

/// What a process that is about to end leaves of its cluster for others to look for.
private struct Trace {
    let folder: String
    let processes: [Int32]

    static func leave(_ act: (PrivateCluster) throws -> Void = { _ in }) async throws {
        let cluster = try await PrivateCluster.shared
        let bouncer = try Bouncer(before: cluster)
        try await bouncer.start()
        let processes = try await cluster.psql("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        let own = try #require(cluster.processNumber)
        let others = try #require(bouncer.processNumber)
        try act(cluster)
        print("trace \(cluster.socketDirectory) \(own) \(others) \(processes.joined(separator: " "))")
        fflush(nil)
    }

    init(_ result: ExitTest.Result?) throws {
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("trace ") })
        let words = line.split(separator: " ").dropFirst()
        folder = String(words.first ?? "")
        processes = words.dropFirst().compactMap { Int32($0) }
        try #require(processes.count >= 5)
    }
}
