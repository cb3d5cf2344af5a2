import ArgumentParser
import Foundation
import Notation
import Secrecy
import Storage
import Workflows

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Look after the keys that seal personal data.",
        discussion: """
            Works beside running servers: with PostgreSQL on the database, with the embedded database by asking the server that has \
            it.
            """,
        subcommands: [List.self, Rotate.self, Retire.self, Rewrap.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every key, and with --fields how many fields each has sealed.")
        @OptionGroup var options: ClinicOptions
        @Flag(help: "Count sealed fields; reads the whole database.")
        var fields = false

        func run() async throws {
            try await lookingAtClinic(options) { try await show($0) }
        }

        private func show(_ clinic: Clinic) async throws {
            let keys = try await clinic.dataKeys()
            let counts = fields ? try await clinic.sealedFields() : [:]
            for key in keys {
                let end = key.retiredAt.map { "  retired \($0)" } ?? ""
                let count = fields && key.purpose == .field ? "  \(counts[key.version] ?? 0) fields" : ""
                print(
                    "\(key.purpose.rawValue) \(key.version)  \(key.state.rawValue)  made \(key.createdAt)\(end)  master key \(key.master ?? "none")\(count)"
                )
            }
            if keys.isEmpty { print("No keys yet: the server makes them on its first start.") }
            if let plain = counts[0] { print("\(plain) fields are plain; the server seals them, or 'keys retire' does.") }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal with a new key from now on, and everything there is anew.",
            discussion: """
                Nobody notices: what the old key sealed is read with it until it is sealed anew. When nothing is left the old key is taken \
                away. Broken off, 'keys retire' or any running server goes on with it.
                """)
        @OptionGroup var options: ClinicOptions
        func run() async throws { try await doing(.rotate, options) }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal anew whatever an older key has sealed, or nobody yet, and take the old key away.")
        @OptionGroup var options: ClinicOptions
        func run() async throws { try await doing(.retire, options) }
    }

    struct Rewrap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wrap the clinic's keys with the first of the master keys given.",
            discussion: """
                Give every node both first, the new one in front: --settings or MEDICONNECT_MASTER_FILE=new.key,old.key. Afterwards the old \
                one is needed no more.
                """)
        @OptionGroup var options: ClinicOptions
        func run() async throws { try await doing(.rewrap, options) }
    }

    /// Does it here, or has the server do it that has the embedded database.
    private static func doing(_ errand: KeyErrand, _ options: ClinicOptions) async throws {
        try await reported {
            let settings = try await Settings.read(options)
            do {
                let house = try House(settings)
                do {
                    try await house.migrator.up()
                    let clinic = Clinic(database: house.database, surroundings: house.surroundings, master: house.master)
                    try await errand.run(in: clinic, by: UserCommand.principal) { line in
                        print(line)
                        fflush(nil)
                    }
                } catch {
                    await house.engine.close()
                    throw error
                }
                await house.engine.close()
            } catch StorageFault.inUse {
                try await KeyRequest(settings).ask(errand) { print($0) }
            }
        }
    }
}
