import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
public import Notation
public import Outbound

public struct OutboundSettings: Sendable {
    public var connectSeconds = 5
    /// From the first look at the URL to the last byte of the answer.
    public var wholeSeconds = 15
    /// Bytes of an answer's body.
    public var answerMaximum = 64 * 1024
    /// A PEM file of the authorities that vouch for servers; nil for the machine's own.
    public var authorities: String?

    public init() {}
}

/// Calls the outside, and is the only way to do so: each call is vetted, goes to the vetted address under the URL's own name, and is
/// bounded in time and length.
///
/// Each call has a connection of its own. One that is kept would have to be kept for the address it was vetted for, and calls
/// outside are few: a connection costs them less than a mistake.
public struct OutboundCaller: Sendable {
    private let guardian: OutboundGuard
    private let clock: any WallClock
    private let settings: OutboundSettings
    private let tls: TLSConfiguration

    /// Throws when the file of authorities cannot be read.
    public init(
        policy: OutboundPolicy, resolver: any HostResolver = SystemResolver(), clock: any WallClock,
        settings: OutboundSettings = OutboundSettings()
    ) throws {
        guardian = OutboundGuard(policy: policy, resolver: resolver)
        self.clock = clock
        self.settings = settings
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = settings.authorities {
            // Read now, so that a wrong file is told at the start.
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        }
        self.tls = tls
    }

    /// Throws an `OutboundRefusal` when the URL may not be called, an `OutboundFault` when no whole answer came.
    ///
    /// - Parameter onConnected: Told when the connection stands, before anything is said over it. While it was not told, nothing was
    ///   sent, and nothing will be once `call` has returned.
    public func call(_ call: OutboundCall, onConnected: @escaping @Sendable () -> Void = {}) async throws -> OutboundAnswer {
        let deadline = clock.now + .seconds(settings.wholeSeconds)
        return try await withThrowingTaskGroup(of: OutboundAnswer.self) { group in
            group.addTask { try await self.answer(to: call, onConnected) }
            group.addTask {
                try await self.clock.sleep(until: deadline)
                throw OutboundFault.timedOut
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    private func answer(to call: OutboundCall, _ onConnected: @escaping @Sendable () -> Void) async throws -> OutboundAnswer {
        guard call.headers.allSatisfy({ OutboundCall.mayCarry($0.name, $0.value) }) else { throw OutboundFault.header }
        let vetted = try await guardian.vet(call.url)
        do {
            return try await HTTPClient.withHTTPClient(configuration: configuration(for: vetted, onConnected)) { client in
                try await collect(try await client.execute(request(call, vetted.destination), timeout: .seconds(wholeSeconds)))
            }
        } catch { throw OutboundCaller.fault(error) }
    }

    private var wholeSeconds: Int64 { Int64(settings.wholeSeconds) }

    /// Of a client for this one call. The name in the URL is looked up here and nowhere else, so that the client, which finds an
    /// address, asks nobody; and it looks at the other end of the connection before it says anything.
    private func configuration(
        for vetted: VettedDestination, _ onConnected: @escaping @Sendable () -> Void
    ) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(Int64(settings.connectSeconds)), read: .seconds(wholeSeconds)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if case .name(let name) = vetted.destination.host { configuration.dnsOverride = [name: vetted.address.description] }
        configuration.http1_1ConnectionDebugInitializer = { channel in
            guard channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) == vetted.address else {
                return channel.eventLoop.makeFailedFuture(OutboundFault.strangeAddress)
            }
            onConnected()
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return configuration
    }

    private func request(_ call: OutboundCall, _ destination: Destination) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: destination.url)
        request.method = HTTPMethod(rawValue: call.method.rawValue)
        for (name, value) in call.headers { request.headers.add(name: name, value: value) }
        request.headers.replaceOrAdd(name: "Connection", value: "close")
        if !call.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: call.body)) }
        return request
    }

    private func collect(_ response: HTTPClientResponse) async throws -> OutboundAnswer {
        var body: [UInt8] = []
        for try await part in response.body {
            guard body.count + part.readableBytes <= settings.answerMaximum else {
                throw OutboundFault.answerTooLong(status: Int(response.status.code))
            }
            body += part.readableBytesView
        }
        return OutboundAnswer(
            status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) }, body: body)
    }

    private static func fault(_ error: any Error) -> any Error {
        switch error {
        case is OutboundFault, is OutboundRefusal, is CancellationError: return error
        case let error as HTTPClientError: return fault(error)
        default: return OutboundFault.connection
        }
    }

    private static func fault(_ error: HTTPClientError) -> any Error {
        switch error {
        case .deadlineExceeded, .connectTimeout, .readTimeout: return OutboundFault.timedOut
        case .cancelled: return CancellationError()
        default: return OutboundFault.connection
        }
    }
}
