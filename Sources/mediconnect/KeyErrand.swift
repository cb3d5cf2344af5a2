import Foundation
import Logging
import Notation
import Secrecy
import Storage
import Synchronization
import Telemetry
import Workflows

/// What is to be done with a clinic's keys.
enum KeyErrand: String, Sendable, CaseIterable {
    case rotate, retire, rewrap

    /// - Parameter say: hears what has been done, in words.
    func run(in clinic: Clinic, by principal: String, _ say: @Sendable (String) -> Void) async throws {
        try await clinic.readKeys()
        switch self {
        case .rewrap:
            let count = try await clinic.rewrapKeys(by: principal)
            say("\(count) key\(count == 1 ? " was" : "s were") wrapped anew.")
            return
        case .rotate: say("Everything is sealed with key \(try await clinic.rotateKeys(by: principal)) from now on.")
        case .retire: break
        }
        let sealed = Mutex(0)
        try await clinic.sealAnew { progress in
            sealed.withLock { $0 += progress.sealed }
            try Task.checkCancellation()
        }
        say("\(sealed.withLock { $0 }) fields were sealed anew; older keys are gone.")
    }
}

/// How a command asks the server that has the embedded database: by a file in the data folder, which only its owner can write. The
/// server takes the file away when it has done what it says.
struct KeyRequest: Sendable {
    private let path: String
    private var answerPath: String { path + ".answer" }

    init(_ settings: Settings) { path = settings.data + "/keys.request" }

    /// Leaves the request and waits until it is done. Throws when nobody takes it up within a minute.
    func ask(_ errand: KeyErrand, _ say: (String) -> Void) async throws {
        let clock = MachineClock()
        try? FileManager.default.removeItem(atPath: answerPath)
        guard !FileManager.default.fileExists(atPath: path) else { throw Complaint("another such command is waiting; try again") }
        try Data(errand.rawValue.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        let patience = clock.now + .seconds(60)
        var isTaken = false
        while true {
            try await clock.sleep(until: clock.now + .milliseconds(100))
            if let answer = FileManager.default.contents(atPath: answerPath) {
                try? FileManager.default.removeItem(atPath: answerPath)
                let text = String(decoding: answer, as: UTF8.self)
                if text.hasPrefix("!") { throw Complaint(String(text.dropFirst())) }
                return say(text)
            }
            isTaken = isTaken || !FileManager.default.fileExists(atPath: path)
            if !isTaken, clock.now > patience {
                try? FileManager.default.removeItem(atPath: path)
                throw Complaint("the server that has the database does not answer; is it stopping?")
            }
        }
    }

    /// What a server does beside answering: looks once a second, until its task is cancelled.
    func serve(_ clinic: Clinic, clock: any WallClock, logger: Logger) async {
        while !Task.isCancelled {
            try? await clock.sleep(until: clock.now + .seconds(1))
            guard let text = FileManager.default.contents(atPath: path) else { continue }
            try? FileManager.default.removeItem(atPath: path)
            guard let errand = KeyErrand(rawValue: String(decoding: text, as: UTF8.self)) else { continue }
            let said = Mutex<[String]>([])
            do {
                try await errand.run(in: clinic, by: "operator:the data folder's owner") { line in
                    said.withLock { $0.append(line) }
                }
            } catch {
                logger.error("keys could not be changed", metadata: ["evt": "keys.failed", "error": .safe(error)])
                said.withLock {
                    $0 = ["!" + ((error as? StorageFault)?.description ?? "the server could not do it; its log says why")]
                }
            }
            let answer = said.withLock { $0.joined(separator: "\n") }
            try? Data(answer.utf8).write(to: URL(fileURLWithPath: answerPath), options: .atomic)
        }
    }
}
