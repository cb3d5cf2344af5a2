import Foundation

/// The program under test: that built together with this test bundle, beside it.
enum Programs {
    private static let folder =
        (((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]) as NSString)
        .deletingLastPathComponent

    static let mediconnect = folder + "/mediconnect"
}
