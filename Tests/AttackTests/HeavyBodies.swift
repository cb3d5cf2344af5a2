import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// Bodies that cost more to read than to send, or that two readers read differently. Each is answered, says what is wrong, and
/// leaves nothing behind: neither a row nor memory.
@Suite struct HeavyBodies {
    private static let size = 250_000

    private static func times(_ text: String) -> String { String(repeating: text, count: size / text.utf8.count) }

    private static let heavy: [(String, String)] = [
        ("nested lists", times("[")), ("nested objects", times(#"{"a":"#)),
        ("nested both ways", times(#"[{"a":"#)), ("digits", #"{"a":"# + times("1") + "}"),
        ("a fraction", #"{"a":0."# + times("1") + "}"),
        ("an exponent", #"{"a":1e"# + times("9") + "}"), ("a negative exponent", #"{"a":1e-"# + times("9") + "}"),
        ("noughts", #"{"a":"# + times("0") + "}"), ("a string", #"{"login":""# + times("a") + #""}"#),
        ("escapes", #"{"login":""# + times(#"\u0041"#) + #""}"#), ("accents", #"{"login":"a"# + times("\u{301}") + #""}"#),
        ("a name", #"{""# + times("a") + #"":1}"#), ("blanks", times(" ")), ("line ends", "{" + times("\n")),
        ("members", "{" + (0..<20_000).map { #""\#($0)":0"# }.joined(separator: ",") + "}"),
        ("a list of noughts", #"{"login":["# + times("0,") + "0]}"), ("empty objects", #"{"login":["# + times("{},") + "{}]}"),
        ("a string without end", #"{"login":""# + times("a")), ("backslashes", #"{"login":""# + times(#"\\"#) + #""}"#),
    ]

    private static let ambiguous = [
        #"{"login":"a","login":"b","password":"x"}"#, #"{"login":"a","\u006cogin":"b","password":"x"}"#,
        #"{"login":"a"}{"login":"b"}"#,
        #"{"login":"a"}x"#, #"{"login":"a",}"#, #"{,"login":"a"}"#, #"{"login":"a" "password":"b"}"#, #"{login:"a"}"#,
        #"{'login':'a'}"#,
        #"{"login":"a"/**/}"#, "{\"login\":\"a\"//\n}", #"{"login":NaN}"#, #"{"login":Infinity}"#, #"{"login":-Infinity}"#,
        #"{"login":undefined}"#, #"{"login":0x1}"#, #"{"login":01}"#, #"{"login":+1}"#, #"{"login":.5}"#, #"{"login":1.}"#,
        #"{"login":1e}"#,
        #"{"login":1e400}"#, #"{"login":-1e400}"#, #"{"login":9223372036854775808}"#, #"{"login":True}"#, #"{"login":nil}"#,
        #"{"login":"\ud800"}"#, #"{"login":"\udc00"}"#, #"{"login":"\udc00\ud800"}"#, #"{"login":"\ud800\u0041"}"#,
        #"{"login":"\x41"}"#,
        #"{"login":"\u41"}"#, #"{"login":"\U00000041"}"#, "{\"login\":\"a\u{0}b\"}", "{\"login\":\"a\nb\"}", "\u{FEFF}{}",
        "{}\u{0}", "[{}",
        "{\u{A0}}", "{\u{2028}}", "\u{0B}{}", "\u{0C}{}",
    ].map { Array($0.utf8) }

    /// Not UTF-8: overlong, cut off, surrogates, beyond Unicode, another encoding.
    private static let notUTF8: [[UInt8]] = {
        let bytes: [[UInt8]] = [
            [0xFF], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF], [0xF0, 0x80, 0x80, 0xAF], [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0x80], [0xC3], [0xE2, 0x82], [0xE4],
            [0xFE, 0xFF, 0x00, 0x41],
        ]
        let otherEncoding: [UInt8] = #"{"login":"a"}"#.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let (before, after) = (Array(#"{"login":"a"#.utf8), Array(#"","password":"x"}"#.utf8))
        return bytes.map { before + $0 + after } + [otherEncoding]
    }()

    private func post(_ body: [UInt8], to target: Target) throws -> String {
        let head = """
            POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n\
            Connection: close\r\n\r\n
            """
        return try #require(try target.said(to: Array(head.utf8) + body))
    }

    @Test func `are answered with what is wrong, and cost no memory that stays`() async throws {
        try await Target.withServer { target in
            for (name, body) in HeavyBodies.heavy {
                let said = try post(Array(body.utf8), to: target)
                #expect(said.statuses == [400], "\(name): \(said.prefix(300))")
                // A problem is shorter than what it is about, whatever that was.
                #expect(said.contains("application/problem+json") && said.utf8.count < 20_000, "\(name): \(said.utf8.count)")
            }
            let before = try #require(target.memory())
            for _ in 0..<5 { for (_, body) in HeavyBodies.heavy { _ = try post(Array(body.utf8), to: target) } }
            let after = try #require(target.memory())
            #expect(after < before + 64 << 20, "\(before) → \(after) bytes after 100 more")
            #expect(try await target.isWell())
        }
    }

    @Test func `have one reading or none`() async throws {
        try await Target.withServer { target in
            for body in HeavyBodies.ambiguous + HeavyBodies.notUTF8 {
                let said = try post(body, to: target)
                #expect(
                    said.statuses == [400] && said.contains("/problems/bad-request"),
                    "\(String(decoding: body, as: UTF8.self)): \(said)")
            }
        }
    }

    @Test func `negative control: the same door reads a plain body`() async throws {
        try await Target.withServer { target in
            let said = try post(Array(#"{"login":"nobody@demo.example","password":"wrong one"}"#.utf8), to: target)
            #expect(said.statuses == [401])
        }
    }
}

/// What reaches the log from outside.
@Suite struct TheLog {
    private static let forged =
        #"{"time":"2026-03-02T09:00:00.000000Z","level":"info","evt":"forged","request_id":null,"appointment_id":null,"message":"forged","extra":{}}"#

    @Test func `nothing that is sent becomes a line of the log`() async throws {
        try await Target.withServer { target in
            let texts = [
                "a%0a\(TheLog.forged)", "a\\n\(TheLog.forged)", "a\u{1B}[2J", "a\u{2028}\(TheLog.forged)",
                "a\",\"evt\":\"forged\",\"x\":\"",
                "${jndi:ldap://127.0.0.1/a}", "%s%n%x", "<script>alert(1)</script>",
            ]
            for text in texts {
                let path = text.utf8.map {
                    (0x21...0x7E).contains($0) && !#""<>\^`{|}#"#.utf8.contains($0)
                        ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16)
                }
                .joined()
                let plain = text.filter { $0.isASCII && $0 >= " " && $0 != "\u{7F}" }
                for request in [
                    "GET /v1/appointments/\(path) HTTP/1.1\r\nHost: a\r\n",
                    "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(plain)\r\n",
                    "POST /v1/appointments/\(path)/cancellation HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \(plain)\r\nUser-Agent: \(plain)\r\n",
                    "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nReferer: \(plain)\r\nX-Tenant: \(plain)\r\nContent-Type: \(plain)\r\n",
                ] {
                    _ = try target.said(
                        to: Array(
                            "\(request)Authorization: Bearer \(target.token)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                                .utf8))
                }
                let body = JSON(
                    .object([
                        .init(name: "login", value: JSON(.string(text))), .init(name: "password", value: JSON(.string(text))),
                    ]))
                _ = try await target.http.send("POST", target.server.base + "/v1/sessions", body: Array(body.text.utf8))
            }
            let lines = try String(contentsOfFile: target.log, encoding: .utf8).split(separator: "\n")
            #expect(lines.count > texts.count, "changes that were asked for are logged")
            for line in lines {
                let json = try JSON(parsing: String(line))
                #expect(json["evt"]?.string != "forged" && !line.contains("jndi") && !line.contains("\u{1B}"), "\(line)")
            }
        }
    }
}

extension Target {
    /// Bytes of the server's memory that are in use now (Linux).
    fileprivate func memory() -> Int? {
        let status = try? String(contentsOfFile: "/proc/\(server.process.number)/status", encoding: .utf8)
        return status?.firstMatch(of: /VmRSS:\s+([0-9]+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 }
    }
}
