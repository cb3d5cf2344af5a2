/// One request to the outside. It goes to the address its URL was vetted for and nowhere else: no redirect is followed.
public struct OutboundCall: Sendable {
    public enum Method: String, Sendable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

    public var method: Method
    public var url: String
    /// ASCII. `Host`, `Content-Length`, `Transfer-Encoding` and their like are the connection's own business and are refused.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        _ method: Method, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

extension OutboundCall {
    /// Whether it is a header (RFC 9110 §5.1, §5.5) and not the connection's own. A line break in one would be two of them.
    static func mayCarry(_ name: String, _ value: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy(isOfToken) && !ownHeaders.contains(name.lowercased())
            && value.utf8.allSatisfy { $0 == UInt8(ascii: "\t") || (0x20...0x7E).contains($0) }
    }

    private static let ownHeaders: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive",
    ]

    private static func isOfToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

/// What came back, whatever its status. A 3xx is an answer like any other: whoever asked decides that it is a failure.
public struct OutboundAnswer: Sendable {
    public let status: Int
    public let headers: [(name: String, value: String)]
    /// Never longer than the limit, and never to be shown to whoever gave the URL: it may come from somewhere they cannot reach.
    public let body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header of this name.
    public subscript(header name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why no answer came. None carries what the other side said.
public enum OutboundFault: Error, Hashable, Sendable {
    case timedOut
    /// More than the limit. The status is known, and with it whether the other side did what was asked.
    case answerTooLong(status: Int)
    /// No connection, no TLS, or one that broke; whether the other side did what was asked is not known.
    case connection
    /// Nobody could be asked what the name stands for.
    case resolver
    /// The connection had another address at its other end than the vetted one. This is a fault of ours.
    case strangeAddress
    /// A header that is the connection's own, or that no header can be.
    case header
}

extension OutboundFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .timedOut: "no whole answer came in time"
        case .answerTooLong(let status): "the answer (\(status)) was longer than is taken"
        case .connection: "there was no connection, or it broke"
        case .resolver: "the name could not be looked up"
        case .strangeAddress: "the connection led elsewhere"
        case .header: "a header may not be sent"
        }
    }
}
