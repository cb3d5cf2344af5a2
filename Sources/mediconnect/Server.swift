import API
import Admission
import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOPosix
import Notation
import ServiceLifecycle
import Storage
import Synchronization
import Telemetry
import UnixSignals

/// The running server: the door and what is behind it, started in order and stopped in reverse.
struct Server {
    let settings: Settings
    let clinics: any Clinics
    let ways: Ways
    let surroundings: Surroundings
    let logger: Logger
    let metrics: PrometheusRegistry
    /// Nil speaks plain HTTP.
    let certificate: CertificateKeeper?
    /// Reads the settings again, as they are now.
    let reread: @Sendable () async throws -> Settings
    private let doorkeeper: Doorkeeper
    private let connections: Connections
    /// Where long computations go while there is a backlog, after whatever takes a moment.
    private let asideThreads = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    private let state = StateOfServing()

    init(
        _ settings: Settings, _ clinics: any Clinics, _ ways: Ways, surroundings: Surroundings, logger: Logger,
        metrics: PrometheusRegistry,
        reread: @escaping @Sendable () async throws -> Settings
    ) throws {
        self.settings = settings
        do {
            certificate = try settings.tls.files.map {
                try CertificateKeeper($0, minimum: settings.tls.minimum.version, clock: surroundings.clock, logger: logger)
            }
        } catch let flaw as CertificateFlaw { throw Complaint(flaw.description) }
        self.clinics = clinics
        self.ways = ways
        self.surroundings = surroundings
        self.logger = logger
        self.metrics = metrics
        self.reread = reread
        doorkeeper = Doorkeeper(
            limits: settings.limits.rates, proxies: settings.limits.proxies, waitingRoom: settings.limits.waitingRoom,
            threads: asideThreads)
        for thread in asideThreads.makeIterator() { thread.execute { GivingWay.more.fromNowOn() } }
        connections = Connections(
            settings.limits.connections.within(OpenFiles.raised()), proxies: settings.limits.proxies,
            patience: settings.limits.patience)
        register()
    }

    /// Serves until SIGTERM or SIGINT: then it is not ready any more, finishes what is in flight, and returns.
    ///
    /// - Parameter onListening: Told the port of each door once it is open: the usual one, and the plain one beside it.
    func run(onListening: @escaping @Sendable (_ port: Int, _ isPlain: Bool) -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        let serving = serving()
        let main = application(
            serving.router(isOverTLS: certificate != nil), try door(serving), port: settings.port, group
        ) { [state] port in
            state.isServing.withLock { $0 = true }
            onListening(port, certificate == nil)
        }
        var all: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: clinics)]
        all.append(.init(service: Rereading(read: reread, door: doorkeeper, ways: ways, logger: logger)))
        all.append(
            .init(
                service: Doorbell(
                    clinics: clinics, door: doorkeeper, connections: connections, clock: surroundings.clock, logger: logger)))
        if let certificate { all.append(.init(service: certificate)) }
        if certificate != nil, let port = settings.tls.plainPort {
            let plain = application(serving.router(isOverTLS: false), plain(serving), port: port, group) {
                onListening($0, true)
            }
            all.append(.init(service: plain, successTerminationBehavior: .gracefullyShutdownGroup))
        }
        all.append(.init(service: main, successTerminationBehavior: .gracefullyShutdownGroup))
        all.append(.init(service: Readiness(state: state)))
        var services = ServiceGroupConfiguration(
            services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        services.maximumGracefulShutdownDuration = .seconds(settings.drainSeconds)
        let result: Result<Void, any Error>
        do { result = .success(try await ServiceGroup(configuration: services).run()) } catch { result = .failure(error) }
        try await group.shutdownGracefully()
        try await asideThreads.shutdownGracefully()
        try result.get()
    }

    private func speech(_ serving: Serving) -> HTTP1Channel.Configuration {
        .init(additionalChannelHandlers: [FramingPlacer(), connections.watch(), serving.earlyRefusal()])
    }

    private func plain(_ serving: Serving) -> HTTPServerBuilder {
        let (speech, connections) = (speech(serving), connections)
        return HTTPServerBuilder { responder in
            CountedServer(base: HTTP1Channel(responder: responder, configuration: speech), connections: connections)
        }
    }

    /// HTTP/1.1, and with a certificate HTTP/2 for whoever would rather.
    private func door(_ serving: Serving) throws -> HTTPServerBuilder {
        guard let certificate else { return plain(serving) }
        let connections = connections
        let (configuration, patience) = (certificate.configuration, TimeAmount.seconds(Int64(settings.tls.handshakeSeconds)))
        let streams = HTTP2UpgradeChannel.Configuration(
            idleTimeout: .seconds(60), gracefulCloseTimeout: .seconds(settings.drainSeconds), streamConfiguration: speech(serving)
        )
        return HTTPServerBuilder { responder in
            CountedServer(
                base: PatientServer(
                    base: try HTTP2UpgradeChannel(tlsConfiguration: configuration, configuration: streams, responder: responder),
                    patience: patience),
                connections: connections)
        }
    }

    private func application(
        _ router: Router<ServingContext>, _ door: HTTPServerBuilder, port: Int, _ group: MultiThreadedEventLoopGroup,
        onListening: @escaping @Sendable (_ port: Int) -> Void
    ) -> some ApplicationProtocol {
        var application = Application(
            router: router, server: door,
            configuration: .init(
                address: .hostname(settings.host, port: port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(connections.maximum)),
            onServerRunning: { onListening($0.localAddress?.port ?? 0) }, eventLoopGroupProvider: .shared(group),
            logger: quietLogger)
        application.logger.logLevel = .error
        return application
    }

    private var quietLogger: Logger {
        var quiet = Logger(label: "hummingbird")
        quiet.logLevel = .error
        return quiet
    }

    /// What is measured by looking.
    private func register() {
        metrics.registerGauge("mediconnect_connections", help: "Connections of clients") { [connections] in
            Double(connections.total)
        }
        metrics.registerGauge("mediconnect_requests_places", help: "How many requests may be worked on at once at the moment") {
            [doorkeeper] in Double(doorkeeper.load.places)
        }
        metrics.registerGauge("mediconnect_requests_inside", help: "Requests that are worked on") { [doorkeeper] in
            Double(doorkeeper.load.inside)
        }
        metrics.registerGauge("mediconnect_requests_waiting", help: "Requests that wait until they may be worked on") {
            [doorkeeper] in
            Double(doorkeeper.load.waiting)
        }
        StandingMeters.register(metrics, folder: settings.data)
    }

    private func serving() -> Serving {
        var serving = ServingSettings(base: settings.publicURL)
        serving.bodyMaximum = settings.bodyMaximumBytes
        return Serving(
            api: API(operations: operations(), isAnswering: settings.roles.contains(.api)), reception: clinics, door: doorkeeper,
            surroundings: surroundings, settings: serving, logger: logger)
    }

    private func operations() -> Operations {
        let gauges = HouseGauges(metrics, clinics, ways, clock: surroundings.clock)
        return Operations(
            readiness: { [state, clinics] in
                if !state.isServing.withLock({ $0 }) { return "The server is stopping." }
                return await clinics.complaint()
            },
            deepHealth: { [state, clinics, certificate, ways] in
                await clinics.parts() + [("serving", state.isServing.withLock { $0 } ? "ok" : "stopping")]
                    + (certificate.map { [("certificate", $0.health)] } ?? []) + ways.health
            },
            metrics: { [metrics, gauges] in
                await gauges.refresh()
                return metrics.render()
            },
            version: MediConnect.version,
            securityText: { [settings, clock = surroundings.clock] in
                settings.securityContact.flatMap { SecurityText(contact: $0, now: clock.now) }
            })
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
