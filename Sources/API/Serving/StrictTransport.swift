import HTTPTypes
import Hummingbird

/// Tells browsers to come over TLS alone from now on, for two years, here and at every name beneath this one (RFC 6797, ASVS 3.4.1). Said
/// over plain HTTP it would mean nothing, and anybody on the way could have said it: it is said where this door speaks TLS, or a proxy
/// does that is trusted and says so.
struct StrictTransport: RouterMiddleware {
    static let value = "max-age=63072000; includeSubDomains"

    let door: Doorkeeper
    let isOverTLS: Bool

    func handle(_ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response)
        async throws -> Response
    {
        var response = try await next(request, context)
        if isOverTLS || door.cameOverTLS(request, context.peer) { response.headers[.strictTransportSecurity] = Self.value }
        return response
    }
}
