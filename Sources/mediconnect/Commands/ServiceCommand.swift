import API
import ArgumentParser
import Foundation
import Identity
import Notation
import People
import Scheduling
import Storage
import Workflows

struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Let other systems in, and shut them out.",
        discussion: """
            With the embedded database the server must be stopped; with PostgreSQL it works beside running servers. A secret is \
            shown once, on standard output.
            """,
        subcommands: [Create.self, List.self, Rotate.self, Revoke.self])

    /// What commands take that are about one service.
    struct ServiceOptions: ParsableArguments {
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "Its identifier, a UUID.")
        var id: String

        var known: ID<Caller> {
            get throws {
                guard let id = ID<Caller>(id) else { throw Complaint("\(id) is no UUID") }
                return id
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a system in, and print its secret, if it has one.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "What people call it.")
        var name: String
        @Option(help: "What it may do: 'system/Appointment.rs system/Slot.s'.")
        var scope: String
        @Option(help: "A file with its public keys (JWKS): it signs for itself then, and has no secret.")
        var jwks: String?

        func run() async throws {
            let keys = try jwks.map(ServiceCommand.keys(in:)) ?? []
            guard let scopes = Scope.list(scope), !scopes.isEmpty else {
                throw Complaint("--scope takes scopes like system/Appointment.rs, with blanks between them")
            }
            guard (1...128).contains(name.count) else { throw Complaint("a name has 1 to 128 characters") }
            try await withServices(options) { accounts in
                guard keys.isEmpty else {
                    let service = try await accounts.createService(
                        name: name, scopes: scopes, keys: keys, by: .clinic, request: "command-line")
                    print("\(name) is service \(service.id), and signs for itself.")
                    return
                }
                let (service, secret) = try await accounts.createService(
                    name: name, scopes: scopes, by: .clinic, request: "command-line")
                print("\(name) is service \(service.id), and its secret, which is shown once:\n\(secret.text)")
            }
        }
    }

    private static func keys(in path: String) throws -> [ServiceKey] {
        guard let bytes = FileManager.default.contents(atPath: path), let set = try? JSON(parsing: Array(bytes)) else {
            throw Complaint("--jwks: \(path) cannot be read, or is no JSON")
        }
        let fields = Fields(JSON(.object([JSON.Member(name: "jwks", value: set)])))
        let keys = fields.serviceKeys("jwks")
        do { try fields.check() } catch {
            throw Complaint("--jwks: " + error.problems.map { "\($0.pointer) \($0.detail)" }.joined(separator: "; "))
        }
        return keys
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show all services, oldest first.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await withServices(options) { accounts in
                var page = try await accounts.services(for: .clinic)
                if page.isEmpty { print("No services.") }
                while let last = page.last {
                    for service in page {
                        let state =
                            service.revokedAt.map { "revoked \($0)" } ?? service.lastUsedAt.map { "used \($0)" } ?? "never used"
                        print("\(service.id)  \(service.name.revealed)  \(Scope.text(service.scopes))  \(state)")
                    }
                    page = try await accounts.services(after: last.id, for: .clinic)
                }
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a service another secret, and print it.")
        @OptionGroup var service: ServiceOptions
        @Option(help: "How long the old one is good still, in minutes, up to a week.")
        var overlapMinutes = 24 * 60

        func run() async throws {
            guard (0...7 * 24 * 60).contains(overlapMinutes) else { throw Complaint("--overlap-minutes must be from 0 to 10080") }
            try await withServices(service.clinic) { accounts in
                let (secret, oldUntil) = try await accounts.rotateSecret(
                    of: try service.known, overlap: .minutes(overlapMinutes), by: .clinic, request: "command-line")
                print("The old secret is good until \(oldUntil). The new one, which is shown once:\n\(secret.text)")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shut a service out for good, its access tokens included.")
        @OptionGroup var service: ServiceOptions

        func run() async throws {
            try await withServices(service.clinic) { accounts in
                try await accounts.revokeService(try service.known, by: .clinic, request: "command-line")
                print("\(service.id) is shut out.")
            }
        }
    }

    private static func withServices(_ options: ClinicOptions, _ body: @escaping (Accounts) async throws -> Void) async throws {
        try await withHouse(options) { house in
            try await house.migrator.up()
            do { try await body(try house.accounts) } catch Refusal.recordUnknown {
                throw Complaint("there is no such service, or it was revoked")
            }
        }
    }
}
