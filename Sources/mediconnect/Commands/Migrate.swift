import ArgumentParser
import Foundation
import Notation
import Storage
import Workflows

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's schema up or down, or show where it is.", subcommands: [Up.self, Down.self, Status.self])

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take every missing step.",
            discussion: """
                Where database.owner.url is set it is done as that role, and the role of database.url is let work with the tables: with \
                all of them, but not change or delete what is in the audit.
                """)
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await withOwnersHouse(options) { house, settings in
                let taken = try await house.migrator.up()
                for step in taken { print("up   \(step.number)  \(step.name)") }
                if taken.isEmpty { print("The schema is up to date (\(house.migrator.newest)).") }
                if settings.ownerURL == nil { return }
                let role = try await role(of: settings)
                try await ServingRole(role).grant(in: house.database)
                print("\(role) may work with it, and add to the audit.")
            }
        }

        /// Who the server works as, asked where nobody can be wrong about it.
        private func role(of settings: Settings) async throws -> String {
            let engine = try Engine.looking(settings)
            let role = try await engine.database.read { try $0.first(CurrentRole()) }
            await engine.close()
            return role ?? ""
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take steps back.", discussion: "What a step made is deleted with everything in it. Make a copy first.")
        @OptionGroup var options: ClinicOptions
        @Option(help: "The version to go back to; 0 is the empty database.")
        var to: Int
        @Flag(help: "Really delete.")
        var yes = false

        func run() async throws {
            try await withOwnersHouse(options) { house, _ in
                guard (0...house.migrator.newest).contains(to) else {
                    throw Complaint("--to must be from 0 to \(house.migrator.newest)")
                }
                let current = try await house.migrator.current()
                guard yes || to >= current else {
                    throw Complaint("this deletes data: going from schema \(current) to \(to); add --yes when you mean it")
                }
                for number in try await house.migrator.down(to: to) { print("down \(number)") }
                print("The schema is at \(to).")
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every step and when it was taken, also beside a running server.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await reported {
                let settings = try await Settings.read(options)
                let engine = try Engine.looking(settings)
                let migrator = Migrator(engine.database, migrations: Schema.migrations, clock: MachineClock())
                for step in try await migrator.status() {
                    print("\(step.number)  \(step.appliedAt?.description ?? "not taken          ")  \(step.name)")
                }
                await engine.close()
            }
        }
    }
}

/// The same as whoever owns the tables, where that is not who serves.
func withOwnersHouse(_ options: ClinicOptions, _ body: (House, Settings) async throws -> Void) async throws {
    try await reported {
        let settings = try await Settings.read(options)
        var owners = settings
        owners.databaseURL = settings.ownerURL ?? settings.databaseURL
        let house = try House(owners)
        do { try await body(house, settings) } catch {
            await house.engine.close()
            throw error
        }
        await house.engine.close()
    }
}

/// Opens the house for a command and closes it, whatever happens.
func withHouse(_ options: ClinicOptions, _ body: (House) async throws -> Void) async throws {
    try await reported {
        let house = try House(try await Settings.read(options))
        do { try await body(house) } catch {
            await house.engine.close()
            throw error
        }
        await house.engine.close()
    }
}
