import Foundation
import Processes

/// A folder of its own, gone with the value that made it. In memory where there is room: what is tested here survives no power cut;
/// what does has disks of its own.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        path = (FolderInMemory.path.map { $0 + "/" } ?? NSTemporaryDirectory()) + "mediconnect-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
