public import Notation
public import Partners

/// Asks external scheduling providers (GF-2). Each of them has a way of its own: one that hangs keeps nobody from the others.
public struct SchedulingConnector: SchedulingPartner {
    public let ways: [String: WayOut]
    private let settings: SchedulingSettings
    private var format: SchedulingFormat { SchedulingFormat(token: settings.token) }

    /// - Parameter way: makes the way to a provider.
    public init(_ settings: SchedulingSettings, way: (_ provider: String) throws -> WayOut) rethrows {
        self.settings = settings
        ways = try Dictionary(uniqueKeysWithValues: settings.providers.keys.map { ($0, try way($0)) })
    }

    public func request(_ order: SchedulingOrder) async -> Ending<SchedulingEntry> {
        let format = format
        let ending = await ask(order.provider, SchedulingFormat.entry) { format.requesting(order, at: $0) }
        // Somebody else's answer under our number would confirm what nobody asked for.
        if let entry = ending.value, entry.id != order.id || entry.requestID != order.requestID.text {
            return .later(after: nil, reason: "it answered about another appointment")
        }
        return ending
    }

    public func cancel(_ id: String, provider: String, key: EffectKey) async -> Ending<SchedulingEntry> {
        let format = format
        return await ask(provider, SchedulingFormat.entry) { format.cancelling(id, key: key, at: $0) }
    }

    public func entry(_ id: String, provider: String) async -> Ending<SchedulingEntry?> {
        guard let (way, base) = line(to: provider) else { return .never(reason: Self.unknown) }
        let (format, now) = (format, way.now)
        return await way.ask(format.looking(at: id, at: base), isRepeatable: true) { answer in
            if answer.status == 404, document(answer.body)?["error"]?.string == "not_found" { return .value(nil) }
            // One that cannot be read is not one that does not exist.
            return format.read(answer, now: now) { json in SchedulingFormat.entry(json).map { .some($0) } }
        }
    }

    public func entries(of provider: String, since: Instant, after: String?) async -> Ending<Page<SchedulingEntry>> {
        let format = format
        return await ask(provider, SchedulingFormat.page) { format.listing(provider, since: since, after: after, at: $0) }
    }

    private static let unknown = "nobody knows this scheduling provider"

    private func line(to provider: String) -> (WayOut, String)? {
        guard let way = ways[provider], let base = settings.providers[provider] else { return nil }
        return (way, base)
    }

    private func ask<Value: Sendable>(
        _ provider: String, _ value: @escaping @Sendable (JSON) -> Value?, _ call: (_ base: String) -> OutboundCall
    ) async -> Ending<Value> {
        guard let (way, base) = line(to: provider) else { return .never(reason: Self.unknown) }
        let (format, now) = (format, way.now)
        return await way.ask(call(base), isRepeatable: true) { format.read($0, now: now, value) }
    }
}
