import Notation
import Outbox
import Storage
import TestKit
import Testing

@Suite struct LookingFromWhereOneIs {
    /// How many messages a worker finds in three steps: one that is due; one that was queued late, as of a minute ago; and
    /// that again, a while later.
    private func found(eachLookTaking look: Span) async throws -> [Int] {
        var found: [Int] = []
        try await Workshop.open(.postgres) { workshop in
            let worker = workshop.worker(database: workshop.slow(look), ["note": .effect()])
            try await workshop.put("note")
            found.append(try await worker.step())
            try await workshop.put("note") { $0.availableAt = workshop.clock.now - .minutes(1) }
            found.append(try await worker.step())
            workshop.clock.advance(by: .seconds(20))
            found.append(try await worker.step())
        }
        return found
    }

    @Test func `while looks are quick, each is at everything`() async throws {
        let found = try await found(eachLookTaking: .milliseconds(1))
        #expect(found == [1, 1, 0])
    }

    @Test func `when looks are slow, what has been passed is looked at again only now and then`() async throws {
        let found = try await found(eachLookTaking: .milliseconds(200))
        #expect(found == [1, 0, 1])
    }

    @Test func `what comes after what has been passed is found at once`() async throws {
        try await Workshop.open(.postgres) { workshop in
            let worker = workshop.worker(
                database: workshop.slow(.milliseconds(200)), ["note": .effect(), "other": .effect()])
            for _ in 1...5 {
                try await workshop.put("note")
                let first = try await worker.step()
                try await workshop.put("other")
                let second = try await worker.step()
                #expect(first == 1 && second == 1)
            }
        }
    }
}

/// A transaction in which it takes a while to find out what is due.
private final class SlowLook: PassingTransaction {
    private let clock: ManualClock
    private let each: Span

    init(_ inner: any WriteTransaction, clock: ManualClock, each: Span) {
        self.clock = clock
        self.each = each
        super.init(inner)
    }

    override func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] {
        if Asked.self == TakeDue.self { clock.advance(by: each) }
        return try super.fetch(query)
    }
}

extension Workshop {
    /// Its database, in which each look takes so long.
    fileprivate func slow(_ look: Span) -> TamperedDatabase {
        TamperedDatabase(database) { [clock] in SlowLook($0, clock: clock, each: look) }
    }
}
