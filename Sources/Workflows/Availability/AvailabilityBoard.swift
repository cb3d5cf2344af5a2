import Notation
import Scheduling
import Storage
import Synchronization

/// What a commit changed about who is free, for the index.
enum AvailabilityHint: Sendable {
    case claimed(Claim)
    case released(Claim)
    case starts(Appointment)
    case noLongerStarts(Appointment)
    case directory(Directory)
}

/// Keeps the availability index of this node and lends it out. It only proposes: a hint may come late or never, and the
/// write transaction decides on what the database says.
public final class AvailabilityBoard: Sendable {
    private let index: Mutex<AvailabilityIndex?>
    private let clock: any WallClock
    private let days: Int

    init(clock: any WallClock, days: Int) {
        self.clock = clock
        self.days = days
        self.index = Mutex(nil)
    }

    func apply(_ hints: [AvailabilityHint]) {
        index.withLock { index in
            for hint in hints { index?.apply(hint) }
        }
    }

    /// Asks the index; nil while it is still being filled.
    func ask<Answer: Sendable>(_ question: (inout AvailabilityIndex) -> Answer) -> Answer? {
        let now = clock.now
        return index.withLock { index in
            index?.roll(to: now)
            return index.map { _ in question(&index!) }
        }
    }

    /// Builds the index from the database. It is put in place by the commit hook of its own transaction, so every hint of a
    /// later commit finds it and none is told twice.
    func fill(from database: any Database, directory cache: DirectoryCache) async throws {
        let now = clock.now
        let days = days
        try await database.write { [self] transaction in
            let directory = try cache.current(transaction)
            cache.keep(directory)
            var index = AvailabilityIndex(directory: directory, from: now, days: days)
            for resource in directory.resources.keys.sorted() {
                for claim in try transaction.fetch(ClaimsFrom(holder: resource, from: now - .days(3))) { index.insert(claim) }
                for (id, start) in try transaction.fetch(StartsFrom(practitioner: resource, from: now - .days(2))) {
                    index.insertAppointment(id, of: resource, startingAt: start)
                }
            }
            let built = index
            transaction.afterCommit { self.index.withLock { $0 = built } }
        }
    }
}

extension AvailabilityIndex {
    fileprivate mutating func apply(_ hint: AvailabilityHint) {
        switch hint {
        case .claimed(let claim): insert(claim)
        case .released(let claim): remove(claim)
        case .starts(let appointment):
            insertAppointment(appointment.id, of: appointment.practitioner, startingAt: appointment.visit.from)
        case .noLongerStarts(let appointment):
            removeAppointment(appointment.id, of: appointment.practitioner, startingAt: appointment.visit.from)
        // A resource the index has never seen has no claims yet: nobody could book what was not there.
        case .directory(let directory): _ = replaceDirectory(directory)
        }
    }
}
