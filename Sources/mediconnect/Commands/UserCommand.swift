import ArgumentParser
import Foundation
import Identity
import Letters
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
        subcommands: [
            Create.self, Invite.self, List.self, SetPassword.self, Lock.self, Unlock.self, Close.self, Grant.self, Revoke.self,
            ResetSecondFactor.self, Link.self, Unlink.self,
        ])

    /// What commands take that are about one account.
    struct AccountOptions: ParsableArguments {
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "What its owner signs in with.")
        var login: String
    }

    /// Who acts at the command line, in the audit.
    static let principal = "operator:\(ProcessInfo.processInfo.userName)"

    struct Create: AccountsCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account; the first admin of a clinic is made so.",
            discussion: """
                For a patient or a practitioner --subject is their identifier in the clinic. One account may be several things: \
                name each as ROLE or ROLE=SUBJECT.
                """)
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "What they sign in with: an e-mail address, or any name without blanks.")
        var login: String
        @Option(
            help:
                "patient, practitioner, desk, billing, privacy or admin; ROLE=SUBJECT names who they are in the clinic. May be repeated."
        )
        var role: [String]
        @Option(help: "A location (UUID) that desk and billing are limited to; may be repeated. Without, it is all of them.")
        var place: [String] = []

        func act(on accounts: Accounts) async throws {
            let login = try checked(login)
            let places = try UserCommand.places(place)
            let roles = try role.map { try UserCommand.caller($0, accounts.clinic.surroundings).limited(to: places) }
            guard !roles.isEmpty else { throw Complaint("--role is needed") }
            guard places.isEmpty || roles.contains(where: \.role.canHavePlaces) else {
                throw Complaint("--place is for desk and billing")
            }
            guard Set(roles.map(\.role)).count == roles.count else { throw Complaint("--role: each can be named once") }
            let password = try Terminal.newPassword()
            let id = try await accounts.create(
                login: login, password: password, roles: roles, by: principal, request: "command-line")
            print("\(login) is account \(id).")
        }

        private func checked(_ login: String) throws -> String {
            let isFine = (3...254).contains(login.count) && login.allSatisfy { !$0.isWhitespace && $0.isASCII }
            guard isFine else { throw Complaint("a login has 3 to 254 ASCII characters and no blanks") }
            return login
        }
    }

    struct Invite: AccountsCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account and send its owner a letter in which they choose their password.",
            discussion: "Who was invited and has not come is sent another letter; the ones before are good no more.")
        @OptionGroup var clinic: ClinicOptions
        @Argument(help: "Their e-mail address; they sign in with it.")
        var email: String
        @Option(help: "As for 'create'; one.")
        var role: String
        @Option(help: "What they read: \(WrittenLanguage.allCases.map(\.rawValue).joined(separator: ", ")).")
        var language: String?

        func act(on accounts: Accounts) async throws {
            guard let address = MailAddress(email) else { throw Complaint("\(email) is no e-mail address") }
            let caller = try UserCommand.caller(role, accounts.clinic.surroundings)
            guard caller.role != .service else {
                throw Complaint("--role: a service is no person; see 'mediconnect service'")
            }
            let known = language.map { WrittenLanguage(rawValue: $0) }
            if case .some(.none) = known {
                throw Complaint(
                    "--language must be one of \(WrittenLanguage.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            let subject = caller.role.isUnknownToTheDirectory ? nil : caller.subject
            let id = try await accounts.invite(
                Invitation(email: address, role: caller.role, subject: subject, language: known ?? nil), by: principal,
                request: "command-line")
            print("\(email) is account \(id) and will find a letter.")
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
            var (last, count) = (nil as ID<Account>?, 0)
            while true {
                let page = try await accounts.accounts(after: last)
                for (account, roles) in page {
                    last = account.id
                    let names = roles.map(\.words).joined(separator: " ")
                    print("\(account.login.revealed)  \(account.isInvited ? "invited" : account.state.rawValue)  \(names)")
                }
                count += page.count
                if page.isEmpty { break }
            }
            if count == 0 { print("No accounts.") }
        }
    }

    /// A role as it is typed: `desk`, or `practitioner=UUID`.
    fileprivate static func caller(_ text: String, _ surroundings: Surroundings) throws -> Caller {
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

    fileprivate static func places(_ texts: [String]) throws -> Set<ID<Workplace>> {
        Set(
            try texts.map { text in
                guard let place = ID<Workplace>(text) else { throw Complaint("--place must be a UUID") }
                return place
            })
    }

    struct Grant: AccountCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an account sign in as something more, or as the same at other places.",
            discussion: "A change of places signs the account out everywhere; it signs in again with what it has now.")
        @OptionGroup var account: AccountOptions
        @Option(help: "ROLE, or ROLE=SUBJECT.")
        var role: String
        @Option(help: "A location (UUID) it is limited to; may be repeated. Without, it is all of them.")
        var place: [String] = []

        func act(on accounts: Accounts) async throws {
            let places = try UserCommand.places(place)
            var wanted = try await knownRole(accounts) ?? UserCommand.caller(role, accounts.clinic.surroundings)
            guard places.isEmpty || wanted.role.canHavePlaces else { throw Complaint("--place is for desk and billing") }
            wanted = wanted.working(at: places)
            try await accounts.grant(wanted, login: account.login, by: principal, request: "command-line")
            let limit = places.isEmpty ? "" : ", for \(places.count) of the clinic's locations"
            print("\(account.login) may sign in as \(wanted.role.rawValue)\(limit).")
        }

        /// Whoever is that already goes on as who they are.
        private func knownRole(_ accounts: Accounts) async throws -> Caller? {
            try await accounts.roles(login: account.login).first { $0.role.rawValue == role }
        }
    }

    struct Revoke: AccountCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a role from an account, and sign it out everywhere.",
            discussion: "The last role cannot be taken: close the account instead.")
        @OptionGroup var account: AccountOptions
        @Option(help: "The role.")
        var role: String

        func act(on accounts: Accounts) async throws {
            guard let role = Role(rawValue: role) else { throw Complaint("--role must be a role") }
            try await accounts.revoke(role, login: account.login, by: principal, request: "command-line")
            print("\(account.login) is \(role.rawValue) no more.")
        }
    }

    struct SetPassword: AccountCommand {
        static let configuration = CommandConfiguration(
            commandName: "password", abstract: "Give an account a new password, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions

        func act(on accounts: Accounts) async throws {
            guard try await accounts.account(login: account.login) != nil else { throw AccountFault.accountUnknown }
            try await accounts.setPassword(
                try Terminal.newPassword(), login: account.login, by: principal, request: "command-line")
            print("Done. Whoever was signed in as \(account.login) is not any more.")
        }
    }

    struct Lock: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Keep an account from signing in, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions
        func act(on accounts: Accounts) async throws { try await set(.locked, on: accounts) }
    }

    struct Unlock: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Let a locked account sign in again.")
        @OptionGroup var account: AccountOptions
        func act(on accounts: Accounts) async throws { try await set(.active, on: accounts) }
    }

    struct Close: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "End an account for good, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions
        func act(on accounts: Accounts) async throws { try await set(.closed, on: accounts) }
    }

    struct ResetSecondFactor: AccountCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the second factor from who has lost it, and sign the account out everywhere.")
        @OptionGroup var account: AccountOptions
        func act(on accounts: Accounts) async throws {
            try await accounts.resetSecondFactor(login: account.login, by: principal, request: "command-line")
            print("\(account.login) signs in with the password alone.")
        }
    }

    struct Link: AccountCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whom an identity provider means.",
            discussion: "The issuer as the provider writes it, and the subject (sub) it gives this person, which never changes.")
        @OptionGroup var account: AccountOptions
        @Option(help: "The provider's issuer: https://login.example.")
        var issuer: String
        @Option(help: "The person's subject there.")
        var subject: String

        func act(on accounts: Accounts) async throws {
            guard (1...255).contains(subject.utf8.count), (1...512).contains(issuer.utf8.count) else {
                throw Complaint("--subject has 1 to 255 characters")
            }
            try await accounts.link(
                login: account.login, issuer: issuer, subject: subject, by: principal, request: "command-line")
            print("\(account.login) is who \(issuer) calls \(subject).")
        }
    }

    struct Unlink: AccountCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the links to identity providers from an account, and sign it out everywhere.")
        @OptionGroup var account: AccountOptions
        func act(on accounts: Accounts) async throws {
            try await accounts.unlink(login: account.login, by: principal, request: "command-line")
            print("No provider's word signs \(account.login) in.")
        }
    }
}

/// A command about accounts: the clinic is opened for it, and what accounts refuse is said in words.
protocol AccountsCommand: AsyncParsableCommand {
    var clinic: ClinicOptions { get }
    func act(on accounts: Accounts) async throws
}

extension AccountsCommand {
    var principal: String { UserCommand.principal }

    func run() async throws {
        try await withHouse(clinic) { house in
            try await house.migrator.up()
            do { try await act(on: try house.accounts) } catch let fault as AccountFault { throw Complaint(fault.words) }
        }
    }
}

/// The same about one account.
protocol AccountCommand: AccountsCommand {
    var account: UserCommand.AccountOptions { get }
}

extension AccountCommand {
    var clinic: ClinicOptions { account.clinic }

    fileprivate func set(_ state: Account.State, on accounts: Accounts) async throws {
        try await accounts.set(state, login: account.login, by: principal, request: "command-line")
        print("\(account.login) is \(state.rawValue).")
    }
}

extension Caller {
    fileprivate func limited(to places: Set<ID<Workplace>>) -> Caller { role.canHavePlaces ? working(at: places) : self }

    /// `desk=0192…@0190…,0191…`
    fileprivate var words: String {
        let name = "\(role.rawValue)=\(subject)"
        return places.isEmpty ? name : "\(name)@\(places.map(\.description).sorted().joined(separator: ","))"
    }
}

extension AccountFault {
    fileprivate var words: String {
        switch self {
        case .passwordUnsuitable(let flaw): "the password \(flaw.sentence)"
        case .loginTaken: "there is an account with this login already"
        case .emailTaken: "another account has this address"
        case .emailMissing: "the account's login is no e-mail address, and it has no other"
        case .accountUnknown: "there is no such account, or it has been closed"
        case .overloaded: "too many are signing in at the moment; try again"
        case .roleTaken: "the account is that already, as somebody else: revoke it first"
        case .roleMissing: "the account is not that, or nothing else: then close it"
        case .placeUnknown: "a place is no location of the clinic, or there are more than \(Accounts.placesMaximum)"
        case .secondFactorMissing: "the account has no second factor"
        case .linkTaken: "this account, or this subject of the provider, is linked already; 'user unlink' takes a link away"
        case .credentialsWrong, .tooManyTries, .roleNeeded, .sessionEnded, .secondFactorNeeded, .secondFactorThere, .codeWrong,
            .linkOver,
            .emailVerified, .emailChangedLately, .serviceUnknown, .scopeNotGranted, .serviceThere, .identityRefused:
            "this cannot be done at the command line"
        }
    }
}
