import Synchronization

/// The ring as it is now, for everybody in this process who seals with it or checks: when it changes, it has changed for all.
public final class LiveKeyring: Sendable {
    private let state: Mutex<Keyring>

    public init(_ ring: Keyring) { state = Mutex(ring) }

    public var ring: Keyring { state.withLock { $0 } }

    public func take(_ ring: Keyring) { state.withLock { $0 = ring } }
}
