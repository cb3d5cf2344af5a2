#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
public import Processes

/// A server on a free port of this machine, started as a process of its own.
public struct RunningServer: Sendable {
    public let process: ChildProcess
    public let port: Int
    /// `http://127.0.0.1:PORT`, or the same with https.
    public let base: String
    /// From its start until it said where it listens.
    public let startSeconds: Double

    /// What a server under test is told besides: proofs ask from one address, with few tokens, more than a thousand times a second.
    /// Whoever tests the limits says so in `environment`.
    private static let withoutLimits = [
        "MEDICONNECT_LIMITS_RATES": "off", "MEDICONNECT_LIMITS_OVERLOAD": "off", "MEDICONNECT_PATIENTS_HOLDS": "0",
        "MEDICONNECT_PATIENTS_APPOINTMENTS": "0", "MEDICONNECT_PATIENTS_LAPSES": "0",
    ]

    /// Returns when it listens. Throws with what it wrote to standard error when it ends before that.
    public static func start(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], errors: String
    ) async throws -> RunningServer {
        let began = ContinuousClock.now
        let process = try ChildProcess(
            executable, arguments, environment: withoutLimits.merging(environment) { $1 }, errors: errors)
        for await line in process.lines {
            guard line.contains(" listens on "),
                let base = line.firstRange(of: /https?:\/\/127\.0\.0\.1:[0-9]+/).map({ String(line[$0]) }),
                let port = base.split(separator: ":").last.flatMap({ Int($0) })
            else { continue }
            return RunningServer(process: process, port: port, base: base, startSeconds: seconds(since: began))
        }
        throw ProcessFault("the server ended with \(await process.ended()); see \(errors)")
    }

    /// The simulator, for whoever speaks HTTP with it: however slow the machine is, a client that has not spoken yet is not greeted as a mail
    /// client.
    ///
    /// - Parameter flags: besides the port.
    public static func simulator(_ executable: String, _ flags: [String] = [], errors: String) async throws -> RunningServer {
        try await start(executable, ["simulator", "--port", "0", "--greeting", "60000"] + flags, errors: errors)
    }

    /// Asks it to stop and waits. Its exit code.
    public func stop() async -> Int32 {
        process.signal(SIGTERM)
        return await process.ended()
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
}
