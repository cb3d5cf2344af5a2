#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
public import Processes
import Synchronization

/// A RabbitMQ of one's own, with a directory of nodes of its own. What it has confirmed is there again when it is started anew, also
/// after a `kill()`.
public final class PrivateBroker: Sendable {
    public let port: Int
    public let folder: TemporaryFolder
    private let ports: [Int]
    private let program = Mutex<ChildProcess?>(nil)
    private let names: ChildProcess

    /// - Parameter ports: three that nobody listens on: its own, one for its node, one for the directory of nodes.
    public init(ports: [Int]) throws {
        precondition(ports.count == 3, "a broker has three ports")
        (self.ports, port) = (ports, ports[0])
        folder = try TemporaryFolder("broker", goesWithProcess: true)
        try Data("[].".utf8).write(to: URL(fileURLWithPath: folder.file("plugins")))
        try Data().write(to: URL(fileURLWithPath: folder.file("broker.conf")))
        names = try ChildProcess(
            "/usr/bin/epmd", ["-port", "\(ports[2])", "-address", "127.0.0.1"], errors: folder.file("names"))
    }

    /// Returns when it takes connections. Throws when it does not start.
    public func start() async throws {
        let environment = [
            "HOME": folder.path, "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_MNESIA_BASE": folder.file("data"),
            "RABBITMQ_LOG_BASE": folder.file("log"), "RABBITMQ_LOGS": "-", "RABBITMQ_NODENAME": "t\(port)@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": "\(port)", "RABBITMQ_DIST_PORT": "\(ports[1])",
            "ERL_EPMD_PORT": "\(ports[2])", "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_PID_FILE": folder.file("pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder.file("plugins"), "RABBITMQ_CONFIG_FILE": folder.file("broker"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            // The script becomes the broker, in place of starting it: what is killed here is the broker itself.
            "RUNNING_UNDER_SYSTEMD": "true",
        ]
        let started = try ChildProcess("/usr/lib/rabbitmq/bin/rabbitmq-server", [], environment: environment, errors: nil)
        program.withLock { $0 = started }
        var last: [String] = []
        for await line in started.lines {
            if line.contains("Server startup complete") { return }
            last = last.suffix(20) + [line]
        }
        throw ProcessFault("the broker does not start:\n\(last.joined(separator: "\n"))")
    }

    public var isRunning: Bool { program.withLock { $0?.isRunning ?? false } }

    /// `kill -9`. Returns when it is gone.
    public func kill() async { await program.withLock { $0 }?.kill() }

    /// Stops it where it is: connections stay open, and nobody answers.
    public func freeze() { program.withLock { $0 }?.signal(SIGSTOP) }
    public func thaw() { program.withLock { $0 }?.signal(SIGCONT) }

    /// Ends it and leaves nothing behind. It cannot be started again.
    public func remove() async {
        await kill()
        await names.kill()
        folder.remove()
    }

    /// With its user and password.
    public var url: String { "amqp://guest:guest@127.0.0.1:\(port)" }
}
