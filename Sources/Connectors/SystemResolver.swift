#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Dispatch
public import Outbound
import Synchronization

/// Asks the machine's resolver (`getaddrinfo`), which may take its time and cannot be interrupted: whoever does not want to wait any
/// longer leaves, and the answer is thrown away.
public struct SystemResolver: HostResolver {
    public init() {}

    public func addresses(of name: String) async throws -> [IPAddress] {
        let waiting = Waiting()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiting.begin(continuation)
                SystemResolver.threads.async { waiting.end(Result { try SystemResolver.ask(name) }) }
            }
        } onCancel: {
            waiting.end(.failure(CancellationError()))
        }
    }

    private static let threads = DispatchQueue(label: "mediconnect.resolver", attributes: .concurrent)

    private static func ask(_ name: String) throws -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = streamSocket
        // Only addresses of a family this machine has itself.
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        switch code {
        case 0: return addresses(in: list)
        case EAI_NONAME, noAddress: return []
        default: throw OutboundFault.resolver
        }
    }

    private static func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [IPAddress] {
        var found: [IPAddress] = []
        var next = list
        while let info = next?.pointee {
            if let address = address(in: info) { found.append(address) }
            next = info.ai_next
        }
        return found
    }

    private static func address(in info: addrinfo) -> IPAddress? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard let place = info.ai_addr else { return nil }
        switch info.ai_family {
        case AF_INET:
            place.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                var bits = $0.pointee.sin_addr
                inet_ntop(AF_INET, &bits, &text, socklen_t(text.count))
            }
        case AF_INET6:
            place.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                var bits = $0.pointee.sin6_addr
                inet_ntop(AF_INET6, &bits, &text, socklen_t(text.count))
            }
        default: return nil
        }
        return IPAddress(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    /// The name exists and has no address of the families asked for; not every system names the code.
    private static let noAddress: Int32 = -5
}

/// Somebody who waits for an answer, and is told once: by the answer, or by not wanting it any more.
private final class Waiting: Sendable {
    private enum State {
        case nobody
        case waiting(CheckedContinuation<[IPAddress], any Error>)
        case told(Result<[IPAddress], any Error>)
    }
    private let state = Mutex(State.nobody)

    func begin(_ continuation: CheckedContinuation<[IPAddress], any Error>) {
        let known = state.withLock { state -> Result<[IPAddress], any Error>? in
            if case .told(let result) = state { return result }
            state = .waiting(continuation)
            return nil
        }
        if let known { continuation.resume(with: known) }
    }

    func end(_ result: Result<[IPAddress], any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<[IPAddress], any Error>? in
            defer { if case .told = state {} else { state = .told(result) } }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(with: result)
    }
}

#if canImport(Glibc)
    private let streamSocket = Int32(SOCK_STREAM.rawValue)
#else
    private let streamSocket = SOCK_STREAM
#endif
