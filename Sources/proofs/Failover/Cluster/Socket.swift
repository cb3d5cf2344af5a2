#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Processes

/// Plain sockets of 127.0.0.1 that never keep anybody waiting.
enum Socket {
    /// Listens on a port, or throws when somebody else does.
    static func listening(on port: Int) throws -> Int32 {
        let descriptor = try make()
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard withAddress(port, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 512) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw ProcessFault("port \(port): \(reason)")
        }
        return descriptor
    }

    /// Connects, or begins to; nil when nobody listens.
    static func connecting(to port: Int) -> Int32? {
        guard let descriptor = try? make() else { return nil }
        hurry(descriptor)
        _ = withAddress(port) { connect(descriptor, $0, $1) }
        // On one machine a refusal is there at once. What takes longer is a server that is stopped and has a full queue.
        var look = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&look, 1, 20)
        guard look.revents & Int16(POLLERR | POLLHUP) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Who is waiting to be let in, and the last number of the address they call from (13 for 127.0.0.13); nil when nobody is.
    static func admitted(by listener: Int32) -> (descriptor: Int32, caller: Int)? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(listener, $0, &length) }
        }
        guard descriptor >= 0 else { return nil }
        prepare(descriptor)
        hurry(descriptor)
        return (descriptor, Int(UInt32(bigEndian: address.sin_addr.s_addr) & 0xFF))
    }

    private static func make() throws -> Int32 {
        let descriptor = socket(AF_INET, streamSocket, 0)
        guard descriptor >= 0 else { throw ProcessFault("no socket: \(String(cString: strerror(errno)))") }
        prepare(descriptor)
        return descriptor
    }

    private static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// A short message goes out at once.
    private static func hurry(_ descriptor: Int32) {
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withAddress(_ port: Int, _ use: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { use($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

#if canImport(Glibc)
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
    private let streamSocket = SOCK_STREAM
#endif
