import Logging
import Metrics
import Notation
import Storage
import Synchronization
import Tenancy

extension Branches {
    /// Opens a clinic, keeps it open until it is told to close, and closes it.
    func keepOpen(_ residence: Residence) async {
        let branch: Branch
        do {
            branch = try await Branch.open(
                settings.of(residence, in: file), ways: ways, tenant: residence.name, isLabelled: settings.tenants.areLabelled,
                logger: logger
            )
        } catch { return couldNotOpen(residence, error) }
        let (ended, ending) = AsyncStream.makeStream(of: Void.self)
        hasOpened(residence, Seat(branch: branch, ending: ending))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work(branch, residence) }
            for await _ in ended {}
            group.cancelAll()
        }
        await branch.close()
        hasClosed(residence)
    }

    /// A clinic that cannot work in the background any more is closed, and opened afresh for the next who asks.
    private func work(_ branch: Branch, _ residence: Residence) async {
        do { try await branch.work() } catch {
            logger.error(
                "a clinic cannot go on and is closed",
                metadata: ["evt": "tenant.failed", "tenant": "\(residence.name)", "reason": "\(quiet(error))"])
        }
        retire(residence)
    }

    private func hasOpened(_ residence: Residence, _ seat: Seat) {
        opened.increment()
        let (waiters, hadFailed, steps) = state.withLock { state in
            let waiters = state.waiting.removeValue(forKey: residence) ?? []
            state.seats[residence] = seat
            let hadFailed = state.failures.removeValue(forKey: residence) != nil
            let isRound = waiters.allSatisfy(\.isRound)
            var steps = state.occupancy.opened(residence, guests: waiters.count, isRound: isRound)
            if state.isStopping || !state.directory.lists(residence) { steps += state.occupancy.retire(residence) }
            return (waiters, hadFailed, steps)
        }
        if hadFailed {
            logger.notice(
                "a clinic can be opened again", metadata: ["evt": "tenant.recovered", "tenant": "\(residence.name)"])
        }
        logger.debug("a clinic is open", metadata: ["evt": "tenant.opened", "tenant": "\(residence.name)"])
        for waiter in waiters { waiter.continuation.resume(returning: seat.branch) }
        take(steps)
    }

    private func couldNotOpen(_ residence: Residence, _ error: any Error) {
        failed.increment()
        let (waiters, isNew, steps) = state.withLock { state in
            let isNew = state.failures[residence].map { quiet($0.fault) != quiet(error) } ?? true
            state.failures[residence] = (clock.now, error)
            let waiters = state.waiting.removeValue(forKey: residence) ?? []
            return (waiters, isNew, state.occupancy.closed(residence))
        }
        if isNew {
            logger.error(
                "a clinic cannot be opened and will be tried again",
                metadata: ["evt": "tenant.unavailable", "tenant": "\(residence.name)", "reason": "\(quiet(error))"])
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
        take(steps)
    }

    private func hasClosed(_ residence: Residence) {
        logger.debug("a clinic is closed", metadata: ["evt": "tenant.closed", "tenant": "\(residence.name)"])
        let steps = state.withLock { state in
            state.seats[residence] = nil
            return state.occupancy.closed(residence)
        }
        take(steps)
    }

    /// What may be said of a fault in a log.
    func quiet(_ error: any Error) -> String {
        (error as? StorageFault)?.description ?? String(describing: type(of: error))
    }
}
