import ArgumentParser
import Foundation
import Logging
import Notation
import Storage
import Workflows

struct PaymentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payments", abstract: "Compare what the payment provider has with what is here.",
        discussion: """
            With the embedded database the server must be stopped; with PostgreSQL it works beside running servers. Nothing here \
            shows anybody's name.
            """,
        subcommands: [Reconcile.self])

    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make good what was paid or given back and never told, and name what somebody has to see to.",
            discussion:
                "A server does the same once a day. Ends with 1 when something is left for somebody, or it was broken off.")
        @OptionGroup var options: ClinicOptions
        @Option(help: "How many days of the provider's list to read.")
        var days = 7

        func run() async throws {
            guard (1...366).contains(days) else { throw Complaint("--days must be from 1 to 366") }
            var isClean = false
            try await withHouse(options) { house in
                let ways = try Ways(house.settings.partners, surroundings: house.surroundings) { _ in }
                guard let desk = ways.payments else { throw Complaint("payments.secret is not set: there is no provider to ask") }
                try await house.migrator.up()
                // What is booked by this goes where every booking goes.
                let clinic = Clinic(
                    database: house.database, surroundings: house.surroundings, master: house.master,
                    settings: house.settings.clinic)
                try await clinic.readKeys()
                let report = try await clinic.reconcilePayments(
                    at: desk, since: house.surroundings.clock.now - .days(days))
                print(
                    "\(report.looked) looked at, \(report.repaired) made good, \(report.troubles.count) for somebody to see to.")
                for trouble in report.troubles { print("  \(trouble)") }
                if let reason = report.brokenOff { print("It was broken off: \(reason).") }
                isClean = report.troubles.isEmpty && report.brokenOff == nil
            }
            if !isClean { throw ExitCode(1) }
        }
    }
}
