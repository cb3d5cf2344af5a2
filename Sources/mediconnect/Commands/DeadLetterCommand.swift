import ArgumentParser
import Foundation
import Notation
import Outbox
import People
import Scheduling
import Storage
import Workflows

struct DeadLetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters", abstract: "Show, replay or discard deliveries that failed for good.",
        discussion: """
            Listing works beside a running server. With the embedded database everything else needs it stopped; a running one is \
            asked over its API (/v1/dead-letters). Who looked into one, replayed or discarded it stands in the audit trail.
            """,
        subcommands: [List.self, Show.self, Replay.self, Discard.self], defaultSubcommand: List.self)

    struct Which: ParsableArguments {
        @Option(help: "Only those of this topic: appointment.event.")
        var topic: String?
        @Option(name: .customLong("died-from"), help: "Only those given up at this time or later: 2026-03-01T00:00:00Z.")
        var diedFrom: String?
        @Option(name: .customLong("died-before"), help: "Only those given up before this time.")
        var diedBefore: String?

        func filter() throws -> DeadLetterFilter {
            DeadLetterFilter(
                topic: topic, diedFrom: try instant(diedFrom, "--died-from"), diedBefore: try instant(diedBefore, "--died-before")
            )
        }

        private func instant(_ text: String?, _ name: String) throws -> Instant? {
            guard let text else { return nil }
            guard let instant = Instant(text) else { throw Complaint("\(name) must be a time such as 2026-03-01T09:00:00Z") }
            return instant
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what failed for good, oldest first.")
        @OptionGroup var options: ClinicOptions
        @OptionGroup var which: Which
        @Option(help: "How many at most.")
        var limit = 100

        func run() async throws {
            try await reported {
                guard (1...100_000).contains(limit) else { throw Complaint("--limit must be from 1 to 100000") }
                let query = DeadLetters(try which.filter(), limit: limit)
                let engine = try Engine.looking(try await Settings.read(options))
                let database = engine.database
                let letters = try await database.read { try $0.fetch(query) }
                for letter in letters {
                    print(
                        "\(letter.id)  \(letter.topic)  died \(letter.diedAt)  after \(letter.attempts) attempts  \(letter.lastError ?? "")"
                    )
                }
                if letters.isEmpty { print("No dead letters.") }
                await engine.close()
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one, with what it was to deliver.",
            discussion: "Texts in it are masked, because they may be somebody's, unless --texts asks for them.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Which one (a UUID).")
        var letter: String
        @Flag(help: "Show texts too.")
        var texts = false

        func run() async throws {
            let id = try DeadLetterCommand.id(letter)
            try await DeadLetterCommand.withClinic(options) { clinic in
                let opened: OpenedDeadLetter
                do {
                    opened = try await clinic.deadLetter(id, isUnmasked: texts, for: .typed("dead-letters show"))
                } catch Refusal.recordUnknown { throw Complaint("there is no such dead letter") }
                let letter = opened.letter
                print("id        \(letter.id)")
                print("topic     \(letter.topic)")
                print("subject   \(letter.subject?.description ?? "none")")
                print("queued    \(letter.createdAt)")
                print("died      \(letter.diedAt) after \(letter.attempts) attempts")
                print("because   \(letter.lastError ?? "nobody said")")
                print("payload   \(opened.payload)")
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deliver one again, or many, with all their attempts.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Which one (a UUID); without it those that the options name.")
        var letter: String?
        @OptionGroup var which: Which

        func run() async throws {
            try await DeadLetterCommand.mend(options, letter, which, "replayed") { clinic, choice in
                try await clinic.replay(choice, call: .typed("dead-letters replay"), wording: .unheard)
            }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give one up for good, or many.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Which one (a UUID); without it those that the options name.")
        var letter: String?
        @OptionGroup var which: Which
        @Option(help: "Why; it stands in the audit trail.")
        var reason: String

        func run() async throws {
            guard (1...500).contains(reason.count) else { throw ValidationError("--reason must be text of 1 to 500 characters") }
            let reason = Personal(reason)
            try await DeadLetterCommand.mend(options, letter, which, "discarded") { clinic, choice in
                try await clinic.discard(
                    choice, reason: reason, call: .typed("dead-letters discard"), wording: .unheard)
            }
        }
    }
}

extension DeadLetterCommand {
    fileprivate static func id(_ text: String) throws -> ID<OutboxMessage> {
        guard let id = ID<OutboxMessage>(text) else { throw ValidationError("a dead letter is named by a UUID") }
        return id
    }

    fileprivate static func withClinic(_ options: ClinicOptions, _ body: (Clinic) async throws -> Void) async throws {
        try await withHouse(options) { house in
            try await house.migrator.requireCurrent()
            try await body(house.openClinic())
        }
    }

    fileprivate static func mend(
        _ options: ClinicOptions, _ letter: String?, _ which: Which, _ done: String,
        _ body: (Clinic, DeadLetterChoice) async throws -> Reply<Mended>
    ) async throws {
        let one = try letter.map { try id($0) }
        try await withClinic(options) { clinic in
            let filter = try which.filter()
            if (one == nil) == filter.namesNothing {
                throw Complaint("name one dead letter, or some of them by --topic, --died-from or --died-before")
            }
            var count = 0
            while true {
                switch try await body(clinic, one.map { .one($0) } ?? .matching(filter)) {
                case .done(let mended, _):
                    count += mended.count
                    // What was left, because it is very much.
                    if mended.isMore, mended.count > 0 { continue }
                case .refused, .repeated: throw Complaint("there is no such dead letter")
                }
                break
            }
            print("\(count) dead letter\(count == 1 ? "" : "s") \(done).")
        }
    }
}
