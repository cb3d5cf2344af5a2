public import Admission
import HTTPTypes
import Identity
import Notation
import People
import Workflows

public enum Method: String, Sendable, CaseIterable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

/// One line of the table of contents: where, what, and who answers.
public struct Route: Sendable {
    public let method: Method
    /// `/v1/appointments/{id}/cancellation`
    public let path: String
    /// The operation's stable name: `cancelAppointment`. It is a metric's label and part of an idempotency fingerprint.
    public let operation: String
    public let summary: String
    public let query: [QueryParameter]
    /// Names of schemas in the OpenAPI document.
    public let takes: String?
    public let gives: String?
    public let status: Int
    /// Other answers that are no problem: 200 for what was there already, 304.
    public let alsoGives: [Int]
    /// What else may come besides the problems every route may give.
    public let problems: [ProblemType]
    /// Demands `If-Match` (428 without).
    public let needsIfMatch: Bool
    /// What comes in is a secret: no digest of it is kept, so no key stands for it. Each such route says what a repeat does.
    public let isSecret: Bool
    /// The fields it takes of a form, as OAuth clients send them, besides JSON; nil where it takes none. Of one without fields the body is
    /// read and says nothing.
    public let form: [String]?
    /// Shows a person a page, which is the one behind a link of this kind; nil for what programs ask.
    public let shows: PageKind?
    /// About the caller's own account, which they look after whatever else they may do.
    public let isOwn: Bool
    /// What comes in is taken as it is: its signature is over its bytes. Nobody who sends it has a token, or guesses one.
    public let isIncoming: Bool
    /// What gives way first when not everything can be served; see `Route+Urgency.swift`.
    public let urgency: Urgency
    let handler: Handler

    enum Handler: Sendable {
        /// The house answers, whoever asks: health, metrics, explanations.
        case house(@Sendable (Exchange) async throws -> Answer)
        /// A clinic answers those who have a token of it.
        case clinic(@Sendable (Exchange, Premises) async throws -> Answer)
        /// A clinic answers whoever asks: that is how one gets a token.
        case door(@Sendable (Exchange, Premises) async throws -> Answer)
    }

    /// Open routes need no token, and no clinic.
    public var isOpen: Bool { if case .house = handler { true } else { false } }
    public var needsToken: Bool { if case .clinic = handler { true } else { false } }
    public var changesSomething: Bool { method != .get }
    /// Demands an `Idempotency-Key`, and answers a repeat under it as before.
    public var takesKey: Bool { changesSomething && !isSecret }
    /// Lists may be a moment old; a single record, which may be changed next, may not.
    public var mayLag: Bool { method == .get && (gives?.hasSuffix("Page") ?? false) }

    /// For those who have a token of the clinic.
    init(
        _ method: Method, _ path: String, _ operation: String, _ summary: String,
        query: [QueryParameter] = [], takes: String? = nil, gives: String? = nil, status: Int = 200,
        alsoGives: [Int] = [], problems: [ProblemType] = [], needsIfMatch: Bool = false,
        handler: @escaping @Sendable (Exchange, Clinic) async throws -> Answer
    ) {
        self.init(
            method, path, operation, summary, .clinic { try await handler($0, $1.clinic) }, query: query, takes: takes,
            gives: gives, status: status, alsoGives: alsoGives, problems: problems, needsIfMatch: needsIfMatch)
    }

    /// The same for what needs more of the clinic than its use cases.
    static func forPremises(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, takes: String? = nil, gives: String? = nil,
        status: Int = 200, problems: [ProblemType] = [], isSecret: Bool = false,
        handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            method, path, operation, summary, .clinic(handler), takes: takes, gives: gives, status: status, problems: problems,
            isSecret: isSecret)
    }

    /// For what is about the caller's own account.
    static func own(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, takes: String? = nil, gives: String? = nil,
        status: Int = 200, problems: [ProblemType] = [], isSecret: Bool = false,
        handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            method, path, operation, summary, .clinic(handler), takes: takes, gives: gives, status: status, problems: problems,
            isSecret: isSecret, isOwn: true)
    }

    /// For what a token alone is not enough for: the body brings a password or a code.
    static func proven(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, takes: String, gives: String, status: Int,
        alsoGives: [Int] = [], problems: [ProblemType],
        handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            method, path, operation, summary, .clinic(handler), takes: takes, gives: gives, status: status, alsoGives: alsoGives,
            problems: problems, isSecret: true)
    }

    /// For who has no token yet.
    static func door(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, query: [QueryParameter] = [],
        takes: String? = nil, gives: String? = nil, status: Int, problems: [ProblemType], form: [String]? = nil,
        handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            method, path, operation, summary, .door(handler), query: query, takes: takes, gives: gives, status: status,
            problems: problems, isSecret: true, form: form)
    }

    /// For partners, who prove themselves by a signature over what they send.
    static func incoming(
        _ path: String, _ operation: String, _ summary: String, query: [QueryParameter] = [], problems: [ProblemType],
        handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            .post, path, operation, summary, .door(handler), query: query, gives: "Done", problems: problems, isSecret: true,
            isIncoming: true)
    }

    /// For everybody, of no clinic.
    static func open(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, gives: String? = nil, alsoGives: [Int] = [],
        problems: [ProblemType] = [], handler: @escaping @Sendable (Exchange) async throws -> Answer
    ) -> Route {
        Route(method, path, operation, summary, .house(handler), gives: gives, alsoGives: alsoGives, problems: problems)
    }

    /// A page for everybody, of no clinic.
    static func page(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, query: [QueryParameter], shows: PageKind,
        handler: @escaping @Sendable (Exchange) async throws -> Answer
    ) -> Route {
        Route(method, path, operation, summary, .house(handler), query: query, shows: shows)
    }

    /// A page's form, as a browser sends it: there is no JSON of it.
    static func pageForm(
        _ path: String, _ operation: String, _ summary: String, query: [QueryParameter], shows: PageKind, form: [String],
        problems: [ProblemType], handler: @escaping @Sendable (Exchange, Premises) async throws -> Answer
    ) -> Route {
        Route(
            .post, path, operation, summary, .door(handler), query: query, problems: problems, isSecret: true, form: form,
            shows: shows)
    }

    private init(
        _ method: Method, _ path: String, _ operation: String, _ summary: String, _ handler: Handler,
        query: [QueryParameter] = [], takes: String? = nil, gives: String? = nil, status: Int = 200, alsoGives: [Int] = [],
        problems: [ProblemType] = [], needsIfMatch: Bool = false, isSecret: Bool = false, isOwn: Bool = false,
        form: [String]? = nil, shows: PageKind? = nil, isIncoming: Bool = false
    ) {
        self.isIncoming = isIncoming
        self.shows = shows
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        self.query = query
        self.takes = takes
        self.gives = gives
        self.status = status
        self.alsoGives = alsoGives
        self.problems = problems
        self.needsIfMatch = needsIfMatch
        self.isSecret = isSecret
        self.isOwn = isOwn
        self.form = form
        self.handler = handler
        urgency = Self.urgency(of: operation, method, handler)
    }
}

public struct QueryParameter: Sendable {
    public let name: String
    public let form: String
    public let isRequired: Bool
    public let description: String

    init(_ name: String, _ form: String, required: Bool = false, _ description: String) {
        self.name = name
        self.form = form
        self.isRequired = required
        self.description = description
    }
}

/// One request, after the door: who asks, and what for.
struct Exchange: Sendable {
    let caller: Caller
    /// The caller's session; nil for a token that belongs to none.
    let session: ID<Session>?
    let requestID: String
    let attempt: Attempt?
    let parameters: [String: String]
    let query: JSON
    let ifMatch: String?
    let head: HTTPRequest
    let body: JSON
    /// The body's bytes, where it is taken as it came; else none.
    let raw: [UInt8]
    /// Digest of the body in its canonical form.
    let content: [UInt8]
    /// Where this server is reached from outside, for the addresses of problems.
    let base: String
    /// What the caller says they look for (`X-Purpose-Of-Use`).
    let purpose: Purpose?
    let operation: String
    /// Where the request came from.
    let client: NetworkAddress?
    /// For times that are held from there.
    let holds: HoldWatch

    var ifNoneMatch: String? { head.headerFields[.ifNoneMatch] }
    var acceptLanguage: String? { head.headerFields[.acceptLanguage] }
    /// As it came: for who has no token yet, and shows something else.
    var authorization: String? { head.headerFields[.authorization] }
    /// Where it comes from, if a browser has sent it.
    var origin: Origin { Origin(head, base: base) }
    /// The network address the request came from.
    var address: String? { client?.text }

    var call: Call {
        Call(
            caller: caller, requestID: requestID, attempt: attempt, purpose: purpose, operation: operation, address: address)
    }
    var forStaff: Bool { caller.isStaff }

    /// An identifier in the path; one that cannot exist is not found.
    func id<Subject>(_ name: String = "id", _: Subject.Type = Subject.self) throws(Problem) -> ID<Subject> {
        guard let text = parameters[name], let id = ID<Subject>(text) else { throw Problem(.notFound) }
        return id
    }

    /// The version in `If-Match`: nil without the header or for `*`. Only what this server writes is an ETag of it: `"v07"`
    /// is no version 7, and nobody counts beyond `Int32`.
    func expectedVersion() throws(Problem) -> Int? {
        guard let ifMatch, ifMatch != "*" else { return nil }
        guard let version = Int32(ifMatch.dropFirst(2).dropLast()), version > 0, ifMatch == "\"v\(version)\"" else {
            throw Problem(.changedMeanwhile, detail: "If-Match is not an ETag of this record.")
        }
        return Int(version)
    }

    /// Whether the client says it has this version already (`If-None-Match`: weak comparison, a list, or `*`; RFC 9110 §13.1.2).
    func hasAlready(_ etag: String) -> Bool {
        guard let ifNoneMatch else { return false }
        return ifNoneMatch.split(separator: ",").contains { known in
            let known = known.drop { $0 == " " }.prefix { $0 != " " }
            return known == "*" || known == etag || known == "W/\(etag)"
        }
    }

    func fields() -> Fields { Fields(body) }
    func queryFields() -> Fields { Fields(query, at: "?") }

    /// How an outcome is worded for this caller.
    func wording<Value>(_ done: @escaping @Sendable (Value) -> StoredAnswer) -> Wording<Value> {
        let forStaff = forStaff
        let base = base
        return Wording(done: done) { Problem($0, forStaff: forStaff).answer(base: base).stored }
    }
}

/// One answer, before it becomes HTTP.
struct Answer: Sendable {
    var status: Int
    var contentType = "application/json"
    var body: [UInt8]
    var etag: String?
    var location: String?
    var cacheControl: String?
    var retryAfterSeconds: Int?
    var allow: String?
    var challenge: String?
    /// Each a `Set-Cookie`.
    var cookies: [String] = []
    /// Where the caller stands with the limit that is nearest.
    var rate: RateVerdict?
    var isRepeat = false
    /// What a browser may do with it; nil is nothing at all.
    var policy: String?
    /// Where the change stands, for the next read; see `CommitMark`.
    var consistencyToken: String?

    init(status: Int = 200, contentType: String = "application/json", body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// - Parameter reserving: about how many bytes it will be.
    static func json(status: Int = 200, reserving: Int = 512, _ write: (inout JSONWriter) -> Void) -> Answer {
        var json = JSONWriter(reserving: reserving)
        write(&json)
        return Answer(status: status, body: json.bytes)
    }

    var stored: StoredAnswer {
        StoredAnswer(status: status, contentType: contentType, etag: etag, location: location, body: body)
    }

    init(_ stored: StoredAnswer, isRepeat: Bool = false) {
        self.init(status: stored.status, contentType: stored.contentType, body: stored.body)
        self.etag = stored.etag
        self.location = stored.location
        self.isRepeat = isRepeat
    }

    init<Value>(_ reply: Reply<Value>) {
        switch reply {
        case .done(_, let stored), .refused(_, let stored): self.init(stored)
        case .repeated(let stored): self.init(stored, isRepeat: true)
        }
    }

    func cached(_ control: String, etag: String) -> Answer {
        var copy = self
        copy.cacheControl = control
        copy.etag = etag
        return copy
    }
}
