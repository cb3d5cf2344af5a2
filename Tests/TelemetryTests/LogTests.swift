import Foundation
import Logging
import Notation
import Telemetry
import Testing

@Suite struct Logs {
    private struct Unreachable: Error, CustomStringConvertible {
        var description: String { "no answer from Ada Lovelace" }
    }
    private struct DiskFull: SafelyDescribed {
        var description: String { "the disk is full" }
    }

    @Test func `a line is one JSON object with its keys in order`() throws {
        let log = try Captured()
        log.logger().info(
            "booked",
            metadata: [
                "evt": "appointment.booked", "request_id": "r-1", "appointment_id": "a-1", "status": "201", "count": "3",
            ])
        #expect(
            log.text == """
                {"time":"2026-03-02T09:00:00.123456Z","level":"info","evt":"appointment.booked","request_id":"r-1",\
                "appointment_id":"a-1","message":"booked","extra":{"count":"3","status":"201"}}

                """)
    }

    @Test func `what a line does not know is null, so that every line has the same keys`() throws {
        let log = try Captured()
        log.logger().info("started")
        let line = try log.lines[0]
        #expect(line.members?.map(\.name) == ["time", "level", "evt", "request_id", "appointment_id", "message", "extra"])
        #expect(line["evt"]?.content == .null && line["extra"]?.members?.isEmpty == true)
    }

    @Test func `the value of a key that is not on the list is withheld`() throws {
        let log = try Captured()
        var logger = log.logger()
        logger[metadataKey: "nickname"] = "Ada"
        logger.info("hello", metadata: ["phone": "+49 170 1234567", "evt": ["Ada"], "topic": ["name": "Ada"]])
        #expect(try log.lines[0]["extra"]?["nickname"]?.string == "‹withheld›")
        #expect(try log.lines[0]["extra"]?["phone"]?.string == "‹withheld›")
        #expect(!log.text.contains("Ada") && !log.text.contains("170"))
    }

    @Test func `nothing personal is printed, whatever key carries it`() throws {
        let log = try Captured()
        let name = Personal("Ada Lovelace")
        for key in LogKey.allCases.map(\.rawValue) + ["other"] {
            log.logger().info("call for \(name)", metadata: [key: .stringConvertible(name)])
            log.logger().info("\(String(describing: name))", metadata: [key: "\(name)"])
        }
        #expect(!log.text.contains("Ada") && !log.text.contains("Lovelace"))
        #expect(try log.lines.count == 2 * (LogKey.allCases.count + 1))
    }

    @Test func `a patient's name is its first letter, an e-mail address nothing (GF-8)`() throws {
        let log = try Captured()
        log.logger().info(
            "reminder",
            metadata: [
                "patient": .stringConvertible(Personal("Ada Lovelace")), "email": .stringConvertible(Personal("ada@example.org")),
            ])
        log.logger().info("reminder", metadata: ["patient": "Ada Lovelace", "email": "ada@example.org"])
        #expect(try log.lines.map { $0["extra"]?["patient"]?.string } == ["A***", "‹withheld›"])
        #expect(try log.lines.map { $0["extra"]?["email"]?.string } == ["***", "‹withheld›"])
    }

    @Test func `of an error the type is printed, and its text only when that is known to be safe`() throws {
        let log = try Captured()
        log.logger().error("failed", metadata: ["error": .safe(Unreachable())])
        log.logger().error("failed", metadata: ["error": .safe(DiskFull())])
        log.logger().error("failed", metadata: ["error": "no answer from Ada Lovelace"])
        log.logger().error("failed", error: Unreachable())
        let errors = try log.lines.map { $0["extra"]?["error"]?.string ?? "" }
        #expect(errors[0].hasSuffix("Unreachable") && errors[1].hasSuffix("DiskFull: the disk is full"))
        #expect(errors[2] == "‹withheld›" && errors[3].hasSuffix("Unreachable"))
        #expect(!log.text.contains("Ada"))
    }

    @Test func `a library's text is not printed, only where it came from, and nothing below a warning`() throws {
        let log = try Captured()
        let library = log.logger("hummingbird")
        library.info("GET /patients?name=Ada")
        library.error("could not parse name=Ada", metadata: ["hb.request.path": "/patients?name=Ada"])
        #expect(try log.lines.count == 1 && !log.text.contains("name=Ada"))
        #expect(try log.lines[0]["extra"]?["source"]?.string?.hasPrefix("hummingbird LogTests.swift:") == true)
    }

    @Test func `levels are set by the longest prefix of a label`() throws {
        let log = try Captured()
        let policy = LogPolicy(level: .warning, levels: ["mediconnect.outbox": .debug, "nio": .critical])
        #expect(log.logger("mediconnect.api", policy: policy).logLevel == .warning)
        #expect(log.logger("mediconnect.outbox.worker", policy: policy).logLevel == .debug)
        #expect(log.logger("nio.channel", policy: policy).logLevel == .critical)
        #expect(log.logger("other", policy: policy).logLevel == .warning)
    }

    @Test(arguments: ["\"quotes\" and \\ slashes", "line\nbreak\r\ttab", "bell \u{7} and \u{1F}", "Zoë 💊"])
    func `any text stays one line of valid JSON`(text: String) throws {
        let log = try Captured()
        log.logger().info("\(text)", metadata: ["topic": "\(text)", "\(text)": "x"])
        #expect(log.text.split(separator: "\n").count == 1)
        #expect(try log.lines[0]["message"]?.string == text && log.lines[0]["extra"]?["topic"]?.string == text)
    }

    @Test func `a long value is cut`() throws {
        let log = try Captured()
        log.logger().info("hello", metadata: ["reason": "\(String(repeating: "é", count: 600))"])
        #expect(try log.lines[0]["extra"]?["reason"]?.string == String(repeating: "é", count: 500) + "…")
    }

    @Test func `a call's value replaces its logger's`() throws {
        let log = try Captured()
        var logger = log.logger()
        logger[metadataKey: "topic"] = "a"
        logger[metadataKey: "request_id"] = "r-1"
        logger.info("hello", metadata: ["topic": "b"])
        #expect(try log.lines[0]["extra"]?["topic"]?.string == "b" && log.lines[0]["request_id"]?.string == "r-1")
    }
}

@Suite struct Sinks {
    @Test func `lines of many threads stay whole`() async throws {
        let log = try Captured()
        let logger = log.logger()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for line in 0..<500 { logger.info("line", metadata: ["count": "\(task)-\(line)"]) } }
            }
        }
        let counts = try log.lines.compactMap { $0["extra"]?["count"]?.string }
        #expect(Set(counts).count == 4_000 && log.sink.droppedLines == 0)
    }

    @Test func `when nobody reads, lines are dropped and counted, and the caller goes on`() throws {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: 100_000, clock: StoppedClock())
        let logger = Logger(label: "mediconnect.test") { JSONLineLogHandler(label: $0, sink: sink, clock: StoppedClock()) }
        for _ in 0..<5_000 { logger.info("nobody reads this") }
        #expect(sink.droppedLines > 0)
        // Somebody reads again, and hears how many it missed.
        let reader = Reader(pipe.fileHandleForReading)
        logger.error("somebody is back")
        sink.close()
        try pipe.fileHandleForWriting.close()
        let text = reader.text
        #expect(text.contains(#""evt":"log.dropped""#))
        #expect(text.split(separator: "\n").allSatisfy { (try? JSON(parsing: String($0))) != nil })
    }

    @Test func `an urgent line is written without waiting for others`() throws {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor, clock: StoppedClock())
        let logger = Logger(label: "mediconnect.test") { JSONLineLogHandler(label: $0, sink: sink, clock: StoppedClock()) }
        logger.error("now")
        #expect(String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self).contains("now"))
        sink.close()
    }

    @Test func `a closed sink drops, and closing twice is harmless`() throws {
        let log = try Captured()
        log.logger().info("first")
        log.sink.close()
        log.logger().info("second")
        log.sink.close()
        #expect(log.text.contains("first") && !log.text.contains("second") && log.sink.droppedLines == 1)
    }
}

/// Reads a pipe to its end on a thread of its own.
private final class Reader: @unchecked Sendable {
    private var data = Data()
    private let done = DispatchSemaphore(value: 0)

    init(_ handle: FileHandle) {
        Thread.detachNewThread { [self] in
            while case let piece = handle.availableData, !piece.isEmpty { data += piece }
            done.signal()
        }
    }

    var text: String {
        done.wait()
        return String(decoding: data, as: UTF8.self)
    }
}
