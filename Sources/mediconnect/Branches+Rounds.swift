import Logging
import Notation
import Storage
import Synchronization
import Tenancy

extension Branches {
    /// Looks after the clinics nobody asks for: each that is closed is opened regularly, delivers what is due, and is the
    /// first to go when its place is needed.
    func goRounds() async {
        var next = clock.now + .seconds(settings.tenants.roundSeconds)
        while !Task.isCancelled {
            try? await clock.sleep(until: next)
            next = clock.now + .seconds(settings.tenants.roundSeconds)
            await goRound()
        }
    }

    private func goRound() async {
        var rest = state.withLock { state in
            state.directory.tenants.map(\.residence).filter { !state.occupancy.isOpen($0) }
        }[...]
        await withTaskGroup(of: Void.self) { group in
            func visitNext() {
                guard !Task.isCancelled, let next = rest.popFirst() else { return }
                group.addTask { await self.lookAfter(next) }
            }
            for _ in 0..<roundsAtOnce { visitNext() }
            while await group.next() != nil { visitNext() }
        }
    }

    /// At most half of what there is room for, so that a round never sends everybody away at once.
    private var roundsAtOnce: Int { max(1, min(4, settings.tenants.connections / (settings.pool + 1) / 2)) }

    private func lookAfter(_ residence: Residence) async {
        do {
            try await visit(residence, isRound: true) { try await $0.round() }
        } catch {
            // The node stops, or why it could not be opened has been said.
            if Task.isCancelled || state.withLock({ $0.failures[residence] != nil }) { return }
            logger.warning(
                "a round through a clinic failed; the next will try again",
                metadata: ["evt": "tenant.round", "tenant": "\(residence.name)", "reason": "\(quiet(error))"])
        }
    }
}
