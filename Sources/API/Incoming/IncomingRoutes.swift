import HTTPTypes
import Notation
public import Partners
import Workflows

/// Whose word counts when somebody outside tells a clinic something; nil for whom the clinic does not work with.
public struct IncomingDoors: Sendable {
    public let payments: (any PaymentDesk)?
    public let texts: (any TextCarrier)?
    /// The address the carrier of text messages reports to, as it was told: its signature is made over it. Nil is this server's own.
    public let textAddress: String?

    public init(payments: (any PaymentDesk)? = nil, texts: (any TextCarrier)? = nil, textAddress: String? = nil) {
        self.payments = payments
        self.texts = texts
        self.textAddress = textAddress
    }
}

/// What partners tell of themselves. They have no token: what they say is believed for its signature, kept, and answered at once; it is
/// handled afterwards. A repeat is answered the same and changes nothing.
struct IncomingRoutes {
    var routes: [Route] { [payments, texts] }

    private static let problems: [ProblemType] = [.notFound, .callUnsigned, .callForged, .callStale, .callUnreadable]

    private var payments: Route {
        .incoming(
            "/v1/incoming/payments", "hearOfPayment", "What the payment provider tells: events with their Stripe-Signature",
            problems: Self.problems
        ) { exchange, premises in
            guard let desk = premises.incoming.payments else { throw Problem(.notFound) }
            let call = exchange.incoming(at: exchange.base + exchange.target)
            let news = try Problem.asked { () throws(IncomingRefusal) in
                try desk.news(in: call, at: premises.clinic.surroundings.clock.now)
            }
            try await premises.clinic.take(news)
            return .done()
        }
    }

    private var texts: Route {
        .incoming(
            "/v1/incoming/texts", "hearOfText",
            "What the carrier of text messages tells: receipts and replies, with their X-Twilio-Signature",
            query: [QueryParameter("key", "text", "Which message of ours a receipt is about")],
            problems: Self.problems
        ) { exchange, premises in
            let fields = exchange.queryFields()
            _ = fields.optionalText("key")
            try fields.check()
            guard let carrier = premises.incoming.texts else { throw Problem(.notFound) }
            let query = exchange.target.firstIndex(of: "?").map { String(exchange.target[$0...]) } ?? ""
            let address = premises.incoming.textAddress.map { $0 + query } ?? exchange.base + exchange.target
            let call = exchange.incoming(at: address)
            let news = try Problem.asked { () throws(IncomingRefusal) in try carrier.news(in: call) }
            try await premises.clinic.take(news)
            // Twilio shows the sender whatever text stands in an answer, and this is none.
            return Answer(status: 200, contentType: "application/json", body: Array("{}".utf8))
        }
    }
}

extension Exchange {
    /// The path and query as they came.
    fileprivate var target: String { head.path ?? "/" }

    fileprivate func incoming(at url: String) -> IncomingCall {
        IncomingCall(url: url, headers: head.headerFields.map { ($0.name.rawName, $0.value) }, body: raw)
    }
}

extension Problem {
    fileprivate static func asked<News>(_ body: () throws(IncomingRefusal) -> News) throws(Problem) -> News {
        do { return try body() } catch { throw Problem(error) }
    }

    private init(_ refusal: IncomingRefusal) {
        switch refusal {
        case .unsigned: self.init(ProblemType.callUnsigned)
        case .forged: self.init(ProblemType.callForged)
        case .stale: self.init(ProblemType.callStale)
        case .unreadable: self.init(ProblemType.callUnreadable)
        }
    }
}
