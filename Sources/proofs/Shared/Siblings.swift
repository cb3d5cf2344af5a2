import Foundation

/// Programs built together stand together.
enum Siblings {
    static var me: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
    static var server: String { (me as NSString).deletingLastPathComponent + "/mediconnect" }
}
