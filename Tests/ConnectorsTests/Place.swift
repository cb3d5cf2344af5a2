import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server somewhere on this machine that notes who calls, and answers as it is told.
final class Place: Sendable {
    enum Manner: Sendable {
        case answers(HTTPResponseStatus, headers: [(String, String)] = [], bytes: Int = 2)
        /// Sends its head and one byte, and then nothing more.
        case drips
        case saysNothing
        /// Sends without end until the other side has enough.
        case neverEnds
    }

    struct Visit: Sendable {
        var host: String?
        var target: String
        var headers: [String]
        var body: [UInt8] = []
    }

    let address: String
    let port: Int
    private let channel: any Channel
    private let book: Book

    final class Book: Sendable {
        let visits = Mutex<[Visit]>([])
        /// What each TLS handshake asked for (SNI).
        let names = Mutex<[String?]>([])
        let calls = AsyncStream.makeStream(of: Void.self)
    }

    var visits: [Visit] { book.visits.withLock { $0 } }

    var namesAskedFor: [String?] { book.names.withLock { $0 } }

    /// Returns when somebody has asked for something.
    func visited() async { for await _ in book.calls.stream { return } }

    /// At a free port when none is named.
    init(_ manner: Manner, at address: String = "127.0.0.1", port: Int = 0, certificate: Certificate? = nil) async throws {
        let book = Book()
        let context = try certificate.map { try Place.context($0, book) }
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Host(manner: manner, book: book))
                }
            }
            .bind(host: address, port: port).get()
        self.book = book
        self.address = address
        self.port = channel.localAddress!.port!
    }

    private static func context(_ certificate: Certificate, _ book: Book) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.file).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificate.key, format: .pem)))
        configuration.sslContextCallback = { values, promise in
            book.names.withLock { $0.append(values.serverHostname) }
            promise.succeed(NIOSSLContextConfigurationOverride())
        }
        return try NIOSSLContext(configuration: configuration)
    }

    func close() async throws { try await channel.close() }
}

private final class Host: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let manner: Place.Manner
    private let book: Place.Book
    private var visit: Place.Visit?

    init(manner: Place.Manner, book: Place.Book) {
        self.manner = manner
        self.book = book
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            visit = Place.Visit(
                host: head.headers.first(name: "Host"), target: head.uri, headers: head.headers.map { "\($0.name): \($0.value)" })
        case .body(let part): visit?.body += Array(part.readableBytesView)
        case .end:
            if let visit { book.visits.withLock { $0.append(visit) } }
            visit = nil
            book.calls.continuation.yield()
            answer(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ context: ChannelHandlerContext) {
        switch manner {
        case .saysNothing: break
        case .answers(let status, let headers, let count):
            begin(context, status, [("Content-Length", String(count))] + headers)
            send(context, count)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .drips:
            begin(context, .ok, [("Content-Length", "1000")])
            send(context, 1)
        case .neverEnds:
            begin(context, .accepted, [("Transfer-Encoding", "chunked")])
            goOn(context)
        }
    }

    private func begin(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ headers: [(String, String)]) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: HTTPHeaders(headers))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func send(_ context: ChannelHandlerContext, _ count: Int) {
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(repeating: 0x78, count: count)))), promise: nil)
    }

    /// The next piece when the one before has gone.
    private func goOn(_ context: ChannelHandlerContext) {
        let (loop, bound) = (context.eventLoop, NIOLoopBound((self, context), eventLoop: context.eventLoop))
        let piece = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(repeating: 0x78, count: 1000)))
        context.writeAndFlush(wrapOutboundOut(piece)).hop(to: loop).whenSuccess {
            let (host, context) = bound.value
            host.goOn(context)
        }
    }
}
