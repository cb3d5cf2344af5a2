import API
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Notation
import ServiceLifecycle
import Synchronization
import Telemetry
import UnixSignals

/// The running server: the door and what is behind it, started in order and stopped in reverse.
struct Server {
    let settings: Settings
    let clinics: any Clinics
    let surroundings: Surroundings
    let logger: Logger
    let metrics: PrometheusRegistry
    private let state = StateOfServing()

    init(
        _ settings: Settings, _ clinics: any Clinics, surroundings: Surroundings, logger: Logger, metrics: PrometheusRegistry
    ) {
        self.settings = settings
        self.clinics = clinics
        self.surroundings = surroundings
        self.logger = logger
        self.metrics = metrics
    }

    /// Serves until SIGTERM or SIGINT: then it is not ready any more, finishes what is in flight, and returns.
    func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        var application = Application(
            router: serving().router(),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(10_000)),
            onServerRunning: { [state] channel in
                state.isServing.withLock { $0 = true }
                onListening(channel.localAddress?.port ?? 0)
            },
            eventLoopGroupProvider: .shared(group),
            logger: quietLogger)
        application.logger.logLevel = .error
        var services = ServiceGroupConfiguration(
            services: [
                .init(service: clinics),
                .init(service: application, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: Readiness(state: state)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        services.maximumGracefulShutdownDuration = .seconds(settings.drainSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await ServiceGroup(configuration: services).run()) } catch { result = .failure(error) }
        try await group.shutdownGracefully()
        try result.get()
    }

    private var quietLogger: Logger {
        var quiet = Logger(label: "hummingbird")
        quiet.logLevel = .error
        return quiet
    }

    private func serving() -> Serving {
        var serving = ServingSettings(base: settings.publicURL)
        serving.bodyMaximum = settings.bodyMaximumBytes
        return Serving(
            api: API(operations: operations(), isAnswering: settings.roles.contains(.api)), reception: clinics,
            surroundings: surroundings, settings: serving, logger: logger)
    }

    private func operations() -> Operations {
        let gauges = HouseGauges(metrics, clinics, clock: surroundings.clock)
        return Operations(
            readiness: { [state, clinics] in
                if !state.isServing.withLock({ $0 }) { return "The server is stopping." }
                return await clinics.complaint()
            },
            deepHealth: { [state, clinics] in
                await clinics.parts() + [("serving", state.isServing.withLock { $0 } ? "ok" : "stopping")]
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
