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

    init(clock: any WallClock) {
        self.clock = clock
        self.index = Mutex(nil)
    }

    func apply(_ hints: [AvailabilityHint]) {
        index.withLock { index in
            for hint in hints { index?.apply(hint) }
        }
    }

    /// Asks a question of microseconds; nil while the index is still being filled.
    func ask<Answer: Sendable>(_ question: (AvailabilityIndex) -> Answer) -> Answer? {
        withIndex { question($0) }
    }

    /// Asks a question that may take milliseconds, on a copy, so that no commit waits behind it. The next commit pays a few
    /// microseconds for what the copy still holds.
    func askAside<Answer: Sendable>(_ question: (AvailabilityIndex) -> Answer) -> Answer? {
        withIndex { $0 }.map(question)
    }

    private func withIndex<Answer: Sendable>(_ body: (AvailabilityIndex) -> Answer) -> Answer? {
        let now = clock.now
        return index.withLock { index in
            guard index != nil else { return nil }
            index!.roll(to: now)
            return body(index!)
        }
    }

    /// Builds the index from the database. It is put in place by the commit hook of its own transaction, so every hint of a
    /// later commit finds it and none is told twice.
    func fill(from database: any Database, directory cache: DirectoryCache) async throws {
        let now = clock.now
        try await database.doing(.background).write { [self] transaction in
            let directory = try cache.current(transaction)
            cache.keep(directory)
            var index = AvailabilityIndex(directory: directory, now: now)
            for resource in directory.resources.keys.sorted() {
                for claim in try transaction.fetch(ClaimsFrom(holder: resource, from: index.covered.from - .days(2))) {
                    index.insert(claim)
                }
                for (id, start) in try transaction.fetch(StartsFrom(practitioner: resource, from: index.covered.from)) {
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
