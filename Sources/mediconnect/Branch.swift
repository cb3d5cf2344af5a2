import API
import Connectors
import Foundation
import Identity
import Logging
import Moving
import Notation
import Outbox
import Partners
import Resilience
import Scheduling
import SingleSignOn
import Storage
import Telemetry
import Workflows

/// One clinic in this node: its database, the door requests find it behind, and what it does beside answering.
///
/// A node of one clinic has one that is always open; a node of many opens and closes them.
final class Branch: Sendable {
    let house: House
    let premises: Premises
    let outbox: Outbox
    /// What goes to subscribers and to the message broker: apart, so that whoever of them is slow keeps no letter and no payment waiting.
    let eventOutbox: Outbox
    /// How this node reaches whom the clinic works with: one for all clinics in it.
    let ways: Ways
    /// How each provider of single sign-on is reached.
    let signOnWays: [SignOnWay]
    private let keyring: LiveKeyring
    private let neighbourhood: Neighbourhood
    private let logger: Logger
    private let index = Once()
    private let sealer: AuditSealer
    /// What looks for whatever does not fit.
    let sweeper: Sweeper

    var clinic: Clinic { premises.clinic }

    /// Opens the database, and brings its schema up to date. Throws `StorageFault` with a sentence that says what to do.
    ///
    /// - Parameters:
    ///   - tenant: The clinic's name where there are several; it stands in every log line.
    ///   - isLabelled: Whether its name also stands in metrics.
    static func open(
        _ settings: Settings, ways: Ways, tenant: String? = nil, isLabelled: Bool = false, logger: Logger
    ) async throws -> Branch {
        var logger = logger
        if let tenant { logger[metadataKey: "tenant"] = "\(tenant)" }
        let house = try await House.opened(settings, meters: DatabaseMeters(logger: logger))
        do {
            if tenant != nil, try await Move.hasLeft(house.database) { throw StorageFault.moving }
            try await house.migrator.up()
            let observer = OutcomeCounters(tenant: isLabelled ? tenant : nil)
            let branch = try Branch(house, ways, try house.keyring(), observer, tenant: tenant, logger)
            do {
                // Who cannot read the clinic's personal data does not answer for it.
                try await branch.clinic.readKeys()
                // The lock file says that no other process has this database: claimed messages belong to nobody now.
                if !house.engine.isShared { try await branch.outbox.rescueOrphans() }
                return branch
            } catch {
                await branch.neighbourhood.close()
                throw error
            }
        } catch {
            await house.engine.close()
            throw error
        }
    }

    private init(
        _ house: House, _ ways: Ways, _ keyring: LiveKeyring, _ observer: OutcomeCounters, tenant: String?, _ logger: Logger
    ) throws {
        self.house = house
        self.ways = ways
        self.logger = logger
        var rules = house.settings.clinic
        rules.messages = house.settings.messages(ways)
        let clinic = Clinic(
            database: house.database, surroundings: house.surroundings, master: house.master, settings: rules,
            observer: observer)
        self.keyring = keyring
        let signOnWays = try house.settings.providers.filter { $0.tenant == tenant }.map {
            try SignOnWay($0, surroundings: house.surroundings, logger: logger)
        }
        self.signOnWays = signOnWays
        let (stationery, carrier) = try house.settings.post(ways)
        premises = Premises(
            accounts: House.accounts(clinic, keyring, house.settings),
            tokens: Tokens(keyring, clock: house.surroundings.clock),
            signOns: signOnWays.map { SignOn($0.provider, line: $0.line, clock: house.surroundings.clock) }, tenant: tenant,
            hasReplica: house.settings.replicaURL != nil,
            incoming: IncomingDoors(
                payments: ways.payments, texts: ways.texts, textAddress: house.settings.partners.texts?.callback),
            stationery: stationery
        )
        let (bell, eventBell) = (OutboxBell(), OutboxBell())
        let name = "node-\(ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"
        let neighbourhood = try Neighbourhood(house.engine, house.settings, name: name, surroundings: house.surroundings)
        self.neighbourhood = neighbourhood
        clinic.onChange {
            bell.ring()
            eventBell.ring()
            neighbourhood.tell()
        }
        let meters = OutboxMeters(logger: logger)
        let post = MessagePost(stationery: stationery, letters: carrier, texts: ways.texts, push: ways.push)
        var handlers = clinic.deliveries.merging(premises.accounts.deliveries(by: carrier, on: stationery)) { $1 }
            .merging(premises.accounts.messages.deliveries(by: post)) { $1 }
            .merging(ways.payments.map { clinic.deliveries(by: $0) } ?? [:]) { $1 }
        var sweeps = clinic.sweeps() + (ways.payments.map { [clinic.sweep(ofPaymentsAt: $0)] } ?? [])
        let calendars: (any SchedulingPartner)? =
            ways.legacy.map { CalendarsAndLegacy(calendars: ways.scheduling, legacy: $0, called: Replacement.provider) }
            ?? ways.scheduling
        if let legacy = ways.legacy {
            let meters = LegacyMeters(logger: logger)
            let desk = LegacyDesk(clinic, legacy: legacy) { meters.note($0) }
            handlers.merge(desk.deliveries) { $1 }
            sweeps.append(desk.sweep())
        }
        if let partner = calendars {
            let meters = SchedulingMeters(logger: logger)
            let desk = SchedulingDesk(clinic, partner: partner) { meters.note($0) }
            handlers.merge(desk.deliveries) { $1 }
            sweeps.append(desk.sweep())
        }
        if let records = ways.records {
            let meters = RecordsMeters(logger: logger)
            let desk = RecordsDesk(
                clinic, records: records, report: { meters.note($0) }, outage: { meters.note($0) })
            handlers.merge(desk.deliveries) { $1 }
            sweeps += [desk.sweep(), desk.feed()]
        }
        let eventMeters = EventMeters(logger: logger)
        var events = WebhookDesk(clinic, carrier: ways.webhooks) { eventMeters.note($0) }.deliveries
        if let broker = ways.broker {
            events.merge(BusDesk(clinic, broker: broker) { eventMeters.note($0) }.deliveries) { $1 }
        }
        var work = OutboxSettings(lease: .seconds(house.settings.leaseSeconds))
        if !house.settings.roles.contains(.api) { work.modesty = 0 }
        sealer = AuditSealer(
            clinic, key: try House.sealKey(house.settings), anchorPath: house.settings.anchorPath,
            clock: house.surroundings.clock, logger: logger)
        sweeper = Sweeper(sweeps, clock: house.surroundings.clock, logger: logger)
        // Whoever leads sweeps, and need not be a worker; so each worker rescues, which several may do at a time.
        outbox = Outbox(
            database: house.database.doing(.background), surroundings: house.surroundings, workerName: name, settings: work,
            handlers: handlers, bell: bell, report: { meters.note($0) })
        // Room for every webhook to hang as often as its own way allows. What the first rescues and sweeps is of both.
        work.concurrency = Webhook.most * WayOutSettings.webhooks.bulkhead.most
        eventOutbox = Outbox(
            database: house.database.doing(.background), surroundings: house.surroundings, workerName: name, settings: work,
            handlers: events, bell: eventBell, election: Election { false }, report: { meters.note($0) })
    }

    /// Reads what is ahead into the index of free times, once: a clinic that is only visited to deliver needs none.
    func prepareToAnswer() async throws {
        try await index.done {
            try await self.premises.accounts.refreshEnded()
            try await self.clinic.open()
        }
    }

    /// What it does beside answering, by the node's roles, until its task is cancelled. Throws when it cannot go on; `.moving`
    /// when the clinic has left this database.
    func work() async throws {
        let roles = house.settings.roles
        try await withThrowingTaskGroup(of: Void.self) { group in
            if roles.contains(.worker) {
                group.addTask { try await self.outbox.run() }
                group.addTask { try await self.eventOutbox.run() }
            }
            // A command cannot have the embedded database while this program has it.
            if !house.engine.isShared {
                let request = KeyRequest(house.settings)
                group.addTask { await request.serve(self.clinic, clock: self.house.surroundings.clock, logger: self.logger) }
            }
            if roles.contains(.reconciler) {
                group.addTask { await self.tidyRegularly() }
                group.addTask { await self.sweeper.run { self.neighbourhood.leads } }
                group.addTask { await self.sealer.run { self.neighbourhood.leads } }
                group.addTask { await self.sealAnew() }
                group.addTask { await self.eraseRegularly() }
            }
            if roles.contains(.api) { group.addTask { await self.heedSecrets() } }
            if house.engine.isShared { group.addTask { await self.heedKeys() } }
            // Alone with its database a node has nothing to refresh.
            if roles.contains(.api), house.engine.isShared {
                group.addTask { await self.neighbourhood.keepFresh(self.clinic, logger: self.logger) }
                group.addTask { await self.heedEndedSessions() }
            }
            // What is served elsewhere by now is not answered from here, whether or not the directory says so already. Somebody
            // with one clinic starts the server again with the new database.
            if premises.tenant != nil { group.addTask { try await self.endWhenItHasLeft() } }
            // Without any of these it is there all the same.
            group.addTask { await self.house.surroundings.clock.untilCancelled() }
            for try await _ in group {}
        }
    }

    /// Delivers what is due and tidies up, for a clinic nobody asks for. What a round leaves, because there is very much of
    /// it, is for the next.
    func round() async throws {
        let roles = house.settings.roles
        let clock = house.surroundings.clock
        try await clinic.readKeys()
        if roles.contains(.worker) {
            try await outbox.rescueLeases()
            let end = clock.now + .seconds(10)
            while clock.now < end, try await outbox.step() + eventOutbox.step() > 0 {}
            try await outbox.sweep()
        }
        if roles.contains(.reconciler) {
            try await tidy()
            await sweeper.round()
            try await sealer.round()
            try await eraseWhatIsDue()
            // Some ten thousand rows, and the next round goes on.
            for _ in 0..<20 {
                if try await clinic.sealAnewStep().isDone { break }
            }
        }
    }

    /// Why nothing can be written in it at the moment; nil when all is well.
    var complaint: String? { get async { await house.engine.complaint } }

    /// How many nodes serve it, this one among them.
    var nodes: Int { neighbourhood.nodes }

    func close() async {
        await neighbourhood.close()
        await house.engine.close()
    }

    private func endWhenItHasLeft() async throws {
        let clock = house.surroundings.clock
        while !Task.isCancelled {
            try? await clock.sleep(until: clock.now + .seconds(1))
            // A database that does not say answers nobody else either.
            if let hasLeft = try? await Move.hasLeft(house.database), hasLeft { throw StorageFault.moving }
        }
    }

    /// Secrets that were rotated are rotated here too within a second.
    private func heedSecrets() async {
        await SecretFile(house.settings).follow(keyring, clock: house.surroundings.clock, logger: logger)
    }

    /// A session that another node ended is over here too within a second (MA-9).
    private func heedEndedSessions() async {
        await premises.accounts.heedEnded { [logger] error in
            logger.warning(
                "ended sessions cannot be read; those another node ends stay open until their tokens expire",
                metadata: ["evt": "sessions.unread", "error": .safe(error)])
        }
    }

    /// Keys another node has made are known here within seconds. Whoever meets one sooner reads it at once, but for deliveries that are done
    /// within their transaction: they come again, and then it is there.
    private func heedKeys() async {
        let clock = house.surroundings.clock
        var isTrouble = false
        while !Task.isCancelled {
            do {
                try await clinic.readKeys()
                isTrouble = false
            } catch {
                // Said once: the database says more elsewhere.
                if !isTrouble {
                    logger.warning(
                        "the clinic's keys cannot be read; it goes on with those it knows",
                        metadata: ["evt": "keys.unread", "error": .safe(error)])
                }
                isTrouble = true
            }
            try? await clock.sleep(until: clock.now + .seconds(5))
        }
    }

    // MARK: Upkeep

    /// What nobody asks for but somebody has to do, and one node does for all.
    private func tidyRegularly() async {
        let clock = house.surroundings.clock
        while !Task.isCancelled {
            if neighbourhood.leads {
                do { try await tidy() } catch {
                    logger.warning(
                        "upkeep failed and will be tried again", metadata: ["evt": "upkeep.failed", "error": .safe(error)])
                }
            }
            try? await clock.sleep(until: clock.now + .seconds(10))
        }
    }

    /// Goes on with what a rotation has left, and seals what was written before there were keys: a step at a time, between the clinic's
    /// own work, and a minute's rest when all is done.
    private func sealAnew() async {
        let clock = house.surroundings.clock
        while !Task.isCancelled {
            var rest = Span.seconds(60)
            if neighbourhood.leads {
                do {
                    let progress = try await clinic.sealAnewStep()
                    rest = progress.isDone ? .seconds(60) : .milliseconds(20)
                } catch {
                    logger.warning(
                        "sealing anew failed and will be tried again", metadata: ["evt": "keys.failed", "error": .safe(error)])
                }
            }
            try? await clock.sleep(until: clock.now + rest)
        }
    }

    /// Once an hour, where the clinic has said so: nothing is due to the minute that was kept for years.
    private func eraseRegularly() async {
        let clock = house.surroundings.clock
        while !Task.isCancelled {
            if neighbourhood.leads {
                do { try await eraseWhatIsDue() } catch {
                    logger.warning(
                        "erasing failed and will be tried again", metadata: ["evt": "records.failed", "error": .safe(error)])
                }
            }
            try? await clock.sleep(until: clock.now + .hours(1))
        }
    }

    private func eraseWhatIsDue() async throws {
        guard try await clinic.retentionRules().isAutomatic else { return }
        let count = try await premises.accounts.eraseDue()
        if count > 0 {
            logger.notice(
                "records whose time was over were erased", metadata: ["evt": "records.erased", "count": "\(count)"])
        }
    }

    /// Answers past their time, sessions nobody can continue.
    private func tidy() async throws {
        try await clinic.forgetExpiredAnswers()
        try await clinic.forgetOldHolds()
        try await clinic.forgetOldNews()
        try await clinic.forgetOldWebhookDeliveries()
        try await premises.accounts.forgetOld()
    }
}

extension WallClock {
    /// Sleeps for as long as the task lives.
    fileprivate func untilCancelled() async {
        while !Task.isCancelled { try? await sleep(until: now + .hours(1)) }
    }
}
