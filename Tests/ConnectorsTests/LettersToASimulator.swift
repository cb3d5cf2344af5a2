import Connectors
import Letters
import Notation
import Resilience
import TestKit
import Testing

/// The connector for mail against the simulator's mail server in each of its modes: what it makes of each, and what is in the mailbox in the end.
@Suite struct LettersToASimulator {
    private static let sender = Sender("City Clinic <noreply@clinic.example>")!

    private func letter(_ number: Int = 1, to name: String = "emma", subject: String = "Grüße", text: String = "Ein Gruß")
        -> Letter
    {
        Letter(
            name: "01900000-0000-7000-8000-00000000000\(number)", from: Self.sender, to: MailAddress("\(name)@demo.example")!,
            at: Instant("2026-03-02T05:00:00Z")!, words: LetterWords(subject: subject, text: text, html: "<p>Gruß</p>"))
    }

    private func key(_ letter: Letter) -> String { "\(letter.messageID) \(letter.to.text.revealed)" }

    /// A simulator that greets soon.
    private func run(_ body: (TrialSimulator) async throws -> Void) async throws {
        try await TrialSimulator.run(["--greeting", "250"], body)
    }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let mode: String
        let kind: String
        /// What the reason has in it.
        let reason: String
        /// What had been done by then.
        let done: Int

        /// Seconds for each answer: enough on a busy machine, unless nobody will answer anyway.
        var patience: Int { ["hang", "silent", "delay\":60"].contains { mode.contains($0) } ? 3 : 20 }

        var testDescription: String { mode }

        init(_ mode: String, _ kind: String, _ reason: String = "", done: Int) {
            (self.mode, self.kind, self.reason, self.done) = (mode, kind, reason, done)
        }
    }

    static let troubles: [Trouble] = [
        Trouble("{}", "done", done: 1),
        Trouble(#"{"delay":100}"#, "done", done: 1),
        Trouble(#"{"delay":60000}"#, "later", "the mail server did not take it", done: 0),
        Trouble(#"{"errors":1}"#, "later", "the mail server said 451 to the message", done: 0),
        Trouble(#"{"errors":1,"errorsAreDone":true}"#, "later", "the mail server said 451 to the message", done: 1),
        Trouble(#"{"hang":true}"#, "unknown", "handed over whole, and no answer came", done: 0),
        Trouble(#"{"silent":true}"#, "unknown", "handed over whole, and no answer came", done: 1),
        Trouble(#"{"garbled":true}"#, "unknown", "handed over whole, and no answer came", done: 1),
        Trouble(#"{"retryAfter":30}"#, "later", "the mail server said 421 to MAIL", done: 0),
        Trouble(#"{"refuses":true}"#, "never", "the mail server said 550 to RCPT", done: 0),
    ]

    @Test(arguments: troubles) func `a letter is in the mailbox once, whatever happens on the way`(trouble: Trouble) async throws
    {
        try await run { simulator in
            let letter = letter()
            try await simulator.set("smtp", trouble.mode)
            let first = await SMTPConnector(simulator.mailServer(patience: trouble.patience)).carry(letter)
            #expect(first.kind == trouble.kind && first.reason.contains(trouble.reason), "\(first)")
            #expect(try await simulator.tally("smtp", "letter", key(letter)) == [trouble.done, 0])
            try await simulator.set("smtp", "{}")
            // Another connector: after a crash nothing is left of the first but the letter.
            #expect(await SMTPConnector(simulator.mailServer()).carry(letter) == .done)
            #expect(try await simulator.tally("smtp", "letter", key(letter)) == [1, trouble.done])
            #expect(try await simulator.requests("smtp") == 2)
        }
    }

    /// The negative controls: both would be seen.
    @Test func `a mail system that knows no repeats has it twice, and one that doubles letters is found out`() async throws {
        try await run { simulator in
            let connector = SMTPConnector(simulator.mailServer())
            try await simulator.set("smtp", #"{"forgetful":true,"times":2}"#)
            for _ in 0..<2 { #expect(await connector.carry(letter(1)) == .done) }
            #expect(try await simulator.tally("smtp", "letter", key(letter(1))) == [2, 0])
            try await simulator.set("smtp", #"{"twice":true,"times":1}"#)
            for number in [2, 3] { #expect(await connector.carry(letter(number)) == .done) }
            #expect(try await simulator.tally("smtp", "letter", key(letter(2))) == [2, 0])
            #expect(try await simulator.tally("smtp", "letter", key(letter(3))) == [1, 0])
        }
    }

    @Test func `a letter is read on the page as it was written`() async throws {
        try await run { simulator in
            let words = "Liebe <Emma>,\n.\n..zwei Punkte\n\(String(repeating: "lang ", count: 60))\nhttps://clinic.example/#c=1"
            let letter = letter(
                subject: "Grüße <b>, und ein sehr langer Betreff, der auf mehr als eine Zeile muß: Größe", text: words)
            #expect(await SMTPConnector(simulator.mailServer()).carry(letter) == .done)
            let page = try await simulator.page()
            #expect(
                page.contains("<b>Grüße &lt;b&gt;, und ein sehr langer Betreff, der auf mehr als eine Zeile muß: Größe</b>"),
                "\(page)")
            #expect(page.contains("to emma@demo.example, from noreply@clinic.example"))
            #expect(
                page.contains("Liebe &lt;Emma&gt;,\n.\n..zwei Punkte\n\(String(repeating: "lang ", count: 60))\n<a href="),
                "\(page)")
            #expect(page.contains("by SMTP as &lt;01900000-0000-7000-8000-000000000001@clinic.example&gt;"))
        }
    }

    @Test func `whoever signs in has to be who they say`() async throws {
        try await run { simulator in
            var server = simulator.mailServer()
            (server.user, server.password) = ("clinic", Personal("wrong"))
            #expect(await SMTPConnector(server).carry(letter()) == .later(after: nil, reason: "the mail server said 535 to AUTH"))
            let requests = try await simulator.requests("smtp")
            #expect(requests == 0)
            server.password = Personal("simulated-mail")
            #expect(await SMTPConnector(server).carry(letter()) == .done)
        }
    }

    @Test func `nothing is given to it in the clear that was to be encrypted, nor where no trial was spoken of`() async throws {
        try await run { simulator in
            let encrypted = await SMTPConnector(simulator.mailServer(.startTLS)).carry(letter())
            #expect(encrypted.kind == "later", "\(encrypted)")
            let way = try simulator.way(.mailServer, seconds: 60, clock: ManualClock(Instant("2026-03-02T05:00:00Z")!))
            var server = simulator.mailServer()
            server.believesSimulators = false
            for _ in 0..<8 {
                let unbelieved = await SMTPConnector(server, way: way).carry(letter())
                #expect(unbelieved == .later(after: nil, reason: "a simulator answers there"))
            }
            // That says nothing against whoever answers.
            #expect(way.status.state == .closed)
            let requests = try await simulator.requests("smtp")
            #expect(requests == 0)
        }
    }

    @Test func `a server that asks everybody to come later is left alone after five letters`() async throws {
        try await run { simulator in
            let way = try simulator.way(.mailServer, seconds: 60, clock: ManualClock(Instant("2026-03-02T05:00:00Z")!))
            let connector = SMTPConnector(simulator.mailServer(), way: way)
            try await simulator.set("smtp", #"{"retryAfter":30}"#)
            for number in 1...5 { #expect(await connector.carry(letter(number)).kind == "later") }
            #expect(await connector.carry(letter(6)).kind == "resting")
            #expect(try await simulator.requests("smtp") == 5)
        }
    }

    @Test func `a letter as large as it takes is taken, and a larger one refused`() async throws {
        try await run { simulator in
            let connector = SMTPConnector(simulator.mailServer())
            #expect(await connector.carry(letter(1, text: String(repeating: "w", count: 900_000))) == .done)
            let large = await connector.carry(letter(2, text: String(repeating: "w", count: 1_100_000)))
            #expect(large == .never(reason: "the mail server said 552 to the message"))
            let letters = try await simulator.number("smtp", "letter")
            #expect(letters == 1)
        }
    }

    @Test func `each letter of many at once arrives once`() async throws {
        try await run { simulator in
            var server = simulator.mailServer()
            server.lanes = 8
            let connector = SMTPConnector(server)
            await withTaskGroup(of: Handover.self) { group in
                for number in 0..<40 { group.addTask { await connector.carry(letter(to: "patient\(number)")) } }
                for await handover in group { #expect(handover == .done) }
            }
            let letters = try await simulator.number("smtp", "letter")
            #expect(letters == 40)
        }
    }
}

extension TrialSimulator {
    private var place: (host: String, port: Int) {
        let parts = base.split(separator: "/").last!.split(separator: ":")
        return (String(parts[0]), Int(parts[1])!)
    }

    /// How often something was done for a key, and how often it came again.
    func tally(_ part: String, _ what: String, _ key: String) async throws -> [Int] {
        let found = try await count(part, what, key)
        return [found.done, found.repeats]
    }

    /// How its mail server is reached.
    func mailServer(_ encryption: MailServer.Encryption = .none, patience: Int = 20) -> MailServer {
        var server = MailServer(host: place.host, port: place.port, encryption: encryption)
        (server.patience, server.deadline) = (.seconds(patience), .seconds(60))
        server.believesSimulators = true
        return server
    }

    /// How its broker is reached.
    func broker(
        exchange: String = "amq.topic", password: String = "simulated-broker", seconds: Int = 10, believes: Bool = true
    ) throws -> BrokerConnector {
        var settings = BrokerSettings(address: "amqp://\(place.host):\(place.port)")!
        (settings.user, settings.password, settings.exchange) = ("clinic", Personal(password), exchange)
        return BrokerConnector(settings, way: try way(.broker, seconds: seconds, believes: believes))
    }
}

extension Handover {
    fileprivate var kind: String {
        switch self {
        case .done: "done"
        case .later: "later"
        case .never: "never"
        case .unknown: "unknown"
        case .resting: "resting"
        }
    }

    fileprivate var reason: String {
        switch self {
        case .done, .resting: ""
        case .later(_, let reason), .never(let reason), .unknown(let reason): reason
        }
    }
}
