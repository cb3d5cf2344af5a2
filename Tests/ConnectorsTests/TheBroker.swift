import Connectors
import Foundation
import NIOCore
import NIOPosix
import Notation
import Partners
import Processes
import Resilience
import Testing

/// A real RabbitMQ of one test, with a directory of nodes of its own.
struct TrialBroker: Sendable {
    let port: Int
    private let folder: TemporaryFolder
    private let program: ChildProcess
    private let names: ChildProcess

    static func run(_ body: (TrialBroker) async throws -> Void) async throws {
        let broker = try await TrialBroker()
        do { try await body(broker) } catch {
            await broker.end()
            throw error
        }
        await broker.end()
    }

    private init() async throws {
        folder = try TemporaryFolder("broker")
        let ports = try await Self.freePorts(3)
        port = ports[0]
        try Data("[].".utf8).write(to: URL(fileURLWithPath: folder.file("plugins")))
        try Data().write(to: URL(fileURLWithPath: folder.file("broker.conf")))
        names = try ChildProcess(
            "/usr/bin/epmd", ["-port", "\(ports[1])", "-address", "127.0.0.1"], errors: folder.file("names"))
        let environment = [
            "HOME": folder.path, "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_MNESIA_BASE": folder.file("data"),
            "RABBITMQ_LOG_BASE": folder.file("log"), "RABBITMQ_LOGS": "-", "RABBITMQ_NODENAME": "t\(port)@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": "\(port)", "RABBITMQ_DIST_PORT": "\(ports[2])",
            "ERL_EPMD_PORT": "\(ports[1])", "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_PID_FILE": folder.file("pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder.file("plugins"), "RABBITMQ_CONFIG_FILE": folder.file("broker"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        ]
        program = try ChildProcess("/usr/lib/rabbitmq/bin/rabbitmq-server", [], environment: environment, errors: nil)
        for await line in program.lines where line.contains("Server startup complete") { return }
        throw ProcessFault("the broker does not start")
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

    /// The wrapper stops the broker, which would outlive it otherwise.
    func end() async {
        program.signal(SIGTERM)
        _ = await program.ended()
        await names.kill()
        folder.remove()
    }

    // MARK: As other programs see it

    private var url: String { "amqp://guest:guest@127.0.0.1:\(port)" }

    func makeQueue(_ name: String) async throws {
        let (status, _) = try await ChildProcess.run("/usr/bin/amqp-declare-queue", ["-u", url, "-q", name])
        guard status == 0 else { throw ProcessFault("no queue") }
    }

    /// The next message in a queue, which is taken out by that; nil when there is none.
    func take(_ queue: String) async throws -> String? {
        let (status, output) = try await ChildProcess.run("/usr/bin/amqp-get", ["-u", url, "-q", queue])
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
