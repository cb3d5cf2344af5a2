import Notation
import Scheduling
public import Storage
import StoragePostgres
import StorageSQLite
import Synchronization
import Workflows

/// Where a simulation keeps its clinic.
public enum SimulatedEngine: Sendable {
    /// In memory: some hundred days a second.
    case sqlite
    /// A database of its own on a real server.
    case postgres(url: String)
}

extension SimulatedEngine {
    /// An empty database for one history from a seed (`Interleaving`): without threads of its own, and without a wait.
    public func emptyDatabase() throws -> any Database { try InlineStore(self) }
}

/// An engine behind the door the clinic knows, without threads of its own. `@unchecked Sendable`: a simulation runs on one
/// thread.
final class InlineStore: Database, @unchecked Sendable {
    private enum Engine {
        case sqlite(InlineSQLite)
        case postgres(InlinePostgres)
    }

    private let engine: Engine

    init(_ engine: SimulatedEngine) throws {
        switch engine {
        case .sqlite: self.engine = .sqlite(try InlineSQLite())
        case .postgres(let url): self.engine = .postgres(InlinePostgres(url, random: SeededRandom(seed: 0)))
        }
    }

    func inline<Answer>(_ body: (any WriteTransaction) throws -> Answer) throws -> Answer {
        switch engine {
        case .sqlite(let engine): try engine.write(body)
        case .postgres(let engine): try engine.write(body)
        }
    }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        switch engine {
        case .sqlite(let engine): try engine.read(body)
        case .postgres(let engine): try engine.read(body)
        }
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try inline(body)
    }
}

/// A clinic that one simulation after another plays on. It is built once; between two plays everything the
/// first left behind is deleted, which takes a fraction of building it.
final class Stage {
    let plan: ClinicPlan
    let store: InlineStore
    let bug: PlantedBug?

    init(bug: PlantedBug?, on engine: SimulatedEngine = .sqlite) throws {
        self.bug = bug
        plan = Self.simulated
        store = try InlineStore(engine)
        try build()
        // Between two plays the trail of the first is deleted like everything else.
        try store.inline { try $0.execute(Unguarded.audit) }
        if bug == .repetitive { try store.inline { try $0.execute("DROP INDEX waitlist_offer_once") } }
        if bug == .blindAndUnguarded { try store.inline { try $0.execute(Unguarded.sql) } }
    }

    /// Two practitioners with a second lane for emergencies, one room, one device, six patients and three hours on two
    /// days: everybody is in everybody's way. It begins ten minutes before the first reminders are due.
    private static let simulated = ClinicPlan {
        $0.practitioners = 2
        $0.lanes = 2
        $0.rooms = 1
        $0.devices = 1
        $0.patients = 6
        $0.opensAtHour = 9
        $0.closesAtHour = 12
        $0.policy.startGridMinutes = 15
        $0.startsAt = Instant("2026-03-02T08:50:00Z")!
    }

    private func build() throws {
        let clock = ManualClock(plan.startsAt)
        let random = SeededRandom(seed: 0)
        let failure = Mutex<(any Error)?>(nil)
        let fixture = ClinicFixture(plan, store, clock, seed: 0)
        _ = SeededExecutor(random).run(clock, limit: .days(1)) {
            do {
                try await Migrator(fixture.database, migrations: Schema.migrations, clock: clock).up()
                _ = try await fixture.clinic.importClinic(fixture.plan.document())
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Rows that point to others first.
    func clear() throws {
        try store.inline { transaction in
            for table in [
                "claim", "waitlist_offer", "waitlist_entry", "appointment_patient", "appointment", "event", "audit",
                "audit_unsealed", "idempotency", "notice",
                "outbox",
            ] {
                try transaction.execute(SQL("DELETE FROM \(table)"))
            }
            try transaction.execute("DELETE FROM schedule_exception")
            try transaction.execute(SQL("UPDATE resource SET lanes = \(plan.lanes), version = 1 WHERE kind = 'practitioner'"))
            try transaction.execute("UPDATE revision SET value = 1")
        }
    }
}

/// Mistakes that are put in on purpose: a checker that does not find them proves nothing.
public enum PlantedBug: String, Sendable, CaseIterable {
    /// The deciding query sees nobody's claims, and the schema's guard is dropped.
    case blindAndUnguarded = "blind-and-unguarded"
    /// A worker ends what it has delivered only when it has delivered it a second time.
    case forgetful
    /// The database answers before it has committed, and now and then does not commit.
    case hasty
    /// Nobody remembers to whom a time was offered, and the schema does not mind.
    case repetitive
}
