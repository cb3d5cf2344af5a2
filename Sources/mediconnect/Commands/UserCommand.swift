import ArgumentParser
import Foundation
import Identity
import Notation
import People
import Storage
import Workflows

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Make accounts and look after them.",
        discussion: """
            With the embedded database the server must be stopped; with PostgreSQL it works beside running servers. The password is \
            read from standard input, without an echo on a terminal.
            """,
        subcommands: [Create.self, List.self, SetPassword.self, Lock.self, Unlock.self, Close.self, ResetSecondFactor.self])

    /// What commands take that are about one account.
    struct AccountOptions: ParsableArguments {
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "What its owner signs in with.")
        var login: String
    }

    /// Who acts at the command line, in the audit.
    static let principal = "operator:\(ProcessInfo.processInfo.userName)"

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account; the first admin of a clinic is made so.",
            discussion: """
                For a patient or a practitioner --subject is their identifier in the clinic. One account may be several things: \
                name each as ROLE or ROLE=SUBJECT.
                """)
        @OptionGroup var options: ClinicOptions
        @Argument(help: "What they sign in with: an e-mail address, or any name without blanks.")
        var login: String
        @Option(
            help:
                "patient, practitioner, desk, billing, privacy or admin; ROLE=SUBJECT names who they are in the clinic. May be repeated."
        )
        var role: [String]

        func run() async throws {
            try await withAccounts(options) { accounts in
                let login = try checked(login)
                let roles = try role.map { try caller($0, accounts.clinic.surroundings) }
                guard !roles.isEmpty else { throw Complaint("--role is needed") }
                guard Set(roles.map(\.role)).count == roles.count else { throw Complaint("--role: each can be named once") }
                let password = try Terminal.newPassword()
                let id = try await accounts.create(
                    login: login, password: password, roles: roles, by: principal, requestID: "command-line")
                print("\(login) is account \(id).")
            }
        }

        private func checked(_ login: String) throws -> String {
            let isFine = (3...254).contains(login.count) && login.allSatisfy { !$0.isWhitespace && $0.isASCII }
            guard isFine else { throw Complaint("a login has 3 to 254 ASCII characters and no blanks") }
            return login
        }

        private func caller(_ text: String, _ surroundings: Surroundings) throws -> Caller {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard let role = Role(rawValue: parts[0]), role != .service else {
                let known = Role.allCases.filter { $0 != .service }.map(\.rawValue)
                throw Complaint("--role must be one of \(known.joined(separator: ", "))")
            }
            guard parts.count == 2 else {
                if role.isUnknownToTheDirectory {
                    return Caller(role: role, subject: surroundings.identifiers.next(Caller.self))
                }
                throw Complaint("a \(role.rawValue) needs their identifier in the clinic: --role \(role.rawValue)=UUID")
            }
            guard let subject = ID<Caller>(parts[1]) else { throw Complaint("--role \(role.rawValue)=… must name a UUID") }
            return Caller(role: role, subject: subject)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show all accounts, by login.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await reported {
                let settings = try await Settings.read(options)
                let engine = try Engine.looking(settings)
                let clinic = Clinic(database: engine.database, surroundings: .machine(), master: House.master(settings))
                do { try await show(try House.accounts(clinic, settings)) } catch {
                    await engine.close()
                    throw error
                }
                await engine.close()
            }
        }

        private func show(_ accounts: Accounts) async throws {
            var (last, count) = ("", 0)
            while true {
                let page = try await accounts.accounts(after: last)
                for (account, roles) in page {
                    last = account.login.revealed
                    let names = roles.map { "\($0.role.rawValue)=\($0.subject)" }.joined(separator: " ")
                    print("\(last)  \(account.state.rawValue)  \(names)")
                }
                count += page.count
                if page.isEmpty { break }
            }
            if count == 0 { print("No accounts.") }
        }
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "password", abstract: "Give an account a new password, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions

        func run() async throws {
            try await withAccounts(account.clinic) { accounts in
                guard try await accounts.account(login: account.login) != nil else { throw AccountFault.accountUnknown }
                try await accounts.setPassword(
                    try Terminal.newPassword(), login: account.login, by: principal, requestID: "command-line")
                print("Done. Whoever was signed in as \(account.login) is not any more.")
            }
        }
    }

    struct Lock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep an account from signing in, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions
        func run() async throws { try await set(.locked, account) }
    }

    struct Unlock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a locked account sign in again.")
        @OptionGroup var account: AccountOptions
        func run() async throws { try await set(.active, account) }
    }

    struct Close: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End an account for good, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions
        func run() async throws { try await set(.closed, account) }
    }

    struct ResetSecondFactor: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the second factor from who has lost it, and sign the account out everywhere.")
        @OptionGroup var account: AccountOptions
        func run() async throws {
            try await withAccounts(account.clinic) { accounts in
                try await accounts.resetSecondFactor(login: account.login, by: principal, requestID: "command-line")
                print("\(account.login) signs in with the password alone.")
            }
        }
    }

    private static func set(_ state: Account.State, _ account: AccountOptions) async throws {
        try await withAccounts(account.clinic) { accounts in
            try await accounts.set(state, login: account.login, by: principal, requestID: "command-line")
            print("\(account.login) is \(state.rawValue).")
        }
    }

    /// Opens the clinic and says in words what accounts refuse.
    private static func withAccounts(_ options: ClinicOptions, _ body: @escaping (Accounts) async throws -> Void) async throws {
        try await withHouse(options) { house in
            try await house.migrator.up()
            do { try await body(try house.accounts) } catch let fault as AccountFault { throw Complaint(fault.words) }
        }
    }
}

extension AccountFault {
    fileprivate var words: String {
        switch self {
        case .passwordUnsuitable(let flaw): "the password \(flaw.sentence)"
        case .loginTaken: "there is an account with this login already"
        case .accountUnknown: "there is no such account, or it has been closed"
        case .overloaded: "too many are signing in at the moment; try again"
        case .secondFactorMissing: "the account has no second factor"
        case .credentialsWrong, .tooManyTries, .roleNeeded, .sessionEnded, .secondFactorNeeded, .secondFactorThere, .codeWrong:
            "this cannot be done at the command line"
        }
    }
}
