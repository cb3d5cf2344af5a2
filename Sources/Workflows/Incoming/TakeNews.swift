public import Notation
public import Outbox
public import Partners
import Storage

// The inbox. What a partner tells is written down and queued in one transaction before they are answered: from then on it is ours to
// handle, however often they say it again. What it means is decided in the outbox, in the transaction that ends its message.
extension Clinic {
    /// How long a partner may tell the same thing again: Stripe does for three days, and by hand for thirty.
    public static let newsKept: Span = .days(30)

    /// Keeps what the payment provider has told. False when it was told before: then nothing changed.
    @discardableResult
    public func take(_ news: PaymentNews) async throws -> Bool {
        try await take(.payments, key: news.key, saying: Personal(news.document))
    }

    /// Keeps what the carrier of text messages has told. False when it was told before: then nothing changed.
    @discardableResult
    public func take(_ news: TextNews) async throws -> Bool {
        try await take(.texts, key: news.key, saying: Personal(news.document))
    }

    /// Forgets what was told so long ago that nobody says it again. Returns how many.
    @discardableResult
    public func forgetOldNews(limit: Int = 1_000) async throws -> Int {
        try await database.write { [self] transaction in
            try transaction.run(ForgetOldNews(before: surroundings.clock.now - Self.newsKept, limit: limit))
        }
    }

    private func take(_ partner: IncomingPartner, key: String, saying content: Personal<String>) async throws -> Bool {
        try await withKeys {
            try await database.write { [self] transaction in
                let isNew = try keep(partner, key, content, in: transaction)
                // That it is known must not come from what only a replaced leader has seen.
                if !isNew, database.isShared { try transaction.post(Vouch()) }
                return isNew
            }
        }
    }

    private func keep(
        _ partner: IncomingPartner, _ key: String, _ content: Personal<String>, in transaction: any WriteTransaction
    ) throws -> Bool {
        guard try transaction.first(KnownNews(partner: partner, key: key)) == nil else { return false }
        let now = surroundings.clock.now
        let news = IncomingNews(
            id: surroundings.identifiers.next(IncomingNews.self), partner: partner, key: key, receivedAt: now, content: content)
        guard try transaction.run(InsertNews(news: try transaction.held(keys).seal(news))) == 1 else { return false }
        try transaction.post(.incoming(news, surroundings.identifiers.next(OutboxMessage.self), now))
        transaction.afterCommit { self.afterChange() }
        return true
    }
}

extension Clinic {
    /// How the outbox handles what a partner tells: `hear` gets each thing once, in the transaction that ends its message, and whatever it
    /// writes happens with it or not at all. It may be told late and in any order, so `hear` goes by what the database says. Who throws is
    /// asked again later.
    ///
    /// - Parameter read: of a document as `take` wrote it.
    func hearing<News>(
        _ read: @escaping @Sendable (JSON) -> News?,
        _ hear: @escaping @Sendable (_ news: News, _ receivedAt: Instant, any WriteTransaction) throws -> Void
    ) -> OutboxHandler {
        .transactional { [self] transaction, delivery in
            guard let id = try JSON(parsing: delivery.payload)["news"]?.string.flatMap({ ID<IncomingNews>($0) }) else {
                throw DeliveryFault("an outbox message names no news")
            }
            guard let sealed = try transaction.first(UnhandledNews(id: id)) else { return .cancel }
            let kept = try transaction.held(keys).open(sealed)
            guard let content = kept.content, let news = read(try JSON(parsing: content.revealed)) else {
                return .dead(reason: "it cannot be read")
            }
            try hear(news, kept.receivedAt, transaction)
            try transaction.run(EndNews(id: id, now: surroundings.clock.now))
            return .done
        }
    }
}

extension OutboxMessage {
    fileprivate static func incoming(_ news: IncomingNews, _ id: ID<OutboxMessage>, _ now: Instant) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: news.partner.topic, payload: #"{"news":"\#(news.id)"}"#, createdAt: now, priority: .urgent,
            subject: news.id.of())
    }
}
