import Connectors
import NIOCore
import NIOPosix
import Notation
import Partners
import PrivateBroker
import Processes
import Resilience
import Testing

/// A real RabbitMQ of one test.
struct TrialBroker: Sendable {
    var port: Int { broker.port }
    private let broker: PrivateBroker

    static func run(_ body: (TrialBroker) async throws -> Void) async throws {
        let broker = try PrivateBroker(ports: try await freePorts(3))
        do {
            try await broker.start()
            try await body(TrialBroker(broker: broker))
        } catch {
            await broker.remove()
            throw error
        }
        await broker.remove()
    }

    private static func freePorts(_ count: Int) async throws -> [Int] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            channels.append(
                try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get())
        }
        let ports = channels.compactMap { $0.localAddress?.port }
        for channel in channels { try await channel.close() }
        return ports
    }

    // MARK: As other programs see it

    func makeQueue(_ name: String) async throws {
        let (status, _) = try await ChildProcess.run("/usr/bin/amqp-declare-queue", ["-u", broker.url, "-q", name])
        guard status == 0 else { throw ProcessFault("no queue") }
    }

    /// The next message in a queue, which is taken out by that; nil when there is none.
    func take(_ queue: String) async throws -> String? {
        let (status, output) = try await ChildProcess.run("/usr/bin/amqp-get", ["-u", broker.url, "-q", queue])
        return status == 0 ? output.joined(separator: "\n") : nil
    }

    func connector(exchange: String = "", password: String = "guest", port: Int? = nil) throws -> BrokerConnector {
        var settings = try #require(BrokerSettings(address: "amqp://127.0.0.1:\(port ?? self.port)"))
        settings.password = Personal(password)
        settings.exchange = exchange
        var way = WayOutSettings.broker
        way.timeoutSeconds = 2
        return BrokerConnector(settings, way: try WayOut(way, surroundings: .machine()))
    }
}

/// Events to a message broker (HB-4).
@Suite struct TheBroker {
    private func message(_ topic: String = "events") -> BrokerMessage {
        BrokerMessage(id: EffectKey("e-1")!, topic: topic, body: Array(#"{"type":"appointment.created","id":"a-1"}"#.utf8))
    }

    @Test func `what the broker has confirmed is in the queue, and what it has not is told apart`() async throws {
        try await TrialBroker.run { broker in
            try await broker.makeQueue("events")
            let connector = try broker.connector()
            #expect(await connector.publish(message()) == .done(.taken))
            #expect(try await broker.take("events") == #"{"type":"appointment.created","id":"a-1"}"#)
            #expect(try await broker.take("events") == nil)
            #expect(await connector.publish(message("nobody")) == .later(after: nil, reason: "no queue takes it"))
            let nowhere = try broker.connector(exchange: "no.such.exchange")
            #expect(
                await nowhere.publish(message()) == .later(after: nil, reason: "there is no such exchange, or it is not ours"))
            let stranger = try broker.connector(password: "wrong")
            #expect(await stranger.publish(message()) == .later(after: nil, reason: "it does not take our credentials"))
            #expect(try await broker.take("events") == nil)
            #expect(await connector.publish(message(String(repeating: "a", count: 256))).kind == .never)
            // A large one is sent in several frames.
            let large = BrokerMessage(id: EffectKey("e-2")!, topic: "events", body: [UInt8](repeating: 120, count: 400_000))
            #expect(await connector.publish(large) == .done(.taken))
            #expect(try await broker.take("events")?.utf8.count == 400_000)
        }
    }

    @Test func `a broker that is not there or says nothing is left alone after ten calls`() async throws {
        let place = try await Place(.saysNothing)
        for port in [1, place.port] {
            var settings = try #require(BrokerSettings(address: "amqp://127.0.0.1:\(port)"))
            settings.exchange = ""
            var chosen = WayOutSettings.broker
            chosen.timeoutSeconds = 1
            chosen.breaker.minimumCalls = 3
            let way = try WayOut(chosen, surroundings: .machine())
            let connector = BrokerConnector(settings, way: way)
            for _ in 0..<3 { #expect(await connector.publish(message()).kind == .later) }
            #expect(await connector.publish(message()).kind == .postponed)
        }
        try await place.close()
    }

    @Test(arguments: [
        "", "amqp://", "http://broker", "amqp://user:word@broker", "amqp://broker:0", "amqp://broker:x", "amqp://bro ker",
    ])
    func `what is no broker's address is refused`(address: String) { #expect(BrokerSettings(address: address) == nil) }

    @Test func `an address says which broker, how, and which part of it`() throws {
        let settings = try #require(BrokerSettings(address: "amqps://broker.clinic.lan/north%2Fa"))
        #expect(
            settings.host == "broker.clinic.lan" && settings.port == 5671 && settings.isEncrypted && settings.vhost == "north/a")
        #expect(BrokerSettings(address: "amqp://127.0.0.1")?.vhost == "/")
    }
}
