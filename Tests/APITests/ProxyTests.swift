import API
import Admission
import HTTPTypes
import Testing

/// A proxy in front of the server that speaks TLS for it, and somebody who only says so.
@Suite struct AProxyThatSpeaksTLS {
    private static let line = "max-age=63072000; includeSubDomains"

    private static func door(_ range: String, _ header: TrustedProxies.Header = .xForwardedFor) -> Doorkeeper {
        Doorkeeper(proxies: TrustedProxies([NetworkRange(range)!], header: header))
    }

    @Test(arguments: [
        (TrustedProxies.Header.xForwardedFor, ["X-Forwarded-Proto": "https"]),
        (.xForwardedFor, ["X-Forwarded-Proto": "http, HTTPS"]),
        (.forwarded, ["Forwarded": "for=203.0.113.9;proto=https"]),
    ])
    func `is believed, and browsers are told to come by no other door (ASVS 3.4.1)`(
        header: TrustedProxies.Header, headers: [String: String]
    ) async throws {
        try await onTheWire(door: Self.door("127.0.0.0/8", header)) { visitor in
            for path in ["/v1/appointments", "/health/live", "/nowhere"] {
                let told = try await visitor.get(path, headers: headers)
                let plain = try await visitor.get(path)
                #expect(told[header: "Strict-Transport-Security"] == Self.line, "\(path)")
                #expect(plain[header: "Strict-Transport-Security"] == nil, "\(path)")
            }
            let grant = try await visitor.send(
                .post("/v1/sessions", Known.credentials(.emma, more: #""as":"cookie""#)), by: nil, headers: headers)
            let cookies = grant.headers[values: .setCookie]
            #expect(cookies.count == 3 && cookies.allSatisfy { $0.contains("; Secure;") })
            #expect(grant[header: "Strict-Transport-Security"] == Self.line)
        }
    }

    @Test(arguments: [
        // Nobody is trusted; somebody else is; the proxy writes the other header; what stands to the left was written by the client.
        ("192.0.2.0/24", TrustedProxies.Header.xForwardedFor, ["X-Forwarded-Proto": "https", "Forwarded": "proto=https"]),
        ("127.0.0.0/8", .forwarded, ["X-Forwarded-Proto": "https"]),
        ("127.0.0.0/8", .xForwardedFor, ["Forwarded": "for=203.0.113.9;proto=https"]),
        ("127.0.0.0/8", .xForwardedFor, ["X-Forwarded-Proto": "https, http"]),
        ("127.0.0.0/8", .forwarded, ["Forwarded": "proto=https, for=203.0.113.9"]),
        ("127.0.0.0/8", .xForwardedFor, ["X-Forwarded-Proto": "httpsx"]),
    ])
    func `is not believed when it is not ours, or did not say it`(
        range: String, header: TrustedProxies.Header, headers: [String: String]
    ) async throws {
        try await onTheWire(door: Self.door(range, header)) { visitor in
            let heard = try await visitor.get("/v1/appointments", headers: headers)
            #expect(heard.status == 200 && heard[header: "Strict-Transport-Security"] == nil)
            // A session's cookies are for TLS alone, whoever says what.
            let grant = try await visitor.send(
                .post("/v1/sessions", Known.credentials(.emma, more: #""as":"cookie""#)), by: nil, headers: headers)
            #expect(grant.headers[values: .setCookie].allSatisfy { $0.contains("; Secure;") })
        }
    }
}
