import ArgumentParser
import API
import Configuration
import Foundation
import Logging
import Notation
import Outbound
import People
import Scheduling
import Sealing
import Secrecy
import SystemPackage
import SingleSignOn
import Tenancy
import Workflows

/// The flags every command that touches the clinic takes. Flags win over the environment, the environment over the file.
struct CommonOptions: ParsableArguments {
    @Option(name: .customLong("data"), help: "Folder of the database and the token secret (MEDICONNECT_DATA; default ./data).")
    var data: String?

    @Option(
        name: .customLong("database"),
        help: "postgres://user@host:port/name, or nothing for the database in the folder (MEDICONNECT_DATABASE_URL).")
    var database: String?

    @Option(name: .customLong("settings"), help: "A JSON file with settings (MEDICONNECT_SETTINGS).")
    var file: String?

    @Option(
        name: .customLong("log-level"), help: "trace, debug, info, notice, warning, error or critical (MEDICONNECT_LOG_LEVEL).")
    var logLevel: String?
}

/// The flags of commands that know about several clinics.
struct NetworkOptions: ParsableArguments {
    @Option(
        name: .customLong("tenants"), help: "The directory of clinics, a JSON file (MEDICONNECT_TENANTS; default one clinic).")
    var tenants: String?
}

/// The flags of commands that touch one clinic.
struct ClinicOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @OptionGroup var network: NetworkOptions

    @Option(name: .customLong("tenant"), help: "Which clinic of the directory.")
    var tenant: String?
}

/// Everything that can be set, with what holds when nobody sets it.
struct Settings: Sendable {
    var data: String
    /// Nil is the embedded database in `data`.
    var databaseURL: String?
    /// For listening and electing, past a pooler; nil is `databaseURL`.
    var directURL: String?
    /// For whoever owns the tables, where the server does not; nil is `databaseURL`.
    var ownerURL: String?
    /// Nil reads everything from the primary.
    var replicaURL: String?
    var pool: Int
    var isBehindBouncer: Bool
    var roles: Set<NodeRole>
    var host: String
    var port: Int
    var publicURL: String
    var logLevel: Logger.Level
    var eventLoops: Int
    var readers: Int
    var waitingMaximum: Int
    var checkpointPages: Int
    var drainSeconds: Int
    var leaseSeconds: Int
    var bodyMaximumBytes: Int
    var tenants: TenantSettings
    var tls: TLSSettings
    var limits: LimitSettings
    var patientLimits: PatientLimits
    /// Who else knows the staff.
    var providers: [Provider]
    /// How long opening a database waits for a server that is not there yet.
    var patienceSeconds = 30.0
    /// Nil is `token.secret` in `data`.
    var secretFile: String?

    /// What wraps the keys of the clinics' personal data.
    var master: MasterSettings

    /// Nil is `audit.anchor` in `data`.
    var anchorFile: String?
    /// Where somebody who has found a weakness can tell it; nil says it nowhere.
    let securityContact: String?
    var mail: MailSettings
    var partners: PartnerSettings
    /// Who cannot do anything without a second factor.
    var secondFactor: SecondFactorPolicy
    /// Whether somebody has set it.
    let isSecondFactorChosen: Bool

    /// What is the clinic's to decide.
    var clinic: ClinicSettings {
        var clinic = ClinicSettings()
        clinic.patientLimits = patientLimits
        clinic.remindersBefore = mail.reminders
        clinic.schedulingProviders = partners.calendars
        clinic.confirmedWithin = partners.confirmedWithin
        clinic.keepsRecords = partners.records != nil
        clinic.publishesEvents = partners.broker != nil
        clinic.webhookPolicy = OutboundPolicy(exceptions: partners.trials)
        clinic.legacy = partners.legacy == nil ? nil : partners.legacyRules
        return clinic
    }

    var databaseName: String { databaseURL.map(DatabaseAddress.withoutPassword) ?? databasePath }
    var databasePath: String { data + "/clinic.sqlite" }
    var secretPath: String { secretFile ?? data + "/token.secret" }
    var sealKeyPath: String { data + "/audit.key" }
    var anchorPath: String { anchorFile ?? data + "/audit.anchor" }
}

/// Of whom the clinic wants a second factor.
enum SecondFactorPolicy: String, Sendable, CaseIterable {
    case staff, everybody, nobody

    var roles: Set<Role> {
        switch self {
        case .staff: Set(Role.allCases).subtracting([.patient])
        case .everybody: Set(Role.allCases)
        case .nobody: []
        }
    }
}

/// What is wrong with the settings, all of it.
struct SettingsProblems: Error, CustomStringConvertible {
    let problems: [String]
    var description: String { problems.joined(separator: "\n") }
}

extension Settings {
    /// Reads flags, environment and file, and checks every value.
    static func read(
        _ options: CommonOptions, _ network: NetworkOptions? = nil, host: String? = nil, port: Int? = nil, role: String? = nil,
        isDemo: Bool = false, defaults: [AbsoluteConfigKey: ConfigValue] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> Settings {
        var flags: [AbsoluteConfigKey: ConfigValue] = [:]
        func flag(_ key: AbsoluteConfigKey, _ content: ConfigContent?) {
            if let content { flags[key] = ConfigValue(content, isSecret: false) }
        }
        flag(["data"], options.data.map { .string($0) })
        flag(["database", "url"], options.database.map { .string($0) })
        flag(["log", "level"], options.logLevel.map { .string($0) })
        flag(["tenants"], network?.tenants.map { .string($0) })
        flag(["role"], role.map { .string($0) })
        flag(["host"], host.map { .string($0) })
        flag(["port"], port.map { .int($0) })
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "flags", values: flags),
            EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "mediconnect"),
        ]
        if let path = options.file ?? environment["MEDICONNECT_SETTINGS"] {
            do { providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(path))) } catch {
                throw SettingsProblems(problems: ["settings: the file \(path) cannot be read as a JSON object of settings"])
            }
        }
        providers.append(InMemoryProvider(name: "demonstration", values: defaults))
        return try Settings(ConfigReader(providers: providers), isDemo: isDemo, environment: environment)
    }

    private init(_ config: ConfigReader, isDemo: Bool, environment: [String: String]) throws {
        var problems: [String] = []
        var (tlsProblems, signOnProblems): ([String], [String]) = ([], [])
        func whole(_ key: ConfigKey, _ name: String, _ usual: Int, _ range: ClosedRange<Int>) -> Int {
            let text = config.string(forKey: key)
            let number = config.int(forKey: key) ?? text.flatMap { Int($0) }
            guard let number else {
                if text != nil {
                    problems.append("\(name): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
                }
                return usual
            }
            if !range.contains(number) { problems.append("\(name): must be from \(range.lowerBound) to \(range.upperBound)") }
            return number
        }
        // data: text, a folder; default ./data. Database, log of the database, lock and token secret live in it.
        data = config.string(forKey: "data", default: "data")
        // audit.anchor: text, a file; default audit.anchor in `data`. Once a minute a line is added to it that says how far the
        // sealed audit trail goes. Only one that is kept elsewhere, where nobody can delete a line, tells of an old backup or of
        // an end that was cut off. With tenants each has a file of its own, with its name behind a dot.
        // security.contact: `mailto:…` or `https://…`, for /.well-known/security.txt; default none, and then there is none.
        securityContact = config.string(forKey: "security.contact").flatMap { $0.isEmpty ? nil : $0 }
        if let securityContact, SecurityText(contact: securityContact, now: Instant(microseconds: 0)) == nil {
            problems.append("security.contact: must begin with mailto: or https://")
        }
        anchorFile = config.string(forKey: "audit.anchor").flatMap { $0.isEmpty ? nil : $0 }
        // master.key: 64 hexadecimal digits, secret; or several with commas: the first wraps data keys, all unwrap. master.file:
        // files of 32 bytes, with commas likewise. Default the file master.key in `data`, made on the first start; every node of
        // a clinic needs the same. Without it no personal data can be read: keep it apart from the database and its backups.
        master = MasterSettings(usual: data + "/master.key")
        let digits = config.string(forKey: "master.key", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        for part in digits?.split(separator: ",") ?? [] {
            let secret = Hexadecimal.bytes(part.filter { !$0.isWhitespace }.lowercased())
            if let secret, secret.count == LocalMasterKeys.byteCount {
                master.secrets.append(secret)
            } else {
                problems.append("master.key: must be 64 hexadecimal digits, or several such with commas")
            }
        }
        master.files = config.string(forKey: "master.file")?.split(separator: ",").map(String.init) ?? []
        if digits != nil, !master.files.isEmpty { problems.append("master.file: cannot be combined with master.key") }
        // accounts.secondfactor: staff, everybody or nobody; default staff, and nobody in a demonstration. Who needs one and has none
        // can sign in and add it, and nothing else.
        let factor = config.string(forKey: "accounts.secondfactor")
        secondFactor = factor.flatMap { SecondFactorPolicy(rawValue: $0) } ?? .staff
        isSecondFactorChosen = factor != nil
        mail = MailSettings(config, problems: &problems)
        partners = PartnerSettings(config, isDemo: isDemo, mailServer: mail.server, problems: &problems)
        if let factor, SecondFactorPolicy(rawValue: factor) == nil {
            problems.append("accounts.secondfactor: must be staff, everybody or nobody")
        }
        // database.url: text, secret when it holds a password; default none, which is the embedded database in `data`.
        // postgres://user@host1,host2:5432/name?target_session_attrs=read-write&sslmode=verify-full&passfile=…, as libpq reads
        // it; the password is better in a file (passfile) or in PGPASSWORD.
        databaseURL = config.string(forKey: "database.url", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        if let url = databaseURL, !url.hasPrefix("postgres://"), !url.hasPrefix("postgresql://") {
            problems.append("database.url: must start with postgres://; leave it out for the embedded database")
        }
        // database.direct.url: text; default database.url. Behind PgBouncer, the way past it: a node listens and is elected on
        // one connection of its own.
        directURL = config.string(forKey: "database.direct.url", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        // database.owner.url: text; default database.url. Where the tables belong to another role than the server works as: 'migrate'
        // uses this one, and lets the role of database.url work with them, but not change or delete what is in the audit.
        ownerURL = config.string(forKey: "database.owner.url", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        if ownerURL != nil && databaseURL == nil {
            problems.append("database.owner.url: needs database.url, which the server uses")
        }
        // database.replica.url: text; default none. Lists are read there while it does not lag more than five seconds.
        replicaURL = config.string(forKey: "database.replica.url", isSecret: true).flatMap { $0.isEmpty ? nil : $0 }
        // role: api, worker, reconciler, or several with commas between; default all three. A node without api still answers
        // /health and /metrics.
        let role = config.string(forKey: "role", default: "api,worker,reconciler")
        roles = NodeRole.list(role) ?? Set(NodeRole.allCases)
        if NodeRole.list(role) == nil {
            problems.append("role: must be one or more of \(NodeRole.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        // database.pool: connections of this node to PostgreSQL; default 10. One groups bookings, the others do the rest.
        pool = whole("database.pool", "database.pool", 10, 2...500)
        // database.bouncer: true behind PgBouncer in transaction mode; default false. Nothing is prepared then.
        let bouncer = config.string(forKey: "database.bouncer", default: "false")
        isBehindBouncer = bouncer == "true"
        if !["true", "false"].contains(bouncer) { problems.append("database.bouncer: must be true or false") }
        // host: text, default 127.0.0.1. 0.0.0.0 answers the network.
        host = config.string(forKey: "host", default: "127.0.0.1")
        // port: whole number 0…65535, default 8080. 0 takes a free one and says which.
        port = whole("port", "port", 8080, 0...65_535)
        tls = TLSSettings(config, whole, &tlsProblems)
        problems += tlsProblems
        // publicUrl: text, default http://HOST:PORT, with a certificate https. Where clients reach the server; the addresses of problems start with it.
        publicURL = config.string(forKey: "public.url", default: "\(tls.files == nil ? "http" : "https")://\(host):\(port)")
        if !publicURL.hasPrefix("http://") && !publicURL.hasPrefix("https://") {
            problems.append("public.url: must start with http:// or https://")
        }
        providers = Self.providers(config, base: publicURL, &signOnProblems)
        problems += signOnProblems
        // log.level: one of swift-log's, default notice. Reads are logged at debug, changes at info.
        let level = config.string(forKey: "log.level", default: "info")
        logLevel = Logger.Level(rawValue: level) ?? .info
        if Logger.Level(rawValue: level) == nil {
            problems.append("log.level: must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        // event.loops: threads that read and write sockets; default 1: on few cores one loop and larger groups are faster.
        eventLoops = whole("event.loops", "event.loops", 1, 1...64)
        // database.readers: threads that read the database; default 4.
        readers = whole("database.readers", "database.readers", 4, 1...64)
        // database.waiting: writes that may wait before new ones hear 503; default 10000.
        waitingMaximum = whole("database.waiting", "database.waiting", 10_000, 10...1_000_000)
        // database.checkpoint: pages of 4 KiB after which the log is moved into the file; default 16000. More save writing what
        // changes often, and make the start after a crash longer, which reads the log.
        checkpointPages = whole("database.checkpoint", "database.checkpoint", 16_000, 100...1_000_000)
        // drain.seconds: how long a stop waits for what is in flight; default 30.
        drainSeconds = whole("drain.seconds", "drain.seconds", 30, 1...600)
        // outbox.lease: whole seconds, 5 to 600; default 60. How long what a worker was at waits when it has died, or stopped saying that it
        // is still at it, before another takes it.
        leaseSeconds = whole("outbox.lease", "outbox.lease", 60, 5...600)
        // body.maximum: bytes of a request's body; default 262144.
        bodyMaximumBytes = whole("body.maximum", "body.maximum", 256 * 1024, 1024...16_777_216)
        // patients.holds: times one patient may hold at once; default 3. patients.appointments: how many they may have ahead; default
        // 20. patients.lapses: how many of their holds may come to nothing in an hour before they may hold no more; default 10. 0 is no
        // limit. They bind patients, not the staff.
        func most(_ name: String, _ usual: Int?) -> Int? {
            let count = whole(ConfigKey("patients.\(name)"), "patients.\(name)", usual ?? 0, 0...100_000)
            return count == 0 ? nil : count
        }
        let own = PatientLimits.usual
        patientLimits = PatientLimits(
            holds: most("holds", own.holds), appointments: most("appointments", own.appointments),
            lapses: most("lapses", own.lapses))
        limits = LimitSettings(config, whole: whole, reject: { problems.append($0) })
        // tenants (in a settings file tenants.file): a JSON file, the directory of clinics; default none, which is one clinic.
        let directory = config.string(forKey: "tenants") ?? config.string(forKey: "tenants.file")
        // tenants.connections: connections of this node for all clinics together; default 100. As many clinics are open at once
        // as there are connections for.
        let connections = whole("tenants.connections", "tenants.connections", 100, 2...100_000)
        // tenants.round: seconds after which a node has looked once after every clinic nobody asks for; default 30.
        let round = whole("tenants.round", "tenants.round", 30, 1...3600)
        // tenants.labels: true where strangers cannot read /metrics; default false. Then outcomes say whose they are.
        let labels = config.string(forKey: "tenants.labels", default: "false")
        if !["true", "false"].contains(labels) { problems.append("tenants.labels: must be true or false") }
        tenants = TenantSettings(
            path: directory.flatMap { $0.isEmpty ? nil : $0 }, connections: connections, roundSeconds: round,
            areLabelled: labels == "true")
        if tenants.path != nil {
            if databaseURL != nil || directURL != nil || replicaURL != nil {
                problems.append("tenants: cannot be combined with database.url; the directory says where each clinic lives")
            }
            let largest = max(pool, readers) + 1
            if connections < largest {
                problems.append("tenants.connections: must be at least \(largest), what one clinic takes")
            }
        }
        if !problems.isEmpty { throw SettingsProblems(problems: problems) }
    }

    /// Every setting as it holds, for `check`.
    var listing: [(name: String, value: String)] {
        [
            ("data", data), ("database.url", databaseURL.map(DatabaseAddress.withoutPassword) ?? "the embedded database in data"),
            ("database.pool", String(pool)), ("database.bouncer", String(isBehindBouncer)),
            ("database.direct.url", directURL.map(DatabaseAddress.withoutPassword) ?? "database.url"),
            ("database.owner.url", ownerURL.map(DatabaseAddress.withoutPassword) ?? "database.url"),
            ("database.replica.url", replicaURL.map(DatabaseAddress.withoutPassword) ?? "none"),
            ("role", NodeRole.allCases.filter(roles.contains).map(\.rawValue).joined(separator: ",")), ("host", host),
            ("port", String(port)), ("public.url", publicURL), ("log.level", logLevel.rawValue),
            ("event.loops", String(eventLoops)), ("database.readers", String(readers)),
            ("database.waiting", String(waitingMaximum)),
            ("database.checkpoint", String(checkpointPages)), ("audit.anchor", anchorPath),
            ("master.file", master.listing),
            ("security.contact", securityContact ?? "none"),
            ("accounts.secondfactor", secondFactor.rawValue),
            ("drain.seconds", String(drainSeconds)), ("body.maximum", String(bodyMaximumBytes)),
            ("outbox.lease", String(leaseSeconds)),
            ("tenants", tenants.path ?? "none: one clinic"), ("tenants.connections", String(tenants.connections)),
            ("tenants.round", String(tenants.roundSeconds)), ("tenants.labels", String(tenants.areLabelled)),
        ] + tls.listing + [("oidc.providers", providers.isEmpty ? "none" : providers.map(\.name).joined(separator: ","))]
            + limits.listing + mail.listing + partners.listing
            + [
                ("patients.holds", patientLimits.holds), ("patients.appointments", patientLimits.appointments),
                ("patients.lapses", patientLimits.lapses),
            ].map { ($0.0, $0.1.map(String.init) ?? "none") }
    }
}
