import API
import Logging
import Metrics
import Notation
import ServiceLifecycle
import Storage
import Synchronization
import Telemetry
import Tenancy

/// The clinics of a network in this node: opened when somebody asks for them, closed when others need their place, and
/// never more at once than there are connections for.
///
/// `Occupancy` decides and this does: each clinic that is open is a task of `run`, which ends when it is told to close.
final class Branches: Clinics {
    /// Who waits for a clinic to open.
    struct Waiter {
        let continuation: CheckedContinuation<Branch, any Error>
        let since: Instant
        let isRound: Bool
    }

    /// A clinic that is open, and how to end that.
    struct Seat {
        let branch: Branch
        /// Finished when it is to close.
        let ending: AsyncStream<Void>.Continuation
    }

    struct State {
        var directory: TenantDirectory
        var stamp: WholeFile.Stamp?
        /// The file has been there and wrong since the last time it was right.
        var isDirectoryBroken = false
        var occupancy: Occupancy<Residence>
        var seats: [Residence: Seat] = [:]
        var waiting: [Residence: [Waiter]] = [:]
        var failures: [Residence: (at: Instant, fault: any Error)] = [:]
        var isStopping = false
    }

    let settings: Settings
    let file: DirectoryFile
    let ways: Ways
    let logger: Logger
    let clock: any WallClock
    let state: Mutex<State>
    let following = Mutex(())
    let orders: AsyncStream<Residence>
    let order: AsyncStream<Residence>.Continuation
    let opened = Counter(label: "mediconnect_tenants_opened")
    let failed = Counter(label: "mediconnect_tenants_failed")

    /// How long a request waits for its clinic to open.
    static let patience = Span.seconds(10)
    /// How long nobody tries to open a clinic again that could not be opened.
    static let pauseAfterFailure = Span.seconds(1)

    init(_ settings: Settings, _ file: DirectoryFile, _ ways: Ways, clock: any WallClock, logger: Logger) throws {
        self.settings = settings
        self.file = file
        self.ways = ways
        self.clock = clock
        self.logger = logger
        let stamp = file.stamp
        let directory = try settings.directory(in: file)
        state = Mutex(
            State(directory: directory, stamp: stamp, occupancy: Occupancy(budget: settings.tenants.connections)))
        (orders, order) = AsyncStream.makeStream()
    }

    var open: [Branch] { state.withLock { $0.seats.values.map(\.branch) } }

    func complaint() async -> String? { nil }

    func parts() async -> [(name: String, state: String)] {
        let asked = open
        let complaining = await withTaskGroup(of: Branch?.self) { group in
            for branch in asked { group.addTask { await branch.complaint == nil ? nil : branch } }
            return await group.reduce(into: [Branch]()) { if let branch = $1 { $0.append(branch) } }
        }
        // Not those that were just being closed.
        let still = open
        let ill = still.filter { branch in complaining.contains { $0 === branch } }.count
        let isBroken = state.withLock { $0.isDirectoryBroken }
        return [
            ("clinics", ill == 0 ? "ok" : "\(ill) of \(still.count) open ones cannot reach their database"),
            ("directory", isBroken ? "cannot be read; the last one that could be holds" : "ok"),
        ]
    }

    // MARK: Coming and going

    func receive<Answer: Sendable>(
        _ address: ClinicAddress, _ body: (Premises) async throws -> Answer
    ) async throws -> Answer {
        let tenant = state.withLock { $0.directory.tenant(host: address.host, header: address.tenant) }
        guard let tenant else { throw Problem(.noSuchClinic) }
        do {
            return try await visit(tenant.residence) { branch in
                try await branch.prepareToAnswer()
                return try await body(branch.premises)
            }
        } catch StorageFault.moving {
            // Whoever moves it tells the directory next: perhaps it is there already.
            followDirectory()
            throw StorageFault.moving
        }
    }

    /// Lends an open clinic. One whose database takes nothing any more is opened afresh for the next.
    func visit<Answer: Sendable>(
        _ residence: Residence, isRound: Bool = false, _ body: (Branch) async throws -> Answer
    ) async throws -> Answer {
        let branch = try await enter(residence, isRound: isRound)
        defer {
            if branch.house.engine.isBeyondRepair { retire(residence) }
            take(state.withLock { $0.occupancy.leave(residence) })
        }
        return try await body(branch)
    }

    /// Waits until it is open. Whoever entered must leave.
    private func enter(_ residence: Residence, isRound: Bool) async throws -> Branch {
        if let branch = try enterIfOpen(residence, isRound: isRound) { return branch }
        return try await withCheckedThrowingContinuation { continuation in
            let (result, steps): (Result<Branch, any Error>?, [Occupancy<Residence>.Step]) = state.withLock { state in
                if let refusal = refusal(of: residence, &state) { return (.failure(refusal), []) }
                let (entry, steps) = state.occupancy.enter(residence, cost: settings.cost(of: residence), isRound: isRound)
                if entry == .here, let branch = state.seats[residence]?.branch { return (.success(branch), steps) }
                state.waiting[residence, default: []].append(
                    Waiter(continuation: continuation, since: clock.now, isRound: isRound))
                return (nil, steps)
            }
            take(steps)
            if let result { continuation.resume(with: result) }
        }
    }

    private func enterIfOpen(_ residence: Residence, isRound: Bool) throws -> Branch? {
        try state.withLock { state in
            guard state.occupancy.isOpen(residence), let branch = state.seats[residence]?.branch else { return nil }
            if state.isStopping { throw StorageFault.closed }
            _ = state.occupancy.enter(residence, cost: settings.cost(of: residence), isRound: isRound)
            return branch
        }
    }

    /// Why nobody even waits for it.
    private func refusal(of residence: Residence, _ state: inout State) -> (any Error)? {
        if state.isStopping { return StorageFault.closed }
        if let failure = state.failures[residence], clock.now - failure.at < Self.pauseAfterFailure { return failure.fault }
        return nil
    }

    /// Closes it as soon as nobody is in it any more.
    func retire(_ residence: Residence) { take(state.withLock { $0.occupancy.retire(residence) }) }

    func take(_ steps: [Occupancy<Residence>.Step]) {
        for step in steps {
            switch step {
            case .open(let residence): order.yield(residence)
            case .close(let residence): state.withLock { $0.seats[residence]?.ending }?.finish()
            }
        }
    }
}

extension TenantDirectory {
    func lists(_ residence: Residence) -> Bool { self[residence.name]?.residence == residence }
}
