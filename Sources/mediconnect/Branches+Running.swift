import API
import Logging
import Notation
import ServiceLifecycle
import Storage
import Synchronization
import Telemetry
import Tenancy

extension Branches {
    /// Opens and closes clinics until the node stops; then closes all of them.
    func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.lookAround() }
                if !self.settings.roles.isDisjoint(with: [.worker, .reconciler]) { group.addTask { await self.goRounds() } }
                for await residence in self.orders { group.addTask { await self.keepOpen(residence) } }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
    }

    private func stop() {
        let waiters = state.withLock { state in
            state.isStopping = true
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap { $0 }
        }
        for waiter in waiters { waiter.continuation.resume(throwing: StorageFault.closed) }
        order.finish()
    }

    // MARK: Looking around

    /// Once a second: has the directory changed, and does somebody wait in vain?
    private func lookAround() async {
        while !Task.isCancelled {
            try? await clock.sleep(until: clock.now + .seconds(1))
            followDirectory()
            sendAwayWhoWaitsTooLong()
        }
    }

    private func sendAwayWhoWaitsTooLong() {
        let late: [Waiter] = state.withLock { state in
            let end = clock.now - Self.patience
            var late: [Waiter] = []
            for (residence, waiters) in state.waiting {
                late += waiters.filter { $0.since < end }
                let rest = waiters.filter { $0.since >= end }
                state.waiting[residence] = rest.isEmpty ? nil : rest
                if rest.isEmpty { state.occupancy.withdraw(residence) }
            }
            return late
        }
        for waiter in late { waiter.continuation.resume(throwing: StorageFault.overloaded) }
    }
}

// MARK: Being watched

extension Branches {
    /// How many clinics there are and are open, and what they take of what there is. Names none.
    func register(in metrics: PrometheusRegistry) {
        func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable (State) -> Int) {
            metrics.registerGauge(name, help: help) { [self] in Double(state.withLock { read($0) }) }
        }
        gauge("mediconnect_tenants", "Clinics in the directory") { $0.directory.tenants.count }
        gauge("mediconnect_tenants_open", "Clinics that are open, opening or closing") { $0.occupancy.count }
        gauge("mediconnect_tenants_open_most", "The most that were open at once since the start") { $0.occupancy.most }
        gauge("mediconnect_tenants_waiting", "Requests that wait for their clinic to open") {
            $0.waiting.values.reduce(0) { $0 + $1.count }
        }
        gauge("mediconnect_tenants_connections", "Connections of the clinics that are open") { $0.occupancy.used }
        gauge("mediconnect_tenants_connections_limit", "Connections for all clinics together") { $0.occupancy.budget }
    }
}
