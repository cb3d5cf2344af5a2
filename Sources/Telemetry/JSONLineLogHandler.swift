public import Logging
public import Notation

/// Writes one JSON object a line, with GF-8's keys in their order: time, level, evt, request_id, appointment_id, message,
/// extra.
///
/// What is about a person cannot get into it: only keys on the list (`LogKey`) have their values printed, a `Personal`
/// value prints as `‹personal›` wherever it turns up, and of errors only what is safe is said.
public struct JSONLineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let isOwn: Bool
    private let sink: LogSink
    private let clock: any WallClock

    public init(label: String, sink: LogSink, clock: any WallClock, policy: LogPolicy = LogPolicy()) {
        self.label = label
        self.sink = sink
        self.clock = clock
        logLevel = policy.level(of: label)
        isOwn = policy.isOwn(label)
    }

    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = LogLine(at: clock.now, level: event.level)
        if !metadata.isEmpty { line.take(metadata) }
        if let provided = metadataProvider?.get(), !provided.isEmpty { line.take(provided) }
        if let given = event.metadata { line.take(given) }
        if let error = event.error { line.take(.error, .safe(error)) }
        if isOwn {
            line.finish(message: event.message.description)
        } else {
            line.take(.source, .string("\(label) \(fileName(event.file)):\(event.line)"))
            line.finish(message: LogLine.withheld)
        }
        sink.write(line.bytes, isUrgent: event.level >= .error)
    }

    private func fileName(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
}
