import Foundation
import HTTPTypes
public import Hummingbird
public import Logging
import Metrics
import NIOCore
public import Notation
import People
import Scheduling
import Storage
import Workflows

/// Settings of the HTTP side.
public struct ServingSettings: Sendable {
    /// Where clients reach this server, for the addresses of problems: `https://clinic.example`.
    public var base: String
    /// Bytes. A booking has a few hundred.
    public var bodyMaximum: Int = 256 * 1024

    public init(base: String) { self.base = base }
}

/// What Hummingbird keeps for one request.
public struct ServingContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    public init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// The door: turns HTTP into an `Exchange` and an `Answer` into HTTP. In this order: request id, size, token, key,
/// and only then the route; a refusal on the way is a problem document like any other.
public final class Serving: Sendable {
    private let api: API
    private let tokens: Tokens
    private let surroundings: Surroundings
    private let settings: ServingSettings
    private let logger: Logger
    private let inFlight = InFlight()
    /// While stopping: finish what is there, but tell the balancer's next request to go elsewhere.
    private let gauges: [String: RouteGauges]

    public init(api: API, tokens: Tokens, surroundings: Surroundings, settings: ServingSettings, logger: Logger) {
        self.api = api
        self.tokens = tokens
        self.surroundings = surroundings
        self.settings = settings
        self.logger = logger
        gauges = Dictionary(uniqueKeysWithValues: (api.routes.map(\.operation) + ["unknown"]).map { ($0, RouteGauges($0)) })
    }

    /// A router with every route of the API; anything else is a problem document too.
    public func router() -> Router<ServingContext> {
        let router = Router(context: ServingContext.self)
        router.add(middleware: Elsewhere { [self] in self.elsewhere($0) })
        for route in api.routes {
            let gauges = gauges[route.operation]!
            router.on(RouterPath(route.path), method: HTTPRequest.Method(route.method.rawValue)!) { [self] request, context in
                await self.serve(route, gauges, request, context)
            }
        }
        return router
    }

    private func serve(_ route: Route, _ gauges: RouteGauges, _ request: Request, _ context: ServingContext) async -> Response {
        let started = ContinuousClock.now
        let requestID = requestID(of: request)
        var caller: Caller?
        var answer: Answer
        do {
            caller = try await self.caller(route, request)
            answer = try await self.answer(route, request, context, requestID: requestID, caller: caller)
        } catch {
            answer = Problem(error, forStaff: caller?.isStaff ?? false).answer(base: settings.base)
            if answer.status >= 500 { report(error, route, requestID) }
        }
        let response = response(answer, requestID: requestID, request)
        gauges.record(status: answer.status, since: started)
        note(route, answer, requestID: requestID, caller: caller, since: started)
        return response
    }

    private func caller(_ route: Route, _ request: Request) async throws -> Caller? {
        if route.isOpen { return nil }
        guard let header = request.headers[.authorization], header.hasPrefix("Bearer ") || header.lowercased().hasPrefix("bearer ")
        else { throw Problem(.tokenMissing) }
        guard let caller = await tokens.caller(of: String(header.dropFirst(7))) else { throw Problem(.tokenInvalid) }
        return caller
    }

    private func answer(
        _ route: Route, _ request: Request, _ context: ServingContext, requestID: String, caller: Caller?
    ) async throws -> Answer {
        let parameters = Dictionary(context.parameters.map { (String($0.key), String($0.value)) }) { first, _ in first }
        let query = try QueryText.parse(request.uri.query)
        if route.query.isEmpty && !route.isOpen { try Fields(query, at: "?").check() }
        let ifMatch = request.headers[.ifMatch]
        if route.needsIfMatch && ifMatch == nil { throw Problem(.preconditionRequired) }
        let key = route.changesSomething ? try idempotencyKey(request) : nil
        let body = route.changesSomething ? try await self.body(route, request) : JSON(.object([]))
        let content = key == nil ? [] : Fingerprint.digest(of: body.canonicalBytes)
        let attempt = key.map {
            Attempt(
                key: $0, operation: route.operation,
                fingerprint: Fingerprint.of(route, parameters: parameters, query: query, ifMatch: ifMatch, content: content))
        }
        let exchange = Exchange(
            caller: caller ?? .clinic, requestID: requestID, attempt: attempt, parameters: parameters, query: query,
            ifMatch: ifMatch, ifNoneMatch: request.headers[.ifNoneMatch], body: body, content: content, base: settings.base)
        return try await once(exchange) { try await route.handler(exchange) }
    }

    /// Lets one try at a time through for each caller's key.
    private func once(_ exchange: Exchange, _ body: () async throws -> Answer) async throws -> Answer {
        guard let attempt = exchange.attempt else { return try await body() }
        let name = "\(exchange.caller.principal) \(attempt.key)"
        guard inFlight.enter(name) else { throw Problem(.requestInProgress) }
        defer { inFlight.leave(name) }
        return try await body()
    }

    /// 1…255 printable ASCII characters, bare or as a structured-field string.
    private func idempotencyKey(_ request: Request) throws(Problem) -> String {
        guard var key = request.headers[.idempotencyKey].map({ $0[...] }), !key.isEmpty else { throw Problem(.idempotencyKeyMissing) }
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = key.dropFirst().dropLast() }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(.idempotencyKeyMissing, detail: "The key must have 1 to 255 printable ASCII characters.")
        }
        return String(key)
    }

    private func body(_ route: Route, _ request: Request) async throws -> JSON {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.bodyMaximum {
            throw Problem(.bodyTooLarge)
        }
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: settings.bodyMaximum) } catch is NIOTooManyBytesError {
            throw Problem(.bodyTooLarge)
        }
        guard buffer.readableBytes > 0 else { return JSON(.object([])) }
        if let type = request.headers[.contentType]?.prefix(while: { $0 != ";" && $0 != " " }), type.lowercased() != "application/json" {
            throw Problem(.mediaTypeUnsupported)
        }
        return try JSON(parsing: Array(buffer.readableBytesView))
    }

    /// The client's own id when it is harmless, else a new one.
    private func requestID(of request: Request) -> String {
        if let given = request.headers[.requestID], (1...64).contains(given.utf8.count),
            given.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 || $0 == 46 })
        {
            return given
        }
        return surroundings.identifiers.next(Request.self).description
    }

    private func response(_ answer: Answer, requestID: String, _ request: Request) -> Response {
        var headers = HTTPFields()
        headers.reserveCapacity(8)
        headers[.requestID] = requestID
        if answer.status != 304 && !answer.body.isEmpty { headers[.contentType] = answer.contentType }
        if let etag = answer.etag { headers[.eTag] = etag }
        if let location = answer.location { headers[.location] = location }
        headers[.cacheControl] = answer.cacheControl ?? "no-store"
        if let seconds = answer.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if let allow = answer.allow { headers[.allow] = allow }
        if let challenge = answer.challenge { headers[.wwwAuthenticate] = challenge }
        if answer.isRepeat { headers[.idempotentReplayed] = "true" }
        var body = answer.body
        if body.count >= Gzip.threshold {
            headers[.vary] = "Accept-Encoding"
            if Gzip.isAccepted(request.headers[.acceptEncoding]), let smaller = Gzip.compress(body) {
                body = smaller
                headers[.contentEncoding] = "gzip"
            }
        }
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: headers,
            body: body.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// Addresses no route has, and methods an address does not take.
    private func elsewhere(_ request: Request) -> Response {
        let parts = request.uri.path.split(separator: "/")
        let here = api.routes.filter { $0.matches(parts) }
        let problem =
            here.isEmpty
            ? Problem(.notFound) : Problem(.methodNotAllowed, allow: here.map(\.method.rawValue).joined(separator: ", "))
        gauges["unknown"]?.record(status: problem.type.status, since: .now)
        return response(problem.answer(base: settings.base), requestID: requestID(of: request), request)
    }

    /// Changes at level info, reads at debug: a search is not worth a line a millisecond.
    private func note(_ route: Route, _ answer: Answer, requestID: String, caller: Caller?, since: ContinuousClock.Instant) {
        let level: Logger.Level = answer.status >= 500 ? .error : route.changesSomething ? .info : .debug
        guard logger.logLevel <= level else { return }
        logger.log(
            level: level, "\(route.method.rawValue) \(route.path)",
            metadata: [
                "evt": "http.\(route.operation)", "request_id": "\(requestID)", "status": "\(answer.status)",
                "duration_ms": "\(since.duration(to: .now).milliseconds)", "caller_role": "\(caller?.role.rawValue ?? "nobody")",
            ])
    }

    /// A fault of ours: its type and its own quiet words, never what it was about.
    private func report(_ error: any Error, _ route: Route, _ requestID: String) {
        let quiet = (error as? StorageFault)?.description ?? String(describing: type(of: error))
        logger.error("a request failed", metadata: ["evt": "http.fault", "request_id": "\(requestID)", "reason": "\(quiet)", "route": "\(route.operation)"])
    }
}

extension Duration {
    /// Milliseconds with three decimals.
    fileprivate var milliseconds: String {
        let micros = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        let rest = String(micros % 1000)
        return "\(micros / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }
}

extension Route {
    /// Whether an address's segments fit this route.
    func matches(_ parts: [Substring]) -> Bool {
        let own = path.split(separator: "/")
        return own.count == parts.count && zip(own, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}

/// Answers what the router did not.
private struct Elsewhere: RouterMiddleware {
    let answer: @Sendable (Request) -> Response

    func handle(_ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response) async throws -> Response {
        do { return try await next(request, context) } catch is HTTPError {
            return answer(request)
        }
    }
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed")!
    static let requestID = HTTPField.Name("X-Request-Id")!
}
