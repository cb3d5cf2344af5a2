import Notation
import Partners
import Storage

extension Clinic {
    /// What the provider tells. The hold becomes a booking in the transaction that ends the message.
    func hear(_ news: PaymentNews, at receivedAt: Instant, in transaction: any WriteTransaction) throws {
        let outcome: String
        switch news.kind {
        case .payment(let payment): outcome = try learn(payment, isAnswer: false, in: transaction).rawValue
        case .refund(let refund): outcome = "refund-\(try learn(refund, in: transaction).rawValue)"
        case .other: outcome = "other"
        }
        transaction.afterCommit { self.noteNews(.payments, outcome) }
    }
}
