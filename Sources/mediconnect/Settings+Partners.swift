import Configuration
import Connectors
import Foundation
import Notation
import Outbound
import Partners
import Resilience
import Scheduling
import Workflows

/// Whom the clinic works with outside, and how it reaches them. What is not set is nil, and then nobody is asked.
struct PartnerSettings: Sendable {
    var texts: TextSettings?
    var payments: PaymentSettings?
    var scheduling: SchedulingSettings?
    /// How long another calendar is asked.
    var confirmedWithin = Span.minutes(15)
    var mail: MailServiceSettings?
    /// Takes letters by SMTP, instead of the service.
    var mailServer: MailServer?
    var records: RecordsSettings?
    /// The system that is being replaced.
    var legacy: LegacySettings?
    var legacyRules = LegacyRules()
    var push: PushSettings?
    var broker: BrokerSettings?
    /// Places in the clinic's own network.
    var exceptions: [OutboundException] = []
    /// Simulators on this machine; empty unless they are believed.
    var trials: [OutboundException] = []
    /// Whether a simulator's word counts, and may be called on this machine.
    var believesSimulators = false
    /// How long each is waited for, and when it is left alone.
    var figures = WayFigures()
    /// What somebody decided by hand, by destination.
    var orders: [String: CircuitBreaker.Order] = [:]

    static let destinations = WayOutSettings.all.map(\.destination)

    /// The names of the other calendars that can be asked.
    var calendars: Set<String> { Set(scheduling.map { Array($0.providers.keys) } ?? []) }

    /// For `check`: no secrets.
    var listing: [(name: String, value: String)] {
        [
            ("sms.url", texts?.base ?? "none"), ("payments.url", payments?.base ?? "none"),
            ("scheduling.providers", scheduling.map { $0.providers.keys.sorted().joined(separator: ",") } ?? "none"),
            ("scheduling.seconds", "\(Int(confirmedWithin.seconds))"),
            ("mail.service.url", mail?.base ?? "none"),
            ("mail.service.lookup", mail?.listedAfter.map { "after \(Int($0.seconds)) s" } ?? "none"),
            ("records.url", records?.base ?? "none"),
            ("legacy.url", legacy?.base ?? "none"),
            (
                "legacy.names.file",
                "\(legacyRules.practitioners.count) practitioners, \(legacyRules.visitTypes.count) visit types"
            ),
            ("legacy.compared", "\(legacyRules.compared)"), ("legacy.rate", "\(legacyRules.takenPerSecond)"),
            ("push.account.file", push.map { "the project \($0.account.project)" } ?? "none"),
            ("broker.url", broker.map { "amqp\($0.isEncrypted ? "s" : "")://\($0.host):\($0.port)" } ?? "none"),
            ("partners.simulator", believesSimulators ? "true: nothing that is sent there is real" : "false"),
            ("partners.open", order(.forcedOpen)), ("partners.unguarded", order(.disabled)),
        ] + figures.listing
    }

    private func order(_ order: CircuitBreaker.Order) -> String {
        let names = orders.filter { $0.value == order }.keys.sorted()
        return names.isEmpty ? "none" : names.joined(separator: ",")
    }
}

extension PartnerSettings {
    /// Reads them, and adds what is wrong to `problems`.
    ///
    /// - Parameter mailServer: as `MailSettings` has read it.
    init(_ config: ConfigReader, isDemo: Bool, mailServer: MailServer?, problems: inout [String]) {
        // In a settings file a number is a number: whoever left its quotes away is heard, too.
        func text(_ key: String) -> String? {
            let key = ConfigKey(key)
            let text = config.string(forKey: key) ?? config.int(forKey: key).map { "\($0)" }
            return (text ?? config.double(forKey: key).map { "\($0)" }).flatMap { $0.isEmpty ? nil : $0 }
        }
        // A secret stands in the environment or, better, in a file that holds it and nothing else.
        func secret(_ key: String) -> Personal<String>? {
            if let file = text("\(key).file") {
                let bytes = FileManager.default.contents(atPath: file).flatMap { String(data: $0, encoding: .utf8) }
                let secret = bytes?.trimmingCharacters(in: .whitespacesAndNewlines)
                guard let secret, !secret.isEmpty else {
                    problems.append("\(key).file: \(file) cannot be read, or is empty")
                    return nil
                }
                return Personal(secret)
            }
            return config.string(forKey: ConfigKey(key), isSecret: true).flatMap { $0.isEmpty ? nil : Personal($0) }
        }
        func whole<Settings>(_ parts: [(name: String, isThere: Bool)], _ make: () -> Settings?) -> Settings? {
            guard parts.contains(where: \.isThere) else { return nil }
            let missing = parts.filter { !$0.isThere }.map(\.name)
            for name in missing { problems.append("\(name): is needed with \(parts.first { $0.isThere }!.name)") }
            return missing.isEmpty ? make() : nil
        }

        // partners.simulator: true or false; default false, with --demo true. Only then `mediconnect simulator` may be a destination.
        let trial = config.string(forKey: "partners.simulator") ?? config.bool(forKey: "partners.simulator").map { "\($0)" }
        let simulator = trial.flatMap { $0.isEmpty ? nil : $0 } ?? (isDemo ? "true" : "false")
        if !["true", "false"].contains(simulator) { problems.append("partners.simulator: must be true or false") }
        believesSimulators = simulator == "true"
        self.mailServer = mailServer
        self.mailServer?.believesSimulators = believesSimulators
        // partners.network: places in the clinic's own network that may be called, as `https://sms.clinic.lan=10.1.0.0/16`, with
        // commas between; default none.
        for part in text("partners.network")?.split(separator: ",") ?? [] {
            guard let exception = OutboundException(String(part.filter { $0 != " " })) else {
                problems.append("partners.network: must be https://host=10.1.0.0/16, or several such with commas")
                continue
            }
            exceptions.append(exception)
        }

        // sms.account, sms.token(.file), sms.sender: an account at Twilio or whatever speaks its API; default none, which sends no text
        // messages. sms.url: default https://api.twilio.com. sms.callback: where the carrier tells what became of a message; default
        // none.
        let (account, token, sender) = (text("sms.account"), secret("sms.token"), text("sms.sender"))
        texts = whole([("sms.account", account != nil), ("sms.token.file", token != nil), ("sms.sender", sender != nil)]) {
            var settings = TextSettings(account: account!, token: token!, sender: sender!)
            settings.base = text("sms.url") ?? settings.base
            settings.callback = text("sms.callback")
            return settings
        }
        if let sender, PhoneNumber(sender) == nil, !sender.hasPrefix("MG") {
            problems.append("sms.sender: must be a number such as +4930100200, or a messaging service (MG…)")
        }
        // payments.secret(.file), payments.signing(.file): an account at Stripe, or whatever speaks its API; default none, which takes no
        // money. The signing secrets are one, or two with a comma while one is replaced. payments.url: default https://api.stripe.com.
        let (key, signing) = (secret("payments.secret"), secret("payments.signing"))
        payments = whole([("payments.secret.file", key != nil), ("payments.signing.file", signing != nil)]) {
            var settings = PaymentSettings(secret: key!, signing: PaymentSettings.secrets(signing!))
            settings.base = text("payments.url") ?? settings.base
            return settings
        }
        // scheduling.providers: other calendars, as `north=https://north.example/api`, with commas between; default none.
        // scheduling.token(.file): what we prove ourselves with.
        let bearer = secret("scheduling.token")
        var providers: [String: String] = [:]
        for part in text("scheduling.providers")?.split(separator: ",") ?? [] {
            let halves = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard halves.count == 2, ExternalConfirmation.isName(halves[0]), providers[halves[0]] == nil else {
                problems.append("scheduling.providers: must be name=https://…, or several such with commas, each name once")
                continue
            }
            providers[halves[0]] = halves[1]
        }
        // scheduling.seconds: how long a calendar is asked before an appointment is given up, 10 to 86400; default 900.
        if let seconds = text("scheduling.seconds") {
            if let seconds = Int(seconds), (10...86_400).contains(seconds) {
                confirmedWithin = .seconds(seconds)
            } else {
                problems.append("scheduling.seconds: must be from 10 to 86400")
            }
        }
        scheduling = whole([("scheduling.providers", !providers.isEmpty), ("scheduling.token.file", bearer != nil)]) {
            SchedulingSettings(providers: providers, token: bearer!)
        }
        // mail.service.key(.file): an account at SendGrid, or whatever speaks its API, that letters go through instead of a mail server;
        // default none. mail.service.url: default https://api.sendgrid.com.
        mail = secret("mail.service.key").map { key in
            var settings = MailServiceSettings(key: key)
            settings.base = text("mail.service.url") ?? settings.base
            return settings
        }
        // mail.service.lookup: after how many seconds the service's own list has a letter for sure, 1 to 3600; default none, where the account has
        // no list that may be read.
        if let lag = text("mail.service.lookup") {
            if let seconds = Int(lag), (1...3_600).contains(seconds) {
                mail?.listedAfter = .seconds(seconds)
            } else {
                problems.append("mail.service.lookup: must be from 1 to 3600")
            }
        }
        if mail != nil, text("mail.url") != nil { problems.append("mail.service.key: cannot be combined with mail.url") }
        if mail != nil, text("mail.from") == nil { problems.append("mail.from: is needed with mail.service.key") }
        // records.url, records.tokens, records.client, records.secret(.file), records.system: a hospital's FHIR server, where it gives tokens,
        // who we are there, and the naming system of our identifiers; default none.
        let (url, tokens, client) = (text("records.url"), text("records.tokens"), text("records.client"))
        let (word, system) = (secret("records.secret"), text("records.system"))
        records = whole([
            ("records.url", url != nil), ("records.tokens", tokens != nil), ("records.client", client != nil),
            ("records.secret.file", word != nil), ("records.system", system != nil),
        ]) { RecordsSettings(base: url!, tokens: tokens!, client: client!, secret: word!, system: system!) }
        var legacyFlaws: [String] = []
        readLegacy(text, secret, &legacyFlaws)
        problems += legacyFlaws
        // push.account.file: the JSON file of a service account of Firebase's; default none. push.url: default
        // https://fcm.googleapis.com.
        if let file = text("push.account.file") {
            let account = FileManager.default.contents(atPath: file).flatMap { ServiceAccount(parsing: Array($0)) }
            if account == nil { problems.append("push.account.file: \(file) is no service account's file, or cannot be read") }
            push = account.map { account in
                var settings = PushSettings(account: account)
                settings.base = text("push.url") ?? settings.base
                return settings
            }
        }
        var flaws: [String] = []
        readBroker(text, secret, &flaws)
        problems += flaws
        readOrders(text, &problems)
        figures = WayFigures(text, hasMailServer: mailServer != nil, problems: &problems)
        checkAddresses(&problems)
    }

    /// legacy.url, legacy.token(.file): the appointment system that is being replaced, and what we prove ourselves with; default none.
    /// legacy.names.file: a JSON file of its names for practitioners and visit types; default none. legacy.compared: how many requests are
    /// compared before a switch, 10 to 100000; default 1000. legacy.rate: how many of its appointments are taken over in a second at most, 1
    /// to 1000; default 50.
    private mutating func readLegacy(
        _ text: (String) -> String?, _ secret: (String) -> Personal<String>?, _ problems: inout [String]
    ) {
        let (url, token) = (text("legacy.url"), secret("legacy.token"))
        if let file = text("legacy.names.file") {
            do {
                guard let bytes = FileManager.default.contents(atPath: file) else { throw CocoaError(.fileReadNoSuchFile) }
                legacyRules = try LegacyRules(names: Array(bytes))
            } catch let flaws as FieldProblems {
                problems += flaws.problems.map { "legacy.names.file: line \($0.line), \($0.pointer): \($0.detail)" }
            } catch { problems.append("legacy.names.file: \(file) cannot be read") }
        }
        for (key, range, set) in [
            ("legacy.compared", 10...100_000, \LegacyRules.compared), ("legacy.rate", 1...1_000, \LegacyRules.takenPerSecond),
        ] as [(String, ClosedRange<Int>, WritableKeyPath<LegacyRules, Int>)] {
            guard let value = text(key) else { continue }
            if let number = Int(value), range.contains(number) {
                legacyRules[keyPath: set] = number
            } else {
                problems.append("\(key): must be from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        switch (url, token) {
        case (let url?, let token?): legacy = LegacySettings(base: url, token: token)
        case (nil, _?): problems.append("legacy.url: is needed with legacy.token.file")
        case (_?, nil): problems.append("legacy.token.file: is needed with legacy.url")
        case (nil, nil): break
        }
        if legacy != nil, calendars.contains(Replacement.provider) {
            problems.append("scheduling.providers: none may be called \(Replacement.provider) where legacy.url is set")
        }
    }

    /// broker.url: `amqps://host:5671/vhost`, or amqp:// for a broker on this machine; default none. broker.user, broker.password(.file): who we
    /// are; needed with it. broker.exchange: default amq.topic. broker.authorities: a file of certificates; default Debian's.
    private mutating func readBroker(
        _ text: (String) -> String?, _ secret: (String) -> Personal<String>?, _ problems: inout [String]
    ) {
        guard let url = text("broker.url") else { return }
        guard var settings = BrokerSettings(address: url) else {
            problems.append("broker.url: must be amqps://host:port/vhost, without user and password")
            return
        }
        if !settings.isEncrypted, !["127.0.0.1", "localhost"].contains(settings.host) {
            problems.append("broker.url: amqp:// is only for a broker on this machine")
        }
        settings.exchange = text("broker.exchange") ?? settings.exchange
        settings.authorities = text("broker.authorities") ?? settings.authorities
        guard let user = text("broker.user"), let password = secret("broker.password") else {
            problems.append("broker.user: and broker.password.file are needed with broker.url")
            return
        }
        (settings.user, settings.password) = (user, password)
        broker = settings
    }

    /// partners.open, partners.unguarded: destinations, with commas between, that are not called at all, or called whatever comes back;
    /// default none. Read again on SIGHUP.
    private mutating func readOrders(_ text: (String) -> String?, _ problems: inout [String]) {
        for (key, order) in [("partners.open", CircuitBreaker.Order.forcedOpen), ("partners.unguarded", .disabled)] {
            for name in text(key)?.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) ?? [] {
                guard Self.destinations.contains(name) else {
                    problems.append("\(key): must be some of \(Self.destinations.joined(separator: ", "))")
                    continue
                }
                if orders[name] != nil { problems.append("\(key): \(name) cannot be both open and unguarded") }
                orders[name] = order
            }
        }
    }

    /// A place on this machine is called only where a simulator may be: nobody's money is to be taken by one by accident.
    private mutating func checkAddresses(_ problems: inout [String]) {
        let places =
            [
                ("sms.url", texts?.base), ("payments.url", payments?.base), ("mail.service.url", mail?.base),
                ("legacy.url", legacy?.base),
                ("records.url", records?.base), ("records.tokens", records?.tokens), ("push.url", push?.base),
                ("push.account.file", push?.account.tokens),
            ]
            + (scheduling?.providers.values.sorted().map { ("scheduling.providers", $0) } ?? [])
        for case (let name, let address?) in places {
            let isHere = address.hasPrefix("http://127.0.0.1:") || address.hasPrefix("http://localhost:")
            if isHere, believesSimulators {
                let origin = address.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
                let host = origin.count > 2 ? origin[2].prefix { $0 != "/" } : ""
                if let exception = OutboundException("http://\(host)=127.0.0.0/8") { trials.append(exception) }
            } else if isHere {
                problems.append(
                    "\(name): is on this machine, where only a simulator would be; set partners.simulator to true if this is a trial"
                )
            }
            do { _ = try OutboundPolicy(exceptions: exceptions + trials).destination(address) } catch  where !isHere {
                problems.append("\(name): \(error)")
            } catch {}
        }
    }
}

/// The ways out of a node, one for each destination.
final class Ways: Sendable {
    let texts: TextConnector?
    let payments: PaymentConnector?
    let scheduling: SchedulingConnector?
    let mail: MailServiceConnector?
    let records: RecordsConnector?
    let legacy: LegacyConnector?
    let push: PushConnector?
    let broker: BrokerConnector?
    /// To strangers: whatever the settings open in the clinic's own network stays shut to them.
    let webhooks: WebhookConnector
    /// One for all clinics in the node, so that they have its room together.
    let mailServer: SMTPConnector?
    private let all: [WayOut]

    /// Throws when a file of authorities cannot be read.
    init(_ settings: PartnerSettings, surroundings: Surroundings, report: @escaping @Sendable (WayOutEvent) -> Void) throws {
        var all: [WayOut] = []
        func way(_ usual: WayOutSettings) throws -> WayOut {
            var chosen = settings.figures.applied(to: usual)
            chosen.exceptions = settings.exceptions + settings.trials
            chosen.believesSimulators = settings.believesSimulators
            let way = try WayOut(chosen, surroundings: surroundings, report: report)
            all.append(way)
            return way
        }
        texts = try settings.texts.map { TextConnector($0, way: try way(.texts)) }
        payments = try settings.payments.map { PaymentConnector($0, way: try way(.payments)) }
        scheduling = try settings.scheduling.map { try SchedulingConnector($0) { _ in try way(.scheduling) } }
        let clock = surroundings.clock
        mail = try settings.mail.map { MailServiceConnector($0, way: try way(.mail)) }
        mailServer = try settings.mailServer.map { SMTPConnector($0, way: try way(.mailServer)) }
        records = try settings.records.map {
            RecordsConnector($0, way: try way(.records), tokens: try way(.records), clock: clock)
        }
        legacy = try settings.legacy.map { LegacyConnector($0, way: try way(.legacy)) }
        push = try settings.push.map { PushConnector($0, way: try way(.push), tokens: try way(.push), clock: clock) }
        broker = try settings.broker.map { BrokerConnector($0, way: try way(.broker)) }
        var strangers = settings.figures.applied(to: .webhooks)
        (strangers.exceptions, strangers.believesSimulators) = (settings.trials, settings.believesSimulators)
        webhooks = WebhookConnector(strangers, surroundings: surroundings, report: report)
        self.all = all
        follow(settings.orders)
    }

    /// What somebody decided by hand; a destination that is not named is looked after by its breaker again.
    func follow(_ orders: [String: CircuitBreaker.Order]) {
        for way in all {
            let order = orders[way.settings.destination] ?? .automatic
            if way.status.state.order != order { way.follow(order) }
        }
        webhooks.follow(orders[WayOutSettings.webhooks.destination] ?? .automatic)
    }

    /// How the partners stand now that are called. Of several ways with one name the worst: two calendars, a system and where it gives tokens.
    /// Strangers who are told by webhook are none: `WebhookConnector.states(of:)` has them.
    var states: [String: CircuitBreaker.State] {
        Dictionary(all.map(\.status).map { ($0.destination, $0.state) }) { $0.figure > $1.figure ? $0 : $1 }
    }

    /// How much is under way to whom, strangers among them.
    var statuses: [WayOutStatus] { all.map(\.status) + webhooks.statuses }

    /// Which partners are left alone now, for whoever asks how everything is.
    var health: [(name: String, state: String)] {
        states.sorted { $0.key < $1.key }.map { name, state in
            ("partner.\(name)", state.figure >= 2 && state != .disabled ? state.words : "ok")
        }
    }
}

extension CircuitBreaker.State {
    /// Which order it follows.
    var order: CircuitBreaker.Order {
        switch self {
        case .forcedOpen: .forcedOpen
        case .disabled: .disabled
        case .closed, .open, .halfOpen: .automatic
        }
    }
}
