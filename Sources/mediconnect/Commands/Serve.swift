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
import Workflows

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the clinic over HTTP.",
        discussion: "Migrates the database first. Stops on SIGTERM or Ctrl-C after finishing what is in flight, and exits 0.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Address to listen on (MEDICONNECT_HOST; default 127.0.0.1).")
    var host: String?
    @Option(help: "Port to listen on; 0 takes a free one (MEDICONNECT_PORT; default 8080).")
    var port: Int?
    @Option(help: "What this node does: api, worker, reconciler, with commas between (MEDICONNECT_ROLE; default all).")
    var role: String?
    @Flag(help: "Fill an empty database with a demo clinic and print what to try next.")
    var demo = false

    func run() async throws {
        try await reported {
            let settings = try await Settings.read(common, host: host, port: port, role: role)
            let metrics = PrometheusRegistry()
            MetricsSystem.bootstrap(metrics)
            let sink = LogSink(descriptor: STDERR_FILENO)
            LoggingSystem.bootstrap {
                JSONLineLogHandler(label: $0, sink: sink, clock: MachineClock(), policy: LogPolicy(level: settings.logLevel))
            }
            defer { sink.close() }
            let logger = Logger(label: "mediconnect")
            let house = try House(settings, meters: DatabaseMeters(logger: logger))
            try await serve(house, logger, metrics)
        }
    }

    private func serve(_ house: House, _ logger: Logger, _ metrics: PrometheusRegistry) async throws {
        let demo = demo
        do {
            try await house.migrator.up()
            if demo { try await Seed.fillIfEmpty(house) }
            let server = try await Server(house: house, logger: logger, metrics: metrics)
            let welcome = demo ? try await Welcome(server.tokens) : nil
            try await server.run { port in
                logger.notice(
                    "listening", metadata: ["evt": "server.listening", "port": "\(port)", "version": "\(MediConnect.version)"])
                print("MediConnect listens on http://\(house.settings.host):\(port)")
                if let welcome { print(welcome.text(host: house.settings.host, port: port)) }
                fflush(nil)
            }
            logger.notice("stopped", metadata: ["evt": "server.stopped"])
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Complaint("port \(house.settings.port) is taken; stop what listens there or choose another with --port")
        } catch let error as IOError where error.errnoCode == EACCES {
            throw Complaint("port \(house.settings.port) may not be used by this user; choose one above 1023 with --port")
        }
    }
}

/// Three lines to paste: search, book, cancel.
private struct Welcome {
    let token: String

    init(_ tokens: Tokens) async throws {
        let patient = ID<Caller>(DemoClinic.patient)!
        token = try await tokens.issue(for: Caller(role: .patient, subject: patient), lasting: .days(30))
    }

    func text(host: String, port: Int) -> String {
        let base = "http://\(host):\(port)"
        let appointment = Surroundings.machine().identifiers.next(Welcome.self)
        let next =
            #"$(curl -s -H "Authorization: Bearer $TOKEN" '\#(base)/v1/free-times?visitType=\#(DemoClinic.visitType)&limit=1' | sed 's/.*"start":"\([^"]*\)".*"practitioner":"\([^"]*\)".*/"start":"\1","practitioner":"\2"/')"#
        return """

            Try it: search, book, cancel (paste all of it, or line by line)

            TOKEN=\(token)
            curl -s -H "Authorization: Bearer $TOKEN" '\(base)/v1/free-times?visitType=\(DemoClinic.visitType)&limit=3'; echo
            curl -s -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: book-\(appointment)" -H 'Content-Type: application/json' -d '{"id":"\(appointment)","visitType":"\(DemoClinic.visitType)","patients":["\(DemoClinic.patient)"],'"\(next)"'}' \(base)/v1/appointments; echo
            curl -s -X POST -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: cancel-\(appointment)" \(base)/v1/appointments/\(appointment)/cancellation; echo

            More: \(base)/openapi.json, \(base)/health, 'mediconnect token --help'. Stop with Ctrl-C.
            """
    }
}
