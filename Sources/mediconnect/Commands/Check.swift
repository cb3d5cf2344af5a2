import ArgumentParser
import Foundation
import Storage
import Workflows

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the settings and the database, and say what is wrong.",
        discussion: "Looks only, also beside a running server. Exits 0 when all is well, 1 when something is not.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await reported {
            let settings = try await Settings.read(common)
            for (name, value) in settings.listing {
                print("\(name.padding(toLength: 22, withPad: " ", startingAt: 0))  \(value)")
            }
            var problems: [String] = []
            if settings.databaseURL != nil {
                problems += try await databaseProblems(settings)
            } else if !FileManager.default.fileExists(atPath: settings.data) {
                print("database                none yet: 'mediconnect serve' makes it")
            } else if FileManager.default.fileExists(atPath: settings.databasePath) {
                problems += try await databaseProblems(settings)
            }
            if !problems.isEmpty { throw SettingsProblems(problems: problems) }
            print("All is well.")
        }
    }

    private func databaseProblems(_ settings: Settings) async throws -> [String] {
        let engine = try Engine.looking(settings)
        let report = try await ClinicCheck.run(engine.database.doing(.analytics), newestSchema: Schema.migrations.count)
        await engine.close()
        print("schema                  \(report.schema)")
        print("appointments            \(report.appointments)")
        return report.problems
    }
}
