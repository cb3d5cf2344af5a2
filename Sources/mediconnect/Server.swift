import API
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import NIOPosix
import Notation
import Outbox
import ServiceLifecycle
import Storage
import Synchronization
import Telemetry
import UnixSignals
import Workflows

/// The running server: everything wired, started in order and stopped in reverse.
struct Server {
    let house: House
    let clinic: Clinic
    let outbox: Outbox
    let tokens: Tokens
    let logger: Logger
    let metrics: PrometheusRegistry
    private let state = StateOfServing()
    private let neighbourhood: Neighbourhood

    init(house: House, logger: Logger, metrics: PrometheusRegistry) async throws {
        self.house = house
        self.logger = logger
        self.metrics = metrics
        tokens = try await house.tokens()
        clinic = Clinic(database: house.database, surroundings: house.surroundings, observer: OutcomeCounters())
        let bell = OutboxBell()
        let name = "node-\(ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"
        let neighbourhood = try Neighbourhood(
            house.engine, house.settings, name: name, surroundings: house.surroundings)
        self.neighbourhood = neighbourhood
        clinic.onChange {
            bell.ring()
            neighbourhood.tell()
        }
        let meters = OutboxMeters(logger: logger)
        var work = OutboxSettings()
        if !house.settings.roles.contains(.api) { work.modesty = 0 }
        outbox = Outbox(
            database: house.database.doing(.background), surroundings: house.surroundings, workerName: name, settings: work,
            handlers: clinic.deliveries, bell: bell, election: Election { neighbourhood.leads }, report: { meters.note($0) })
    }

    /// Serves until SIGTERM or SIGINT: then it is not ready any more, finishes what is in flight, and returns.
    func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
        try await clinic.open()
        // The lock file says that no other process has this database: claimed messages belong to nobody now.
        if !house.engine.isShared { try await outbox.rescueOrphans() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: house.settings.eventLoops)
        var application = Application(
            router: serving().router(),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(
                address: .hostname(house.settings.host, port: house.settings.port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(10_000)),
            onServerRunning: { [state] channel in
                state.isServing.withLock { $0 = true }
                onListening(channel.localAddress?.port ?? 0)
            },
            eventLoopGroupProvider: .shared(group),
            logger: quietLogger)
        application.logger.logLevel = .error
        var services = ServiceGroupConfiguration(
            services: chores + [
                .init(service: application, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: Readiness(state: state)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        services.maximumGracefulShutdownDuration = .seconds(house.settings.drainSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await ServiceGroup(configuration: services).run()) } catch { result = .failure(error) }
        await neighbourhood.close()
        await house.engine.close()
        try await group.shutdownGracefully()
        try result.get()
    }

    /// What a node does beside answering, by its roles.
    private var chores: [ServiceGroupConfiguration.ServiceConfiguration] {
        var chores: [ServiceGroupConfiguration.ServiceConfiguration] = []
        let roles = house.settings.roles
        if roles.contains(.worker) { chores.append(.init(service: Worker(outbox: outbox))) }
        if roles.contains(.reconciler) {
            chores.append(.init(service: Upkeep(clinic: clinic, logger: logger) { [neighbourhood] in neighbourhood.leads }))
        }
        // Alone with its database a node has nothing to refresh, and a service that ends stops the others.
        if roles.contains(.api), house.engine.isShared {
            chores.append(.init(service: Freshness(neighbourhood: neighbourhood, clinic: clinic, logger: logger)))
        }
        return chores
    }

    private var quietLogger: Logger {
        var quiet = Logger(label: "hummingbird")
        quiet.logLevel = .error
        return quiet
    }

    private func serving() -> Serving {
        var serving = ServingSettings(base: house.settings.publicURL)
        serving.hasReplica = house.settings.replicaURL != nil
        serving.bodyMaximum = house.settings.bodyMaximumBytes
        return Serving(
            api: API(clinic: clinic, operations: operations(), isAnswering: house.settings.roles.contains(.api)), tokens: tokens,
            surroundings: house.surroundings,
            settings: serving, logger: logger)
    }

    private func operations() -> Operations {
        let engine = house.engine
        let gauges = HouseGauges(metrics, engine: engine, outbox: outbox, clock: house.surroundings.clock)
        return Operations(
            readiness: { [state] in
                if !state.isServing.withLock({ $0 }) { return "The server is stopping." }
                return await engine.complaint.map { "The database \($0)." }
            },
            deepHealth: { [state, outbox] in
                let depth = try? await outbox.depth()
                return [
                    ("database", await engine.complaint ?? "ok"),
                    ("outbox", depth == nil ? "cannot be read" : "ok"),
                    ("serving", state.isServing.withLock { $0 } ? "ok" : "stopping"),
                ]
            },
            metrics: { [metrics, gauges] in
                await gauges.refresh()
                return metrics.render()
            },
            version: MediConnect.version)
    }
}

/// Whether the server takes requests.
final class StateOfServing: Sendable {
    let isServing = Mutex(false)
}

/// Stops being ready before anything else stops: services end in reverse order, and this one is the last.
private struct Readiness: Service {
    let state: StateOfServing
    func run() async throws {
        try? await gracefulShutdown()
        state.isServing.withLock { $0 = false }
    }
}

/// Delivers what commits left in the outbox.
private struct Worker: Service {
    let outbox: Outbox
    func run() async throws { try await cancelWhenGracefulShutdown { try await outbox.run() } }
}

/// What nobody asks for but somebody has to do: holds a timer missed, answers past their time.
private struct Upkeep: Service {
    let clinic: Clinic
    let logger: Logger
    /// One node does it for all.
    let isElected: @Sendable () -> Bool

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                if isElected() { await tidy() }
                try await clinic.surroundings.clock.sleep(until: clinic.surroundings.clock.now + .seconds(10))
            }
        }
    }

    private func tidy() async {
        do {
            let holds = try await clinic.sweepHolds()
            if holds > 0 {
                logger.notice(
                    "the sweeper ended holds their timers missed", metadata: ["evt": "holds.swept", "count": "\(holds)"])
            }
            try await clinic.forgetExpiredAnswers()
        } catch {
            logger.warning("upkeep failed and will be tried again", metadata: ["evt": "upkeep.failed", "error": .safe(error)])
        }
    }
}

/// Counts bookings and changes by outcome.
private final class OutcomeCounters: ClinicObserver {
    private let counters = Mutex<[String: Counter]>([:])

    func saw(operation: String, outcome: String) {
        let key = "\(operation) \(outcome)"
        let counter = counters.withLock { counters in
            if let known = counters[key] { return known }
            let made = Counter(label: "mediconnect_outcomes", dimensions: [("operation", operation), ("outcome", outcome)])
            counters[key] = made
            return made
        }
        counter.increment()
    }
}
