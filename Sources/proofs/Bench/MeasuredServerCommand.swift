import API
import ArgumentParser
import Notation
import Outbox
import Sealing
import Storage
import StorageSQLite
import Workflows

/// The same routes, deliveries and seals as `mediconnect serve` has for the embedded database, or all of it but the audit trail of
/// appointments: the program itself has no way to leave that out.
struct MeasuredServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measured-server", abstract: "A server with or without an audit trail, for the benchmark.",
        shouldDisplay: false)

    @Option(help: "Folder of the database.")
    var data: String
    @Flag(help: "What happens to appointments leaves no record.")
    var withoutTrail = false
    @Flag(help: "Records are kept, and not sealed.")
    var withoutSeals = false

    func run() async throws {
        let house = DataFolder(path: data)
        let database = try SQLiteDatabase(SQLiteSettings(path: house.databasePath))
        let surroundings = Surroundings.machine()
        try await Migrator(database, migrations: Schema.migrations, clock: surroundings.clock).up()
        let clinic = Clinic(
            database: database, surroundings: surroundings, master: try house.master, settings: ClinicSettings(),
            observer: NobodyWatches(), without: withoutTrail ? [.trail] : [])
        try await clinic.open()
        let bell = OutboxBell()
        clinic.onChange { bell.ring() }
        let outbox = Outbox(
            database: database.doing(.background), surroundings: surroundings, workerName: "measured",
            handlers: clinic.deliveries,
            bell: bell)
        let secret = try house.secret
        guard let key = SealKey(secret: secret) else { throw ValidationError("token.secret is no key") }
        try await withThrowingTaskGroup { group in
            group.addTask { try await outbox.run() }
            if !withoutSeals { group.addTask { try await Self.seal(clinic, with: key) } }
            try await OwnServer(
                name: "measured", accounts: Accounts(clinic, secret: secret),
                tokens: Tokens(secret: secret, clock: surroundings.clock)
            ).run()
            group.cancelAll()
        }
        await database.close()
    }

    /// As often as the program does.
    private static func seal(_ clinic: Clinic, with key: SealKey) async throws {
        while !Task.isCancelled {
            while try await clinic.sealAudit(with: key) != nil {}
            try await Task.sleep(for: .seconds(1))
        }
    }
}
