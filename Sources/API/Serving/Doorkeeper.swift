public import Admission
import HTTPTypes
public import Hummingbird
import Metrics
public import NIOCore
public import Notation
import People
import Synchronization

/// Stands at the door and says who comes too often, and who has to wait because everybody comes at once. Shared by all requests; what
/// it is told while the server runs holds from then on.
public final class Doorkeeper: Sendable {
    private let rates: Mutex<RateLimiter>
    public let proxies: TrustedProxies
    /// Nil lets in as many as come.
    private let entrance: Entrance?
    /// Where searches and reports run while there is a backlog; nil where they always run as everything else.
    private let aside: Aside?
    private let isBacklogged = Atomic(false)
    private let backlog = Mutex(Backlog())
    private let refused = Dictionary(
        uniqueKeysWithValues: RatePolicy.allCases.map {
            ($0, Counter(label: "mediconnect_rate_limited", dimensions: [("policy", $0.rawValue)]))
        })

    /// - Parameters:
    ///   - waitingRoom: nil lets in as many as come.
    ///   - threads: where searches and reports run when there is so much to do that others would stand behind them.
    public init(
        limits: RateLimits = .none, proxies: TrustedProxies = .none, waitingRoom: WaitingRoom? = nil,
        threads: (any EventLoopGroup)? = nil
    ) {
        aside = threads.map { Aside($0) }
        rates = Mutex(RateLimiter(limits))
        self.proxies = proxies
        entrance = waitingRoom.map { Entrance($0) }
    }

    /// How many may be worked on at once at the moment, how many are, and how many wait for that.
    public var load: (places: Int, inside: Int, waiting: Int) {
        entrance.map { ($0.load.places, $0.load.inside, $0.load.waiting) } ?? (0, 0, 0)
    }

    /// Lets in and sends away whoever it is time for: to be called every few hundredths of a second.
    ///
    /// - Parameter late: how long after it was due the caller was called itself. Everybody else waits as long for a thread.
    public func tick(at now: Instant, late: Span = .zero) {
        guard let entrance else { return }
        entrance.tick(at: now)
        let load = entrance.load
        let isBacklogged = backlog.withLock { $0.sees(late: late, inside: load.inside, waiting: load.waiting, at: now) }
        self.isBacklogged.store(isBacklogged, ordering: .relaxed)
    }

    /// Whether any request is turned away before it is looked at.
    var isTurning: Bool { entrance?.isTurning ?? false }

    /// A request has come of which only its urgency is known. True when it is to be turned away, and is counted so.
    func refuses(_ urgency: Urgency) -> Bool { entrance?.refuses(urgency) ?? false }

    /// How many requests were turned away, for want of a place, since this was asked last.
    public func takeShed() -> Int { entrance?.takeShed() ?? 0 }

    /// While connections run out nothing is let in that can wait a minute.
    public func set(isCrammed: Bool) { entrance?.set(isCrammed: isCrammed) }

    /// Runs `body` as one of those that are worked on at once. Throws `.overloaded` when there is no place for it.
    func inside<Answer>(
        _ urgency: Urgency, _ surroundings: Surroundings, _ body: () async throws -> Answer
    ) async throws -> Answer {
        guard let entrance else { return try await body() }
        return try await entrance.inside(urgency, surroundings) {
            guard let aside, urgency >= .look, isBacklogged.load(ordering: .relaxed) else { return try await body() }
            return try await withTaskExecutorPreference(aside) { try await body() }
        }
    }

    public var limits: RateLimits { rates.withLock { $0.limits } }

    /// Other limits from now on.
    public func set(_ limits: RateLimits) { rates.withLock { $0.set(limits) } }

    /// Among how many nodes the limits of all are divided.
    public func set(nodes: Int) { rates.withLock { $0.set(nodes: nodes) } }

    /// Where a request's client is: at the other end of the connection, or where a proxy we trust says.
    func client(of request: Request, _ peer: NetworkAddress?) -> NetworkAddress? {
        guard let peer, proxies.trusts(peer) else { return peer }
        let header: HTTPField.Name = proxies.header == .forwarded ? .forwarded : .forwardedFor
        return proxies.client(behind: peer, request.headers[values: header])
    }

    /// Whether a request's client came over TLS to a proxy we trust.
    func cameOverTLS(_ request: Request, _ peer: NetworkAddress?) -> Bool {
        guard let peer, proxies.trusts(peer) else { return false }
        let header: HTTPField.Name = proxies.header == .forwarded ? .forwarded : .forwardedProto
        return proxies.cameOverTLS(behind: peer, request.headers[values: header])
    }

    func arrive(from address: NetworkAddress?, as urgency: Urgency, isSignIn: Bool, at now: Instant) -> RateVerdict? {
        counted(rates.withLock { $0.arrive(from: address, as: urgency, isSignIn: isSignIn, at: now) })
    }

    func enter(tenant: String?, user: RateLimiter.User?, as urgency: Urgency, at now: Instant) -> RateVerdict? {
        counted(rates.withLock { $0.enter(tenant: tenant, user: user, as: urgency, at: now) })
    }

    func hold(from address: NetworkAddress?, at now: Instant) -> RateVerdict? {
        counted(rates.withLock { $0.hold(from: address, at: now) })
    }

    func giveHoldBack(to address: NetworkAddress?) { rates.withLock { $0.giveHoldBack(to: address) } }

    private func counted(_ verdict: RateVerdict?) -> RateVerdict? {
        if let verdict, verdict.isRefused { refused[verdict.policy]?.increment() }
        return verdict
    }
}

/// Counts the times patients hold from where a request comes from, until they are taken.
struct HoldWatch: Sendable {
    let door: Doorkeeper
    let client: NetworkAddress?
    let surroundings: Surroundings

    /// Throws when so many were held from there and not taken that no more may be.
    func begin() throws(Problem) {
        guard let wait = door.hold(from: client, at: surroundings.clock.now)?.standing.wait else { return }
        var problem = Problem(.holdsSuspended, detail: "Too many times were held from where you are and not taken.")
        problem.retryAfterSeconds = max(1, Int((wait.seconds * (1 + surroundings.random.unit() / 4)).rounded(.up)))
        throw problem
    }

    /// One was taken, or was not held after all.
    func giveBack() { door.giveHoldBack(to: client) }
}

// The two moments at which a request is asked whether it comes too often.
extension Serving {
    /// Before anybody knows whose it is.
    func arrive(_ route: Route, _ request: Request, _ context: ServingContext, _ visit: inout Visit) throws(Problem) {
        let client = door.client(of: request, context.peer)
        // Routes for those without a token are where passwords, codes and refresh tokens are guessed.
        try heed(
            door.arrive(
                from: client, as: route.urgency, isSignIn: !route.needsToken && !route.isIncoming, at: surroundings.clock.now),
            &visit)
    }

    /// Once it is known for which clinic it is, and whose.
    func enter(_ route: Route, _ premises: Premises, _ visit: inout Visit) throws(Problem) {
        let user = visit.caller.map { RateLimiter.User($0.subject, of: premises.tenant) }
        try heed(door.enter(tenant: premises.tenant, user: user, as: route.urgency, at: surroundings.clock.now), &visit)
    }

    private func heed(_ verdict: RateVerdict?, _ visit: inout Visit) throws(Problem) {
        guard let verdict else { return }
        visit.rate = verdict
        guard let wait = verdict.standing.wait else { return }
        var problem = Problem(
            .rateLimited,
            detail: "The limit '\(verdict.policy.rawValue)' is \(verdict.allowance.count) requests in \(verdict.seconds) seconds."
        )
        // Everybody who is refused in one moment is not to come back in one moment.
        problem.retryAfterSeconds = max(1, Int((wait.seconds * (1 + surroundings.random.unit() / 4)).rounded(.up)))
        throw problem
    }
}

// As the IETF's draft of RateLimit header fields writes it (draft-ietf-httpapi-ratelimit-headers).
extension RateVerdict {
    fileprivate var seconds: Int64 { max(1, allowance.span.microseconds / 1_000_000) }

    /// `"user";q=100;w=60`
    var policyText: String { "\"\(policy.rawValue)\";q=\(allowance.count);w=\(seconds)" }

    /// `"user";r=50;t=30`
    var standingText: String {
        "\"\(policy.rawValue)\";r=\(standing.remaining);t=\(Int(standing.reset.seconds.rounded(.up)))"
    }
}

extension NetworkAddress {
    /// Nil for a socket of this machine only.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4:
            self = address.withSockAddr { socket, _ in
                Self(version4: UInt32(bigEndian: Self.raw(socket, 4).loadUnaligned(as: UInt32.self)))
            }
        case .v6: self = address.withSockAddr { socket, _ in Self(bytes: Self.raw(socket, 8, count: 16)) }
        case .unixDomainSocket: return nil
        }
    }

    /// Where in a socket's address the address of the machine stands, on Linux and on macOS: behind family and port, and with version 6
    /// behind the flow label too.
    private static func raw(_ socket: UnsafeRawPointer, _ offset: Int, count: Int = 4) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: socket + offset, count: count)
    }
}
