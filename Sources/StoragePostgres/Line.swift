import Notation
import Storage
import Synchronization

/// What all lines of a node share: the shapes of statements, and whether the servers could be reached a moment ago.
final class Exchange: Sendable {
    let settings: PostgresSettings
    let observer: any PostgresObserver
    let shapes = Shapes()
    private let failure = Mutex<(at: ContinuousClock.Instant, fault: StorageFault)?>(nil)

    init(_ settings: PostgresSettings, _ observer: any PostgresObserver) {
        self.settings = settings
        self.observer = observer
    }

    /// Connects, unless somebody just failed to: a server that comes back must not find a storm of attempts.
    func connect() throws -> PostgresConnection {
        if let failure = failure.withLock({ $0 }), ContinuousClock.now - failure.at < .milliseconds(200) { throw failure.fault }
        do {
            let connection = try PostgresConnection(settings)
            failure.withLock { $0 = nil }
            return connection
        } catch {
            let fault = error as? StorageFault ?? .unreachable("unknown")
            failure.withLock { $0 = (.now, fault) }
            throw fault
        }
    }

    /// Nil while the servers could be reached at the last attempt.
    var lastFailure: StorageFault? { failure.withLock { $0?.fault } }
}

/// A thread's connection: made when it is needed, checked when it was idle, replaced when it is old or gone.
final class Line {
    private let exchange: Exchange
    private var conversation: Conversation?
    private var lifetime = 0.0

    private let servesGroups: Bool

    init(_ exchange: Exchange, servesGroups: Bool = false) {
        self.exchange = exchange
        self.servesGroups = servesGroups
    }

    /// A conversation that answered a moment ago. Throws why there is none.
    func open() throws -> Conversation {
        if let conversation, isFresh(conversation.connection) {
            conversation.connection.usedAt = .now
            return conversation
        }
        drop()
        let connection = try exchange.connect()
        let made = Conversation(connection, exchange, servesGroups: servesGroups)
        if !exchange.settings.isBehindBouncer {
            do {
                try connection.send(Conversation.sessionRules(.request, servesGroups: servesGroups, local: false))
                _ = try connection.settle(within: 5)
            } catch {
                connection.close()
                throw StorageFault.connectionLost("the server did not answer")
            }
        }
        // A tenth more or less, so that connections made together do not end together.
        lifetime = exchange.settings.lifetimeSeconds * (0.9 + 0.2 * exchange.settings.random.unit())
        conversation = made
        return made
    }

    private func isFresh(_ connection: PostgresConnection) -> Bool {
        if connection.isBroken || (ContinuousClock.now - connection.openedAt).seconds > lifetime { return false }
        let idle = (ContinuousClock.now - connection.usedAt).seconds
        return idle < exchange.settings.idleCheckSeconds || connection.answers()
    }

    func drop() {
        conversation?.connection.close()
        conversation = nil
    }

    /// Runs an errand to its answer: again from its start when the server asks for that, on a new connection when the old
    /// one is gone.
    func run(_ errand: any Errand) {
        var attempt = 1
        while true {
            let conversation: Conversation
            do { conversation = try open() } catch { return errand.answer(error as? StorageFault ?? .unreachable("unknown")) }
            guard let fault = errand.run(conversation) else { break }
            if conversation.connection.isBroken || fault.endsConnection { drop() }
            guard attempt < exchange.settings.deadlockAttempts, let cause = fault.repetition else {
                return errand.answer(fault.meaning)
            }
            exchange.observer.repeated(because: cause)
            attempt += 1
            pause(5 + 95 * exchange.settings.random.unit())
        }
        if let conversation, conversation.connection.isBroken || conversation.connection.isInTransaction { drop() }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Lets this thread, one of our own, rest.
func pause(_ milliseconds: Double) { usleep(UInt32(milliseconds * 1_000)) }
