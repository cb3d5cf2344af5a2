import ArgumentParser
import Foundation
import Notation
import People
import Storage
import Workflows

struct PatientsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "patients", abstract: "Erase records whose time is over, set how long they are kept, see what waits.",
        discussion: """
            With the embedded database the server must be stopped; with PostgreSQL it works beside running servers. Nothing here \
            shows anybody's name.
            """,
        subcommands: [EraseDue.self, Retention.self, Corrections.self])

    struct EraseDue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "erase-due", abstract: "Erase every closed record that no rule and no legal hold keeps, for good.",
            discussion: "Each in a transaction of its own. Broken off, the next call goes on.")
        @OptionGroup var options: ClinicOptions
        @Flag(name: .customLong("dry-run"), help: "Erase nothing; show what would be.")
        var isDryRun = false

        func run() async throws {
            try await PatientsCommand.withAccounts(options) { accounts in
                let isDryRun = isDryRun
                let count = try await accounts.eraseDue(by: UserCommand.principal, isDryRun: isDryRun) { standing in
                    let words = standing.lastVisit.map { "last visit \($0)" } ?? "no visit"
                    print("\(standing.patient)  \(words)  \(isDryRun ? "is due" : "erased")")
                    fflush(nil)
                }
                print("\(count) record\(count == 1 ? "" : "s") \(isDryRun ? "would be" : count == 1 ? "was" : "were") erased.")
            }
        }
    }

    struct Retention: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how long this clinic keeps closed records, or change it.",
            discussion: "What is not named stays as it is. The years count from the last visit.")
        @OptionGroup var options: ClinicOptions
        @Option(help: "Years after the last visit; 10 from the start.")
        var years: Int?
        @Option(name: .customLong("majority-age"), help: "From which age a minor's years count; 18 from the start.")
        var majorityAge: Int?
        @Option(name: .customLong("grace-days"), help: "Days after closing during which nothing is erased; 30 from the start.")
        var graceDays: Int?
        @Option(help: "on: servers erase what is due, once an hour; off from the start.")
        var automatic: String?

        func run() async throws {
            try await PatientsCommand.withAccounts(options) { accounts in
                let before = try await accounts.clinic.retentionRules()
                let rules = try changed(before)
                if rules != before { try await accounts.clinic.setRetentionRules(rules, by: UserCommand.principal) }
                print("years         \(rules.years)")
                print("majority-age  \(rules.majorityAge)")
                print("grace-days    \(rules.graceDays)")
                print("automatic     \(rules.isAutomatic ? "on" : "off")")
            }
        }

        private func changed(_ before: RetentionRules) throws -> RetentionRules {
            var rules = before
            rules.years = try PatientsCommand.whole(years, "--years", 0...100) ?? rules.years
            rules.majorityAge = try PatientsCommand.whole(majorityAge, "--majority-age", 0...30) ?? rules.majorityAge
            rules.graceDays = try PatientsCommand.whole(graceDays, "--grace-days", 0...3_650) ?? rules.graceDays
            if let automatic {
                guard ["on", "off"].contains(automatic) else { throw Complaint("--automatic must be on or off") }
                rules.isAutomatic = automatic == "on"
            }
            return rules
        }
    }

    struct Corrections: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the requests for correction nobody has decided, the most urgent first.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await PatientsCommand.withAccounts(options) { accounts in
                let clinic = accounts.clinic
                let (depth, now) = (try await clinic.correctionDepth(), clinic.surroundings.clock.now)
                for correction in try await clinic.openCorrections(limit: 1_000) {
                    let late = correction.isOverdue(at: now) ? "  OVERDUE" : ""
                    print(
                        "\(correction.id)  patient \(correction.patient)  \(correction.field.rawValue)  due \(correction.dueAt)\(late)"
                    )
                }
                print("\(depth.open) open, \(depth.overdue) overdue.")
            }
        }
    }

    fileprivate static func whole(_ number: Int?, _ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let number else { return nil }
        guard range.contains(number) else {
            throw Complaint("\(name) must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    fileprivate static func withAccounts(_ options: ClinicOptions, _ body: @escaping (Accounts) async throws -> Void) async throws
    {
        try await withHouse(options) { house in
            try await house.migrator.up()
            let accounts = try house.accounts
            try await accounts.clinic.readKeys()
            try await body(accounts)
        }
    }
}
