public import NIOCore
import NIOHTTP1

/// Refuses requests whose end or whose host two readers could see differently (RFC 9112 §3.2, §6.3, §11.2), although the parser
/// before it has a reading of its own: a proxy in front may have another, and what one of them takes for a body the other takes for
/// the next request, of somebody else. Such a request is answered 400 in its turn, and the connection closed.
///
/// Also ends the connection after a request that asks for an upgrade, which is never given: the parser reads nothing behind one,
/// and a client that stays would wait for its second answer for ever.
final class StrictFraming: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private var hasRefused = false
    private var endsHere = false
    /// How many requests have begun that no answer has ended.
    private var unanswered = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if hasRefused { return }
        if case .head(let head) = unwrapInboundIn(data) {
            guard StrictFraming.isPlain(head) else {
                hasRefused = true
                // Behind what is being answered still; the connection ends as after any other parser's error.
                context.fireErrorCaught(HTTPParserError.invalidHeaderToken)
                return
            }
            unanswered += 1
            if head.headers.contains(name: "Upgrade") { endsHere = true }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where endsHere && unanswered == 1:
            head.headers.replaceOrAdd(name: "Connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body: context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            guard endsHere && unanswered == 0 else { return context.write(data, promise: promise) }
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        }
    }

    // MARK: What is plain

    static func isPlain(_ head: HTTPRequestHead) -> Bool {
        hasPlainLength(head) && hasPlainTarget(head)
    }

    /// A length, or the one coding that has an end, or neither; each once.
    private static func hasPlainLength(_ head: HTTPRequestHead) -> Bool {
        let (lengths, codings) = (head.headers["Content-Length"], head.headers["Transfer-Encoding"])
        if codings.isEmpty { return lengths.count <= 1 }
        return lengths.isEmpty && codings.count == 1 && codings[0].lowercased() == "chunked" && head.version == .http1_1
    }

    /// One host, and a path; or the whole address, when it names the same host.
    private static func hasPlainTarget(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["Host"]
        guard hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0), hosts.allSatisfy(isHost),
            !head.uri.utf8.contains(UInt8(ascii: "#"))
        else { return false }
        if head.uri.hasPrefix("/") { return true }
        guard let host = hosts.first?.lowercased() else { return false }
        return ["http://", "https://"].contains { scheme in
            let uri = head.uri.lowercased()
            return uri == scheme + host || uri.hasPrefix(scheme + host + "/") || uri.hasPrefix(scheme + host + "?")
        }
    }

    /// A name or an address, and a port (RFC 3986 §3.2.2), without the marks nobody's host has.
    private static func isHost(_ text: String) -> Bool {
        (1...261).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._:[]".utf8.contains(byte)
                }
            }
    }
}

/// Puts `StrictFraming` right behind the parser, so that it sees a request before anything is made of it, from where a server
/// lets handlers be added. A stream of HTTP/2 has no such parser: its frames say where a request ends.
public final class FramingPlacer: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = NIOAny

    public init() {}

    public func handlerAdded(context: ChannelHandlerContext) {
        let pipeline = context.channel.pipeline.syncOperations
        guard let parser = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) else { return }
        do { try pipeline.addHandler(StrictFraming(), position: .after(parser)) } catch {
            // Not looked at is not let in.
            context.close(promise: nil)
        }
    }
}
