import Foundation
import Processes

/// The load generator: a program of its own, written in C, so that what is measured is the server.
struct Wrk {
    struct Result: Codable {
        let requests: Int
        let seconds: Double
        let refused: Int
        let broken: Int
        /// Milliseconds.
        let p50: Double
        let p99: Double
        let max: Double

        var rate: Double { Double(requests) / seconds }
        var errors: Int { refused + broken }
    }

    let scripts: String
    var connections = 64
    var seconds = 5

    /// Runs a script of `bench/` against a server. Every script ends with a line of results (`done` in common.lua).
    func run(_ script: String, against base: String, _ arguments: [String]) async throws -> Result {
        let (status, output) = try await ChildProcess.run(
            "/usr/bin/wrk",
            [
                "-t1", "-c\(connections)", "-d\(seconds)s", "--timeout", "20s", "--latency", "-s", "\(scripts)/\(script)", base,
                "--",
            ]
                + arguments)
        guard status == 0, let line = output.last(where: { $0.hasPrefix("wrk-result ") }) else {
            throw ProcessFault("wrk ended with \(status):\n\(output.joined(separator: "\n"))")
        }
        return try JSONDecoder().decode(Result.self, from: Data(line.dropFirst(11).utf8))
    }
}
