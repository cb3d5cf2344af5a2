#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Processes

/// Ports of this machine nobody listens on.
///
/// They lie below those the kernel gives to outgoing connections: a server that is killed has to find its port free when it
/// comes back, and not taken by a client that happened to call from there.
struct FreePorts {
    private static let range = 12_000..<32_000
    private var next = Int.random(in: range)

    /// One that was not given before.
    mutating func take() throws -> Int {
        for _ in Self.range {
            next = next + 1 < Self.range.upperBound ? next + 1 : Self.range.lowerBound
            if let descriptor = try? Socket.listening(on: next) {
                close(descriptor)
                return next
            }
        }
        throw ProcessFault("every port from \(Self.range.lowerBound) to \(Self.range.upperBound) is taken")
    }
}
