import Foundation
import Processes

/// The disk of a cluster that a test fills and empties. The server on it is the real one; what refuses to let its tables and
/// temporary files grow is the library of `CFullDisk`, loaded before the server's own.
struct FullDisk: Sendable {
    private let sign: String
    private let library: String

    /// - Parameter library: the file of the built library `libCFullDisk.so`. The server may not look into its folder, so it is
    ///   given a copy.
    init(library: String, in folder: ClusterFolder, of lodger: Lodger) throws {
        sign = folder.file("full")
        self.library = folder.file("libCFullDisk.so")
        try FileManager.default.copyItem(atPath: library, toPath: self.library)
        try lodger.own(self.library)
    }

    /// What the server is started with.
    var environment: [String: String] { ["LD_PRELOAD": library, "MEDICONNECT_FULL_DISK": sign] }

    func fill() throws {
        guard FileManager.default.createFile(atPath: sign, contents: nil) else { throw ProcessFault("\(sign) cannot be made") }
    }

    func empty() throws { try FileManager.default.removeItem(atPath: sign) }
}

extension PrivateCluster {
    /// From now on nothing it keeps may grow. The cluster must have been made with a `diskLibrary`.
    public func fillDisk() throws { try disk.fill() }
    public func emptyDisk() throws { try disk.empty() }

    private var disk: FullDisk {
        get throws {
            guard let disk = server.disk else { throw ProcessFault("this cluster was made without a disk that can be filled") }
            return disk
        }
    }
}
