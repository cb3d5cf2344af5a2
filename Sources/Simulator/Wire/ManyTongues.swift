import HummingbirdCore
import Logging
import NIOCore

/// A line whose bytes are read and written as they are.
typealias PlainLine = NIOAsyncChannel<ByteBuffer, ByteBuffer>

/// A server that speaks to each client as the client does: HTTP as `base` has it, and mail and AMQP on the same port.
struct ManyTongues<Base: ServerChildChannel>: ServerChildChannel {
    /// A connection whose speaker says soon who it is.
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let speaker: EventLoopFuture<Speaker>
    }

    enum Speaker: Sendable {
        case http(Base.Value)
        case mail(PlainLine)
        case broker(PlainLine)
        /// It went without a word.
        case nobody
    }

    let base: Base
    /// How long somebody is silent who waits for a greeting; nil where nobody does.
    let patience: TimeAmount?
    let mail: @Sendable (PlainLine) async throws -> Void
    let broker: @Sendable (PlainLine) async throws -> Void

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let promise = channel.eventLoop.makePromise(of: Speaker.self)
            let ear = FirstWords(patience, promise, nobody: .nobody) { speaker(of: $0, on: channel, logger) }
            try channel.pipeline.syncOperations.addHandler(ear)
            return Value(channel: channel, speaker: promise.futureResult)
        }
    }

    /// What comes behind the first words. On the connection's own thread.
    private func speaker(of tongue: Tongue, on channel: any Channel, _ logger: Logger) -> EventLoopFuture<Speaker> {
        if tongue == .http { return base.setup(channel: channel, logger: logger).map { .http($0) } }
        return channel.eventLoop.makeCompletedFuture {
            // Nobody thinks for longer about what to say to a mail server (RFC 5321 §4.5.3.2.7); whoever publishes may.
            if tongue == .smtp { try channel.pipeline.syncOperations.addHandler(IdleStateHandler(readTimeout: .minutes(5))) }
            try channel.pipeline.syncOperations.addHandler(Leaving())
            let line = try PlainLine(wrappingChannelSynchronously: channel)
            return tongue == .smtp ? .mail(line) : .broker(line)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            do {
                switch try await value.speaker.get() {
                case .http(let http): await base.handle(value: http, logger: logger)
                case .mail(let line): try await mail(line)
                case .broker(let line): try await broker(line)
                case .nobody: break
                }
            } catch {
                // Whoever it was is gone in the midst of something: nobody is left to be told.
                logger.trace("a connection ended: \(error)")
            }
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}

/// Keeps what comes until it says who is there, lets the pipeline behind be made for them, and goes.
private final class FirstWords<Speaker: Sendable>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let patience: TimeAmount?
    private let promise: EventLoopPromise<Speaker>
    private let nobody: Speaker
    private let makeRoom: (Tongue) -> EventLoopFuture<Speaker>
    private var heard = ByteBuffer()
    private var greeting: NIOCore.Scheduled<Void>?
    private var isTold = false
    private var hasEnded = false

    init(
        _ patience: TimeAmount?, _ promise: EventLoopPromise<Speaker>, nobody: Speaker,
        makeRoom: @escaping (Tongue) -> EventLoopFuture<Speaker>
    ) {
        (self.patience, self.promise, self.nobody) = (patience, promise, nobody)
        self.makeRoom = makeRoom
    }

    func channelActive(context: ChannelHandlerContext) {
        if let patience {
            let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            greeting = context.eventLoop.scheduleTask(in: patience) {
                let (ear, context) = own.value
                // Half a word is no silence: HTTP waits for the rest, as ever.
                ear.tell(ear.heard.readableBytes == 0 ? .smtp : .http, context)
            }
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        heard.writeBuffer(&bytes)
        if let tongue = Tongue.told(by: heard.readableBytesView) { tell(tongue, context) }
    }

    private func tell(_ tongue: Tongue, _ context: ChannelHandlerContext) {
        guard !isTold else { return }
        isTold = true
        greeting?.cancel()
        makeRoom(tongue).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let speaker):
                promise.succeed(speaker)
                passOn(context)
            case .failure(let error):
                promise.fail(error)
                context.close(promise: nil)
            }
        }
    }

    private func passOn(_ context: ChannelHandlerContext) {
        if heard.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(heard))
            context.fireChannelReadComplete()
        }
        if hasEnded { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            hasEnded = true
            // Who has said nothing has nothing more to say, and half a word is HTTP's to answer.
            if heard.readableBytes > 0 { tell(.http, context) } else { context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        giveUp()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// A connection may also end before it was one.
    func handlerRemoved(context: ChannelHandlerContext) { giveUp() }

    private func giveUp() {
        guard !isTold else { return }
        isTold = true
        greeting?.cancel()
        promise.succeed(nobody)
    }
}

/// Hangs up when the simulator ends, and on whoever says nothing for longer than agreed.
private final class Leaving: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent, IdleStateHandler.IdleStateEvent.read: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }
}
