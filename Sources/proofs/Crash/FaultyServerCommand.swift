import API
import ArgumentParser
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
            try await OwnServer(
                name: "faulty",
                accounts: Accounts(
                    Clinic(database: database, surroundings: surroundings, master: LocalMasterKeys([try house.secret])!),
                    secret: house.secret),
                tokens: Tokens(secret: house.secret, clock: surroundings.clock)
            ).run()
            group.cancelAll()
        }
    }
}
