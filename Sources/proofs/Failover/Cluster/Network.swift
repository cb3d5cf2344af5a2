#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Synchronization

/// The wires between the nodes, their etcd, HAProxy and the clients. All of them are on one machine, where nothing can be
/// unplugged without privileges; so every connection goes through here, and a node is cut off by carrying nothing for it.
///
/// As in a real network nobody is told. Connections stay open and are silent, new ones are neither refused nor answered, and
/// what was on its way arrives when the node is joined again.
final class Network: Sendable {
    /// A way to a node: who connects to `from` reaches `to`.
    struct Door: Sendable {
        let node: Int
        let from: Int
        let to: Int
    }

    private struct Orders: Sendable {
        var apart: Set<Int> = []
        /// Whose connections are to end without another byte.
        var dead: Set<Int> = []
        var isOver = false
    }

    private let orders = Mutex(Orders())
    /// What is written into the second end wakes the thread that looks at the first.
    private let bell: (ear: Int32, hand: Int32)

    init(_ doors: [Door]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        bell = (ends[0], ends[1])
        let doors = try doors.map { (door: $0, listener: Optional(try Socket.listening(on: $0.from))) }
        Thread.detachNewThread { [self] in
            var exchange = Exchange(bell: bell.ear, doors: doors)
            while true {
                let orders = orders.withLock { orders in
                    defer { orders.dead = [] }
                    return orders
                }
                if orders.isOver { break }
                exchange.drop(orders.dead)
                exchange.serve(without: orders.apart)
            }
            exchange.hangUp()
            close(bell.ear)
        }
    }

    /// From now on nothing gets to a node or away from it.
    func cutOff(_ node: Int) { order { $0.apart.insert(node) } }
    func join(_ node: Int) { order { $0.apart.remove(node) } }

    /// A machine that dies takes along what it had said and nobody had heard yet.
    func drop(_ node: Int) { order { $0.dead.insert(node) } }

    func end() { order { $0.isOver = true } }

    private func order(_ change: (inout Orders) -> Void) {
        orders.withLock { change(&$0) }
        var ring: UInt8 = 1
        _ = write(bell.hand, &ring, 1)
    }
}
