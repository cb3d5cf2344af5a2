import Foundation

/// A folder of its own that goes with whoever asked for it.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init(_ purpose: String, under parent: String? = nil) throws {
        let parent = parent ?? NSTemporaryDirectory()
        path = "\(parent.hasSuffix("/") ? String(parent.dropLast()) : parent)/mediconnect-\(purpose)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    public func remove() { try? FileManager.default.removeItem(atPath: path) }
}
