public import Admission
import HTTPTypes
import Metrics
public import NIOCore
public import NIOHTTPTypes
import Notation
import Synchronization

/// What all connections of a server share.
public final class Connections: Sendable {
    private let counts: Mutex<ConnectionCounts>
    private let proxies: TrustedProxies
    let patience: Attention.Settings
    private let closed: [String: Counter]
    private static let tooMany = "too-many"

    public init(_ counts: ConnectionCounts, proxies: TrustedProxies = .none, patience: Attention.Settings = Attention.Settings())
    {
        self.counts = Mutex(counts)
        self.proxies = proxies
        self.patience = patience
        let reasons = Attention.Slowness.allCases.map(\.rawValue) + [Self.tooMany]
        closed = Dictionary(
            uniqueKeysWithValues: reasons.map {
                ($0, Counter(label: "mediconnect_connections_closed", dimensions: [("reason", $0)]))
            })
    }

    public var maximum: Int { counts.withLock { $0.maximum } }
    public var total: Int { counts.withLock { $0.total } }
    public var isCrammed: Bool { counts.withLock { $0.isCrammed } }

    /// For the pipeline of one connection, before everything else.
    public func gate() -> some ChannelInboundHandler { ConnectionGate(self) }

    /// For the pipeline of one connection, or of one HTTP/2 stream in it, behind what makes requests of bytes.
    public func watch() -> ConnectionWatch { ConnectionWatch(self) }

    fileprivate func opens(from address: NetworkAddress?) -> Bool {
        let isIn = counts.withLock { $0.opens(from: limited(address)) }
        if !isIn { closed[Self.tooMany]?.increment() }
        return isIn
    }

    fileprivate func closes(from address: NetworkAddress?) { counts.withLock { $0.closes(from: limited(address)) } }

    fileprivate func closes(because slowness: Attention.Slowness) { closed[slowness.rawValue]?.increment() }

    /// A proxy of ours brings everybody's requests over few connections.
    private func limited(_ address: NetworkAddress?) -> NetworkAddress? {
        address.flatMap { proxies.trusts($0) ? nil : $0 }
    }
}

/// Counts a connection while it is open, and closes one too many from the same address.
private final class ConnectionGate: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let connections: Connections
    private var address: NetworkAddress?
    private var isCounted = false

    init(_ connections: Connections) { self.connections = connections }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin(context) } }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !isCounted else { return }
        address = context.channel.remoteAddress.flatMap { NetworkAddress($0) }
        isCounted = connections.opens(from: address)
        if !isCounted { context.close(promise: nil) }
    }

    private func end() {
        if isCounted { connections.closes(from: address) }
        isCounted = false
    }
}

/// Closes a connection that keeps the server waiting, whatever it is waited for. A thousand clients that send a byte now and then keep a
/// thousand small objects and no thread (MC-10).
public final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    private let connections: Connections
    private var attention: Attention?
    private var timer: (scheduled: Scheduled<Void>, at: Instant)?

    init(_ connections: Connections) { self.connections = connections }

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) { end() }

    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: attention?.headCame(at: .now)
        case .body: break
        case .end: attention?.endCame()
        }
        context.fireChannelRead(data)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        arm(context)
        context.fireChannelReadComplete()
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            attention?.answered(at: .now)
            arm(context)
        }
        context.write(data, promise: promise)
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        attention?.takes(context.channel.isWritable, at: .now)
        arm(context)
        context.fireChannelWritabilityChanged()
    }

    fileprivate func bytesCame() { attention?.bytesCame(at: .now) }

    private func begin(_ context: ChannelHandlerContext) {
        guard attention == nil else { return }
        attention = Attention(connections.patience, at: .now)
        try? context.pipeline.syncOperations.addHandler(ByteWatch(self), position: .first)
        arm(context)
    }

    private func end() {
        timer?.scheduled.cancel()
        timer = nil
        attention = nil
    }

    /// One timer, which is only set anew when something is due before it; most requests set none.
    private func arm(_ context: ChannelHandlerContext) {
        guard let deadline = attention?.deadline else { return }
        if let timer, timer.at <= deadline.at { return }
        timer?.scheduled.cancel()
        let wait = TimeAmount.microseconds(max(0, (deadline.at - .now).microseconds))
        let bound = NIOLoopBound((watch: self, context: context), eventLoop: context.eventLoop)
        timer = (context.eventLoop.scheduleTask(in: wait) { bound.value.watch.ring(bound.value.context) }, deadline.at)
    }

    private func ring(_ context: ChannelHandlerContext) {
        timer = nil
        guard let deadline = attention?.deadline else { return }
        guard deadline.at <= .now else { return arm(context) }
        connections.closes(because: deadline.1)
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension ConnectionWatch: Sendable {}

/// Hears that bytes have come before anybody knows what they are.
private final class ByteWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private weak var watch: ConnectionWatch?

    init(_ watch: ConnectionWatch) { self.watch = watch }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watch?.bytesCame()
        context.fireChannelRead(data)
    }
}

extension Instant {
    /// Of a clock that is never set, for measuring how long something takes: no time of day.
    fileprivate static var now: Instant { Instant(microseconds: Int64(NIODeadline.now().uptimeNanoseconds / 1_000)) }
}
