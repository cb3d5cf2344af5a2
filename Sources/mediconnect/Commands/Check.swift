import ArgumentParser
import Foundation
import Storage
import Tenancy
import Workflows

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the settings and the database, and say what is wrong.",
        discussion: """
            Looks only, also beside a running server. Exits 0 when all is well, 1 when something is not. With --tenants it checks \
            the directory, and with --tenant NAME the database of that clinic.
            """)

    @OptionGroup var options: ClinicOptions

    func run() async throws {
        try await reported {
            let node = try await Settings.read(options.common, options.network)
            for (name, value) in node.listing { say(name, value) }
            if let path = node.tenants.path {
                let directory = try node.directory(in: DirectoryFile(path))
                for tenant in directory.tenants { say("tenant \(tenant.name)", words(for: tenant)) }
                if options.tenant == nil { return print("All is well with the directory; --tenant NAME looks into one clinic.") }
            }
            let settings = try await Settings.read(options)
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

    private func say(_ name: String, _ value: String) {
        print("\(name.padding(toLength: max(22, name.count), withPad: " ", startingAt: 0))  \(value)")
    }

    private func words(for tenant: Tenant) -> String {
        let home = tenant.home.database.map(DatabaseAddress.withoutPassword) ?? "embedded"
        return ([home] + tenant.hosts).joined(separator: "  ")
    }

    private func databaseProblems(_ settings: Settings) async throws -> [String] {
        let engine = try Engine.looking(settings)
        let report = try await ClinicCheck.run(engine.database.doing(.analytics), newestSchema: Schema.migrations.count)
        let mayRewrite = try? await engine.database.read { try $0.first(MayRewriteAudit()) }
        await engine.close()
        if settings.databaseURL != nil, mayRewrite == true {
            print("audit                   the server owns it and could rewrite it; database.owner.url parts the two")
        }
        print("schema                  \(report.schema)")
        print("appointments            \(report.appointments)")
        return report.problems
    }
}
