import API
import Admission
import Identity
import Letters
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Notation
import Outbox
import PostgresCluster
import Resilience
import SingleSignOn
import Storage
import StoragePostgres
import StorageSQLite
import Synchronization
import TestKit
import Testing
import Workflows

/// A clinic with its door, for one test: a database of its own in a folder of its own, a clock that stands, and the
/// server's whole HTTP side without a socket.
final class House: Sendable {
    let clock: StandingClock
    let clinic: Clinic
    let outbox: Outbox
    let letters = Letterbox()
    let desk: TrialDesk
    let database: HauntedDatabase
    let keyring: LiveKeyring
    let provider = FakeProvider()
    let breaker: SharedBreaker
    let tokens: Tokens
    let accounts: Accounts
    let api: API
    let serving: Serving
    let premises: Premises
    private let shelter: Shelter.Opened
    private let keys = Mutex(0)
    private let starts = Mutex(0)
    private let issued = Mutex<[Who: String]>([:])

    init(
        operations: Operations = .ofTests, bodyMaximum: Int = 64 * 1024, document: String = Known.document,
        clock: StandingClock = StandingClock(Known.morning), freeTries: Int = 1_000, secret: UInt8 = 7,
        door: Doorkeeper = Doorkeeper(), logger: Logger? = nil, shelter: Shelter = .sqlite, tenant: String? = nil,
        reception: (any Reception)? = nil, incoming: IncomingDoors = .signed
    ) async throws {
        self.shelter = try await shelter.open()
        database = HauntedDatabase(self.shelter.database)
        self.clock = clock
        desk = TrialDesk(clock)
        let surroundings = Surroundings(
            clock: clock, identifiers: Version7Identifiers(clock: clock, random: MachineRandom()), random: MachineRandom())
        var clinicSettings = ClinicSettings()
        clinicSettings.schedulingProviders = ["north"]
        clinicSettings.legacy = LegacyRules()
        clinic = Clinic(
            database: database, surroundings: surroundings, master: Known.master, settings: clinicSettings)
        keyring = LiveKeyring(Keyring(secret: Array(repeating: secret, count: 32)))
        tokens = Tokens(keyring, clock: clock)
        var accountSettings = AccountSettings()
        accountSettings.passwordCost = .least
        accountSettings.freeTries = freeTries
        accounts = Accounts(clinic, keyring, settings: accountSettings)
        let stationery = try Stationery(from: Sender("City Clinic <noreply@clinic.example>")!, links: "https://clinic.example")
        outbox = Outbox(
            database: database, surroundings: surroundings, workerName: "test",
            handlers: clinic.deliveries.merging(accounts.deliveries(by: letters, on: stationery)) { $1 }
                .merging(clinic.deliveries(by: desk)) { $1 })
        breaker = SharedBreaker(GuardedLine.patience, clock: clock, random: surroundings.random)
        let signOn = SignOn(FakeProvider.settings(), line: GuardedLine(provider, breaker: breaker), clock: clock)
        api = API(operations: operations)
        var serving = ServingSettings(base: "https://clinic.example")
        serving.bodyMaximum = bodyMaximum
        premises = Premises(accounts: accounts, tokens: tokens, signOns: [signOn], tenant: tenant, incoming: incoming)
        self.serving = Serving(
            api: api, reception: reception ?? OnlyClinic(premises), door: door, surroundings: surroundings,
            settings: serving, logger: logger ?? Journal.silent)
        try await Migrator(self.shelter.database, migrations: Schema.migrations, clock: clock).up()
        _ = try await clinic.importClinic(Array(document.utf8))
        for who in Who.allCases {
            try await accounts.create(
                login: who.login, password: Known.password, roles: [who.caller], by: "test", request: "test")
            _ = try await token(who)
        }
    }

    func close() async {
        await shelter.close()
    }

    /// Every byte of the embedded database and of what lies beside it.
    func files() throws -> Data {
        let folder = shelter.folder ?? ""
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().reduce(into: Data()) { all, name in
            all.append(FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data())
        }
    }

    func token(_ who: Who) async throws -> String {
        if let known = issued.withLock({ $0[who] }) { return known }
        // As good for a year as it is for its first minutes.
        let session = try await accounts.signIn(
            Credentials(login: who.login, password: Known.password), request: "test"
        ).session
        let token = try await tokens.issue(for: session.caller, session: session.id, lasting: .days(365))
        issued.withLock { $0[who] = token }
        return token
    }

    /// Gives somebody an authenticator, which they need from then on.
    func addFactor(_ who: Who) async throws -> OneTimeSecret {
        let own = try await accounts.signIn(Credentials(login: who.login, password: Known.password), request: "test").session.id
        let secret = try await accounts.proposeSecondFactor(password: Known.password, in: own, request: "test").secret
        _ = try await accounts.confirmSecondFactor(code: secret.code(at: clock.now), in: own, request: "test")
        return secret
    }

    /// A key nobody has used.
    func newKey() -> String {
        keys.withLock { count in
            count += 1
            return "key-\(count)"
        }
    }

    /// Starts nobody else in this test has been given: on the hour, eight a day, from the second Monday on.
    func newStart() -> String {
        let count = starts.withLock { count in
            count += 1
            return count - 1
        }
        let (week, day, hour) = (count / 40, count / 8 % 5, count % 8)
        let date = CalendarDay("2026-03-09")! + week * 7 + day
        let summer = date >= CalendarDay("2026-03-29")!
        let utc = hour + (summer ? 6 : 7)
        return "\(date)T\(utc < 10 ? "0" : "")\(utc):00:00Z"
    }

    /// Delivers whatever is due.
    func deliver() async throws { while try await outbox.step() > 0 {} }
}

/// Runs a test in a house of its own.
func inHouse(
    operations: Operations = .ofTests, bodyMaximum: Int = 64 * 1024, document: String = Known.document,
    freeTries: Int = 1_000, secret: UInt8 = 7, door: Doorkeeper = Doorkeeper(), shelter: Shelter = .sqlite,
    incoming: IncomingDoors = .signed,
    _ body: @escaping @Sendable (Visitor) async throws -> Void
) async throws {
    let house = try await House(
        operations: operations, bodyMaximum: bodyMaximum, document: document, freeTries: freeTries, secret: secret, door: door,
        shelter: shelter, incoming: incoming)
    let application = Application(router: house.serving.router(), logger: Journal.silent)
    do { try await application.test(.router) { try await body(Visitor(house: house, client: $0)) } } catch {
        await house.close()
        throw error
    }
    await house.close()
}

extension Operations {
    /// Of a house where somebody wants to hear of weaknesses.
    static let ofTests = Operations(securityText: { SecurityText(contact: "mailto:security@clinic.example", now: Known.morning) })
}

/// A log nobody reads.
enum Journal {
    static var silent: Logger { Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() } }
}
