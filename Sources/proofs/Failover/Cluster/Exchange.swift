#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Carries what arrives, on one thread and for all wires.
struct Exchange {
    private let bell: Int32
    /// The doors, and the listener of each that is open.
    private var doors: [(door: Network.Door, listener: Int32?)]
    private var wires: [Wire] = []

    init(bell: Int32, doors: [(door: Network.Door, listener: Int32?)]) {
        self.bell = bell
        self.doors = doors
    }

    /// Waits until there is something to do and does it. The nodes in `apart` do not exist meanwhile.
    mutating func serve(without apart: Set<Int>) {
        let live = wires.filter { $0.nodes.isDisjoint(with: apart) }
        var looks = [pollfd(fd: bell, events: Int16(POLLIN), revents: 0)]
        // A negative descriptor is passed over.
        looks += doors.map {
            pollfd(fd: apart.contains($0.door.node) ? -1 : $0.listener ?? -1, events: Int16(POLLIN), revents: 0)
        }
        for wire in live { looks += wire.looks }
        let isAnyShut = doors.contains { $0.listener == nil }
        let count = poll(&looks, nfds_t(looks.count), isAnyShut ? 50 : -1)
        if isAnyShut { reopen() }
        guard count > 0 else { return }
        if looks[0].revents != 0 {
            var ring = [UInt8](repeating: 0, count: 64)
            _ = read(bell, &ring, ring.count)
        }
        for (index, wire) in live.enumerated() {
            let first = 1 + doors.count + index * 2
            wire.carry(client: looks[first].revents, server: looks[first + 1].revents)
        }
        for index in doors.indices where looks[1 + index].revents != 0 { admit(index) }
        hangUp { $0.isOver }
    }

    /// Ends every connection of these nodes, whatever is on its way.
    mutating func drop(_ nodes: Set<Int>) { hangUp { !$0.nodes.isDisjoint(with: nodes) } }

    private mutating func hangUp(where isOver: (Wire) -> Bool) {
        wires.removeAll { wire in
            guard isOver(wire) else { return false }
            wire.hangUp()
            return true
        }
    }

    private mutating func admit(_ index: Int) {
        let door = doors[index].door
        while let listener = doors[index].listener, let (client, caller) = Socket.admitted(by: listener) {
            guard let server = Socket.connecting(to: door.to) else {
                close(client)
                shut(index)
                return
            }
            var nodes: Set = [door.node]
            if let node = ClusterNode.calling(from: caller) { nodes.insert(node) }
            wires.append(Wire(nodes: nodes, client: client, server: server))
        }
    }

    /// Behind a door where nobody listens nobody must seem to: a client that is let in and then sent away takes that for an
    /// answer, and does not try the next node as it does when it is refused.
    private mutating func shut(_ index: Int) {
        if let listener = doors[index].listener { close(listener) }
        doors[index].listener = nil
    }

    private mutating func reopen() {
        for index in doors.indices where doors[index].listener == nil {
            guard let server = Socket.connecting(to: doors[index].door.to) else { continue }
            close(server)
            doors[index].listener = try? Socket.listening(on: doors[index].door.from)
        }
    }

    func hangUp() {
        for wire in wires { wire.hangUp() }
        for (_, listener) in doors { if let listener { close(listener) } }
    }
}
