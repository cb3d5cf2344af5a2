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
    /// How much of what others have changed is in the index.
    private let progress = Mutex(Progress())

    private struct Progress {
        var position: Int64 = 0
        var imports: Int64 = 0
    }

    /// Events of this node that only took times, in the index since the last refreshing: it need not read them again. Nil
    /// until the first, because an index that nobody refreshes would remember them for ever.
    private let own = Mutex<Set<ID<AppointmentEvent>>?>(nil)

    private let clock: any WallClock

    init(clock: any WallClock) {
        self.clock = clock
        self.index = Mutex(nil)
    }

    /// - Parameter events: what other nodes hear of the same change. They are not read again here when they only took
    ///   times: hints of two commits may come in the wrong order, and then it matters which of them gave something up.
    func apply(_ hints: [AvailabilityHint], of events: [ID<AppointmentEvent>] = []) {
        index.withLock { index in
            for hint in hints { index?.apply(hint) }
            if hints.allSatisfy(\.onlyTakes) { own.withLock { $0?.formUnion(events) } }
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
            // Before anything else is read: what is committed meanwhile is read again by the first refreshing.
            let position = try transaction.first(EventHorizon()) ?? 0
            let imports = try transaction.first(ImportRevision()) ?? 0
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
            transaction.afterCommit {
                // In this order: whoever finds the index knows where it stands.
                self.progress.withLock { $0 = Progress(position: position, imports: imports) }
                self.index.withLock { $0 = built }
            }
        }
    }

    /// Brings the index up to date with what other nodes have committed since the last time, and with what hints of this
    /// one may have told in the wrong order. Returns how many stretches of time were read again.
    ///
    /// What is read again is the truth of one moment; a hint that was applied in the next may be undone by it, until the
    /// next refreshing reads it once more. So the index is at most one interval of refreshing behind. One that was never
    /// filled has nothing to be brought up to.
    func refresh(from database: any Database, directory cache: DirectoryCache) async throws -> Int {
        guard index.withLock({ $0 != nil }) else { return 0 }
        let before = progress.withLock { $0 }
        let known = own.withLock { own in
            defer { own = [] }
            return own ?? []
        }
        let news = try await database.doing(.background).read { transaction in
            try News(reading: transaction, since: before.position, but: known, directory: cache)
        }
        if news.imports != before.imports {
            try await fill(from: database, directory: cache)
            return 0
        }
        cache.keep(news.directory)
        index.withLock { index in
            guard index != nil else { return }
            if index!.directory.revision < news.directory.revision { _ = index!.replaceDirectory(news.directory) }
            for time in news.times {
                index!.reload(time.touched.holder, claims: time.claims, in: time.touched.range)
                index!.reload(time.touched.holder, starts: time.starts, in: time.touched.range)
            }
            // What was applied while this was read may just have been undone: the next refreshing reads it.
            own.withLock { $0 = [] }
        }
        progress.withLock { $0.position = max($0.position, news.position) }
        return news.times.count
    }
}

/// What happened since a position, as the database says it now.
private struct News: Sendable {
    struct Time: Sendable {
        let touched: TouchedTime
        let claims: [Claim]
        let starts: [(appointment: ID<Appointment>, start: Instant)]
    }

    let position: Int64
    let imports: Int64
    let directory: Directory
    let times: [Time]

    init(
        reading transaction: any ReadTransaction, since position: Int64, but known: Set<ID<AppointmentEvent>>,
        directory cache: DirectoryCache
    ) throws {
        self.position = try transaction.first(EventHorizon()) ?? 0
        imports = try transaction.first(ImportRevision()) ?? 0
        directory = try cache.current(transaction)
        let events = try transaction.fetch(TouchedSince(position: position)).filter { !known.contains($0.event) }
        let touched = Array(Set(try events.flatMap { try TouchedTime.list($0.json) }))
        let claims = try transaction.fetch(each: touched.map { LiveClaims(holder: $0.holder, range: $0.range) })
        let starts = try transaction.fetch(each: touched.map { StartsIn(practitioner: $0.holder, range: $0.range) })
        times = touched.indices.map { index in
            Time(
                touched: touched[index], claims: claims[index],
                starts: starts[index].map { (appointment: $0.0, start: $0.1) })
        }
    }
}

extension AvailabilityHint {
    fileprivate var onlyTakes: Bool {
        switch self {
        case .claimed, .starts: true
        case .released, .noLongerStarts, .directory: false
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
