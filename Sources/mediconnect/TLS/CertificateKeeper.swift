import Logging
import NIOCore
import NIOSSL
import Notation
import ServiceLifecycle
import Synchronization
import Tenancy
import UnixSignals

/// The certificate new connections are answered with. It is read again when its files have changed, or at once on SIGHUP; connections that
/// are open stay as they are.
///
/// One that cannot be used changes nothing: the one before goes on until its own end, and the log says why.
final class CertificateKeeper: Service {
    private let files: CertificateFiles
    private let minimum: TLSVersion
    private let clock: any WallClock
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var certificate: Certificate
        /// The files it was read from, or found wrong.
        var read: [WholeFile.Stamp?]
        var warnedAt: Instant?
    }

    /// How long before its end the log begins to speak of it, each day.
    private static let notice = Span.days(14)

    /// Throws a `CertificateFlaw` when there is nothing to begin with.
    init(_ files: CertificateFiles, minimum: TLSVersion, clock: any WallClock, logger: Logger) throws {
        self.files = files
        self.minimum = minimum
        self.clock = clock
        self.logger = logger
        state = Mutex(State(certificate: try Certificate(files), read: Self.stamps(files)))
    }

    /// For the server: each handshake asks for the certificate as it is then.
    var configuration: TLSConfiguration {
        var configuration = TLSConfiguration.answering(with: current, minimum: minimum)
        configuration.sslContextCallback = { [self] _, promise in
            let certificate = current
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = certificate.chain.map { .certificate($0) }
            override.privateKey = .privateKey(certificate.key)
            promise.succeed(override)
        }
        return configuration
    }

    /// `ok`, or what is wrong with the certificate, for who looks after the house.
    var health: String {
        let (now, holds) = (clock.now, current.holds)
        if now < holds.lowerBound { return "does not hold yet" }
        if now >= holds.upperBound { return "has expired" }
        return holds.upperBound - now < Self.notice ? "ends at \(holds.upperBound)" : "ok"
    }

    private var current: Certificate { state.withLock { $0.certificate } }

    func run() async throws {
        try await cancelWhenGracefulShutdown { [self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.watch() }
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { self.adopt(Self.stamps(self.files)) }
                }
            }
        }
    }

    private func watch() async {
        var seen = Self.stamps(files)
        while !Task.isCancelled {
            try? await clock.sleep(until: clock.now + .seconds(1))
            let stamps = Self.stamps(files)
            // Certificate and key are two files: who replaces them is given until they stand still.
            if stamps == seen, stamps != state.withLock({ $0.read }) { adopt(stamps) }
            seen = stamps
            remind()
        }
    }

    private func adopt(_ stamps: [WholeFile.Stamp?]) {
        do {
            let new = try Certificate(files)
            guard new.holds.contains(clock.now) else { throw CertificateFlaw("it has expired, or does not hold yet") }
            state.withLock { $0 = State(certificate: new, read: stamps) }
            logger.notice(
                "the certificate was read again", metadata: ["evt": "tls.read", "until": "\(new.holds.upperBound)"])
        } catch {
            state.withLock { $0.read = stamps }
            let reason = (error as? CertificateFlaw)?.description ?? "it cannot be read"
            logger.error(
                "the new certificate cannot be used; the one before holds", metadata: ["evt": "tls.wrong", "reason": "\(reason)"])
        }
    }

    private func remind() {
        let (now, health) = (clock.now, health)
        let isDue = state.withLock { state in
            guard health != "ok", state.warnedAt.map({ now - $0 > .days(1) }) ?? true else { return false }
            state.warnedAt = now
            return true
        }
        if isDue { logger.warning("the certificate \(health)", metadata: ["evt": "tls.ending"]) }
    }

    private static func stamps(_ files: CertificateFiles) -> [WholeFile.Stamp?] {
        [WholeFile(files.certificate).stamp, WholeFile(files.key).stamp]
    }
}
