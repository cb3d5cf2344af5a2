public import Storage
import Synchronization

/// Holds one transaction up after it has begun to write and before it writes its event, so that whoever begins later commits sooner.
public final class Laggard: Sendable {
    private let isArmed = Mutex(false)
    /// Opened when the transaction stands there.
    public let arrived = Gate()
    /// What lets it go on.
    public let goOn = Gate()

    public init() {}

    /// The next transaction that writes an event is held up.
    public func arm() { isArmed.withLock { $0 = true } }

    public func slowing(_ inner: any Database) -> any Database { TamperedDatabase(inner) { LateTransaction($0, self) } }

    fileprivate func meet() {
        let isIt = isArmed.withLock { armed in
            defer { armed = false }
            return armed
        }
        guard isIt else { return }
        arrived.open()
        goOn.hold(seconds: 60)
    }
}

private final class LateTransaction: PassingTransaction {
    private let laggard: Laggard

    init(_ inner: any WriteTransaction, _ laggard: Laggard) {
        self.laggard = laggard
        super.init(inner)
    }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        if Asked.sql.sqlite.hasPrefix("INSERT INTO event ") { laggard.meet() }
        try super.post(command, orElse: fault)
    }
}
