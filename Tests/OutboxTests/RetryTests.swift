import Notation
import Outbox
import Resilience
import Storage
import TestKit
import Testing

@Suite struct Retrying {
    /// Its description holds what must never be stored.
    struct Unreachable: Error, CustomStringConvertible {
        var description: String { "could not reach Ada Lovelace" }
    }

    @Test(arguments: Engine.allCases)
    func `delays double up to an hour, are random, and end after twelve attempts`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let worker = workshop.worker(["note": .external { _ in throw Unreachable() }])
            for attempt in 1...11 {
                #expect(try await worker.step() == 1)
                let row = try await workshop.row(id)
                let delay = row.availableAt - workshop.clock.now
                #expect(row.state == "ready" && row.attempt == attempt)
                #expect(delay >= .zero && delay <= min(.hours(1), .seconds(2 << attempt)))
                workshop.clock.advance(to: row.availableAt)
            }
            #expect(try await worker.step() == 1)
            #expect(try await workshop.row(id).state == "dead")
            workshop.clock.advance(by: .days(1))
            #expect(try await worker.step() == 0)
        }
    }

    @Test func `full jitter reaches from nothing to the bound`() {
        let backoff = Backoff()
        #expect((1...3).map { backoff.bound(attempt: $0) } == [.seconds(4), .seconds(8), .seconds(16)])
        #expect(backoff.bound(attempt: 12) == .hours(1))
        #expect(backoff.bound(attempt: 10_000) == .hours(1))
    }

    @Test(arguments: Engine.allCases)
    func `of an error only what cannot be about a person is kept`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            _ = try await workshop.worker(["note": .external { _ in throw Unreachable() }]).step()
            let stored = try await workshop.row(id).lastError
            #expect(stored?.hasSuffix("Retrying.Unreachable") == true)
            #expect(stored?.contains("Ada") == false)
        }
    }

    @Test(arguments: Engine.allCases)
    func `the receiver's own time is honoured, and counts as an attempt`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            let worker = workshop.worker(["note": .external { _ in .retry(after: .seconds(90)) }])
            _ = try await worker.step()
            let row = try await workshop.row(id)
            #expect(row.availableAt == workshop.clock.now + .seconds(90) && row.attempt == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a snooze is not an attempt`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note") { $0.maxAttempts = 1 }
            let until = workshop.clock.now + .minutes(3)
            let worker = workshop.worker(["note": .transactional { _, _ in .snooze(until: until) }])
            _ = try await worker.step()
            let row = try await workshop.row(id)
            #expect(row.state == "ready" && row.availableAt == until && row.attempt == 0)
        }
    }

    @Test(arguments: Engine.allCases, [(verdict: Verdict.dead(reason: "number unknown"), state: "dead"), (.cancel, "cancelled")])
    func `a final verdict ends the message at once`(
        engine: Engine, ending: (verdict: Verdict, state: String)
    ) async throws {
        try await Workshop.open(engine) { workshop in
            let id = try await workshop.put("note")
            _ = try await workshop.worker(["note": .external { _ in ending.verdict }]).step()
            #expect(try await workshop.row(id).state == ending.state)
        }
    }

    @Test func `a delivery that outlasts its deadline is given up and tried again`() throws {
        try Workshop.simulate { workshop in
            let id = try await workshop.put("note")
            let worker = workshop.worker([
                "note": .external { _ in
                    try await workshop.pass(.hours(1)); return .done
                }
            ])
            let start = workshop.clock.now
            #expect(try await worker.step() == 1)
            #expect(workshop.clock.now == start + .minutes(5))
            let row = try await workshop.row(id)
            #expect(row.lastError == "took longer than 300 s" && row.state == "ready" && row.attempt == 1)
        }
    }
}
