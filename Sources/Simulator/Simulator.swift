import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
public import Notation
import ServiceLifecycle
import UnixSignals

/// Plays everybody MediConnect talks to, on one port of this machine: carriers of text messages, mail and notices, a
/// payment provider, another calendar, a hospital's records, a subscriber, and by their own protocols a mail server and a message broker. For trials, tests and demonstrations; nothing leaves the machine, and what it says is true of nobody.
///
/// It answers at the loopback address only. Every answer carries `MediConnect-Simulator: 1`, so that a server knows whom it talks to; mail server
/// and broker say so when they greet.
public struct Simulator: Sendable {
    public struct Settings: Sendable {
        /// 0 takes a free one.
        public var port = 0
        /// Keeps what happened over a restart; nil keeps it in memory.
        public var folder: String?
        /// The same seed and the same requests in the same order have the same luck.
        public var seed: UInt64 = 1
        /// How long an answer that never comes is held open.
        public var hangs: Span = .seconds(60)
        /// How long a client says nothing until it is greeted as a mail client, where these have no port of their own.
        public var greetsAfter: Span = .seconds(2)
        /// A port on which everybody is greeted as a mail client at once, and nobody is on the other any more; 0 takes a free one.
        public var mailPort: Int?

        public init() {}
    }

    private let settings: Settings
    let world: World

    /// Throws when the folder cannot be read or written.
    public init(_ settings: Settings, clock: any WallClock) throws {
        self.settings = settings
        world = try World(seed: settings.seed, folder: settings.folder, clock: clock, postman: Postman(clock: clock))
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter onMail: is told the port of its own that mail has, before `onListening` where there is one.
    public func run(
        onMail: @escaping @Sendable (_ port: Int) -> Void = { _ in }, onListening: @escaping @Sendable (_ port: Int) -> Void
    ) async throws {
        var logger = Logger(label: "simulator")
        logger.logLevel = .critical
        var application = application(
            on: settings.port, greetsAfter: settings.mailPort == nil ? settings.greetsAfter : nil, onListening, logger)
        var running: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: Deliveries(world: world))]
        if let port = settings.mailPort {
            // Whoever hears that the simulator listens finds all of it.
            let (opened, opens) = AsyncStream.makeStream(of: Int.self)
            let mail = self.application(on: port, greetsAfter: .zero, { opens.yield($0) }, logger)
            application.beforeServerStarts { for await port in opened { return onMail(port) } }
            running.append(.init(service: MailDoor(application: mail, port: port), successTerminationBehavior: .ignore))
        }
        running.append(.init(service: application, successTerminationBehavior: .gracefullyShutdownGroup))
        var services = ServiceGroupConfiguration(
            services: running, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        services.maximumGracefulShutdownDuration = .seconds(2)
        do { try await ServiceGroup(configuration: services).run() } catch is CancellationError {}
    }

    private func application(
        on port: Int, greetsAfter silence: Span?, _ onListening: @escaping @Sendable (_ port: Int) -> Void, _ logger: Logger
    ) -> Application<CallbackResponder<BasicRequestContext>> {
        Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in try await self.respond(to: request) },
            server: speech(greetsAfter: silence),
            configuration: .init(address: .hostname("127.0.0.1", port: port), serverName: nil, reuseAddress: true),
            onServerRunning: { onListening($0.localAddress?.port ?? 0) }, logger: logger)
    }

    /// The port for mail is taken.
    public struct MailPortTaken: Error {
        public let port: Int
    }

    /// Says whose port it is that cannot be had.
    private struct MailDoor: Service {
        let application: Application<CallbackResponder<BasicRequestContext>>
        let port: Int

        func run() async throws {
            do { try await application.run() } catch let error as IOError where error.errnoCode == EADDRINUSE {
                throw MailPortTaken(port: port)
            }
        }
    }

    /// HTTP as ever, and mail and AMQP to whoever speaks them.
    ///
    /// - Parameter silence: how long somebody says nothing who is greeted as a mail client; nil where nobody is.
    private func speech(greetsAfter silence: Span?) -> HTTPServerBuilder {
        let (letters, broker, hangs) = (LetterPart(world: world), BrokerPart(world: world), settings.hangs)
        let patience = silence.map { TimeAmount.microseconds($0.microseconds) }
        return HTTPServerBuilder { responder in
            ManyTongues(base: HTTP1Channel(responder: responder), patience: patience) {
                try await letters.converse($0, hangs: hangs)
            } broker: {
                try await broker.converse($0)
            }
        }
    }

    private struct Deliveries: Service {
        let world: World
        func run() async throws {
            try? await cancelWhenGracefulShutdown { try await world.postman.run(world) }
        }
    }

    /// A page elsewhere must not reach it by a name of its own (DNS rebinding), nor by a form.
    private func isFromHere(_ request: Request) -> Bool {
        guard let authority = request.head.authority, let host = authority.split(separator: ":").first,
            ["127.0.0.1", "localhost"].contains(host)
        else { return false }
        guard let origin = request.headers[.origin] else { return true }
        return origin == "http://\(authority)"
    }

    private func respond(to request: Request) async throws -> Response {
        guard isFromHere(request) else {
            return Reply(403) { $0.member("error", "the simulator answers to 127.0.0.1 and localhost only") }.response
        }
        let asked: Asked
        do { asked = try await Asked(request) } catch {
            return Reply(413) { $0.member("error", "the body is too long, or did not come") }.response
        }
        let method = request.method.rawValue
        if let reply = ControlPart(world: world).answer(asked, method: method)
            ?? Pages(world: world).answer(asked, method: method)
        {
            return reply.response
        }
        guard let part = asked.path.first.flatMap({ $0 == "oauth" ? .fhir : Part(rawValue: $0) }), part.speaksHTTP else {
            return Reply(404) { $0.member("error", "nobody is played there") }.response
        }
        return try await answer(part, asked, method).response
    }

    private func answer(_ part: Part, _ asked: Asked, _ method: String) async throws -> Reply {
        let isForToken = asked.path == ["oauth", "token"] || asked.path == ["push", "token"]
        let kind: RequestKind = isForToken ? .token : method == "GET" ? .read : .change
        guard let (fate, mode) = world.fate(of: part, kind) else {
            return play(part, asked, Mode(), method)
        }
        if let delay = mode.delay { try await world.pause(.milliseconds(delay)) }
        let reply: Reply
        switch fate {
        case .asksForPatience(let seconds):
            var refusal = Reply(429) { $0.member("error", "too_many_requests") }
            refusal.headers = [("Retry-After", String(seconds))]
            reply = refusal
        case .fails(let afterDoing):
            if afterDoing { _ = play(part, asked, mode, method) }
            reply = Reply(500) { $0.member("error", "simulated") }
        case .hangs: reply = try await silence()
        case .isSilent:
            _ = play(part, asked, mode, method)
            reply = try await silence()
        case .isGarbled:
            _ = play(part, asked, mode, method)
            reply = Reply(200, json: #"{"this":"is not what was expected"}"#)
        case .answers: reply = play(part, asked, mode, method)
        }
        world.noteAnswer(reply.status, of: part)
        return reply
    }

    private func play(_ part: Part, _ asked: Asked, _ mode: Mode, _ method: String) -> Reply {
        switch part {
        case .sms: TextPart(world: world).answer(asked, mode, method: method)
        case .payments: PaymentPart(world: world).answer(asked, mode, method: method)
        case .legacy: LegacyPart(world: world).answer(asked, mode, method: method)
        case .scheduling: SchedulingPart(world: world).answer(asked, mode, method: method)
        case .mail: MailPart(world: world).answer(asked, mode, method: method)
        case .fhir: RecordsPart(world: world).answer(asked, mode, method: method)
        case .push: PushPart(world: world).answer(asked, mode, method: method)
        case .webhooks: SinkPart(world: world).answer(asked, mode, method: method)
        case .smtp, .broker: Reply(404) { $0.member("error", "nobody is played there") }
        }
    }

    /// Holds the line without a word. A thousand may hang; more are told off, or they would fill the machine's memory.
    private func silence() async throws -> Reply {
        let mayHang = world.change { state in
            guard state.hanging < 1000 else { return false }
            state.hanging += 1
            return true
        }
        guard mayHang else { return Reply(503) { $0.member("error", "too many hang already") } }
        defer { world.change { $0.hanging -= 1 } }
        try await world.pause(settings.hangs)
        return Reply(504) { $0.member("error", "nobody waited so long") }
    }
}
