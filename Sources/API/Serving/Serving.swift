public import Admission
import Foundation
import HTTPTypes
public import Hummingbird
import Identity
public import Logging
import Metrics
import NIOCore
public import Notation
import People
import Scheduling
import SingleSignOn
import Storage
import Workflows

/// Settings of the HTTP side.
public struct ServingSettings: Sendable {
    /// Where clients reach this server, for the addresses of problems: `https://clinic.example`.
    public var base: String
    /// Bytes. A booking has a few hundred.
    public var bodyMaximum: Int = 256 * 1024
    /// How long a body that does not come with its head may take.
    public var bodyPatience: Span = .seconds(15)

    public init(base: String) { self.base = base }
}

/// What Hummingbird keeps for one request.
public struct ServingContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection: the client, or a proxy. Nil where there is no network.
    public let peer: NetworkAddress?

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress.flatMap { NetworkAddress($0) }
    }
}

/// The door: turns HTTP into an `Exchange` and an `Answer` into HTTP. In this order: request id, how often this address asks,
/// clinic, token, how often this user asks, size, key,
/// and only then the route; a refusal on the way is a problem document like any other.
public final class Serving: Sendable {
    let api: API
    private let reception: any Reception
    let door: Doorkeeper
    let surroundings: Surroundings
    let settings: ServingSettings
    let logger: Logger
    let gauges: [String: RouteGauges]
    let finder: RouteFinder

    public init(
        api: API, reception: any Reception, door: Doorkeeper = Doorkeeper(), surroundings: Surroundings,
        settings: ServingSettings, logger: Logger
    ) {
        self.api = api
        self.reception = reception
        self.door = door
        self.surroundings = surroundings
        self.settings = settings
        self.logger = logger
        finder = RouteFinder(api.routes)
        gauges = Dictionary(uniqueKeysWithValues: (api.routes.map(\.operation) + ["unknown"]).map { ($0, RouteGauges($0)) })
    }

    /// A router with every route of the API; anything else is a problem document too.
    ///
    /// - Parameter isOverTLS: Whether the door before it speaks TLS, so that browsers are told to come by no other; without, they are told
    ///   when a proxy that is trusted says that it does.
    public func router(isOverTLS: Bool = false) -> Router<ServingContext> {
        let router = Router(context: ServingContext.self)
        router.add(middleware: StrictTransport(door: door, isOverTLS: isOverTLS))
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
        var visit = Visit(requestID: requestID(request.headers))
        var answer: Answer
        do {
            answer = try await self.answer(route, request, context, &visit)
        } catch {
            answer = self.answer(Problem(error, forStaff: visit.caller?.isStaff ?? false), route, request)
            visit.isShed = (error as? Problem)?.type == .overloaded
            if (answer.status >= 500 && !visit.isShed) || error is SignOnFault { report(error, route, visit) }
        }
        answer.rate = visit.rate
        let response = response(answer, requestID: visit.requestID, request)
        gauges.record(status: answer.status, since: started)
        note(route, answer, request, visit, since: started)
        return response
    }

    private func answer(
        _ route: Route, _ request: Request, _ context: ServingContext, _ visit: inout Visit
    ) async throws -> Answer {
        switch route.handler {
        case .house(let handler):
            return try await handler(try await exchange(route, request, context, visit))
        case .door(let handler):
            try arrive(route, request, context, &visit)
            return try await reception.receive(address(of: request)) { premises in
                visit.tenant = premises.tenant
                try self.enter(route, premises, &visit)
                let exchange = try await self.exchange(route, request, context, visit)
                guard route.isIncoming else { return try await handler(exchange, premises) }
                return try await self.door.inside(route.urgency, self.surroundings) { try await handler(exchange, premises) }
            }
        case .clinic(let handler):
            try arrive(route, request, context, &visit)
            return try await reception.receive(address(of: request)) { premises in
                visit.tenant = premises.tenant
                let bearer = try await self.bearer(route, request, premises)
                (visit.caller, visit.session) = (bearer.caller, bearer.session)
                try self.enter(route, premises, &visit)
                if bearer.mustAddSecondFactor, !route.isOwn { throw Problem(.secondFactorRequired) }
                return try await self.recently(route, request, hasReplica: premises.hasReplica) {
                    let exchange = try await self.exchange(route, request, context, visit)
                    return try await self.once(exchange, premises.inFlight) {
                        // Signing in has a desk of its own, and is not let in here: see `HashingDesk`.
                        try await self.door.inside(route.urgency, self.surroundings) { try await handler(exchange, premises) }
                    }
                }
            }
        }
    }

    /// A problem: a document for programs, a page where somebody looks at one.
    private func answer(_ problem: Problem, _ route: Route, _ request: Request) -> Answer {
        guard let kind = route.shows else { return problem.answer(base: settings.base) }
        let language = (try? QueryText.parse(request.uri.query))?["language"]?.string
        let accepted = request.headers[.acceptLanguage]
        guard case .letter(let letter) = kind else {
            return .page(visit: kind, problem, language: language, accepting: accepted, base: settings.base)
        }
        return .page(letter, problem, language: language, accepting: accepted, base: settings.base)
    }

    private func address(of request: Request) -> ClinicAddress {
        ClinicAddress(host: request.head.authority, tenant: request.headers[.tenant])
    }

    /// Who asks: by `Authorization` when there is one, right or wrong, and only otherwise by cookies.
    private func bearer(_ route: Route, _ request: Request, _ premises: Premises) async throws -> Bearer {
        if let header = request.headers[.authorization] {
            guard header.hasPrefix("Bearer ") || header.lowercased().hasPrefix("bearer ") else { throw Problem(.tokenMissing) }
            return try await bearer(of: String(header.dropFirst(7)), premises)
        }
        let origin = Origin(request.head, base: settings.base)
        if origin.cookies.isAmbiguous { throw Problem(.tokenInvalid) }
        guard let token = origin.cookies[.access] else { throw Problem(.tokenMissing) }
        let bearer = try await bearer(of: token, premises)
        // One that belongs to no session was never given as a cookie.
        guard let session = bearer.session else { throw Problem(.tokenInvalid) }
        try origin.requireNotElsewhere()
        if route.changesSomething { try origin.requireOwnPage(of: session, premises.accounts) }
        return bearer
    }

    private func bearer(of token: String, _ premises: Premises) async throws -> Bearer {
        guard let bearer = await premises.tokens.bearer(of: token) else { throw Problem(.tokenInvalid) }
        if let session = bearer.session, premises.accounts.ended.has(session) { throw Problem(.sessionEnded) }
        return bearer
    }

    private func exchange(
        _ route: Route, _ request: Request, _ context: ServingContext, _ visit: Visit
    ) async throws -> Exchange {
        let parameters = Dictionary(context.parameters.map { (String($0.key), String($0.value)) }) { first, _ in first }
        let query = try QueryText.parse(request.uri.query)
        if route.query.isEmpty && !route.isOpen { try Fields(query, at: "?").check() }
        let ifMatch = request.headers[.ifMatch]
        if route.needsIfMatch && ifMatch == nil { throw Problem(.preconditionRequired) }
        let key = route.takesKey ? try idempotencyKey(request) : nil
        let raw = route.isIncoming ? try await bytes(request) : []
        let body = route.changesSomething && !route.isIncoming ? try await self.body(route, request) : JSON(.object([]))
        let content = key == nil ? [] : Fingerprint.digest(of: body.canonicalBytes)
        let attempt = key.map {
            Attempt(
                key: $0, operation: route.operation,
                fingerprint: Fingerprint.of(route, parameters: parameters, query: query, ifMatch: ifMatch, content: content))
        }
        let client = door.client(of: request, context.peer)
        return Exchange(
            caller: visit.caller ?? .clinic, session: visit.session, requestID: visit.requestID, attempt: attempt,
            parameters: parameters, query: query, ifMatch: ifMatch, head: request.head,
            body: body, raw: raw, content: content, base: settings.base,
            purpose: try purpose(of: request, visit.caller), operation: route.operation,
            client: client, holds: HoldWatch(door: door, client: client, surroundings: surroundings))
    }

    /// Lets one try at a time through for each caller's key.
    private func once(
        _ exchange: Exchange, _ inFlight: InFlight, _ body: () async throws -> Answer
    ) async throws -> Answer {
        guard let attempt = exchange.attempt else { return try await body() }
        let name = "\(exchange.caller.principal) \(attempt.key)"
        guard inFlight.enter(name) else { throw Problem(.requestInProgress) }
        defer { inFlight.leave(name) }
        return try await body()
    }
}

/// What is known of a request by and by, for its log line.
struct Visit: Sendable {
    let requestID: String
    var tenant: String?
    var caller: Caller?
    var session: ID<Session>?
    var rate: RateVerdict?
    /// Turned away because there is too much to do. A line for each would be more to do: they are counted.
    var isShed = false
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

    func handle(_ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response)
        async throws -> Response
    {
        do { return try await next(request, context) } catch is HTTPError {
            return answer(request)
        }
    }
}
