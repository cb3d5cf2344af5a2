import HTTPTypes
public import NIOCore
public import NIOHTTPTypes
import Notation

/// Turns a request away where its bytes are read, as soon as its head is known, when it would be turned away later anyway
/// (`Turnstile`): no task, no body, no token. Stands behind what makes requests of bytes, in each connection or HTTP/2 stream.
///
/// A request that comes while an earlier one of its connection is still being answered goes on: answers stay in order. So does one after
/// which the connection is to end, and one whose client waits to be asked for the body.
public final class EarlyRefusal: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    private let serving: Serving
    /// Requests that went on and have no answer yet.
    private var unanswered = 0
    /// The rest of a request that was turned away is on its way.
    private var isRefusing = false

    init(_ serving: Serving) { self.serving = serving }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            isRefusing = false
            if unanswered == 0, let (response, body) = serving.refusal(of: head) {
                isRefusing = true
                answer(response, body, context)
            } else {
                unanswered += 1
            }
        }
        if !isRefusing { context.fireChannelRead(data) }
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { unanswered -= 1 }
        context.write(data, promise: promise)
    }

    private func answer(_ response: HTTPResponse, _ body: [UInt8], _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

@available(*, unavailable)
extension EarlyRefusal: Sendable {}

extension Serving {
    /// For the pipeline of one connection, or of one HTTP/2 stream in it, behind its `ConnectionWatch`.
    public func earlyRefusal() -> EarlyRefusal { EarlyRefusal(self) }

    /// The answer to a request that there is no place for, when that is known by its address alone; nil when it is to be looked at.
    func refusal(of request: HTTPRequest) -> (HTTPResponse, [UInt8])? {
        guard door.isTurning, request.headerFields[.connection]?.lowercased() != "close", request.headerFields[.expect] == nil,
            let route = finder.route(of: request), door.refuses(route.urgency)
        else { return nil }
        let answer = Problem.overloaded(surroundings.random).answer(base: settings.base)
        var fields = fields(of: answer, requestID: requestID(request.headerFields))
        fields[.contentLength] = String(answer.body.count)
        gauges[route.operation]?.record(status: answer.status, since: .now)
        return (HTTPResponse(status: HTTPResponse.Status(code: answer.status), headerFields: fields), answer.body)
    }
}
