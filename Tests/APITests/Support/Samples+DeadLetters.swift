import Notation
import Outbox
import Storage
import Testing
import Workflows

extension Sample {
    /// What could not be delivered.
    static let deadLetters: [String: Sample] = [
        "listDeadLetters": Sample("nnnnnynn") { _ in .get("/v1/dead-letters?topic=appointment.event") },
        "readDeadLetter": Sample("nnnnnynn") { .get("/v1/dead-letters/\(try await $0.deadLetter())") },
        "replayDeadLetter": Sample("nnnnnynn") { .post("/v1/dead-letters/\(try await $0.deadLetter())/replay") },
        "replayDeadLetters": Sample("nnnnnynn") { visitor in
            _ = try await visitor.deadLetter()
            return .post("/v1/dead-letter-replays", fullBodies["DeadLetterFilter"]!)
        },
        "discardDeadLetter": Sample("nnnnnynn") {
            .post("/v1/dead-letters/\(try await $0.deadLetter())/discard", fullBodies["Reason"]!)
        },
        "discardDeadLetters": Sample("nnnnnynn") { visitor in
            _ = try await visitor.deadLetter()
            return .post("/v1/dead-letter-discards", fullBodies["DeadLetterDiscarding"]!)
        },
    ]
}

extension Visitor {
    /// One that was given up a moment ago: nothing in this house delivers its topic, and somebody has said so.
    func deadLetter(_ payload: String = #"{"who":"Emma Example"}"#, topic: String = "nobody.delivers") async throws -> String {
        let surroundings = house.clinic.surroundings
        let message = OutboxMessage(
            id: surroundings.identifiers.next(OutboxMessage.self), topic: topic, payload: payload,
            createdAt: surroundings.clock.now, maxAttempts: 1)
        try await house.database.write { try $0.enqueue(message) }
        let failing = Outbox(
            database: house.database, surroundings: surroundings, workerName: "failing",
            handlers: [topic: .external { _ in .dead(reason: "nobody lives there") }])
        while try await failing.step() > 0 {}
        return message.id.description
    }
}
