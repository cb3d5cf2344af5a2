import Notation
import Outbox
import Storage
import Testing
import Workflows

/// What was given up is mended by people: they see what it was without seeing whom it was about, and leave a record.
@Suite struct ADeadLetter {
    private static let path = "/v1/dead-letters"
    private static let payload =
        #"{"appointment":"01900000-0000-7000-8000-00000000beef","at":"2026-03-09T09:00:00Z","times":[3,true],"to":{"name":"Emma Example","email":"emma@clinic.example"}}"#

    @Test(arguments: Shelter.allCases) func `is shown without anybody's words, and with them to who asks and may`(
        shelter: Shelter
    )
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let id = try await visitor.deadLetter(Self.payload)
            let listed = try await visitor.get("\(Self.path)?topic=nobody.delivers", by: .admin)
            #expect(listed.items.compactMap { $0["id"]?.string } == [id] && listed.items[0]["payload"] == nil)
            #expect(listed.items[0]["lastError"]?.string == "nobody lives there" && listed.items[0]["attempts"]?.integer == 1)
            let masked = try await visitor.get("\(Self.path)/\(id)", by: .admin)
            #expect(
                masked["payload"]?.text
                    == #"{"appointment":"01900000-0000-7000-8000-00000000beef","at":"2026-03-09T09:00:00Z","times":[3,true],"to":{"name":"‹masked›","email":"‹masked›"}}"#,
                "\(masked.text)")
            let shown = try await visitor.get("\(Self.path)/\(id)?texts=shown", by: .admin)
            #expect(shown["payload"]?.text == Self.payload, "\(shown.text)")
            let audit = try await visitor.acts(about: id)
            #expect(audit == ["read.dead-letter", "read.dead-letter.unmasked"])
            for who in [Who.emma, .brandt, .desk, .billing, .privacy] {
                #expect(try await visitor.get("\(Self.path)/\(id)", by: who).problem == "not-permitted")
            }
        }
    }

    @Test(arguments: Shelter.allCases) func `is delivered once more, or discarded with a reason, once, and either is on record`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let (again, never) = (try await visitor.deadLetter(), try await visitor.deadLetter())
            let replayed = try await visitor.send(.post("\(Self.path)/\(again)/replay"), by: .admin, key: "once")
            #expect(replayed.status == 200 && replayed.text == #"{"count":1,"more":false}"#, "\(replayed.text)")
            let repeated = try await visitor.send(.post("\(Self.path)/\(again)/replay"), by: .admin, key: "once")
            #expect(repeated.isRepeat && repeated.text == replayed.text)
            #expect(try await visitor.send(.post("\(Self.path)/\(again)/replay"), by: .admin).problem == "not-found")
            let heard = Deliveries()
            let working = Outbox(
                database: visitor.house.database, surroundings: visitor.house.clinic.surroundings, workerName: "working",
                handlers: [
                    "nobody.delivers": .external { delivery in
                        await heard.note(delivery.id.description, attempt: delivery.attempt)
                        return .done
                    }
                ])
            while try await working.step() > 0 {}
            #expect(await heard.all == ["\(again) 1"], "with all its attempts")
            let without = try await visitor.send(.post("\(Self.path)/\(never)/discard", "{}"), by: .admin)
            #expect(without.status == 400 && without.text.contains("/reason"), "\(without.text)")
            let discarded = try await visitor.send(
                .post("\(Self.path)/\(never)/discard", #"{"reason":"told by telephone"}"#), by: .admin)
            #expect(discarded.status == 200)
            #expect(try await visitor.get(Self.path, by: .admin).items.isEmpty)
            while try await working.step() > 0 {}
            #expect(await heard.all.count == 1)
            #expect(try await visitor.acts(about: again).contains("dead-letter.replayed"))
            #expect(try await visitor.acts(about: never).contains("dead-letter.discarded"))
        }
    }

    @Test(arguments: Shelter.allCases) func `is one of those a filter names, and nobody means all without saying so`(
        shelter: Shelter
    )
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let (first, other) = (try await visitor.deadLetter(), try await visitor.deadLetter(topic: "other.topic"))
            visitor.house.clock.advance(by: .hours(1))
            let later = try await visitor.deadLetter()
            let nothing = try await visitor.send(.post("/v1/dead-letter-replays", "{}"), by: .admin)
            #expect(nothing.status == 400 && nothing.text.contains("/topic"), "\(nothing.text)")
            let since = visitor.house.clock.now
            let early = try await visitor.send(
                .post("/v1/dead-letter-replays", #"{"topic":"nobody.delivers","diedBefore":"\#(since)"}"#), by: .admin)
            #expect(early.text == #"{"count":1,"more":false}"#, "\(early.text)")
            let left = try await visitor.get(Self.path, by: .admin).items.compactMap { $0["id"]?.string }
            #expect(left == [other, later] && !left.contains(first))
            let rest = try await visitor.send(
                .post("/v1/dead-letter-discards", #"{"diedFrom":"2026-01-01T00:00:00Z","reason":"trial"}"#), by: .admin)
            #expect(rest.text == #"{"count":2,"more":false}"#, "\(rest.text)")
            #expect(try await visitor.acts(about: first).contains("dead-letter.replayed"))
            for id in [other, later] { #expect(try await visitor.acts(about: id).contains("dead-letter.discarded")) }
        }
    }

    private actor Deliveries {
        var all: [String] = []
        func note(_ id: String, attempt: Int) { all.append("\(id) \(attempt)") }
    }
}

/// What the audit trail has about a subject, oldest first.
private struct ActsAbout: Query {
    static let sql: SQL = "SELECT act FROM audit WHERE subject_id = $1 ORDER BY id"
    let subject: ID<OutboxMessage>
    var bindings: [SQLValue] { [.id(subject)] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

extension Visitor {
    fileprivate func acts(about id: String) async throws -> [String] {
        let asked = ActsAbout(subject: try #require(ID<OutboxMessage>(id)))
        return try await house.database.read { try $0.fetch(asked) }
    }
}
