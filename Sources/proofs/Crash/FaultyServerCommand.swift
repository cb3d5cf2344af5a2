import API
import ArgumentParser
import Foundation
import Hummingbird
import Logging
import NIOPosix
import Notation
import Secrecy
import Storage
import StorageSQLite
import Workflows

/// The same routes on the same schema as `mediconnect serve`, with one mistake planted: it answers before the commit.
struct FaultyServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faulty-server", abstract: "A server that loses acknowledged bookings, for the crash proof.",
        shouldDisplay: false)

    @Option(help: "Folder of the database.")
    var data: String

    func run() async throws {
        let house = DataFolder(path: data)
        let real = try SQLiteDatabase(SQLiteSettings(path: house.databasePath))
        let surroundings = Surroundings.machine()
        try await Migrator(real, migrations: Schema.migrations, clock: surroundings.clock).up()
        let database = ImpatientDatabase(real)
        try await withThrowingTaskGroup { group in
            group.addTask { try await database.run() }
            try await serve(
                Accounts(
                    Clinic(database: database, surroundings: surroundings, master: LocalMasterKeys([try house.secret])!),
                    secret: house.secret),
                Tokens(secret: house.secret, clock: surroundings.clock))
            group.cancelAll()
        }
    }

    private func serve(_ accounts: Accounts, _ tokens: Tokens) async throws {
        var logger = Logger(label: "faulty")
        logger.logLevel = .error
        let serving = Serving(
            api: API(operations: Operations()), reception: OnlyClinic(Premises(accounts: accounts, tokens: tokens)),
            surroundings: accounts.clinic.surroundings,
            settings: ServingSettings(base: "http://127.0.0.1"), logger: logger)
        try await Application(
            router: serving.router(), server: .http1(),
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { channel in
                print("The faulty server listens on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
                fflush(nil)
            },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)), logger: logger
        ).runService()
    }
}
