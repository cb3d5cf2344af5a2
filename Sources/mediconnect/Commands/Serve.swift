import API
import ArgumentParser
import Foundation
import Logging
import Metrics
import NIOCore
import Notation
import People
import Storage
import Telemetry
import Tenancy
import Workflows

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the clinic over HTTP, or with --tenants many clinics.",
        discussion: """
            Migrates the database first; of many clinics each when it is asked for. Stops on SIGTERM or Ctrl-C after finishing what \
            is in flight, and exits 0. docs/guides/tenants.md tells about many clinics.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Address to listen on (MEDICONNECT_HOST; default 127.0.0.1).")
    var host: String?
    @Option(help: "Port to listen on; 0 takes a free one (MEDICONNECT_PORT; default 8080).")
    var port: Int?
    @OptionGroup var network: NetworkOptions
    @Option(help: "What this node does: api, worker, reconciler, with commas between (MEDICONNECT_ROLE; default all).")
    var role: String?
    @Flag(help: "Fill an empty database with a demo clinic and print what to try next.")
    var demo = false

    @Option(
        help: """
            With --demo: play whomever the clinic works with outside, on this port of 127.0.0.1 or, where it is taken, on a free one \
            (docs/guides/connecting.md).
            """)
    var simulator: Int?

    func run() async throws {
        try await reported {
            guard let simulator else { return try await serve(beside: nil) }
            guard demo else { throw Complaint("--simulator goes with --demo: nothing it does is real") }
            guard (0...65_535).contains(simulator) else { throw Complaint("--simulator must be a port, from 0 to 65535") }
            try await Companion.running(on: simulator) { try await serve(beside: $0) }
        }
    }

    private func serve(beside companion: Companion?) async throws {
        var settings = try await read(beside: companion)
        // Who tries it out has no authenticator at hand.
        if demo, !settings.isSecondFactorChosen { settings.secondFactor = .nobody }
        if companion != nil, settings.port == 0 {
            throw Complaint("--simulator needs a --port that is known beforehand: it reports to the clinic there")
        }
        companion?.report(to: settings.publicURL)
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        let (sink, level) = (LogSink(descriptor: STDERR_FILENO), settings.logLevel)
        LoggingSystem.bootstrap {
            JSONLineLogHandler(label: $0, sink: sink, clock: MachineClock(), policy: LogPolicy(level: level))
        }
        defer { sink.close() }
        let logger = Logger(label: "mediconnect")
        let ways = try Self.ways(settings, logger)
        if let path = settings.tenants.path {
            try await serveMany(settings, DirectoryFile(path), ways, logger, metrics)
        } else {
            try await serveOne(settings, ways, logger, metrics, beside: companion)
        }
    }

    private func read(beside companion: Companion?) async throws -> Settings {
        let alone = try await Settings.read(common, network, host: host, port: port, role: role, isDemo: demo)
        guard let companion else { return alone }
        return try await Settings.read(
            common, network, host: host, port: port, role: role, isDemo: demo,
            defaults: companion.defaults(clinic: alone.publicURL, hasMailServer: alone.mail.server != nil))
    }

    private static func ways(_ settings: Settings, _ logger: Logger) throws -> Ways {
        if settings.partners.believesSimulators {
            logger.warning(
                "simulators are believed: nothing that is sent to one is real", metadata: ["evt": "partners.simulator"])
        }
        let meters = WayMeters(logger: logger)
        return try Ways(settings.partners, surroundings: .machine()) { meters.note($0) }
    }

    private func serveOne(
        _ settings: Settings, _ ways: Ways, _ logger: Logger, _ metrics: PrometheusRegistry, beside companion: Companion?
    ) async throws {
        let branch = try await Branch.open(settings, ways: ways, logger: logger)
        do {
            if demo {
                try await Seed.fillIfEmpty(branch.house)
                guard try await DemoClinic.isIn(branch.clinic) else {
                    throw Complaint(
                        "--demo is for an empty database or the demo clinic; start the clinic that is there without it")
                }
                let accounts = DemoAccounts(branch.premises.accounts)
                try await accounts.makeMissing()
                if companion != nil { try await accounts.tellDoctor() }
            }
            try await branch.prepareToAnswer()
            let welcome = demo ? try await Welcome(branch.premises, settings) : nil
            let clinic = SingleClinic(branch: branch)
            try await serve(
                try Server(
                    settings, clinic, ways, surroundings: branch.house.surroundings, logger: logger, metrics: metrics,
                    reread: { try await read(beside: companion) })
            ) {
                if let welcome {
                    print(
                        welcome.text(
                            base: "\(settings.tls.files == nil ? "http" : "https")://\(settings.host):\($0)",
                            beside: companion))
                }
            }
        } catch {
            await branch.close()
            throw error
        }
        await branch.close()
        logger.notice("stopped", metadata: ["evt": "server.stopped"])
    }

    private func serveMany(
        _ settings: Settings, _ file: DirectoryFile, _ ways: Ways, _ logger: Logger, _ metrics: PrometheusRegistry
    ) async throws {
        if demo {
            throw Complaint("--demo is for one clinic; use 'mediconnect seed demo --tenants \(file.path) --tenant NAME' first")
        }
        let surroundings = Surroundings.machine()
        let branches = try Branches(settings, file, ways, clock: surroundings.clock, logger: logger)
        branches.register(in: metrics)
        try await serve(
            try Server(
                settings, branches, ways, surroundings: surroundings, logger: logger, metrics: metrics,
                reread: { try await read(beside: nil) })
        ) { _ in }
        logger.notice("stopped", metadata: ["evt": "server.stopped"])
    }

    private func serve(_ server: Server, _ more: @escaping @Sendable (_ port: Int) -> Void) async throws {
        let (settings, logger) = (server.settings, server.logger)
        do {
            try await server.run { port, isPlain in
                let address = "\(isPlain ? "http" : "https")://\(settings.host):\(port)"
                logger.notice(
                    "listening", metadata: ["evt": "server.listening", "port": "\(port)", "version": "\(MediConnect.version)"])
                if isPlain == (settings.tls.files == nil) {
                    print("MediConnect listens on \(address)")
                    more(port)
                } else {
                    print("and without TLS on \(address)")
                }
                fflush(nil)
            }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Complaint("port \(settings.port) is taken; stop what listens there or choose another with --port")
        } catch let error as IOError where error.errnoCode == EACCES {
            throw Complaint("port \(settings.port) may not be used by this user; choose one above 1023 with --port")
        }
    }
}

/// Three lines to paste: search, book, cancel.
private struct Welcome {
    let token: String
    let accounts: DemoAccounts
    let letters: String

    init(_ premises: Premises, _ settings: Settings) async throws {
        letters =
            settings.mail.server == nil && settings.partners.mail == nil
            ? "There is no mail server: letters are written to \(settings.mailFolder), a file each (docs/guides/mail.md)."
            : "Letters go to the mail server or service."
        let patient = ID<Caller>(DemoClinic.patient)!
        accounts = DemoAccounts(premises.accounts)
        token = try await premises.tokens.issue(for: Caller(role: .patient, subject: patient), lasting: .days(30))
    }

    func text(base: String, beside companion: Companion?) -> String {
        let appointment = Surroundings.machine().identifiers.next(Welcome.self)
        let next =
            #"$(curl -s -H "Authorization: Bearer $TOKEN" '\#(base)/v1/free-times?visitType=\#(DemoClinic.visitType)&limit=1' | sed 's/.*"start":"\([^"]*\)".*"practitioner":"\([^"]*\)".*/"start":"\1","practitioner":"\2"/')"#
        return """

            Try it: search, book, cancel (paste all of it, or line by line)

            TOKEN=\(token)
            curl -s -H "Authorization: Bearer $TOKEN" '\(base)/v1/free-times?visitType=\(DemoClinic.visitType)&limit=3'; echo
            curl -s -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: book-\(appointment)" -H 'Content-Type: application/json' -d '{"id":"\(appointment)","visitType":"\(DemoClinic.visitType)","patients":["\(DemoClinic.patient)"],'"\(next)"'}' \(base)/v1/appointments; echo
            curl -s -X POST -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: cancel-\(appointment)" \(base)/v1/appointments/\(appointment)/cancellation; echo

            Accounts, all with the password \(accounts.password) (docs/guides/accounts.md):
            \(accounts.list)

            \(companion?.welcome ?? letters)

            curl -s -H 'Content-Type: application/json' -d '{"login":"desk@demo.example","password":"\(accounts.password)"}' \(base)/v1/sessions; echo

            More: docs/guides/trying-it.md goes on from here; \(base)/openapi.json, \(base)/health, 'mediconnect token --help'. Stop with Ctrl-C.
            """
    }
}
