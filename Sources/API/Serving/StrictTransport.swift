import HTTPTypes
import Hummingbird

/// Tells browsers to come over TLS alone from now on, for two years, here and at every name beneath this one (RFC 6797, ASVS 3.4.1). Said
/// over plain HTTP it would mean nothing, and anybody on the way could have said it.
struct StrictTransport: RouterMiddleware {
    static let value = "max-age=63072000; includeSubDomains"

    func handle(_ request: Request, context: ServingContext, next: (Request, ServingContext) async throws -> Response)
        async throws -> Response
    {
        var response = try await next(request, context)
        response.headers[.strictTransportSecurity] = Self.value
        return response
    }
}
