import CRabbit
import Foundation
public import Notation
public import Partners

/// Which broker, and as whom.
public struct BrokerSettings: Sendable {
    public var host: String
    public var port: Int
    public var isEncrypted: Bool
    public var vhost: String
    public var user = "guest"
    public var password = Personal("guest")
    /// What messages are published to; queues are bound to it by topic.
    public var exchange = "amq.topic"
    /// Who has to have signed the broker's certificate.
    public var authorities = "/etc/ssl/certs/ca-certificates.crt"

    /// From `amqps://host:5671/vhost`, or `amqp://` for a broker on this machine; nil when it is neither, or has a user in it.
    public init?(address: String) {
        let parts = address.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, let isEncrypted = ["amqps": true, "amqp": false][String(parts[0])] else { return nil }
        let halves = parts[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let place = halves[0].split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(place.count), !place[0].isEmpty, place[0].utf8.allSatisfy(Self.isHostSign),
            let port = place.count == 1 ? (isEncrypted ? 5671 : 5672) : Int(place[1]), (1...65_535).contains(port)
        else { return nil }
        (host, self.port, self.isEncrypted) = (String(place[0]), port, isEncrypted)
        vhost = halves.count > 1 && !halves[1].isEmpty ? (halves[1].removingPercentEncoding ?? "/") : "/"
    }

    private static func isHostSign(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46
    }
}

/// Publishes to RabbitMQ over AMQP 0-9-1, with publisher confirms, through librabbitmq. It blocks, so each message has a thread for as long
/// as it takes, and a connection of its own.
public final class BrokerConnector: MessageBroker {
    public let way: WayOut
    private let settings: BrokerSettings
    private let lanes = Lanes(4)

    public init(_ settings: BrokerSettings, way: WayOut) {
        self.settings = settings
        self.way = way
    }

    public func publish(_ message: BrokerMessage) async -> Ending<BrokerAnswer> {
        guard (1...255).contains(message.topic.utf8.count), !message.topic.utf8.contains(0) else {
            return .never(reason: "a topic has 1 to 255 bytes")
        }
        let (settings, seconds, believes) = (settings, way.settings.timeoutSeconds, way.settings.believesSimulators)
        return await way.pass { [lanes] in
            let end = try? await lanes.run { Self.end(of: message, settings, seconds, believes) }
            return WayOut.Read(Self.reading(end ?? MC_BROKER_UNREACHABLE))
        }
    }

    private static func end(
        of message: BrokerMessage, _ settings: BrokerSettings, _ seconds: Int, _ believesSimulators: Bool
    ) -> mc_broker_end {
        let words: [String] = [
            settings.host, settings.authorities, settings.vhost, settings.user, settings.password.revealed, settings.exchange,
            message.topic, message.id.text,
        ]
        var texts: [UnsafeMutablePointer<CChar>?] = []
        for word in words { texts.append(strdup(word)) }
        defer { for text in texts { free(text) } }
        return message.body.withUnsafeBytes { body in
            var wire = mc_broker_message()
            (wire.host, wire.authorities, wire.vhost) = (
                UnsafePointer(texts[0]), UnsafePointer(texts[1]), UnsafePointer(texts[2])
            )
            (wire.user, wire.password, wire.exchange) = (
                UnsafePointer(texts[3]), UnsafePointer(texts[4]), UnsafePointer(texts[5])
            )
            (wire.topic, wire.id) = (UnsafePointer(texts[6]), UnsafePointer(texts[7]))
            (wire.port, wire.is_encrypted, wire.seconds) = (Int32(settings.port), settings.isEncrypted ? 1 : 0, Int32(seconds))
            (wire.body, wire.length) = (body.baseAddress, body.count)
            wire.believes_simulators = believesSimulators ? 1 : 0
            return mc_broker_publish(&wire)
        }
    }

    private static func reading(_ end: mc_broker_end) -> Reading<BrokerAnswer> {
        switch end {
        case MC_BROKER_TAKEN: .value(.taken)
        case MC_BROKER_SHUT: .notNow(after: nil, reason: "it does not take our credentials", isTheirs: false)
        case MC_BROKER_SIMULATOR: .notNow(after: nil, reason: "a simulator answers there", isTheirs: false)
        case MC_BROKER_NO_EXCHANGE: .notNow(after: nil, reason: "there is no such exchange, or it is not ours", isTheirs: false)
        case MC_BROKER_NO_QUEUE: .notNow(after: nil, reason: "no queue takes it", isTheirs: false)
        case MC_BROKER_DECLINED: .notNow(after: nil, reason: "it could not take it", isTheirs: true)
        case MC_BROKER_SILENT: .notNow(after: nil, reason: "no confirmation came in time", isTheirs: true)
        default: .notNow(after: nil, reason: "there was no connection", isTheirs: true)
        }
    }
}
