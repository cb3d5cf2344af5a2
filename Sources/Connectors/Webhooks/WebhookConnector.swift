public import Notation
public import Outbound
public import Partners
public import Resilience
import Synchronization

/// Tells outside subscribers. Each endpoint has a way of its own, so that one that hangs or fails keeps nobody else; the ways of the
/// endpoints that were told longest ago are forgotten.
public final class WebhookConnector: WebhookCarrier {
    private struct Known {
        let way: WayOut
        let version: Int
        var used: Int
    }
    private struct State {
        var ways: [String: Known] = [:]
        var uses = 0
        var order = CircuitBreaker.Order.automatic
    }

    private let settings: WayOutSettings
    private let surroundings: Surroundings
    private let resolver: any HostResolver
    private let most: Int
    private let report: @Sendable (WayOutEvent) -> Void
    private let state = Mutex(State())

    /// - Parameter most: how many endpoints' ways are known at once.
    public init(
        _ settings: WayOutSettings = .webhooks, surroundings: Surroundings, resolver: any HostResolver = SystemResolver(),
        most: Int = 500, report: @escaping @Sendable (WayOutEvent) -> Void = { _ in }
    ) {
        self.settings = settings
        self.surroundings = surroundings
        self.resolver = resolver
        self.most = most
        self.report = report
    }

    /// How many ways it knows at the moment.
    public var count: Int { state.withLock { $0.ways.count } }

    /// How its ways stand now, and how all do by hand where somebody has decided that.
    ///
    /// - Parameter versions: of the endpoints there are, by their identifiers; nil for all it knows. One that was taken away or changed since it was
    ///   told is nobody any more, however it stood.
    public func states(of versions: [String: Int]? = nil) -> [CircuitBreaker.State] {
        let (ways, order) = state.withLock { state in
            let known = state.ways.filter { id, known in versions.map { $0[id] == known.version } ?? true }
            return (known.values.map(\.way), state.order)
        }
        return ways.map(\.status.state) + (order.state.map { [$0] } ?? [])
    }

    /// How all the ways stand that it knows: also those that nobody is told over any more, while a call is under way there.
    public var statuses: [WayOutStatus] { state.withLock { $0.ways.values.map(\.way) }.map(\.status) }

    /// What somebody decides by hand, for all of them: also for those it has not met yet.
    public func follow(_ order: CircuitBreaker.Order) {
        let ways = state.withLock { state in
            let isNews = state.order != order
            state.order = order
            return isNews ? state.ways.values.map(\.way) : []
        }
        for way in ways { way.follow(order) }
    }

    public func deliver(_ message: WebhookMessage, to endpoint: WebhookEndpoint) async -> Ending<WebhookAnswer> {
        guard message.body.count <= WebhookMessage.longest else { return .never(reason: "a webhook has 20,000 bytes at most") }
        guard !endpoint.secrets.isEmpty else { return .never(reason: "an endpoint without a secret is not told") }
        let way: WayOut
        do { way = try self.way(to: endpoint) } catch {
            return .later(after: nil, reason: "the file of authorities cannot be read")
        }
        let now = surroundings.clock.now
        let call = WebhookFormat.telling(message, to: endpoint, at: now)
        return await way.ask(call, isRepeatable: true) { WebhookFormat.read($0, now: now) }
    }

    /// One that was changed has a new way, and the old one is forgotten: whether that was left alone is nobody's question any more.
    private func way(to endpoint: WebhookEndpoint) throws -> WayOut {
        try state.withLock { state in
            state.uses += 1
            if let known = state.ways[endpoint.id], known.version == endpoint.version {
                state.ways[endpoint.id]?.used = state.uses
                return known.way
            }
            if state.ways[endpoint.id] == nil, state.ways.count >= most,
                let oldest = state.ways.min(by: { $0.value.used < $1.value.used })?.key
            {
                state.ways[oldest] = nil
            }
            let way = try WayOut(settings, surroundings: surroundings, resolver: resolver, report: report)
            if state.order != .automatic { way.follow(state.order) }
            state.ways[endpoint.id] = Known(way: way, version: endpoint.version, used: state.uses)
            return way
        }
    }
}
