import ArgumentParser
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix

/// The least the server's own stack can do: what a search for free times is compared with.
struct Hello: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve \"hello\" on a free port, for the benchmark.", shouldDisplay: false)

    @Option(help: "Threads that read and write sockets; as many as the server has.")
    var loops = 1

    func run() async throws {
        let router = Router()
        router.get("hello") { _, _ in "hello" }
        var logger = Logger(label: "hello")
        logger.logLevel = .error
        let application = Application(
            router: router, server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { channel in
                print("hello listens on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
                fflush(nil)
            },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: loops)), logger: logger)
        try await application.runService()
    }
}
