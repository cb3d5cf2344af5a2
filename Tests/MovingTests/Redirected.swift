import Storage
import Synchronization

/// A database whose place changes while it is used, as that of a server does that is told where its clinic lives now.
final class Redirected: Database {
    private final class Place: Sendable {
        let current: Mutex<any Database>
        init(_ database: any Database) { current = Mutex(database) }
    }
    private let place: Place
    private let work: Work?

    init(_ database: any Database) {
        place = Place(database)
        work = nil
    }

    private init(_ place: Place, _ work: Work) {
        self.place = place
        self.work = work
    }

    private var current: any Database {
        let database = place.current.withLock { $0 }
        return work.map { database.doing($0) } ?? database
    }

    func lead(to database: any Database) { place.current.withLock { $0 = database } }

    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await current.read(body)
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await current.write(body)
    }

    func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer {
        try await current.writeTogether(foreseen: foreseen, body)
    }

    func doing(_ work: Work) -> any Database { Redirected(place, work) }
    var gainsFromForesight: Bool { current.gainsFromForesight }
}
