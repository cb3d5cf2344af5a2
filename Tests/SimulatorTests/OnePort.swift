import Foundation
import LoopbackClient
import Notation
import Processes
import Testing

/// HTTP, mail and AMQP on one port: who is there is told by what they say first, and nothing anybody says breaks it.
@Suite struct OnePort {
    private struct Place: Sendable {
        let base: String
        let port: Int
        let http: Loopback

        func ledger(_ part: String) async throws -> JSON {
            try JSON(parsing: try await http.send("GET", "\(base)/ledger?destination=\(part)").body)
        }

        /// Whether it is well.
        func health() async throws -> Int { try await http.send("GET", "\(base)/health").status }

        func page() async throws -> String { try await http.send("GET", "\(base)/").text }

        func set(_ part: String, _ mode: String) async throws -> Loopback.Reply {
            try await http.send("PUT", "\(base)/modes/\(part)", body: Array(mode.utf8))
        }
    }

    private func run(_ flags: [String] = ["--greeting", "200"], _ body: (Place) async throws -> Void) async throws {
        let folder = try TemporaryFolder("port")
        defer { folder.remove() }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["simulator", "--port", "0"] + flags, errors: folder.file("errors"))
        let http = Loopback()
        let result: Result<Void, any Error>
        do { result = .success(try await body(Place(base: server.base, port: server.port, http: http))) } catch {
            result = .failure(error)
        }
        await http.close()
        // A crash would be another number.
        #expect(await server.stop() == 0)
        try result.get()
    }

    /// What is said to a whole conversation in one piece, until the server hangs up. Who does not say EHLO first is greeted first.
    private func mail(_ place: Place, _ words: String) throws -> String {
        let line = try HalfRequest(port: place.port)
        let greeting = words.hasPrefix("EHLO") ? "" : line.received { $0.contains("\r\n") }
        line.attempt(Array(words.utf8))
        return greeting + (try #require(line.receivedUntilClosed(), "it does not hang up"))
    }

    private func letter(_ body: String, to: String = "emma@demo.example", id: String = "<m-1@clinic.example>") -> String {
        "MAIL FROM:<a@clinic.example>\r\nRCPT TO:<\(to)>\r\nDATA\r\nMessage-ID: \(id)\r\nSubject: s\r\n\r\n\(body)\r\n.\r\n"
    }

    // MARK: Who is there

    @Test func `whoever says nothing is greeted as a mail client, and half a word is no silence`() async throws {
        try await run { place in
            // The beginning of AMQP, and of HTTP's method ACL.
            let slow = try HalfRequest(port: place.port)
            try slow.send("A")
            let silent = try HalfRequest(port: place.port)
            #expect(
                silent.received { $0.contains("\r\n") }
                    == "220 localhost ESMTP MediConnect-Simulator, nothing here is delivered\r\n")
            // Greeted later than the other would have been.
            try slow.send("CL /health HTTP/1.1\r\nHost: 127.0.0.1:\(place.port)\r\nConnection: close\r\n\r\n")
            let answer = slow.received { $0.contains("nobody is played there") }
            #expect(answer.hasPrefix("HTTP/1.1 404") && answer.contains("MediConnect-Simulator: 1"), "\(answer)")
        }
    }

    @Test func `each is spoken to as they speak, at the same time`() async throws {
        try await run { place in
            let publisher = try RawPublisher.open(port: place.port)
            let mail = try HalfRequest(port: place.port)
            try mail.send("EHLO clinic\r\n")
            #expect(mail.received { $0.contains("250 ") }.contains("250-PIPELINING"))
            #expect(try await place.health() == 200)
            publisher.say(RawPublisher.publish("hello"))
            try publisher.expect([60, 80])
            try mail.send(letter("hello"))
            #expect(mail.received { $0.contains("2.0.0 taken") }.contains("250 2.0.0 taken"))
            #expect(try await place.health() == 200)
            for part in ["smtp", "broker"] {
                #expect(try await place.ledger(part)["destinations"]?[part]?["effects"]?.integer == 1)
                // By HTTP nobody is there.
                #expect(try await place.http.send("GET", "\(place.base)/\(part)/x").status == 404)
            }
        }
    }

    @Test func `an AMQP of another version is told which one is spoken, TLS is what it was to HTTP`() async throws {
        try await run { place in
            let old = try RawPublisher(port: place.port)
            old.say(Array("AMQP".utf8) + [1, 1, 8, 0])
            #expect(old.line.bytesUntilClosed() == RawPublisher.opening)
            let tls = try HalfRequest(port: place.port)
            tls.attempt([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3])
            #expect(try #require(tls.receivedUntilClosed()).hasPrefix("HTTP/1.1 400"))
        }
    }

    @Test func `HTTP that comes after the greeting is no letter`() async throws {
        try await run { place in
            let line = try HalfRequest(port: place.port)
            _ = line.received { $0.contains("\r\n") }
            try line.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO x\r\n\(letter("smuggled"))")
            #expect(line.receivedUntilClosed() == "421 4.7.0 this is SMTP\r\n")
            #expect(try await place.ledger("smtp")["effects"]?.array?.isEmpty == true)
        }
    }

    @Test func `mail that has a port of its own is greeted at once there, and nobody is greeted elsewhere`() async throws {
        let folder = try TemporaryFolder("ports")
        defer { folder.remove() }
        let server = try ChildProcess(
            Programs.mediconnect, ["simulator", "--port", "0", "--greeting", "10", "--mail-port", "0"],
            errors: folder.file("errors"))
        var found: [Int] = []
        for await line in server.lines {
            if let port = line.firstMatch(of: /127\.0\.0\.1:([0-9]+)/).flatMap({ Int($0.1) }) { found.append(port) }
            if found.count == 2 { break }
        }
        let (mail, port) = (found[0], found[1])
        let silent = try HalfRequest(port: mail)
        #expect(silent.received { $0.contains("\r\n") }.hasPrefix("220 localhost ESMTP"))
        try silent.send("EHLO clinic\r\n\(letter("by its own port"))QUIT\r\n")
        #expect(try #require(silent.receivedUntilClosed()).contains("250 2.0.0 taken"))
        // Connected ahead of need, and for longer than anybody would have waited to greet it.
        let early = try HalfRequest(port: port)
        let later = try HalfRequest(port: port)
        let http = Loopback()
        let base = "http://127.0.0.1:\(port)"
        for _ in 0..<20 { #expect(try await http.send("GET", "\(base)/health").status == 200) }
        try early.send("GET /ledger?destination=smtp HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
        let answer = try #require(early.receivedUntilClosed())
        #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("\"what\":\"letter\""), "\(answer)")
        // Who speaks first is still understood.
        try later.send("EHLO clinic\r\n")
        #expect(later.received { $0.contains("250 ") }.contains("250-PIPELINING"))
        await http.close()
        server.signal(SIGTERM)
        #expect(await server.ended() == 0)
    }

    @Test func `a port for mail that is no port, is the other one's, or is taken is refused by its option`() async throws {
        try await run { place in
            for (flags, detail) in [
                (["--mail-port", "70000"], "--mail-port must be from 0 to 65535"),
                (["--port", "2525", "--mail-port", "2525"], "--mail-port must be another than --port"),
                (
                    ["--port", "0", "--mail-port", "\(place.port)"],
                    "port \(place.port) is taken; choose another with --mail-port"
                ),
                (["--port", "\(place.port)", "--mail-port", "0"], "port \(place.port) is taken; choose another with --port"),
            ] {
                let folder = try TemporaryFolder("refused")
                defer { folder.remove() }
                let (status, _) = try await ChildProcess.run(
                    Programs.mediconnect, ["simulator"] + flags, errors: folder.file("errors"))
                let said = try String(contentsOfFile: folder.file("errors"), encoding: .utf8)
                #expect(status != 0 && said.contains(detail), "\(flags): \(said)")
            }
        }
    }

    @Test func `it ends at once with everybody in the midst of something, and what was done is there afterwards`() async throws {
        let folder = try TemporaryFolder("kept")
        defer { folder.remove() }
        let flags = ["--greeting", "200", "--data", folder.path]
        var open: [HalfRequest] = []
        try await run(flags) { place in
            #expect(try mail(place, "EHLO c\r\n\(letter("kept words"))QUIT\r\n").contains("250 2.0.0 taken"))
            let publisher = try RawPublisher.open(port: place.port)
            publisher.say(RawPublisher.declare("clinic.events", "topic"))
            try publisher.expect([40, 11])
            publisher.say(RawPublisher.publish("kept message", exchange: "clinic.events"))
            try publisher.expect([60, 80])
            let (half, hung, quiet) = (
                try HalfRequest(port: place.port), try HalfRequest(port: place.port), try HalfRequest(port: place.port)
            )
            try half.send("EHLO c\r\nMAIL FROM:<a@clinic.example>\r\nRCPT TO:<e@demo.example>\r\nDATA\r\nhalf a")
            _ = half.received { $0.contains("354") }
            #expect(try await place.set("smtp", #"{"hang":true}"#).status == 200)
            try hung.send("EHLO c\r\n\(letter("hung"))")
            _ = hung.received { $0.contains("354") }
            open = [publisher.line, half, hung, quiet]
        }
        for line in open { #expect(line.bytesUntilClosed() != nil) }
        try await run(flags) { place in
            let page = try await place.page()
            #expect(page.contains("kept words") && page.contains("kept message") && !page.contains("half a"))
            let publisher = try RawPublisher.open(port: place.port)
            publisher.say(RawPublisher.publish("kept message", exchange: "clinic.events"))
            try publisher.expect([60, 80])
            let effect = try #require(try await place.ledger("broker")["effects"]?.array?.first)
            #expect(effect["key"]?.string == "e-1 k" && effect["count"]?.integer == 1 && effect["repeats"]?.integer == 1)
        }
    }

    // MARK: Modes

    @Test func `a mode that means nothing to them is refused by name, and changes nothing`() async throws {
        try await run { place in
            let common = [
                "pending", "overbooks", "duplicateWebhooks", "reorderedWebhooks", "forgetTokens", "sparesTokens", "sparesReads",
            ]
            for part in ["smtp", "broker"] {
                for name in common {
                    let reply = try await place.set(part, #"{"errors":1,"\#(name)":true}"#)
                    #expect(reply.status == 400 && reply.text == #"{"error":"\#(name) means nothing to \#(part)"}"#)
                }
                let late = try await place.set(part, #"{"lateWebhooks":5}"#)
                #expect(late.text == #"{"error":"lateWebhooks means nothing to \#(part)"}"#)
            }
            let patience = try await place.set("broker", #"{"retryAfter":5}"#)
            #expect(patience.text == #"{"error":"retryAfter means nothing to broker"}"#)
            let modes = try await place.http.send("GET", "\(place.base)/modes").text
            #expect(modes.contains(#""smtp":{}"#) && modes.contains(#""broker":{}"#))
            // The others take what they took.
            #expect(try await place.set("sms", #"{"sparesReads":true,"pending":true}"#).status == 200)
        }
    }

    // MARK: Mail

    @Test func `a whole conversation may come in one piece, and each line has its answer`() async throws {
        try await run { place in
            let said = try mail(
                place,
                "EHLO clinic\r\nNOOP\r\nVRFY emma\r\n\(letter("one"))MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\nRSET\r\n\(letter(".. dots\r\n..\r\n...", id: "<m-2@c>"))QUIT\r\n"
            )
            let codes = said.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }.map { $0.prefix(3) }
            #expect(
                codes == [
                    "220", "250", "250", "252", "250", "250", "354", "250", "250", "250", "250", "250", "354", "250", "221",
                ])
            // One dot of each line is the wire's.
            #expect(try await place.page().contains("<pre>. dots\n.\n..\n</pre>"))
        }
    }

    @Test func `each recipient has the letter, and who is told of a mistake has done nothing by it`() async throws {
        try await run { place in
            let many = (0..<101).map { "RCPT TO:<p\($0)@demo.example>\r\n" }.joined()
            let said = try mail(place, "EHLO c\r\nMAIL FROM:<a@c.example>\r\n\(many)DATA\r\nSubject: s\r\n\r\nt\r\n.\r\nQUIT\r\n")
            #expect(said.contains("452 4.5.3") && said.contains("250 2.0.0 taken"))
            #expect(try await place.ledger("smtp")["effects"]?.array?.count == 100)
            for (words, answer) in [
                ("MAIL FROM:<a@c>\r\n", "503 5.5.1 say EHLO first"), ("EHLO\r\n", "501 5.5.4"),
                ("EHLO c\r\nRCPT TO:<a@c>\r\n", "503 5.5.1 say MAIL first"), ("EHLO c\r\nDATA\r\n", "503 5.5.1"),
                ("EHLO c\r\nMAIL FROM:<a@c>\r\nDATA\r\n", "554 5.5.1"), ("EHLO c\r\nMAIL FROM:a@c\r\n", "501 5.5.4"),
                ("EHLO c\r\nMAIL FROM:<a@c>\r\nMAIL FROM:<a@c>\r\n", "503 5.5.1 there is a letter already"),
                ("EHLO c\r\nMAIL FROM:<a@c>\r\nRCPT TO:<nobody>\r\n", "501 5.5.4"),
                ("EHLO c\r\nMAIL FROM:<a@c> SIZE=1048577\r\n", "552 5.3.4"),
                ("EHLO c\r\nMAIL FROM:<a@c> SIZE=x\r\n", "501 5.5.4"),
                ("EHLO c\r\nMAIL FROM:<a@c> RET=FULL\r\n", "555 5.5.4"), ("STARTTLS\r\n", "502 5.5.1"),
                ("BDAT 5\r\n", "500 5.5.1"),
                ("EHLO c\nNOOP\n", "500 5.5.2"), ("EHLO c\rx\r\n", "500 5.5.2"),
                ("EHLO \(String(repeating: "x", count: 5_000))\r\n", "500 5.5.6"), ("EHLO c\r\nAUTH CRAM-MD5\r\n", "504 5.5.4"),
                ("EHLO c\r\nAUTH PLAIN\r\n*\r\n", "501 5.7.0"), ("EHLO c\r\nAUTH PLAIN AGNsaW5pYwB4\r\n", "535 5.7.8"),
                ("EHLO c\r\nAUTH LOGIN\r\nY2xpbmlj\r\n!\r\n", "535 5.7.8"),
                // Signed in, and once more.
                (
                    "EHLO c\r\nAUTH LOGIN Y2xpbmlj\r\nc2ltdWxhdGVkLW1haWw=\r\nAUTH PLAIN\r\n",
                    "235 2.7.0 welcome\r\n503 5.5.1 not now"
                ),
            ] {
                let said = try mail(place, words + "QUIT\r\n")
                #expect(said.contains("\r\n" + answer), "\(words.prefix(60)): \(said)")
            }
            #expect(try await place.ledger("smtp")["effects"]?.array?.count == 100)
        }
    }

    @Test func `a letter with a line of another ending is refused whole, and holds no second one`() async throws {
        try await run { place in
            let second = "MAIL FROM:<b@c.example>\r\nRCPT TO:<victim@demo.example>\r\nDATA\r\nsmuggled\r\n.\r\n"
            for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r.\r\n"] {
                let said = try mail(place, "EHLO c\r\n\(letter("first\(end)\(second)"))QUIT\r\n")
                #expect(said.contains("554 5.6.0"), "\(end.debugDescription): \(said)")
                #expect(!said.contains("2.0.0 taken"))
            }
            let long = try mail(place, "EHLO c\r\n\(letter(String(repeating: "x", count: 999)))QUIT\r\n")
            #expect(long.contains("500 5.6.0 a line of it is too long"))
            #expect(
                try mail(place, "EHLO c\r\n\(letter(String(repeating: "x", count: 998)))QUIT\r\n").contains("250 2.0.0 taken"))
            #expect(try await place.ledger("smtp")["effects"]?.array?.count == 1)
        }
    }

    @Test func `after ten mistakes nobody is listened to`() async throws {
        try await run { place in
            let said = try mail(place, "EHLO c\r\n" + String(repeating: "WHAT\r\n", count: 30))
            #expect(said.components(separatedBy: "500 5.5.1").count == 10 && said.hasSuffix("421 4.7.0 too many mistakes\r\n"))
        }
    }

    @Test func `letters of other programs are read on the page`() async throws {
        try await run { place in
            let nested = """
                Subject: =?utf-8?B?R3LDvMOfZQ==?= =?utf-8?q?_aus_K=C3=B6ln?=\r
                Content-Type: multipart/mixed;\r
                \tboundary=outer\r
                \r
                --outer\r
                Content-Type: multipart/alternative; boundary="in ner"\r
                \r
                --in ner\r
                Content-Type: TEXT/PLAIN; charset=utf-8\r
                Content-Transfer-Encoding: base64\r
                \r
                SGFsbG8g\r
                V2VsdA==\r
                --in ner\r
                Content-Type: text/html\r
                \r
                <p>Hallo\r
                --in ner--\r
                --outer--
                """
            let words = "EHLO c\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<e@demo.example>\r\nDATA\r\n\(nested)\r\n.\r\nQUIT\r\n"
            #expect(try mail(place, words).contains("250 2.0.0 taken"))
            let page = try await place.page()
            #expect(page.contains("<b>Grüße aus Köln</b>") && page.contains("<pre>Hallo Welt</pre>"), "\(page)")
        }
    }

    // MARK: AMQP

    @Test func `exchanges are declared as RabbitMQ has them`() async throws {
        try await run { place in
            for (name, type, flags, method, code) in [
                ("events", "topic", UInt8(0), [40, 11], 0), ("events", "direct", 0, [20, 40], 406),
                ("events", "x", 1, [40, 11], 0),
                ("none", "topic", 1, [20, 40], 404), ("amq.topic", "topic", 0, [40, 11], 0),
                ("amq.own", "topic", 0, [20, 40], 403),
                ("", "direct", 0, [20, 40], 403), ("other", "x", 0, [10, 50], 503),
            ] {
                let publisher = try RawPublisher.open(port: place.port)
                publisher.say(RawPublisher.declare(name, type, flags: flags))
                let answer = try publisher.expect(method)
                #expect(code == 0 || answer.code == code, "\(name) \(type): \(answer.code)")
            }
            // Who wants no answer hears of the next thing.
            let publisher = try RawPublisher.open(port: place.port)
            publisher.say(RawPublisher.declare("quiet", "fanout", flags: 0b1_0000) + RawPublisher.publish("m", exchange: "quiet"))
            try publisher.expect([60, 80])
        }
    }

    @Test func `confirms count from where they were asked for, and an empty message is one`() async throws {
        try await run { place in
            let publisher = try RawPublisher.open(port: place.port, confirms: false)
            publisher.say(RawPublisher.publish("before", id: "e-0"))
            publisher.say(RawPublisher.method(1, 85, 10, [0]))
            try publisher.expect([85, 11])
            for tag in 1...3 {
                publisher.say(RawPublisher.publish(tag == 2 ? "" : "m", id: "e-\(tag)"))
                #expect(try publisher.expect([60, 80]).payload.suffix(9) == [0, 0, 0, 0, 0, 0, 0, UInt8(tag), 0])
            }
            publisher.say(RawPublisher.method(1, 20, 40, RawPublisher.number(200, 2) + [0, 0, 0, 0, 0]))
            try publisher.expect([20, 41])
            publisher.say(RawPublisher.method(0, 10, 50, RawPublisher.number(200, 2) + [0, 0, 0, 0, 0]))
            try publisher.expect([10, 51])
            #expect(publisher.hear() == nil)
            #expect(try await place.ledger("broker")["effects"]?.array?.count == 4)
        }
    }

    @Test func `it is heard of as often as was agreed, and hangs up on whoever is not`() async throws {
        try await run { place in
            let publisher = try RawPublisher.open(port: place.port, heartbeat: 1)
            #expect(publisher.hear() == RawPublisher.Frame(type: 8, channel: 0, payload: []))
            var beats = 0
            while let frame = publisher.hear() { beats += frame.type == 8 ? 1 : 0 }
            #expect(beats >= 1)
            #expect(try await place.health() == 200)
        }
    }

    /// What is said after a channel is open, and what the broker says of it: the code with which it closes, or nothing.
    struct Nonsense: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let code: Int?

        init(_ name: String, _ bytes: [UInt8], _ code: Int?) { (testDescription, self.bytes, self.code) = (name, bytes, code) }
    }

    static let nonsense: [Nonsense] = {
        typealias R = RawPublisher
        let publish = R.method(1, 60, 40, R.number(0, 2) + R.short("amq.topic") + R.short("k") + [0])
        return [
            Nonsense("a frame with another end", R.frame(8, 0, []).dropLast() + [0], 501),
            Nonsense("a frame that is too large", [3, 0, 1] + R.number(131_065, 4), 501),
            Nonsense("a frame of four thousand million bytes", [1, 0, 1, 255, 255, 255, 255], 501),
            Nonsense("a frame of no known type", R.frame(9, 1, []), 501),
            Nonsense("a heartbeat with something in it", R.frame(8, 0, [1]), 501),
            Nonsense("half a method", R.frame(1, 1, [0, 60]), 502),
            Nonsense("a method whose text is longer than it", R.method(1, 60, 40, [0, 0, 200, 65]), 502),
            Nonsense(
                "a table that is longer than its method", R.method(1, 40, 10, [0, 0, 1, 65, 1, 65, 0, 255, 255, 255, 255]), 502),
            Nonsense("a queue", R.method(1, 50, 10, [0, 0, 0, 0, 0, 0, 0, 0]), 540),
            Nonsense("a message for at once", R.method(1, 60, 40, R.number(0, 2) + R.short("") + R.short("k") + [2]), 540),
            Nonsense("a message on no channel", R.method(0, 60, 40, []), 503),
            Nonsense(
                "a message on a channel that is not open", R.method(2, 60, 40, R.number(0, 2) + R.short("") + R.short("k") + [0]),
                504),
            Nonsense("a channel that is open already", R.method(1, 20, 10, R.short("")), 504),
            Nonsense("a channel beyond those there are", R.method(64, 20, 10, R.short("")), 504),
            Nonsense("a header of nothing", R.header(5), 505),
            Nonsense("a body of nothing", R.frame(3, 1, [65]), 505),
            Nonsense("a body before its header", publish + R.frame(3, 1, [65]), 505),
            Nonsense("a body that is longer than its header says", publish + R.header(2) + R.frame(3, 1, [65, 65, 65]), 505),
            Nonsense("a second message in the first", publish + publish, 505),
            Nonsense(
                "a header of another class", publish + R.frame(2, 1, R.number(50, 2) + R.number(0, 2) + R.number(0, 8) + [0, 0]),
                502),
            Nonsense("a header with endless flags", publish + R.header(0, flags: 1), 502),
            Nonsense("a header that is cut off", publish + R.frame(2, 1, R.number(60, 2) + [0, 0, 0]), 502),
            Nonsense(
                "properties that are cut off",
                publish + R.frame(2, 1, R.number(60, 2) + R.number(0, 10) + R.number(0xFFFC, 2) + [9]), 502),
            Nonsense("who they are, once more", R.startOk(), 503),
            Nonsense("an answer to nothing", R.method(0, 10, 41, [0]), 503),
        ]
    }()

    @Test(arguments: nonsense) func `whoever makes no sense is told why, and hung up on`(nonsense: Nonsense) async throws {
        try await run { place in
            let publisher = try RawPublisher.open(port: place.port)
            publisher.say(nonsense.bytes)
            let answer = try publisher.expect([10, 50])
            #expect(answer.code == nonsense.code)
            // Whatever they say now, and also when they say nothing.
            publisher.say(RawPublisher.publish("late"))
            #expect(publisher.hear() == nil)
            #expect(try await place.ledger("broker")["effects"]?.array?.isEmpty == true)
            #expect(try await place.health() == 200)
        }
    }

    @Test func `whoever does not say who they are is hung up on`() async throws {
        try await run { place in
            for bytes in [
                RawPublisher.opening + RawPublisher.method(0, 10, 40, RawPublisher.short("/") + [0, 0]),
                RawPublisher.opening + [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
                RawPublisher.opening + RawPublisher.publish("m"),
            ] {
                let publisher = try RawPublisher(port: place.port)
                publisher.say(bytes)
                try publisher.expect([10, 10])
                #expect(publisher.hear() == nil)
            }
            for proof in ["", "\0clinic", "\0clinic\0wrong", "\0guest\0simulated-broker", "clinic\0simulated-broker", "\0\0\0\0"]
            {
                let publisher = try RawPublisher(port: place.port)
                publisher.say(RawPublisher.opening + RawPublisher.startOk(proof))
                try publisher.expect([10, 10])
                #expect(try publisher.expect([10, 50]).code == 403, "\(proof.debugDescription)")
                // Nor do they get further by going on.
                publisher.say(RawPublisher.introduction().dropFirst(8) + RawPublisher.publish("m"))
                #expect(publisher.hear() == nil)
            }
            #expect(try await place.ledger("broker")["destinations"]?["broker"]?["requests"]?.integer == 0)
        }
    }

    // MARK: Anything

    @Test(arguments: 1...4) func `no bytes break it`(seed: UInt64) async throws {
        try await run { place in
            var random = Numbers(state: seed)
            let amqp =
                RawPublisher.introduction() + RawPublisher.method(1, 20, 10, RawPublisher.short(""))
                + RawPublisher.method(1, 85, 10, [0]) + RawPublisher.declare("made.up", "topic") + RawPublisher.publish("body")
            let smtp = Array("EHLO c\r\nAUTH PLAIN\r\nAGEAYg==\r\n\(letter("made up\r\n..dots"))QUIT\r\n".utf8)
            for round in 0..<150 {
                var bytes = [amqp, smtp, (0..<200).map { _ in UInt8(truncatingIfNeeded: random.next()) }][round % 3]
                for _ in 0..<(random.next() % 6 + 1) {
                    let place = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 4 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
                    case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 9)))
                    default: bytes[place] ^= 1 << UInt8(random.next() % 8)
                    }
                    if bytes.isEmpty { bytes = [0] }
                }
                // Behind an opening that is right, so that what follows is looked at.
                if round % 3 == 2 { bytes = (round % 2 == 0 ? RawPublisher.opening : Array("EHLO c\r\n".utf8)) + bytes }
                let line = try HalfRequest(port: place.port)
                let cut = Int(random.next() % UInt64(bytes.count))
                line.attempt(Array(bytes[..<cut]))
                line.attempt(Array(bytes[cut...]))
            }
            // It still takes what is right.
            let publisher = try RawPublisher.open(port: place.port)
            publisher.say(RawPublisher.publish("whole", id: "whole"))
            try publisher.expect([60, 80])
            #expect(try mail(place, "EHLO c\r\n\(letter("whole", id: "<whole@c>"))QUIT\r\n").contains("250 2.0.0 taken"))
            #expect(try await place.health() == 200)
        }
    }

    private struct Numbers {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
