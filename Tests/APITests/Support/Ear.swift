import CoreMetrics
import Foundation
import Logging
import Metrics
import Notation
import Synchronization
import Telemetry

/// Hears everything the program says about itself: log lines as they leave it, and metrics.
final class Ear: Sendable {
    /// The process has one registry; instruments made after this is first asked for are in it.
    static let registry: PrometheusRegistry = {
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }()

    let logger: Logger
    private let sink: LogSink
    private let file: FileHandle
    private let path: String

    init(clock: any WallClock) throws {
        path = NSTemporaryDirectory() + "mediconnect-ear-" + UUID().uuidString
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        sink = LogSink(descriptor: file.fileDescriptor, clock: clock)
        var policy = LogPolicy(level: .trace, libraryLevel: .trace)
        policy.ownPrefix = "mediconnect"
        let (sink, chosen) = (sink, policy)
        logger = Logger(label: "mediconnect.test") { JSONLineLogHandler(label: $0, sink: sink, clock: clock, policy: chosen) }
    }

    /// All lines so far.
    func lines() throws -> [String] {
        sink.flush()
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    func close() {
        sink.close()
        try? FileManager.default.removeItem(atPath: path)
    }
}
