import NIOCore
import Notation

/// RabbitMQ as whoever publishes with confirms sees it, and the consumers behind it: `amqp://127.0.0.1:PORT`, without TLS. Every message finds a
/// queue unless the mode says `refuses`; nobody can take one out but by looking at the page.
///
/// Consumers know a repeat by its `message-id`; those that are `forgetful` have it twice.
struct BrokerPart: Sendable {
    static let user = "clinic"
    static let password = "simulated-broker"
    static let types: Set<String> = ["direct", "fanout", "headers", "topic"]
    /// Those that are there from the beginning; the one without a name is the default one.
    private static let given = [
        "": "direct", "amq.direct": "direct", "amq.fanout": "fanout", "amq.headers": "headers", "amq.match": "headers",
        "amq.topic": "topic",
    ]
    private static let mostExchanges = 1_000

    /// What the client hears of its message.
    enum End: Sendable {
        case taken, declined, returned, silent, garbled
    }

    let world: World

    /// Nil when there is none of that name.
    func type(of exchange: String) -> String? { Self.given[exchange] ?? world.change { $0.exchanges[exchange] } }

    /// Whether there is room for one more.
    func declare(_ exchange: String, _ type: String) -> Bool {
        world.change { state in
            guard state.exchanges.count < Self.mostExchanges else { return false }
            state.put(exchange, type)
            return true
        }
    }

    /// Messages to nobody are asked for, too.
    func noteNoExchange() {
        _ = world.fate(of: .broker, .change)
        note(404)
    }

    private func note(_ status: Int) { world.noteAnswer(status, of: .broker) }

    /// What becomes of a message, and how many milliseconds later that is said.
    func publish(_ content: AMQPContent) -> (end: End, delay: Int?) {
        // No mode of a broker's spares anybody.
        let (fate, mode) = world.fate(of: .broker, .change) ?? (.answers, Mode())
        let end: End
        switch fate {
        case _ where mode.refuses == true && fate == .answers: end = .returned
        case .answers, .asksForPatience, .isSilent, .isGarbled:
            take(content, mode)
            end = fate == .isSilent ? .silent : fate == .isGarbled ? .garbled : .taken
        case .fails(let afterDoing):
            if afterDoing { take(content, mode) }
            end = .declined
        case .hangs: end = .silent
        }
        switch end {
        case .taken, .garbled: note(200)
        case .declined: note(541)
        case .returned: note(312)
        case .silent: note(0)
        }
        return (end, mode.delay)
    }

    private func take(_ content: AMQPContent, _ mode: Mode) {
        let now = world.now
        world.change { state in
            let id = state.name("", .broker, 22)
            let key = "\(content.properties.messageID ?? id) \(content.routingKey)"
            if mode.forgetful != true, state.ledger.effect(.broker, "message", key: key) != nil {
                state.noteRepeat(.broker, "message", key: key)
                return
            }
            state.put(
                PublishedMessage(
                    id: id, exchange: content.exchange, routingKey: content.routingKey, messageID: content.properties.messageID,
                    contentType: content.properties.contentType, isPersistent: content.properties.isPersistent,
                    size: content.body.count,
                    // Whole characters, as far as they go.
                    text: String(String(decoding: content.body.prefix(8_000), as: UTF8.self).prefix(2_000)),
                    createdAt: now.secondsSince1970))
            state.note(.broker, "message", key: key, made: id, at: now, as: mode)
        }
    }

    // MARK: On the wire

    /// Whoever has not said who they are by then is hung up on.
    private static let handshake = TimeAmount.seconds(10)

    /// Until the client goes, or is sent away.
    func converse(_ line: PlainLine) async throws {
        let channel = line.channel
        try await line.executeThenClose { inbound, outbound in
            var (frames, talk, isOpened) = (AMQPFrame.Cutter(), AMQPTalk(self), false)
            let limit = channel.eventLoop.scheduleTask(in: Self.handshake) { channel.close(promise: nil) }
            defer { limit.cancel() }
            for try await bytes in inbound {
                frames.add(bytes.readableBytesView)
                if !isOpened {
                    guard let opening = frames.take(AMQPTalk.opening.count) else { continue }
                    guard opening == AMQPTalk.opening else {
                        // Which one is spoken here (AMQP 0-9-1 §4.2.2).
                        return try await outbound.write(ByteBuffer(bytes: AMQPTalk.opening))
                    }
                    isOpened = true
                    try await outbound.write(ByteBuffer(bytes: AMQPTalk.start.bytes))
                }
                while let acts = Self.next(&frames, &talk) {
                    for act in acts {
                        switch act {
                        case .says(let frame): try await outbound.write(ByteBuffer(bytes: frame.bytes))
                        case .writes(let bytes): try await outbound.write(ByteBuffer(bytes: bytes))
                        case .waits(let milliseconds): try await world.pause(.milliseconds(milliseconds))
                        case .beats(let seconds):
                            limit.cancel()
                            if seconds > 0 { try await Heart.begin(every: Int64(seconds), on: channel) }
                        case .hangsUpSoon: channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
                        case .hangsUp: return
                        }
                    }
                }
            }
        }
    }

    /// What follows the next frame; nil when none has come whole.
    private static func next(_ frames: inout AMQPFrame.Cutter, _ talk: inout AMQPTalk) -> [AMQPTalk.Act]? {
        do { return try frames.next().map { talk.hear($0) } } catch {
            // Where one ends and the next begins is lost.
            return talk.hearNoFrame() + [.hangsUp]
        }
    }
}

/// Lets the other side hear that this one lives. Whoever is not heard of for twice as long is gone (AMQP 0-9-1 §4.2.7).
private final class Heart: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    static func begin(every seconds: Int64, on channel: any Channel) async throws {
        try await channel.eventLoop.submit {
            let watch = IdleStateHandler(readTimeout: .seconds(2 * seconds), writeTimeout: .milliseconds(500 * seconds))
            try channel.pipeline.syncOperations.addHandlers([watch, Heart()], position: .first)
        }.get()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case IdleStateHandler.IdleStateEvent.write = event else { return context.fireUserInboundEventTriggered(event) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: AMQPFrame.heart.bytes)), promise: nil)
    }
}
