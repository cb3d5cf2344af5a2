import Letters
import Notation
import Outbox
import Storage
import Synchronization
import TestKit
import Workflows

/// A recipient who keeps every letter that was carried to them, and says of each what they are told to say.
final class Letterbox: LetterCarrier {
    private struct State {
        var letters: [Letter] = []
        var answers: [Handover] = []
        var knownAfter: Span?
        var looks = 0
        var isListing = true
    }

    private let state = Mutex(State())

    func carry(_ letter: Letter) async -> Handover {
        state.withLock { state in
            if case .unknown("lost")? = state.answers.first {
                state.answers.removeFirst()
                return .unknown(reason: "silent")
            }
            state.letters.append(letter)
            return state.answers.isEmpty ? .done : state.answers.removeFirst()
        }
    }

    /// From now on it can be asked what it has.
    func canBeAsked(after span: Span) { state.withLock { $0.knownAfter = span } }
    var knownAfter: Span? { state.withLock { $0.knownAfter } }
    /// Whether what it has is in the list it is asked for.
    func list(_ isListing: Bool) { state.withLock { $0.isListing = isListing } }
    var looks: Int { state.withLock { $0.looks } }

    func find(_ letter: Letter) async -> Handover {
        state.withLock { state in
            state.looks += 1
            return state.isListing && state.letters.contains { $0.name == letter.name } ? .done : .never(reason: "not there")
        }
    }

    /// To the next letters, one each; to all others, that they have arrived. Where it is `unknown` because it is `lost`, it has not got it.
    func answer(_ answers: Handover...) { state.withLock { $0.answers = answers } }

    var letters: [Letter] { state.withLock { $0.letters } }

    /// As a mail program shows them that knows a `Message-ID` again.
    var seen: [Letter] {
        var known: Set<String> = []
        return letters.filter { known.insert($0.messageID).inserted }
    }

    /// What stands by itself in the newest letter to an address that has something to do in it.
    func code(to address: String) -> String? {
        letters.reversed().lazy.filter { $0.to == MailAddress(address) }.compactMap { letter in
            letter.words.text.split(separator: "\n").first { $0.hasPrefix("mcl_") }.map(String.init)
        }.first
    }
}

extension AccountFixture {
    /// A worker that delivers what accounts leave in the outbox.
    func worker(_ box: Letterbox, named name: String = "worker", at database: (any Database)? = nil) throws -> Outbox {
        let stationery = try Stationery(from: Sender("City Clinic <noreply@clinic.example>")!, links: "https://clinic.example")
        return Outbox(
            database: database ?? fixture.database, surroundings: fixture.surroundings, workerName: name,
            handlers: accounts.deliveries(by: box, on: stationery))
    }

    /// Delivers all that is due.
    func deliver(_ box: Letterbox) async throws {
        let worker = try worker(box)
        while try await worker.step() > 0 {}
    }

    /// Has the account of a login take that for its verified address.
    func vouch(_ login: String = desk) async throws {
        try await accounts.vouchForEmail(login: login, by: "test", request: "test")
    }

    /// Asks for a new password and takes the code from the letter.
    func askForReset(_ box: Letterbox, _ login: String = desk) async throws -> String? {
        try await accounts.askForPasswordReset(of: MailAddress(login)!, request: "test")
        try await deliver(box)
        return box.code(to: login)
    }
}
