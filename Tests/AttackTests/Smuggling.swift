import Testing

/// Requests that two readers could cut in different places. Behind each stands a second one: a reader that takes the first for
/// longer, or for shorter, lets that one through in somebody else's name, or answers somebody with it (RFC 9112 §11.2).
@Suite struct Smuggling {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let bytes: [UInt8]

        init(_ description: String, _ text: String) { self.init(description, bytes: Array(text.utf8)) }
        init(_ description: String, bytes: [UInt8]) { (self.description, self.bytes) = (description, bytes) }
    }

    private static let host = "Host: 127.0.0.1\r\n"
    /// The victim is signed in; what is smuggled behind is not.
    private static let post = "POST /v1/sessions HTTP/1.1\r\n\(host)Content-Type: application/json\r\n"
    private static let get = "GET /health/live HTTP/1.1\r\n\(host)"

    // MARK: Refused

    @Test func `whatever has two readings is answered 400, once, and the connection ends`() async throws {
        try await Target.withServer { target in
            let second = "GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(target.token)\r\n\r\n"
            for one in Smuggling.lengths + Smuggling.codings + Smuggling.chunks + Smuggling.lines + Smuggling.hosts
                + Smuggling.large
            {
                guard let said = try target.said(to: one.bytes + Array(second.utf8)) else {
                    Issue.record("\(one): the connection stays open")
                    continue
                }
                #expect(said.statuses == [400], "\(one): \(said.prefix(300))")
                #expect(!said.contains("\"items\""), "\(one): what was smuggled is answered")
            }
            #expect(try await target.isWell())
        }
    }

    @Test func `negative control: the same request framed plainly is answered, and so is the one behind it`() async throws {
        try await Target.withServer { target in
            let second =
                "GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(target.token)\r\nConnection: close\r\n\r\n"
            for one in Smuggling.plain {
                let said = try #require(try target.said(to: one.bytes + Array(second.utf8)), "\(one)")
                #expect(said.statuses.count == 2 && said.statuses.last == 200, "\(one): \(said.prefix(300))")
                #expect(said.contains("\"items\""))
            }
        }
    }

    @Test func `nobody's token serves for the request behind theirs`() async throws {
        try await Target.withServer { target in
            let signedIn = "Authorization: Bearer \(target.token)\r\n"
            let stranger = "GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            for first in [
                "GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\n\(signedIn)\r\n",
                "GET /v1/rooms HTTP/1.1\r\nHost: 127.0.0.1\r\n\(signedIn)Content-Length: 3\r\n\r\nabc",
                // Fields behind a body are nobody's credentials.
                "POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\(signedIn)\r\n",
            ] {
                let said = try #require(try target.said(to: Array((first + stranger).utf8)))
                #expect(said.statuses.count == 2 && said.statuses.last == 401, "\(said.prefix(300))")
            }
        }
    }

    @Test func `an upgrade is not given, and its connection ends with the answer`() async throws {
        try await Target.withServer { target in
            for upgrade in ["h2c", "websocket", "TLS/1.0", "rubbish"] {
                let said = try #require(
                    try target.said(
                        to: Array("\(Smuggling.get)Connection: Upgrade\r\nUpgrade: \(upgrade)\r\n\r\n\(Smuggling.get)\r\n".utf8)))
                #expect(said.statuses == [200] && said.lowercased().contains("connection: close"), "\(said.prefix(300))")
            }
        }
    }

    // MARK: The cases

    private static func posts(_ headers: [(String, String)], _ body: String) -> [Case] {
        headers.map { Case($0.0, post + $0.1 + "\r\n\r\n" + body) }
    }

    private static let lengths =
        posts(
            [
                ("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
                ("coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
                ("length of nought and coding", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
                ("an empty coding and a length", "Transfer-Encoding:\r\nContent-Length: 5"),
            ], "0\r\n\r\n")
        + posts(
            [
                ("two lengths", "Content-Length: 2\r\nContent-Length: 40"),
                ("the same length twice", "Content-Length: 2\r\nContent-Length: 2"),
                ("a list of lengths", "Content-Length: 2, 2"), ("a list of two lengths", "Content-Length: 2, 40"),
                ("a sign", "Content-Length: +2"), ("a negative length", "Content-Length: -2"),
                ("hexadecimal", "Content-Length: 0x2"),
                ("a fraction", "Content-Length: 2.0"), ("an exponent", "Content-Length: 2e0"), ("no digits", "Content-Length: "),
                ("digits and more", "Content-Length: 2x"), ("a blank inside", "Content-Length: 2 0"),
                ("a blank before the colon", "Content-Length : 2"), ("a vertical tab", "Content-Length: \u{0B}2"),
                ("beyond 64 bits", "Content-Length: 99999999999999999999999"),
                ("once around 64 bits", "Content-Length: 18446744073709551618"), ("a quoted length", "Content-Length: \"2\""),
                ("a blank before the name", "X: a\r\n Content-Length: 2"), ("digits of another script", "Content-Length: ２"),
            ], "{}")

    private static let codings =
        posts(
            [
                ("an unknown coding", "Transfer-Encoding: xchunked"), ("identity", "Transfer-Encoding: identity"),
                ("chunked, then identity", "Transfer-Encoding: chunked, identity"),
                ("compressed inside", "Transfer-Encoding: gzip, chunked"),
                ("chunked twice", "Transfer-Encoding: chunked, chunked"),
                ("two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
                ("the same field twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
                ("rubbish, then chunked", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
                ("a blank before the colon", "Transfer-Encoding : chunked"),
                ("a vertical tab", "Transfer-Encoding: \u{0B}chunked"),
                ("a form feed", "Transfer-Encoding: \u{0C}chunked"), ("quoted", "Transfer-Encoding: \"chunked\""),
                ("a parameter", "Transfer-Encoding: chunked;a=b"), ("a comma behind", "Transfer-Encoding: chunked,"),
                ("a comma before", "Transfer-Encoding: ,chunked"), ("a null behind", "Transfer-Encoding: chunked\u{0}"),
                ("folded", "Transfer-Encoding:\r\n chunked"), ("behind a line feed", "X: a\nTransfer-Encoding: chunked"),
                ("behind a carriage return", "X: a\rTransfer-Encoding: chunked"),
                ("no-break space", "Transfer-Encoding: \u{A0}chunked"),
                ("a name with a control", "Transfer\u{1}-Encoding: chunked"), ("brackets", "Transfer-Encoding: [chunked]"),
            ], "0\r\n\r\n") + [
            Case(
                "chunked in HTTP/1.0", "POST /v1/sessions HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        ]

    private static let chunks = [
        ("a line feed in an extension", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
        ("a carriage return in an extension", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
        ("line feeds alone", "2\n{}\n0\n\n"), ("a sign", "+2\r\n{}\r\n0\r\n\r\n"), ("a negative size", "-2\r\n{}\r\n0\r\n\r\n"),
        ("0x", "0x2\r\n{}\r\n0\r\n\r\n"), ("a blank before the size", " 2\r\n{}\r\n0\r\n\r\n"),
        ("beyond 64 bits", "fffffffffffffffff2\r\n{}\r\n0\r\n\r\n"), ("no size", "\r\n{}\r\n0\r\n\r\n"),
        ("more than its size", "2\r\n{}xx\r\n0\r\n\r\n"), ("no end of line behind it", "2\r\n{}0\r\n\r\n"),
        ("rubbish behind the last size", "2\r\n{}\r\n0x\r\n\r\n"),
        ("a length in the trailer", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
        ("an underscore", "0_2\r\n{}\r\n0\r\n\r\n"),
    ].map { Case("chunk: \($0.0)", post + "Transfer-Encoding: chunked\r\n\r\n" + $0.1) }

    private static let lines =
        [
            ("a line feed in a field", "X: a\nY: b"), ("a carriage return in a field", "X: a\rY: b"),
            ("a folded field", "X: a\r\n b"),
            ("a field folded with a tab", "X: a\r\n\tb"), ("a null in a value", "X: a\u{0}b"), ("a null in a name", "X\u{0}: a"),
            ("a control in a value", "X: a\u{1}b"), ("a delete in a value", "X: a\u{7F}b"), ("no colon", "Xa"),
            ("no name", ": a"),
            ("a blank in a name", "X : a"), ("brackets in a name", "X(a): a"),
        ].map { Case($0.0, get + $0.1 + "\r\n\r\n") } + [
            Case("lines end with line feeds", "GET /health/live HTTP/1.1\nHost: 127.0.0.1\n\n"),
            Case("the head ends with a line feed", get + "X: a\n\r\n"),
            Case("a blank before the first field", "GET /health/live HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n"),
            Case("a null in the address", "GET /health\u{0}/live HTTP/1.1\r\n\(host)\r\n"),
            Case("tabs in the first line", "GET\t/health/live\tHTTP/1.1\r\n\(host)\r\n"),
            Case("a blank in the address", "GET /health/live x HTTP/1.1\r\n\(host)\r\n"),
            Case("a blank before the method", " \(get)\r\n"), Case("no version", "GET /health/live\r\n\r\n"),
            Case("HTTP/2.0", "GET /health/live HTTP/2.0\r\n\(host)\r\n"),
            Case("HTTP/1.2", "GET /health/live HTTP/1.2\r\n\(host)\r\n"),
            Case("HTTP/2 without having agreed on it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            Case("a method nobody knows", "FOO /health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("a method in small letters", "get /health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("a fragment", "GET /health/live#a HTTP/1.1\r\n\(host)\r\n"),
            Case("a name beyond ASCII", bytes: Array(get.utf8) + [0x58, 0xE9] + Array(": a\r\n\r\n".utf8)),
        ]

    private static let hosts =
        [
            ("no host", ""), ("two hosts", "Host: 127.0.0.1\r\nHost: other.example.org\r\n"),
            ("the same host twice", "Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n"), ("an empty host", "Host:\r\n"),
            ("a user", "Host: admin@127.0.0.1\r\n"), ("a path", "Host: 127.0.0.1/admin\r\n"),
            ("a list of hosts", "Host: 127.0.0.1, other.example.org\r\n"), ("a blank in a host", "Host: 127.0.0.1 other\r\n"),
            ("a percent sign", "Host: 127.0.0.1%2f\r\n"), ("a query", "Host: 127.0.0.1?x\r\n"),
            ("quoted", "Host: \"127.0.0.1\"\r\n"),
            ("immense", "Host: " + String(repeating: "a", count: 300) + "\r\n"),
        ].map { Case("host: \($0.0)", "GET /health/live HTTP/1.1\r\n\($0.1)\r\n") } + [
            Case("an address with another host", "GET http://other.example.org/health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("an address with more behind the host", "GET http://127.0.0.1.example.org/health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("an address with a user", "GET http://127.0.0.1@other.example.org/ HTTP/1.1\r\n\(host)\r\n"),
            Case("an address of another kind", "GET ftp://127.0.0.1/health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("a path without a slash", "GET health/live HTTP/1.1\r\n\(host)\r\n"),
            Case("a way through", "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\(host)\r\n"),
        ]

    private static let large = [
        Case("a field of 100 kB", get + "X: " + String(repeating: "a", count: 100_000) + "\r\n\r\n"),
        Case("5,000 fields", get + (0..<5000).map { "X\($0): a\r\n" }.joined() + "\r\n"),
        Case(
            "a megabyte of fields", get + (0..<150).map { "X\($0): \(String(repeating: "a", count: 7000))\r\n" }.joined() + "\r\n"
        ),
        Case("an address of 100 kB", "GET /" + String(repeating: "a", count: 100_000) + " HTTP/1.1\r\n\(host)\r\n"),
        Case("a method of 100 kB", String(repeating: "A", count: 100_000) + " / HTTP/1.1\r\n\(host)\r\n"),
    ]

    private static let plain = [
        Case("a length", post + "Content-Length: 2\r\n\r\n{}"),
        Case("a length with a leading nought", post + "Content-Length: 02\r\n\r\n{}"),
        Case("chunks", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        Case("chunks in capitals", post + "Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        Case("an extension", post + "Transfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n{}\r\n0\r\n\r\n"),
        Case("a trailer", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-A: b\r\n\r\n"),
        Case("nothing", get + "\r\n"), Case("the whole address", "GET http://127.0.0.1/health/live HTTP/1.1\r\n\(host)\r\n"),
        Case("a name with an underscore is not its namesake", get + "Content_Length: 40\r\n\r\n"),
    ]
}
