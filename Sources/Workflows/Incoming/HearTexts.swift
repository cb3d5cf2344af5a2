import Notation
import Partners
import Storage

// What is done with what the carrier of text messages tells: receipts, and what somebody wrote back. `hear` gets each thing once; whatever
// it writes is written with the end of the message.
extension Clinic {
    func hear(_ news: TextNews, at receivedAt: Instant, in transaction: any WriteTransaction) throws {
        let outcome = try heed(news, in: transaction)
        transaction.afterCommit { self.noteNews(.texts, outcome) }
    }
}
