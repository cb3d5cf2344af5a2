#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Processes

/// A request on a connection of its own that can be left unfinished, which no well-behaved client does: the server has it in
/// its hands as long as we like. Plain sockets, because every HTTP client sends a body when it has it.
public final class HalfRequest: Sendable {
    private let descriptor: Int32

    /// Connects to a port of this machine. Nothing waits longer than `timeoutSeconds`.
    ///
    /// - Parameter source: the address it comes from; every one in 127.0.0.0/8 is this machine's.
    public init(port: Int, from source: String? = nil, timeoutSeconds: Int = 20) throws {
        descriptor = socket(AF_INET, streamSocket, 0)
        guard descriptor >= 0 else { throw ProcessFault("no socket: \(String(cString: strerror(errno)))") }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if let source {
            var own = Self.address(source, port: 0)
            let code = withUnsafePointer(to: &own) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else {
                close(descriptor)
                throw ProcessFault("no socket from \(source): \(String(cString: strerror(errno)))")
            }
        }
        var address = Self.address("127.0.0.1", port: port)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw ProcessFault("no connection to port \(port): \(reason)")
        }
    }

    private static func address(_ text: String, port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr(text)
        return address
    }

    deinit { close(descriptor) }

    public func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw ProcessFault("the connection is gone: \(String(cString: strerror(errno)))")
        }
    }

    /// Sends bytes as they are, as many as the server takes before it hangs up.
    public func attempt(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { sendQuietly(descriptor, $0.baseAddress, $0.count, noSignal) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Everything the server says until it closes the connection; nil when it stays open for as long as anything is waited for.
    public func receivedUntilClosed() -> String? { bytesUntilClosed().map { String(decoding: $0, as: UTF8.self) } }

    /// The same where it says no text.
    public func bytesUntilClosed() -> [UInt8]? {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && errno != ECONNRESET { return nil }
            if count <= 0 { return received }
            received += buffer.prefix(count)
        }
    }

    /// So many bytes and no more; fewer when the server closes the connection or says nothing for as long as anything is waited for.
    public func bytes(_ count: Int) -> [UInt8] {
        var received: [UInt8] = []
        while received.count < count {
            var buffer = [UInt8](repeating: 0, count: min(4096, count - received.count))
            let more = recv(descriptor, &buffer, buffer.count, 0)
            if more <= 0 { break }
            received += buffer.prefix(more)
        }
        return received
    }

    /// Everything the server says until it closes the connection, or until `isEnough`.
    public func received(until isEnough: (String) -> Bool) -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            received += buffer.prefix(count)
            if isEnough(String(decoding: received, as: UTF8.self)) { break }
        }
        return String(decoding: received, as: UTF8.self)
    }
}

/// The method of the same name hides it.
private func sendQuietly(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    send(descriptor, bytes, count, flags)
}

#if canImport(Glibc)
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
    // A server that has hung up is an answer, and no reason to die.
    private let noSignal = Int32(MSG_NOSIGNAL)
#else
    private let streamSocket = SOCK_STREAM
    private let noSignal: Int32 = 0
#endif
