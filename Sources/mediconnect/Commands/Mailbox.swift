import ArgumentParser
import Foundation
import Notation
import Outbox
import People
import Storage
import Workflows

struct Mailbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the notices the clinic sent.",
        discussion: "Oldest first, also beside a running server. Leaves a record of who looked.")

    @OptionGroup var options: ClinicOptions
    @Option(help: "Only those to this patient or practitioner (a UUID).")
    var recipient: String?
    @Option(help: "How many at most.")
    var limit: Int = 100

    func run() async throws {
        try await reported {
            guard (1...100_000).contains(limit) else { throw Complaint("--limit must be from 1 to 100000") }
            let owner = try recipient.map { text in
                guard let id = ID<Caller>(text) else { throw Complaint("--recipient must be a UUID") }
                return id
            }
            let settings = try await Settings.read(options)
            let engine = try Engine.recording(settings)
            let database = engine.database
            let clinic = Clinic(database: database, surroundings: .machine(), master: House.master(settings))
            var call = Call(caller: .clinic, requestID: "command-line", operation: "mailbox")
            call.operatorName = UserCommand.principal
            let page = try await clinic.mailbox(of: owner, page: PageRequest(limit: limit), for: call)
            for notice in page.elements {
                print(
                    "\(notice.at)  \(notice.kind.rawValue)  to \(notice.recipientRole.rawValue) \(notice.recipient)  \(notice.appointment.map { "appointment \($0)  " } ?? "")\(notice.payload)"
                )
            }
            if page.elements.isEmpty { print("No notices.") }
            await engine.close()
        }
    }
}

struct DeadLetterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters", abstract: "Show, replay or discard deliveries that failed for good.",
        discussion: "Listing works beside a running server; replaying and discarding need it stopped.")

    @OptionGroup var options: ClinicOptions
    @Option(help: "Deliver this one again (a UUID).")
    var replay: String?
    @Option(help: "Give this one up (a UUID).")
    var discard: String?

    func run() async throws {
        if replay == nil && discard == nil { return try await list() }
        try await withHouse(options) { house in
            try await house.migrator.requireCurrent()
            let now = house.surroundings.clock.now
            let replayed = try replay.map(Self.id)
            let discarded = try discard.map(Self.id)
            let found = try await house.database.write { transaction in
                try replayed.map { try transaction.replayDeadLetter($0, now: now) } ?? true
                    && discarded.map { try transaction.discardDeadLetter($0, now: now) } ?? true
            }
            guard found else { throw Complaint("there is no such dead letter") }
            print("Done.")
        }
    }

    private static func id(_ text: String) throws -> ID<OutboxMessage> {
        guard let id = ID<OutboxMessage>(text) else { throw Complaint("a dead letter is named by a UUID") }
        return id
    }

    private func list() async throws {
        try await reported {
            let settings = try await Settings.read(options)
            let engine = try Engine.looking(settings)
            let database = engine.database
            let letters = try await database.read { try $0.fetch(DeadLetters()) }
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
