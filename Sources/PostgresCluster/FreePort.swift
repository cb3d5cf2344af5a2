#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Processes
import Synchronization

/// Ports of 127.0.0.1 that nobody listens on.
///
/// They lie below those the kernel gives to outgoing connections. A port from among these would do until its server is killed:
/// a client that tries again and again may be given that very port to call from, reach itself, and keep the server from
/// coming back.
enum FreePort {
    private static let range = 12_000..<32_000
    /// Two test processes on one machine begin at different places.
    private static let next = Mutex(Int(getpid()) &* 37 % range.count)

    /// A port that this process is not given a second time before all others.
    static func any() throws -> Int {
        for _ in range {
            let port = next.withLock { next in
                next = (next + 1) % range.count
                return range.lowerBound + next
            }
            if isFree(port) { return port }
        }
        throw ProcessFault("every port from \(range.lowerBound) to \(range.upperBound) is taken")
    }

    private static func isFree(_ port: Int) -> Bool { withSocket(port) { bind($0, $1, $2) == 0 } }

    /// Whether somebody accepts connections there.
    static func answers(_ port: Int) -> Bool { withSocket(port) { connect($0, $1, $2) == 0 } }

    private static func withSocket(_ port: Int, _ act: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #elseif canImport(Musl)
            let descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                act(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
