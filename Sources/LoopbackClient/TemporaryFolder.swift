import Foundation
import Synchronization

/// A folder of its own that goes with whoever asked for it.
public final class TemporaryFolder: Sendable {
    public let path: String
    private static let goingWithMe = Mutex<[String]>([])

    /// With `goesWithProcess` it is removed when this process exits, also by Ctrl-C, once `Children.endWithMe` was called.
    public init(_ purpose: String, under parent: String? = nil, goesWithProcess: Bool = false) throws {
        let parent = parent ?? NSTemporaryDirectory()
        path =
            "\(parent.hasSuffix("/") ? String(parent.dropLast()) : parent)/mediconnect-\(purpose)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if goesWithProcess { Self.goingWithMe.withLock { $0.append(path) } }
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    public func remove() { try? FileManager.default.removeItem(atPath: path) }

    static func removeThoseThatGoWithMe() {
        for path in goingWithMe.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
