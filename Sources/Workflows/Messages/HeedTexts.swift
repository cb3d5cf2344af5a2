import Letters
import Notation
import Partners
import People
import Scheduling
import Secrecy
import Storage

// What the carrier of text messages tells: what became of one, and what somebody wrote back.
extension Clinic {
    /// What it was: `delivered`, `reply-cancel`, `reply-other`.
    func heed(_ news: TextNews, in transaction: any WriteTransaction) throws -> String {
        let keys = try transaction.held(self.keys)
        switch news.kind {
        case .state(let state, let about, _):
            guard let id = about.flatMap({ ID<Message>($0.text) }),
                let message = try transaction.first(MessageToChange(id: id)).map({ try keys.open($0) }), message.channel == .sms
            else { return "\(state.rawValue)-unknown" }
            try note(state, of: message, carrierID: news.id, keys, in: transaction)
            return state.rawValue
        case .reply(let from, let words):
            let index = keys.digest(ofMessageTo: from.text, by: .sms)
            switch TextReply(words.revealed) {
            case .stop:
                for reader in try transaction.fetch(WrittenToAt(index: index)) {
                    if reader.isStaff {
                        try withdraw(
                            .sms, ofPractitioner: reader.id.of(), at: index, by: "sms", Self.bySMS, in: transaction)
                    } else {
                        try withdraw(.sms, of: reader.id, by: "sms", Self.bySMS, in: transaction)
                    }
                }
                return "reply-stop"
            case .answer(let answer):
                return "reply-\(try take(answer, from: index, in: transaction).rawValue)"
            case nil: return "reply-other"
            }
        }
    }

    private static let bySMS: RequestOrigin = "text-message"

    /// Takes what was answered from a number, for the visit that was asked about there. Where several were, as when a family has one
    /// telephone, nobody guesses which one is meant: somebody calls.
    private func take(_ answer: VisitAnswer, from index: [UInt8], in transaction: any WriteTransaction) throws -> AnswerOutcome {
        let now = surroundings.clock.now
        let asked = try transaction.fetch(NewestMessagesTo(index: index, limit: 20)).map(\.kept).filter { message in
            message.kind.asksForAnswer && message.state != .suppressed && message.start.map { now < $0 } ?? false
        }
        let open = try asked.filter { try isOpen($0, in: transaction) }
        guard let last = asked.first, let newest = open.first ?? asked.first else { return .unknown }
        let visits = Set(open.map { "\($0.patient) \($0.appointment?.description ?? "")" })
        // Who was asked about an offer last, and answers when it is over, has not said what becomes of a visit.
        let isLate = last.kind == .offer && !open.contains { $0.id == last.id }
        if isLate, last.answer?.answer == answer { return .saidBefore }
        if isLate, open.isEmpty { return .over }
        let meant: VisitAnswer = visits.count > 1 || isLate ? .call : answer
        return try take(meant, to: newest.id, by: "sms", Self.bySMS, in: transaction)
    }

    /// Whether what a message asked about can still be answered.
    private func isOpen(_ message: Message, in transaction: any WriteTransaction) throws -> Bool {
        guard let id = message.appointment else { return false }
        if message.kind == .offer {
            return try transaction.first(OpenOfferOfHold(hold: id))?.recipient.map { surroundings.clock.now < $0.until } ?? false
        }
        guard let visit = try transaction.first(AppointmentByID(id: id))?.kept else { return false }
        return visit.state == .booked && visit.visit.from == message.start
    }
}
