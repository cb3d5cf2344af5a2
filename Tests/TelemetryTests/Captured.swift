import Foundation
import Logging
import Notation
import Telemetry

/// A clock that stands at one instant.
struct StoppedClock: WallClock {
    let now = Instant("2026-03-02T09:00:00.123456Z")!
    func sleep(until deadline: Instant) async throws {}
}

/// Logs into a file and reads it back.
final class Captured {
    let sink: LogSink
    private let file: FileHandle
    private let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("log-\(UUID()).jsonl").path
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forUpdatingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
        self.file = file
        sink = LogSink(descriptor: file.fileDescriptor, clock: StoppedClock())
    }

    deinit {
        sink.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    func logger(_ label: String = "mediconnect.test", policy: LogPolicy = LogPolicy()) -> Logger {
        Logger(label: label) { [sink] in JSONLineLogHandler(label: $0, sink: sink, clock: StoppedClock(), policy: policy) }
    }

    var text: String {
        sink.flush()
        return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    var lines: [JSON] { get throws { try text.split(separator: "\n").map { try JSON(parsing: String($0)) } } }
}
