import API
import ArgumentParser
import Foundation
import Identity
import Notation
import People

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Issue a bearer token, or look after the secrets that sign them.", subcommands: [Issue.self, TokenKeys.self],
        defaultSubcommand: Issue.self)

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Issue a bearer token.",
            discussion: """
                For a patient or a practitioner --subject is their identifier in the clinic; for everybody else it names the \
                person at the keyboard, or the system, and may be left out. The token is signed with the secret in the data folder, so whoever can \
                read that folder can issue tokens. Each clinic of a directory has its own.
                """)

        @OptionGroup var options: ClinicOptions
        @Option(help: "patient, practitioner, desk, admin, billing, privacy or service.")
        var role: String
        @Option(help: "A UUID.")
        var subject: String?
        @Option(help: "What it is limited to, for a service: 'system/Appointment.rs system/Patient.r'.")
        var scope: String?
        @Option(help: "How long it is valid, in minutes.")
        var minutes: Int = 15

        func run() async throws {
            try await reported {
                guard let role = Role(rawValue: role) else {
                    throw Complaint("--role must be one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                guard (1...525_600).contains(minutes) else { throw Complaint("--minutes must be from 1 to 525600") }
                let caller = Caller(role: role, subject: try subject(for: role), scopes: try scope.map(scopes))
                let ring = try await Token.secrets(of: options).read()
                let tokens = Tokens(LiveKeyring(ring), clock: MachineClock())
                print(try await tokens.issue(for: caller, lasting: .minutes(minutes)))
            }
        }

        private func scopes(_ text: String) throws -> Set<Scope> {
            guard let scopes = Scope.list(text), !scopes.isEmpty else {
                throw Complaint("--scope takes scopes like system/Appointment.rs, with blanks between them")
            }
            return scopes
        }

        private func subject(for role: Role) throws -> ID<Caller> {
            guard let subject else {
                if role.isUnknownToTheDirectory { return Surroundings.machine().identifiers.next(Caller.self) }
                throw Complaint("--subject is needed for a \(role.rawValue): their identifier in the clinic")
            }
            guard let id = ID<Caller>(subject) else { throw Complaint("--subject must be a UUID") }
            return id
        }
    }

    /// The secrets of a clinic that has been started before.
    static func secrets(of options: ClinicOptions) async throws -> SecretFile {
        let settings = try await Settings.read(options)
        guard settings.secretFile != nil || FileManager.default.fileExists(atPath: settings.data) else {
            throw Complaint("there is no data folder at \(settings.data); start the server once, or name it with --data")
        }
        return SecretFile(settings)
    }
}
