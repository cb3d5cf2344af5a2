import Logging
import Notation
import Outbox
import Storage
import StoragePostgres
import Synchronization
import Telemetry
import Workflows

/// What a node has to do with the others that share its database: hear that something changed, tell that it changed
/// something, and know whether it is the one that sweeps. Alone on an embedded database it has nothing to do with anybody.
final class Neighbourhood: Sendable {
    private let sideline: Sideline?
    private let news = OutboxBell()
    /// Where the index was last known to be up to date.
    let refreshedAt: Mutex<Instant>

    init(_ engine: Engine, _ settings: Settings, name: String, surroundings: Surroundings) throws {
        refreshedAt = Mutex(surroundings.clock.now)
        guard case .postgres = engine, let url = settings.databaseURL else {
            sideline = nil
            return
        }
        let postgres = PostgresSettings(url: settings.directURL ?? url, connections: 2, random: surroundings.random)
        let news = news
        // Sweeping is the leader's, so only who sweeps may lead.
        sideline = try Sideline(postgres, name: name, mayLead: settings.roles.contains(.reconciler)) { news.ring() }
    }

    /// After a commit of this node.
    func tell() { sideline?.tell() }

    /// Whether this node does what only one has to do.
    var leads: Bool { sideline?.leads ?? true }

    /// How many nodes share the database, this one among them.
    var nodes: Int { sideline?.nodes ?? 1 }

    func close() async { await sideline?.close() }

    /// Keeps the index fresh until the task is cancelled: at once when somebody tells, and once a second in any case, so
    /// that a hint that is lost makes it a second late and no more.
    func keepFresh(_ clinic: Clinic, logger: Logger) async {
        precondition(sideline != nil, "only a node that shares its database has something to refresh")
        let clock = clinic.surroundings.clock
        while !Task.isCancelled {
            await news.wait(until: clock.now + .seconds(1), clock: clock)
            do {
                let start = clock.now
                try await clinic.refreshAvailability()
                refreshedAt.withLock { $0 = start }
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "the index could not be refreshed and will be again",
                    metadata: ["evt": "index.stale", "error": .safe(error)])
                try? await clock.sleep(until: clock.now + .milliseconds(500))
            }
            // Whoever tells does so up to twenty times a second; all of them together need no more.
            try? await clock.sleep(until: clock.now + .milliseconds(50))
        }
    }
}
