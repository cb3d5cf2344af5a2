import Foundation

/// The programs under test: those built together with this test bundle, beside it.
enum Programs {
    static let folder =
        (((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]) as NSString)
        .deletingLastPathComponent

    static let server = folder + "/mediconnect"
    static let proofs = folder + "/proofs"
    /// The configuration of the cluster, as operators get it.
    static let deploy =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../deploy/patroni").standardized
        .path
}
