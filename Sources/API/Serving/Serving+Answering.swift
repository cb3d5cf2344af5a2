import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Notation
import People
import SingleSignOn
import Storage

// What goes out: the answer, and what is noted about it.
extension Serving {
    func response(_ answer: Answer, requestID: String, _ request: Request) -> Response {
        var headers = fields(of: answer, requestID: requestID)
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

    /// Every header of an answer but those that tell how its body is sent.
    func fields(of answer: Answer, requestID: String) -> HTTPFields {
        var headers = HTTPFields()
        headers.reserveCapacity(13)
        headers[.requestID] = requestID
        // What is answered is data, but for a few pages with a policy of their own: no browser is to guess that it is a
        // page, show it in a frame, or load anything for it (ASVS 3.4).
        headers[.xContentTypeOptions] = "nosniff"
        headers[.contentSecurityPolicy] =
            answer.policy ?? "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        headers[.referrerPolicy] = "no-referrer"
        if answer.status != 304 && !answer.body.isEmpty { headers[.contentType] = answer.contentType }
        if let etag = answer.etag { headers[.eTag] = etag }
        if let location = answer.location { headers[.location] = location }
        headers[.cacheControl] = answer.cacheControl ?? "no-store"
        if let rate = answer.rate { (headers[.rateLimitPolicy], headers[.rateLimit]) = (rate.policyText, rate.standingText) }
        if let seconds = answer.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if let token = answer.consistencyToken { headers[.consistencyToken] = token }
        if let allow = answer.allow { headers[.allow] = allow }
        if let challenge = answer.challenge { headers[.wwwAuthenticate] = challenge }
        for cookie in answer.cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        if answer.isRepeat { headers[.idempotentReplayed] = "true" }
        return headers
    }

    /// Addresses no route has, and methods an address does not take.
    func elsewhere(_ request: Request) -> Response {
        let parts = request.uri.path.split(separator: "/")
        let here = api.routes.filter { $0.matches(parts) }
        let problem =
            here.isEmpty
            ? Problem(.notFound) : Problem(.methodNotAllowed, allow: here.map(\.method.rawValue).joined(separator: ", "))
        gauges["unknown"]?.record(status: problem.type.status, since: .now)
        return response(problem.answer(base: settings.base), requestID: requestID(request.headers), request)
    }

    /// Changes at level info, reads at debug: a search is not worth a line a millisecond.
    func note(
        _ route: Route, _ answer: Answer, _ request: Request, _ visit: Visit, since: ContinuousClock.Instant
    ) {
        let level: Logger.Level =
            visit.isShed ? .debug : answer.status >= 500 ? .error : route.changesSomething ? .info : .debug
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "evt": "http.\(route.operation)", "request_id": "\(visit.requestID)",
            "appointment_id": "\(appointment(route, request, answer))",
            "status": "\(answer.status)",
            "duration_ms": "\(since.duration(to: .now).milliseconds)",
            "caller_role": "\(visit.caller?.role.rawValue ?? "nobody")",
        ]
        if let tenant = visit.tenant { metadata["tenant"] = "\(tenant)" }
        logger.log(level: level, "\(route.method.rawValue) \(route.path)", metadata: metadata)
    }

    /// The appointment a request was about, from its address or from the answer's; never text that is no identifier.
    private func appointment(_ route: Route, _ request: Request, _ answer: Answer) -> String {
        guard route.path.hasPrefix("/v1/appointments") else { return "" }
        let parts = (answer.location ?? request.uri.path).split(separator: "/")
        return parts.count > 2 ? ID<Route>(String(parts[2]))?.description ?? "" : ""
    }

    /// A fault of ours: its type and its own quiet words, never what it was about.
    func report(_ error: any Error, _ route: Route, _ visit: Visit) {
        let quiet =
            (error as? StorageFault)?.description ?? (error as? SignOnFault)?.description ?? String(describing: type(of: error))
        var metadata: Logger.Metadata = [
            "evt": "http.fault", "request_id": "\(visit.requestID)", "reason": "\(quiet)", "route": "\(route.operation)",
        ]
        if let tenant = visit.tenant { metadata["tenant"] = "\(tenant)" }
        logger.error("a request failed", metadata: metadata)
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
