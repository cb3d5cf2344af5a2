import LoopbackClient
import Notation
import Scheduling
import Synchronization

/// What the clients were told, kept outside the program that told them.
final class Ledger: Sendable {
    struct Answer: Sendable {
        let deed: Deed
        let status: Int
        let document: [UInt8]
    }

    struct Life: Sendable {
        /// Nil until a booking was acknowledged.
        var last: Acknowledged?
        /// The events its acknowledged changes leave, in order.
        var events: [String] = []
        /// A change whose outcome is not known yet.
        var open: Deed?
        /// Whoever may read it.
        var token: String
    }

    private struct State {
        var lives: [ID<Appointment>: Life] = [:]
        var answers: [Answer] = []
        var violations: [String] = []
        var counts: [String: Int] = [:]
    }

    private let state = Mutex(State())

    var violations: [String] { state.withLock { $0.violations } }
    var answers: [Answer] { state.withLock { $0.answers } }
    var lives: [ID<Appointment>: Life] { state.withLock { $0.lives } }

    /// How often each thing came about: `book ok`, `cancel fail`, `unknown`.
    var counts: [String: Int] { state.withLock { $0.counts } }

    func violation(_ text: String) { state.withLock { $0.violations.append(text) } }

    /// Before it is sent.
    func opened(_ deed: Deed) { state.withLock { $0.lives[deed.appointment, default: Life(token: deed.token)].open = deed } }

    func stayedUnknown() { state.withLock { $0.counts["unknown", default: 0] += 1 } }

    /// The server said itself that it does not know.
    func saidToBeUnknown() { state.withLock { $0.counts["said to be unknown", default: 0] += 1 } }

    func closed(_ deed: Deed, _ reply: Loopback.Reply) {
        let acknowledged = reply.acknowledged
        state.withLock { state in
            state.lives[deed.appointment]?.open = nil
            state.answers.append(Answer(deed: deed, status: reply.status, document: reply.body))
            state.counts["\(deed.verb.rawValue) \(reply.isSuccess ? "ok" : "refused")", default: 0] += 1
            guard reply.isSuccess else { return }
            guard let acknowledged, acknowledged.appointment == deed.appointment else {
                state.violations.append("deed \(deed.number) was acknowledged with a document that is not its appointment's")
                return
            }
            state.lives[deed.appointment]?.last = acknowledged
            state.lives[deed.appointment]?.events.append(deed.event)
        }
    }
}
