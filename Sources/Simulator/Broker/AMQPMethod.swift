/// The methods that are known here, by class and number (AMQP 0-9-1, and RabbitMQ's extensions for confirms).
enum AMQPMethod: UInt32, Sendable {
    case connectionStart = 0x000A_000A
    case connectionStartOk = 0x000A_000B
    case connectionTune = 0x000A_001E
    case connectionTuneOk = 0x000A_001F
    case connectionOpen = 0x000A_0028
    case connectionOpenOk = 0x000A_0029
    case connectionClose = 0x000A_0032
    case connectionCloseOk = 0x000A_0033
    case channelOpen = 0x0014_000A
    case channelOpenOk = 0x0014_000B
    case channelClose = 0x0014_0028
    case channelCloseOk = 0x0014_0029
    case exchangeDeclare = 0x0028_000A
    case exchangeDeclareOk = 0x0028_000B
    case basicPublish = 0x003C_0028
    case basicReturn = 0x003C_0032
    case basicAck = 0x003C_0050
    case basicNack = 0x003C_0078
    case confirmSelect = 0x0055_000A
    case confirmSelectOk = 0x0055_000B

    /// As a frame of a channel.
    func frame(_ channel: UInt16, _ arguments: (inout AMQPWriter) -> Void = { _ in }) -> AMQPFrame {
        var writer = AMQPWriter()
        writer.long(rawValue)
        arguments(&writer)
        return AMQPFrame(type: AMQPFrame.method, channel: channel, payload: writer.bytes[...])
    }
}

/// Why a channel or a connection is closed (AMQP 0-9-1 §1.2).
enum AMQPFault: UInt16, Error {
    case contentTooLarge = 311
    case noRoute = 312
    case accessRefused = 403
    case notFound = 404
    case preconditionFailed = 406
    case frameError = 501
    case syntaxError = 502
    case commandInvalid = 503
    case channelError = 504
    case unexpectedFrame = 505
    case notImplemented = 540
}

/// What is published, from its method to its last byte.
struct AMQPContent: Sendable {
    let exchange: String
    let routingKey: String
    let isMandatory: Bool
    /// As it came, to be given back.
    var header: ArraySlice<UInt8> = []
    var size = 0
    var properties = AMQPProperties()
    var body: [UInt8] = []

    var isWhole: Bool { !header.isEmpty && body.count == size }
}

/// What a header says of its message, as far as anybody here looks at it.
struct AMQPProperties: Sendable, Equatable {
    var contentType: String?
    var messageID: String?
    var isPersistent = false

    init() {}

    /// In the order of their bits, from the highest.
    init(_ reader: inout AMQPReader) throws {
        let flags = try reader.short()
        // There are fourteen, and a further word of flags has none.
        guard flags & 0b11 == 0 else { throw AMQPFault.syntaxError }
        func has(_ bit: Int) -> Bool { flags & (1 << bit) != 0 }
        if has(15) { contentType = try reader.shortText() }
        if has(14) { _ = try reader.shortText() }
        if has(13) { try reader.passTable() }
        if has(12) { isPersistent = try reader.octet() == 2 }
        if has(11) { _ = try reader.octet() }
        // Correlation, reply to, expiration.
        for bit in [10, 9, 8] where has(bit) { _ = try reader.shortText() }
        if has(7) { messageID = try reader.shortText() }
        if has(6) { _ = try reader.longlong() }
        // Type, user, application, cluster.
        for bit in [5, 4, 3, 2] where has(bit) { _ = try reader.shortText() }
    }
}
