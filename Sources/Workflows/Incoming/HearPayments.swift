import Notation
import Partners
import Storage

// What is done with what the payment provider tells.
extension Clinic {
    func hear(_ news: PaymentNews, at receivedAt: Instant, in transaction: any WriteTransaction) throws {
        let outcome: String
        switch news.kind {
        case .payment(let payment): outcome = payment.state.rawValue
        case .refund(let refund): outcome = "refund-\(refund.state.rawValue)"
        case .other: outcome = "other"
        }
        transaction.afterCommit { self.noteNews(.payments, outcome) }
    }
}
