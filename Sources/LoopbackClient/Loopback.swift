import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Talks to a server on this machine. It never repeats a request by itself: whether to ask again is the caller's decision,
/// because only the caller knows under which key.
public struct Loopback: Sendable {
    public struct Reply: Sendable {
        public let status: Int
        public let body: [UInt8]
        /// The server says that this is an earlier answer given once more.
        public let isReplay: Bool
        public let etag: String?
        /// Seconds of `Retry-After`.
        public let retryAfter: Int?

        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let client: HTTPClient
    private let timeout: TimeAmount

    public init(connections: Int = 64, timeoutSeconds: Int64 = 20) {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        settings.connectionPool.retryConnectionEstablishment = false
        settings.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        timeout = .seconds(timeoutSeconds)
    }

    public func close() async { try? await client.shutdown() }

    /// Throws when no complete answer came: then nobody knows whether the request had an effect.
    public func send(
        _ method: String, _ address: String, token: String? = nil, key: String? = nil, headers: [String: String] = [:],
        body: [UInt8] = []
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: address)
        request.method = HTTPMethod(rawValue: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if !body.isEmpty {
            if headers["Content-Type"] == nil { request.headers.add(name: "Content-Type", value: "application/json") }
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await client.execute(request, timeout: timeout)
        let answer = try await response.body.collect(upTo: 16 << 20)
        return Reply(
            status: Int(response.status.code), body: Array(answer.readableBytesView),
            isReplay: response.headers.first(name: "Idempotent-Replayed") == "true", etag: response.headers.first(name: "ETag"),
            retryAfter: response.headers.first(name: "Retry-After").flatMap { Int($0) })
    }
}
