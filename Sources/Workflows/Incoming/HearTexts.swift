import Notation
import Partners
import Storage

// What is done with what the carrier of text messages tells: receipts, and what somebody wrote back. `hear` gets each thing once; whatever
// it writes is written with the end of the message.
extension Clinic {
    /// Nobody waits for any of it yet: it is counted, and forgotten.
    func hear(_ news: TextNews, at receivedAt: Instant, in transaction: any WriteTransaction) throws {
        let outcome: String
        switch news.kind {
        case .state(let state, _, _): outcome = state.rawValue
        case .reply: outcome = "reply"
        }
        transaction.afterCommit { self.noteNews(.texts, outcome) }
    }
}
