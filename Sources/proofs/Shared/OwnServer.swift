import API
import Foundation
import Hummingbird
import Logging
import NIOPosix
import Workflows

/// A server of this program's own, on the same routes as `mediconnect serve`, for proofs that need one the program itself can not be.
struct OwnServer {
    let name: String
    let accounts: Accounts
    let tokens: Tokens

    /// Serves on a free port, which it says, until it is stopped.
    func run() async throws {
        var logger = Logger(label: name)
        logger.logLevel = .error
        let serving = Serving(
            api: API(operations: Operations()), reception: OnlyClinic(Premises(accounts: accounts, tokens: tokens)),
            surroundings: accounts.clinic.surroundings, settings: ServingSettings(base: "http://127.0.0.1"), logger: logger)
        try await Application(
            router: serving.router(), server: .http1(),
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { [name] channel in
                print("The \(name) server listens on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
                fflush(nil)
            },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)), logger: logger
        ).runService()
    }
}
