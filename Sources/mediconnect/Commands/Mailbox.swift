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
            let page = try await clinic.mailbox(of: owner, page: PageRequest(limit: limit), for: .typed("mailbox"))
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
