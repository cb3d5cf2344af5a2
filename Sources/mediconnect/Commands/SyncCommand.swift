import ArgumentParser
import Notation
import Storage
import Workflows

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "See how the systems outside do that the clinic keeps in step with, and bring them into step.",
        discussion: """
            'status' works beside a running server, and so do the others where the database is a server's. With the embedded database they \
            need the server stopped; a running one does the same for POST /v1/sync/retry and POST /v1/sync/reconciliation.
            """,
        subcommands: [StatusOfSync.self, Retry.self, Reconcile.self])

    struct StatusOfSync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Show for each system when it last took a change, and what waits.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await lookingAtClinic(options) { clinic in
                let states = try await clinic.syncStates()
                if states.isEmpty { print("Nothing was ever sent.") }
                for state in states {
                    let waiting =
                        state.waiting > 0 ? ", \(state.waiting) waiting since \(state.oldestWaiting?.description ?? "-")" : ""
                    let trouble = state.failures > 0 ? ", \(state.failures) failures in a row: \(state.lastError ?? "-")" : ""
                    let heard = state.position.map { ", heard until \($0)" } ?? ""
                    let out = state.alertedAt != nil ? ", out since \(state.failingSince?.description ?? "-")" : ""
                    print(
                        "\(state.system)  last success \(state.lastSuccess?.description ?? "never")\(waiting)\(heard)\(trouble)\(out)"
                    )
                }
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try at once what waits for another try.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await SyncCommand.withClinic(options) { print("\(try await $0.hurrySync()) changes are tried again at once.") }
        }
    }

    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare every appointment ahead with what stands there, and send what is behind.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await SyncCommand.withClinic(options) { print("\(try await $0.reconcileRecords()) appointments are sent again.") }
        }
    }

    fileprivate static func withClinic(_ options: ClinicOptions, _ body: @escaping (Clinic) async throws -> Void) async throws {
        try await withHouse(options) { house in
            try await house.migrator.up()
            try await body(house.openClinic())
        }
    }
}
