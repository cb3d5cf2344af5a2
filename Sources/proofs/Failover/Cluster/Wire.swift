#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A connection somebody made to one of the nodes, and the one made for it on the other side.
final class Wire {
    /// What goes one way.
    private struct Flow {
        var waiting: ArraySlice<UInt8> = []
        /// The sender has said its last.
        var hasEnded = false
        /// And the receiver knows.
        var isShut = false
    }

    /// Those at its ends, as far as they are known.
    private(set) var nodes: Set<Int>
    private let client: Int32
    private let server: Int32
    private var request = Flow()
    private var answer = Flow()
    private var isBroken = false
    private var isKnown = false

    init(nodes: Set<Int>, client: Int32, server: Int32) {
        self.nodes = nodes
        self.client = client
        self.server = server
    }

    var isOver: Bool { isBroken || (request.isShut && answer.isShut) }

    /// What to wait for at each side. More is read only when what was read before is gone: the sender feels a slow receiver.
    var looks: [pollfd] {
        [
            pollfd(fd: client, events: Self.events(from: request, to: answer), revents: 0),
            pollfd(fd: server, events: Self.events(from: answer, to: request), revents: 0),
        ]
    }

    private static func events(from outgoing: Flow, to incoming: Flow) -> Int16 {
        let reads = outgoing.waiting.isEmpty && !outgoing.hasEnded
        return Int16((reads ? POLLIN : 0) | (incoming.waiting.isEmpty ? 0 : POLLOUT))
    }

    func carry(client seenAtClient: Int16, server seenAtServer: Int16) {
        take(from: client, seenAtClient, &request)
        // Eight bytes ask whether the other side speaks TLS; the name comes after the answer.
        if !isKnown && request.waiting.count > 8 { recognise() }
        take(from: server, seenAtServer, &answer)
        give(to: server, &request)
        give(to: client, &answer)
    }

    /// A standby that asks for the log says its name in its first words. Its address does not tell: PostgreSQL cannot be told
    /// from which one to call.
    private func recognise() {
        isKnown = true
        let words = request.waiting.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard let place = words.firstIndex(of: "application_name"), place + 1 < words.endIndex,
            let node = ClusterNode.named(words[place + 1])
        else { return }
        nodes.insert(node)
    }

    private func take(from sender: Int32, _ seen: Int16, _ flow: inout Flow) {
        if seen & Int16(POLLERR) != 0 { isBroken = true }
        guard seen & Int16(POLLIN | POLLHUP) != 0, flow.waiting.isEmpty else { return }
        // It is gone in both directions and there is nothing left to deliver.
        if flow.hasEnded {
            isBroken = true
            return
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(sender, &buffer, buffer.count, 0)
        if count > 0 {
            flow.waiting = buffer[..<count]
        } else if count == 0 {
            flow.hasEnded = true
        } else if errno != EAGAIN && errno != EINTR {
            isBroken = true
        }
    }

    private func give(to receiver: Int32, _ flow: inout Flow) {
        if !flow.waiting.isEmpty {
            let count = flow.waiting.withUnsafeBytes { send(receiver, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                flow.waiting = flow.waiting.dropFirst(count)
            } else if errno != EAGAIN && errno != EINTR && errno != ENOTCONN {
                isBroken = true
            }
        }
        if flow.hasEnded && flow.waiting.isEmpty && !flow.isShut {
            shutdown(receiver, Int32(SHUT_WR))
            flow.isShut = true
        }
    }

    func hangUp() {
        close(client)
        close(server)
    }
}
