/// What a broker says to one client, frame by frame: what a publisher with confirms needs of AMQP 0-9-1, and no more. It takes no time and
/// touches no socket; what becomes of a message is its part's to say.
struct AMQPTalk: Sendable {
    /// What follows a frame.
    enum Act: Sendable, Equatable {
        case says(AMQPFrame)
        case writes([UInt8])
        /// Says the next one so many milliseconds later.
        case waits(Int)
        /// From now on each side is heard of every so many seconds; 0 is never.
        case beats(Int)
        /// They are to answer first, but not to take their time.
        case hangsUpSoon
        case hangsUp
    }

    static let opening: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]
    static let mostChannels: UInt16 = 63
    /// Seconds that are suggested; the client decides.
    static let heartbeat: UInt16 = 60
    /// As large as a message may be, in bytes.
    static let largest = 1 << 20

    private enum State: Sendable, Equatable {
        case isAskedWho, isTuned, isToOpen, open, closing
    }

    private struct Channel: Sendable {
        var confirms = false
        var published: UInt64 = 0
        var content: AMQPContent?
        /// Until the client has heard that it is.
        var isClosing = false
    }

    private let part: BrokerPart
    private var state = State.isAskedWho
    private var channels: [UInt16: Channel] = [:]
    private var frameLimit = AMQPFrame.largest

    init(_ part: BrokerPart) { self.part = part }

    static var start: AMQPFrame {
        AMQPMethod.connectionStart.frame(0) { writer in
            writer.octet(0)
            writer.octet(9)
            writer.table([
                ("product", .text("MediConnect-Simulator")), ("information", .text("Nothing here is delivered.")),
                (
                    "capabilities",
                    .table([
                        ("publisher_confirms", .isSo(true)), ("basic.nack", .isSo(true)),
                        ("authentication_failure_close", .isSo(true)),
                    ])
                ),
            ])
            writer.longText("PLAIN")
            writer.longText("en_US")
        }
    }

    mutating func hear(_ frame: AMQPFrame) -> [Act] {
        do {
            switch frame.type {
            case AMQPFrame.method: return try method(frame)
            case AMQPFrame.header: return try header(frame)
            case AMQPFrame.body: return try body(frame)
            case AMQPFrame.heartbeat where frame.channel == 0 && frame.payload.isEmpty: return []
            default: throw AMQPFault.frameError
            }
        } catch let fault as AMQPFault { return close(fault, "that was not expected") } catch {
            return close(.syntaxError, "there are fewer bytes than it says")
        }
    }

    /// What came is no frame.
    mutating func hearNoFrame() -> [Act] { close(.frameError, "that is no frame, or too large") }

    /// Ends the connection, and says why. Before it is open nobody would understand.
    private mutating func close(_ fault: AMQPFault, _ words: String) -> [Act] {
        guard state == .open || state == .isToOpen else { return [.hangsUp] }
        state = .closing
        return [.says(Self.closing(.connectionClose, 0, fault, words)), .hangsUpSoon]
    }

    private static func closing(_ method: AMQPMethod, _ channel: UInt16, _ fault: AMQPFault, _ words: String) -> AMQPFrame {
        method.frame(channel) { writer in
            writer.short(fault.rawValue)
            writer.shortText(words)
            // Which method it was about is in the words.
            writer.short(0)
            writer.short(0)
        }
    }

    // MARK: Methods

    private mutating func method(_ frame: AMQPFrame) throws -> [Act] {
        var reader = AMQPReader(frame.payload)
        guard let method = AMQPMethod(rawValue: try reader.long()) else {
            return close(.notImplemented, "queues and consumers are not played here")
        }
        // Who is being hung up on is listened to no more.
        if state == .closing { return method == .connectionCloseOk || method == .connectionClose ? [.hangsUp] : [] }
        switch (method, frame.channel) {
        case (.connectionClose, 0): return [.says(AMQPMethod.connectionCloseOk.frame(0)), .hangsUp]
        case (.connectionStartOk, 0) where state == .isAskedWho: return try whoItIs(&reader)
        case (.connectionTuneOk, 0) where state == .isTuned: return try tune(&reader)
        case (.connectionOpen, 0) where state == .isToOpen:
            _ = try reader.shortText()
            state = .open
            return [.says(AMQPMethod.connectionOpenOk.frame(0) { $0.shortText("") })]
        case (_, 1...) where state == .open: return try heed(method, frame.channel, &reader)
        default: return close(.commandInvalid, "not now, or not on this channel")
        }
    }

    private mutating func whoItIs(_ reader: inout AMQPReader) throws -> [Act] {
        try reader.passTable()
        let (mechanism, proof) = (try reader.shortText(), String(decoding: try reader.longBytes(), as: UTF8.self))
        let parts = proof.split(separator: "\0", omittingEmptySubsequences: false)
        guard mechanism == "PLAIN", parts.count == 3, parts[1] == BrokerPart.user, parts[2] == BrokerPart.password else {
            state = .closing
            return [.says(Self.closing(.connectionClose, 0, .accessRefused, "ACCESS_REFUSED - that is not them")), .hangsUpSoon]
        }
        state = .isTuned
        let tune = AMQPMethod.connectionTune.frame(0) { writer in
            writer.short(Self.mostChannels)
            writer.long(UInt32(AMQPFrame.largest))
            writer.short(Self.heartbeat)
        }
        return [.says(tune)]
    }

    private mutating func tune(_ reader: inout AMQPReader) throws -> [Act] {
        let (channels, size, seconds) = (try reader.short(), Int(try reader.long()), try reader.short())
        guard channels <= Self.mostChannels, size == 0 || (4_096...AMQPFrame.largest).contains(size) else {
            return [.hangsUp]
        }
        if size > 0 { frameLimit = size }
        state = .isToOpen
        return [.beats(Int(seconds))]
    }

    private mutating func heed(_ method: AMQPMethod, _ number: UInt16, _ reader: inout AMQPReader) throws -> [Act] {
        if method == .channelOpen {
            guard channels[number] == nil, number <= Self.mostChannels else { throw AMQPFault.channelError }
            channels[number] = Channel()
            return [.says(AMQPMethod.channelOpenOk.frame(number) { $0.longText("") })]
        }
        guard let channel = channels[number] else { throw AMQPFault.channelError }
        switch method {
        case .channelClose:
            channels[number] = nil
            return [.says(AMQPMethod.channelCloseOk.frame(number))]
        case .channelCloseOk where channel.isClosing:
            channels[number] = nil
            return []
        case _ where channel.isClosing: return []
        case _ where channel.content != nil: throw AMQPFault.unexpectedFrame
        case .confirmSelect:
            let wantsNoAnswer = try reader.octet() & 1 == 1
            channels[number]?.confirms = true
            return wantsNoAnswer ? [] : [.says(AMQPMethod.confirmSelectOk.frame(number))]
        case .exchangeDeclare: return try declare(number, &reader)
        case .basicPublish:
            _ = try reader.short()
            let (exchange, routingKey, flags) = (try reader.shortText(), try reader.shortText(), try reader.octet())
            if flags & 2 == 2 { return close(.notImplemented, "NOT_IMPLEMENTED - immediate") }
            channels[number]?.content = AMQPContent(exchange: exchange, routingKey: routingKey, isMandatory: flags & 1 == 1)
            return []
        default: throw AMQPFault.commandInvalid
        }
    }

    private mutating func close(_ number: UInt16, _ fault: AMQPFault, _ words: String) -> [Act] {
        channels[number]?.isClosing = true
        channels[number]?.content = nil
        return [.says(Self.closing(.channelClose, number, fault, words))]
    }

    private mutating func declare(_ number: UInt16, _ reader: inout AMQPReader) throws -> [Act] {
        _ = try reader.short()
        let (name, type, flags) = (try reader.shortText(), try reader.shortText(), try reader.octet())
        try reader.passTable()
        let known = part.type(of: name)
        if flags & 1 == 1 {
            guard known != nil else { return close(number, .notFound, "NOT_FOUND - no exchange '\(name)'") }
        } else if let known {
            guard !name.isEmpty else { return close(number, .accessRefused, "ACCESS_REFUSED - the default exchange") }
            guard known == type else {
                return close(number, .preconditionFailed, "PRECONDITION_FAILED - '\(name)' is of type \(known)")
            }
        } else {
            guard BrokerPart.types.contains(type) else {
                return close(.commandInvalid, "COMMAND_INVALID - no such type of exchange")
            }
            guard !name.hasPrefix("amq.") else { return close(number, .accessRefused, "ACCESS_REFUSED - amq. is the broker's") }
            guard part.declare(name, type) else {
                return close(number, .preconditionFailed, "PRECONDITION_FAILED - enough exchanges")
            }
        }
        return flags & 0b1_0000 != 0 ? [] : [.says(AMQPMethod.exchangeDeclareOk.frame(number))]
    }

    // MARK: Messages

    private mutating func header(_ frame: AMQPFrame) throws -> [Act] {
        if state == .closing { return [] }
        guard let channel = channels[frame.channel] else { throw AMQPFault.unexpectedFrame }
        if channel.isClosing { return [] }
        guard var content = channel.content, content.header.isEmpty else { throw AMQPFault.unexpectedFrame }
        var reader = AMQPReader(frame.payload)
        // The class of `basic`, and a weight that is nobody's.
        guard try reader.short() == 60, try reader.short() == 0 else { throw AMQPFault.syntaxError }
        let size = try reader.longlong()
        guard size <= UInt64(Self.largest) else {
            return close(frame.channel, .contentTooLarge, "CONTENT_TOO_LARGE - \(Self.largest) bytes at most")
        }
        content.properties = try AMQPProperties(&reader)
        (content.header, content.size) = (frame.payload, Int(size))
        return take(content, frame.channel)
    }

    private mutating func body(_ frame: AMQPFrame) throws -> [Act] {
        if state == .closing || channels[frame.channel]?.isClosing == true { return [] }
        let missing = channels[frame.channel]?.content.flatMap { $0.header.isEmpty ? nil : $0.size - $0.body.count }
        guard let missing, frame.payload.count <= missing else { throw AMQPFault.unexpectedFrame }
        // In its place: what has come is not copied for every frame.
        channels[frame.channel]?.content?.body += frame.payload
        guard let whole = channels[frame.channel]?.content else { return [] }
        return take(whole, frame.channel)
    }

    private mutating func take(_ content: AMQPContent, _ number: UInt16) -> [Act] {
        guard content.isWhole else {
            channels[number]?.content = content
            return []
        }
        channels[number]?.content = nil
        guard part.type(of: content.exchange) != nil else {
            part.noteNoExchange()
            return close(number, .notFound, "NOT_FOUND - no exchange '\(content.exchange.prefix(64))' in vhost '/'")
        }
        let (end, delay) = part.publish(content)
        if channels[number]?.confirms == true { channels[number]?.published += 1 }
        // Without confirms nobody waits for one.
        guard let tag = channels[number]?.published, tag > 0 || end == .returned || end == .garbled else { return [] }
        let confirmation: [Act] =
            switch end {
            case .taken: [.says(Self.confirms(.basicAck, number, tag))]
            case .declined: [.says(Self.confirms(.basicNack, number, tag))]
            case .returned:
                (content.isMandatory ? given(back: content, number) : [])
                    + (tag > 0 ? [.says(Self.confirms(.basicAck, number, tag))] : [])
            case .silent: []
            case .garbled: [.writes(Array("this is not what was expected".utf8))]
            }
        return (delay.map { [.waits($0)] } ?? []) + confirmation
    }

    private static func confirms(_ method: AMQPMethod, _ number: UInt16, _ tag: UInt64) -> AMQPFrame {
        method.frame(number) { writer in
            writer.longlong(tag)
            // Not for those before it; of a refusal also: not to be queued again.
            writer.octet(0)
        }
    }

    /// No queue takes it, and who sent it wants to know.
    private func given(back content: AMQPContent, _ number: UInt16) -> [Act] {
        let method = AMQPMethod.basicReturn.frame(number) { writer in
            writer.short(AMQPFault.noRoute.rawValue)
            writer.shortText("NO_ROUTE")
            writer.shortText(content.exchange)
            writer.shortText(content.routingKey)
        }
        let most = frameLimit - AMQPFrame.around
        let pieces = stride(from: 0, to: content.body.count, by: most).map {
            AMQPFrame(type: AMQPFrame.body, channel: number, payload: content.body[$0..<min($0 + most, content.body.count)])
        }
        let header = AMQPFrame(type: AMQPFrame.header, channel: number, payload: content.header)
        return ([method, header] + pieces).map { .says($0) }
    }
}
