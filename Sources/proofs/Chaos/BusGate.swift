#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import NIOCore
import NIOPosix
import Notation
import Synchronization

/// Stands between the clinic and its message broker, which is a real one, and holds back what a kill is aimed at: a message before it is published,
/// or the broker's word for it. Of AMQP 0-9-1 it reads as much as that takes: where a frame ends (§4.2.3), `basic.publish` and `basic.ack`.
final class BusGate: Sendable {
    let port: Int
    private let door: any Channel
    private let counts: Counts

    /// - Parameter broker: the port that everything goes on to.
    init(to broker: Int) async throws {
        let counts = Counts()
        self.counts = counts
        door = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { near in
                near.eventLoop.makeCompletedFuture {
                    let passage = Passage(near, counts)
                    try near.pipeline.syncOperations.addHandler(Side(passage, isNear: true))
                    passage.open(to: broker)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = door.localAddress?.port ?? 0
    }

    func close() async { try? await door.close() }

    /// Of the simulator's modes it knows `delay`, `silent` and `times`, each message a request; what else is said means nothing to it.
    func set(_ mode: String) throws { counts.set(try JSON(parsing: mode)) }

    /// Messages that came, those the broker has taken, and those of which it was heard that it has.
    var tally: OutsideTally { counts.tally }

    fileprivate final class Counts: Sendable {
        struct Hold { var milliseconds = 0, isSilent = false, times: Int? }
        private let state = Mutex((hold: Hold(), tally: OutsideTally()))

        var tally: OutsideTally { state.withLock { $0.tally } }

        func set(_ mode: JSON) {
            let (delay, times) = (mode["delay"]?.integer, mode["times"]?.integer)
            let isSilent = mode["silent"] == JSON(.bool(true))
            state.withLock {
                $0.hold = Hold(milliseconds: Int(delay ?? 0), isSilent: isSilent, times: times.map { Int($0) })
            }
        }

        /// A message has come: how it is held.
        func published() -> Hold {
            state.withLock { state in
                state.tally.requests += 1
                let hold = state.hold
                if let times = hold.times {
                    state.hold.times = times - 1
                    if times <= 1 { state.hold = Hold() }
                }
                return hold
            }
        }

        func taken(isHeard: Bool) {
            state.withLock { state in
                state.tally.effects += 1
                if isHeard { state.tally.answers += 1 }
            }
        }
    }
}

/// One connection, on its own event loop.
private final class Passage {
    private let near: any Channel
    private var far: (any Channel)?
    private let counts: BusGate.Counts
    private var fromNear = Frames(isClient: true)
    private var fromFar = Frames(isClient: false)
    /// What waits for the other side, or for its time.
    private var waiting: [ByteBuffer] = []
    private var isHeld = false
    private var isSilent = false
    private var hasLeft = false

    init(_ near: any Channel, _ counts: BusGate.Counts) { (self.near, self.counts) = (near, counts) }

    func open(to port: Int) {
        let own = NIOLoopBound(self, eventLoop: near.eventLoop)
        ClientBootstrap(group: near.eventLoop)
            .channelInitializer { far in
                far.eventLoop.makeCompletedFuture { try far.pipeline.syncOperations.addHandler(Side(own.value, isNear: false)) }
            }
            .connect(host: "127.0.0.1", port: port)
            .whenComplete { result in
                switch result {
                case .success(let far):
                    own.value.far = far
                    own.value.passOn()
                case .failure: own.value.reset()
                }
            }
    }

    func heard(_ bytes: ByteBuffer, isNear: Bool) {
        if isNear {
            fromNear.take(bytes)
            while let frame = fromNear.next() {
                waiting.append(frame.bytes)
                // basic.publish
                if frame.method == Frames.Method(60, 40) { hold(counts.published()) }
            }
            passOn()
        } else {
            fromFar.take(bytes)
            while let frame = fromFar.next() {
                // basic.ack
                if frame.method == Frames.Method(60, 80) { counts.taken(isHeard: !isSilent) }
                if !isSilent { near.writeAndFlush(frame.bytes, promise: nil) }
            }
        }
    }

    private func hold(_ hold: BusGate.Counts.Hold) {
        isSilent = isSilent || hold.isSilent
        guard hold.milliseconds > 0 else { return }
        isHeld = true
        let own = NIOLoopBound(self, eventLoop: near.eventLoop)
        near.eventLoop.scheduleTask(in: .milliseconds(Int64(hold.milliseconds))) {
            own.value.isHeld = false
            own.value.passOn()
        }
    }

    /// What was on its way arrives, also when whoever sent it is gone by then.
    private func passOn() {
        guard !isHeld, let far else { return }
        for frame in waiting { far.writeAndFlush(frame, promise: nil) }
        waiting = []
        if hasLeft { far.close(promise: nil) }
    }

    func left(isNear: Bool) {
        if !isNear { return near.close(promise: nil) }
        hasLeft = true
        passOn()
    }

    /// As the broker itself would, where nobody listens.
    private func reset() {
        guard let socket = near as? any SocketOptionProvider else { return near.close(promise: nil) }
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { [near] _ in near.close(promise: nil) }
    }
}

private final class Side: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let passage: Passage
    private let isNear: Bool

    init(_ passage: Passage, isNear: Bool) { (self.passage, self.isNear) = (passage, isNear) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { passage.heard(unwrapInboundIn(data), isNear: isNear) }
    func channelInactive(context: ChannelHandlerContext) { passage.left(isNear: isNear) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// What comes, frame by frame. A client says eight bytes before its first.
private struct Frames {
    struct Method: Equatable {
        let kind, number: UInt16
        init(_ kind: UInt16, _ number: UInt16) { (self.kind, self.number) = (kind, number) }
    }

    private var bytes = ByteBuffer()
    private var isOpening: Bool

    init(isClient: Bool) { isOpening = isClient }

    mutating func take(_ more: ByteBuffer) { bytes.writeImmutableBuffer(more) }

    mutating func next() -> (bytes: ByteBuffer, method: Method?)? {
        if isOpening {
            guard let opening = bytes.readSlice(length: 8) else { return nil }
            isOpening = false
            return (opening, nil)
        }
        let start = bytes.readerIndex
        guard let kind = bytes.getInteger(at: start, as: UInt8.self),
            let size = bytes.getInteger(at: start + 3, as: UInt32.self),
            let frame = bytes.readSlice(length: Int(size) + 8)
        else { return nil }
        // 1 is a method; it begins with its two numbers.
        guard kind == 1, let first = frame.getInteger(at: frame.readerIndex + 7, as: UInt16.self),
            let second = frame.getInteger(at: frame.readerIndex + 9, as: UInt16.self)
        else { return (frame, nil) }
        return (frame, Method(first, second))
    }
}
