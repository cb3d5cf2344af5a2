import LoopbackClient
import Processes

/// A publisher that says what it is told to, right or wrong. It shares no code with the simulator.
final class RawPublisher {
    struct Frame: Equatable {
        var type: UInt8
        var channel: Int
        var payload: [UInt8]

        /// Of a method: its class and number.
        var method: [Int] {
            payload.count < 4 ? [] : [Int(payload[0]) << 8 | Int(payload[1]), Int(payload[2]) << 8 | Int(payload[3])]
        }
        /// Of a method that closes something: why.
        var code: Int { payload.count < 6 ? 0 : Int(payload[4]) << 8 | Int(payload[5]) }
    }

    static let opening = Array("AMQP".utf8) + [0, 0, 9, 1]

    let line: HalfRequest

    init(port: Int) throws { line = try HalfRequest(port: port) }

    /// With a channel that is open, and confirms when it is to.
    static func open(port: Int, heartbeat: Int = 0, confirms: Bool = true) throws -> RawPublisher {
        let publisher = try RawPublisher(port: port)
        publisher.say(introduction(heartbeat: heartbeat))
        for expected in [[10, 10], [10, 30], [10, 41]] { try publisher.expect(expected) }
        publisher.say(method(1, 20, 10, short("")))
        try publisher.expect([20, 11])
        if confirms {
            publisher.say(method(1, 85, 10, [0]))
            try publisher.expect([85, 11])
        }
        return publisher
    }

    /// Everything up to an open connection, as one piece.
    static func introduction(heartbeat: Int = 0) -> [UInt8] {
        opening + startOk() + method(0, 10, 31, number(63, 2) + number(131_072, 4) + number(heartbeat, 2))
            + method(0, 10, 40, short("/") + short("") + [0])
    }

    static func startOk(_ proof: String = "\0clinic\0simulated-broker") -> [UInt8] {
        method(0, 10, 11, number(0, 4) + short("PLAIN") + long(proof) + short("en_US"))
    }

    static func publish(_ body: String, exchange: String = "amq.topic", key: String = "k", id: String = "e-1") -> [UInt8] {
        method(1, 60, 40, number(0, 2) + short(exchange) + short(key) + [1]) + header(body.utf8.count, id: id)
            + (body.isEmpty ? [] : frame(3, 1, Array(body.utf8)))
    }

    static func header(_ size: Int, id: String = "e-1", flags: Int = 1 << 7) -> [UInt8] {
        frame(2, 1, number(60, 2) + number(0, 2) + number(size, 8) + number(flags, 2) + short(id))
    }

    static func declare(_ name: String, _ type: String, flags: UInt8 = 0) -> [UInt8] {
        method(1, 40, 10, number(0, 2) + short(name) + short(type) + [flags] + number(0, 4))
    }

    // MARK: Bytes

    static func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + text.utf8 }
    static func long(_ text: String) -> [UInt8] { number(text.utf8.count, 4) + text.utf8 }

    static func frame(_ type: UInt8, _ channel: Int, _ payload: [UInt8]) -> [UInt8] {
        [type] + number(channel, 2) + number(payload.count, 4) + payload + [0xCE]
    }

    static func method(_ channel: Int, _ group: Int, _ number: Int, _ arguments: [UInt8] = []) -> [UInt8] {
        frame(1, channel, self.number(group, 2) + self.number(number, 2) + arguments)
    }

    // MARK: Saying and hearing

    func say(_ bytes: [UInt8]) { line.attempt(bytes) }

    /// The next frame; nil when the broker has hung up.
    func hear() -> Frame? {
        let head = line.bytes(7)
        guard head.count == 7 else { return nil }
        let size = head[3...6].reduce(0) { $0 << 8 | Int($1) }
        let rest = line.bytes(size + 1)
        guard rest.count == size + 1, rest.last == 0xCE else { return nil }
        return Frame(type: head[0], channel: Int(head[1]) << 8 | Int(head[2]), payload: rest.dropLast())
    }

    @discardableResult
    func expect(_ method: [Int]) throws -> Frame {
        guard let frame = hear() else { throw ProcessFault("the broker hung up instead of \(method)") }
        guard frame.type == 1, frame.method == method else { throw ProcessFault("\(frame) instead of \(method)") }
        return frame
    }
}
