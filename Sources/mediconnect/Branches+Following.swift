import Logging
import Storage
import Synchronization
import Tenancy

extension Branches {
    /// Reads the directory again if its file has changed: clinics that have moved, changed or gone are closed as soon as
    /// nobody is in them any more, and whoever comes goes to where they live now. A file with mistakes changes nothing.
    func followDirectory() {
        // One at a time, so that nobody adopts what somebody else has found to be old.
        following.withLock { _ in
            let stamp = file.stamp
            if state.withLock({ $0.stamp != stamp && !$0.isStopping }) { adopt(fileWith: stamp) }
        }
    }

    private func adopt(fileWith stamp: WholeFile.Stamp?) {
        do {
            adopt(try settings.directory(in: file), stamp)
        } catch {
            state.withLock { ($0.stamp, $0.isDirectoryBroken) = (stamp, true) }
            let reason = (error as? SettingsProblems)?.problems.joined(separator: "; ") ?? "it cannot be read"
            logger.error(
                "the directory of tenants is wrong; the one before holds",
                metadata: ["evt": "tenants.wrong", "reason": "\(reason)"])
        }
    }

    private func adopt(_ directory: TenantDirectory, _ stamp: WholeFile.Stamp?) {
        let (strangers, steps): ([Waiter], [Occupancy<Residence>.Step]) = state.withLock { state in
            (state.directory, state.stamp, state.isDirectoryBroken) = (directory, stamp, false)
            var steps: [Occupancy<Residence>.Step] = []
            for residence in state.seats.keys where !directory.lists(residence) { steps += state.occupancy.retire(residence) }
            for residence in state.failures.keys where !directory.lists(residence) { state.failures[residence] = nil }
            let gone = state.waiting.keys.filter { !directory.lists($0) }
            for residence in gone { state.occupancy.withdraw(residence) }
            return (gone.flatMap { state.waiting.removeValue(forKey: $0) ?? [] }, steps)
        }
        // Their next try finds where it is.
        for waiter in strangers { waiter.continuation.resume(throwing: StorageFault.moving) }
        take(steps)
        logger.notice(
            "the directory of tenants was read",
            metadata: ["evt": "tenants.read", "count": "\(directory.tenants.count)"])
    }
}
