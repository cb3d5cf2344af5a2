import Foundation
import Logging
import Notation
import Sealing
import Storage
import Telemetry
import Workflows

/// Seals the audit trail of one clinic, second by second, and writes down once a minute how far it goes.
final class AuditSealer: Sendable {
    private let clinic: Clinic
    private let key: SealKey
    private let anchors: AnchorFile
    private let clock: any WallClock
    private let logger: Logger

    private static let pause = Span.seconds(1)
    private static let anchorPause = Span.minutes(1)

    init(_ clinic: Clinic, key: SealKey, anchorPath: String, clock: any WallClock, logger: Logger) {
        self.clinic = clinic
        self.key = key
        anchors = AnchorFile(path: anchorPath)
        self.clock = clock
        self.logger = logger
    }

    /// Until its task is cancelled, while `leads` says that it is this node's duty.
    func run(while leads: @Sendable () -> Bool) async {
        var newest: Seal?
        var nextAnchor = clock.now
        while !Task.isCancelled {
            if leads() {
                do {
                    newest = try await sealAll() ?? newest
                    if let seal = newest, clock.now >= nextAnchor {
                        nextAnchor = clock.now + Self.anchorPause
                        try anchors.add(Anchor(seal))
                        newest = nil
                    }
                } catch {
                    logger.warning(
                        "the audit trail could not be sealed and will be again",
                        metadata: ["evt": "audit.seal.failed", "error": .safe(error)])
                }
            }
            try? await clock.sleep(until: clock.now + Self.pause)
        }
        if let newest { try? anchors.add(Anchor(newest)) }
    }

    /// The same once, for a clinic nobody asks for.
    func round() async throws { if let seal = try await sealAll() { try anchors.add(Anchor(seal)) } }

    /// Seals whatever waits. The last seal, if there was anything.
    private func sealAll() async throws -> Seal? {
        var newest: Seal?
        while let seal = try await clinic.sealAudit(with: key) { newest = seal }
        return newest
    }
}

/// A file to which lines are added.
struct AnchorFile: Sendable {
    let path: String

    func add(_ anchor: Anchor) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw StorageFault.cannotOpen("\(path) cannot be written; choose another file with audit.anchor")
        }
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data((anchor.line + "\n").utf8))
        try file.synchronize()
    }

    /// Its lines; none when there is no such file.
    func lines() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw StorageFault.cannotOpen("\(path) cannot be read")
        }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
