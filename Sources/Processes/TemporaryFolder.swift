#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Synchronization

/// A folder of its own that goes with whoever asked for it.
public final class TemporaryFolder: Sendable {
    public let path: String
    private static let goingWithMe = Mutex<[String]>([])

    /// With `goesWithProcess` it is removed when this process exits, also by Ctrl-C, once `Children.endWithMe` was called.
    public init(_ purpose: String, under parent: String? = nil, goesWithProcess: Bool = false) throws {
        let parent = parent ?? NSTemporaryDirectory()
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        let pattern = "\(parent.hasSuffix("/") ? String(parent.dropLast()) : parent)/mediconnect-\(purpose)-XXXXXX"
        var path = pattern.utf8CString
        guard path.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
            throw ProcessFault("no folder like \(pattern): \(String(cString: strerror(errno)))")
        }
        self.path = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        if goesWithProcess { Self.goingWithMe.withLock { $0.append(self.path) } }
    }

    public func file(_ name: String) -> String { "\(path)/\(name)" }

    public func remove() { try? FileManager.default.removeItem(atPath: path) }

    static func removeThoseThatGoWithMe() {
        for path in goingWithMe.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
