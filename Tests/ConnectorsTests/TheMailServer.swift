import Connectors
import Foundation
import Letters
import Notation
import Processes
import Resilience
import TestKit
import Testing
import TrialMail

/// The connector against a real mail server that takes letters, refuses them, and goes away half-way.
@Suite struct TheMailServer {
    private static let from = Sender("City Clinic <noreply@clinic.example>")!

    private func letter(to name: String = "emma", subject: String = "Grüße", text: String = "Ein Gruß\n.\n..zwei\nEnde") -> Letter
    {
        Letter(
            name: "01900000-0000-7000-8000-000000000001", from: Self.from, to: MailAddress("\(name)@demo.example")!,
            at: Instant("2026-03-02T05:00:00Z")!, words: LetterWords(subject: subject, text: text, html: "<p>Gruß</p>"))
    }

    @Test(arguments: [
        (TrialMailServer.Kind.plain, MailServer.Encryption.none), (.startTLS, .startTLS), (.implicit, .implicit),
    ])
    func `takes a letter as it was written`(kind: TrialMailServer.Kind, encryption: MailServer.Encryption) async throws {
        try await TrialMailServer.run(kind) { server in
            let letter = letter()
            #expect(await SMTPConnector(server.settings(encryption)).carry(letter) == .done)
            let arrivals = try server.arrivals()
            #expect(arrivals.map(\.to) == ["emma@demo.example"])
            #expect(arrivals.first?.message == String(decoding: letter.message, as: UTF8.self))
        }
    }

    @Test(arguments: [
        ("greylisted", Handover.later(after: .minutes(1), reason: "the mail server said 451 to RCPT")),
        ("full", .later(after: nil, reason: "the mail server said 452 to RCPT")),
        ("nobody", .never(reason: "the mail server said 550 to RCPT")),
        ("spam", .never(reason: "the mail server said 554 to the message")),
        ("busy", .later(after: .minutes(1), reason: "the mail server said 451 to the message")),
    ])
    func `says no, and whether for good`(name: String, expected: Handover) async throws {
        try await TrialMailServer.run(.startTLS) { server in
            #expect(await SMTPConnector(server.settings(.startTLS)).carry(letter(to: name)) == expected)
            let arrivals = try server.arrivals()
            #expect(arrivals.allSatisfy { !$0.kept })
        }
    }

    @Test func `that goes away before it has the letter did not take it`() async throws {
        try await TrialMailServer.run(.startTLS) { server in
            let handover = await SMTPConnector(server.settings(.startTLS)).carry(letter(to: "hangup"))
            guard case .later = handover else {
                Issue.record("\(handover)")
                return
            }
            let arrivals = try server.arrivals()
            #expect(arrivals.isEmpty)
        }
    }

    @Test(arguments: ["dropped", "silent"])
    func `that has the letter and never answers leaves it unknown, and a repeat is the same letter`(name: String) async throws {
        try await TrialMailServer.run(.startTLS) { server in
            var settings = server.settings(.startTLS)
            settings.patience = .seconds(1)
            for _ in 0..<2 {
                guard case .unknown = await SMTPConnector(settings).carry(letter(to: name)) else {
                    Issue.record("the outcome is known")
                    return
                }
            }
            let arrivals = try server.arrivals()
            #expect(arrivals.count == 2 && Set(arrivals.map(\.message)).count == 1)
        }
    }

    @Test func `is given nothing in the clear when it should encrypt and does not`() async throws {
        try await TrialMailServer.run(.plain) { server in
            #expect(await isLater(SMTPConnector(server.settings(.startTLS)).carry(letter())))
            let arrivals = try server.arrivals()
            #expect(arrivals.isEmpty)
        }
    }

    @Test func `is given nothing when nobody vouches for it, or for somebody else`() async throws {
        try await TrialMailServer.run(.startTLS) { server in
            var strange = server.settings(.startTLS)
            strange.authorities = nil
            #expect(await isLater(SMTPConnector(strange).carry(letter())))
            var elsewhere = server.settings(.startTLS)
            elsewhere.host = "127.0.0.1"
            #expect(await isLater(SMTPConnector(elsewhere).carry(letter())))
            let arrivals = try server.arrivals()
            #expect(arrivals.isEmpty)
        }
    }

    @Test func `wants to know who sends; a wrong password is nobody's letter lost`() async throws {
        try await TrialMailServer.run(.startTLS, login: ("clinic", "mail password")) { server in
            var settings = server.settings(.startTLS)
            #expect(await isLater(SMTPConnector(settings).carry(letter())))
            settings.user = "clinic"
            settings.password = Personal("wrong")
            let refused = await SMTPConnector(settings).carry(letter())
            #expect(isLater(refused) && !"\(refused)".contains("wrong") && !"\(refused)".contains("clinic"), "\(refused)")
            settings.password = Personal("mail password")
            #expect(await SMTPConnector(settings).carry(letter()) == .done)
            let arrivals = try server.arrivals()
            #expect(arrivals.count == 1)
        }
    }

    @Test func `that is not there is tried again later`() async throws {
        // Port 1 is nobody's.
        #expect(await isLater(SMTPConnector(MailServer(host: "127.0.0.1", port: 1, encryption: .none)).carry(letter())))
    }

    @Test func `that fails is left alone, and tried with a few letters when it has rested`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let clock = ManualClock(Instant("2026-03-02T05:00:00Z")!)
            let way = try server.way(clock)
            let connector = SMTPConnector(server.settings(.none), way: way)
            for _ in 0..<5 { #expect(await isLater(connector.carry(letter(to: "hangup")))) }
            guard case .resting(let until) = await connector.carry(letter()) else {
                Issue.record("it was asked")
                return
            }
            #expect(until > clock.now && until <= clock.now + .seconds(10))
            let before = try server.arrivals()
            #expect(before.isEmpty)
            clock.advance(by: .seconds(12))
            for _ in 0..<2 { #expect(await connector.carry(letter()) == .done) }
            #expect(way.status.state == .closed)
            let arrivals = try server.arrivals()
            #expect(arrivals.count == 2)
        }
    }

    /// The negative control: where nobody counts failures, it is asked.
    @Test func `that fails would be asked by whoever does not count`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let connector = SMTPConnector(server.settings(.none))
            for _ in 0..<5 { #expect(await isLater(connector.carry(letter(to: "hangup")))) }
            #expect(await connector.carry(letter()) == .done)
        }
    }

    @Test(arguments: ["greylisted", "full", "nobody", "spam", "busy"])
    func `that refuses single letters works, and goes on being asked`(name: String) async throws {
        try await TrialMailServer.run(.plain) { server in
            let clock = ManualClock(Instant("2026-03-02T05:00:00Z")!)
            let way = try server.way(clock)
            let connector = SMTPConnector(server.settings(.none), way: way)
            for _ in 0..<8 { _ = await connector.carry(letter(to: name)) }
            #expect(way.status.state == .closed && way.status.counts.done == 8)
            #expect(await connector.carry(letter()) == .done)
        }
    }

    @Test func `is called as often as is told, with how each call ended and how long it took`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let (book, clock) = (EventBook(), ManualClock(Instant("2026-03-02T05:00:00Z")!))
            let connector = SMTPConnector(server.settings(.none), way: try server.way(clock, book))
            for name in ["emma", "greylisted", "nobody", "dropped"] { _ = await connector.carry(letter(to: name)) }
            for _ in 0..<5 { _ = await connector.carry(letter(to: "hangup")) }
            _ = await connector.carry(letter())
            let ends = book.events.compactMap { event -> WayOutEvent.Outcome? in
                guard case .ended("mail", let outcome, let took, let reason) = event else { return nil }
                #expect((took == nil) == (outcome == .resting) && (reason == nil) == (outcome == .done), "\(event)")
                #expect(!"\(event)".contains("demo.example"))
                return outcome
            }
            // Three of six came to nothing by then: who is told to come later, or never, has been answered.
            #expect(ends == [.done, .later, .never, .unknown, .later, .later, .resting, .resting, .resting, .resting])
            let opened = book.events.filter { if case .breaker("mail", .open) = $0 { true } else { false } }
            #expect(opened.count == 1)
        }
    }

    @Test func `keeps as many letters as it may, and who finds no room is told so and comes again`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let (book, clock) = (EventBook(), ManualClock(Instant("2026-03-02T05:00:00Z")!))
            let way = try server.way(clock, book) {
                $0.bulkhead = Bulkhead.Settings(atOnce: 1, waiting: 1, patience: .seconds(30))
            }
            var settings = server.settings(.none)
            settings.patience = .seconds(300)
            let connector = SMTPConnector(settings, way: way)
            await withTaskGroup(of: Handover.self) { group in
                group.addTask { await connector.carry(letter(to: "silent")) }
                while way.status.underWay == 0 { await Task.yield() }
                group.addTask { await connector.carry(letter()) }
                while way.status.waiting == 0 { await Task.yield() }
                #expect(await connector.carry(letter()) == .resting(until: clock.now + .seconds(10)))
                #expect(way.status.underWay == 1 && way.status.waiting == 1)
                #expect(
                    book.events == [.ended(destination: "mail", .crowded, took: nil, reason: "too much is under way to it")])
                group.cancelAll()
                for await handover in group { #expect(handover != .done) }
            }
            #expect(way.status.underWay == 0 && way.status.waiting == 0)
            #expect(await connector.carry(letter()) == .done)
        }
    }

    @Test func `is given up after as many seconds as are set`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let clock = ManualClock(Instant("2026-03-02T05:00:00Z")!)
            let way = try server.way(clock) { $0.wait(seconds: 1) }
            // Two thirds of it are slow, as of half a minute.
            #expect(way.settings.breaker.slowAfter < .milliseconds(667) && way.settings.breaker.slowAfter > .milliseconds(666))
            var settings = server.settings(.none)
            settings.patience = .seconds(300)
            guard case .unknown = await SMTPConnector(settings, way: way).carry(letter(to: "silent")) else {
                Issue.record("the outcome is known")
                return
            }
        }
    }

    @Test func `is not given what waited so long that somebody else may be at it`() async throws {
        try await TrialMailServer.run(.plain) { server in
            let clock = ManualClock(Instant("2026-03-02T05:00:00Z")!)
            let way = try server.way(clock)
            var late = letter()
            late.beginsBy = clock.now
            let handover = await SMTPConnector(server.settings(.none), way: way).carry(late)
            #expect(handover == .unknown(reason: "it was begun too late, when somebody else may be at it"))
            let arrivals = try server.arrivals()
            #expect(arrivals.isEmpty && way.status.counts.neither == 1)
            late.beginsBy = clock.now + .seconds(1)
            #expect(await SMTPConnector(server.settings(.none), way: way).carry(late) == .done)
        }
    }

    @Test func `is given no more letters at once than there are lanes, and a cancelled one ends soon`() async throws {
        try await TrialMailServer.run(.plain) { server in
            var settings = server.settings(.none)
            (settings.lanes, settings.patience, settings.deadline) = (1, .seconds(300), .seconds(600))
            let connector = SMTPConnector(settings)
            await withTaskGroup(of: Handover.self) { group in
                group.addTask { await connector.carry(letter(to: "silent")) }
                group.addTask { await connector.carry(letter(to: "silent")) }
                // Nobody answers either; who cancels waits for neither.
                group.cancelAll()
                for await handover in group { #expect(handover != .done) }
            }
            // The lane is free again.
            #expect(await connector.carry(letter()) == .done)
        }
    }

    private func isLater(_ handover: Handover) -> Bool { if case .later = handover { true } else { false } }
}

extension TrialMailServer {
    /// How it is reached.
    fileprivate func settings(_ encryption: MailServer.Encryption) -> MailServer {
        var server = MailServer(host: "localhost", port: port, encryption: encryption)
        server.authorities = authority
        return server
    }

    /// The way there, as the server has it unless `change` says otherwise.
    fileprivate func way(
        _ clock: any WallClock, _ book: EventBook? = nil, _ change: (inout WayOutSettings) -> Void = { _ in }
    ) throws -> WayOut {
        var settings = WayOutSettings.mailServer
        change(&settings)
        var surroundings = Surroundings.machine()
        (surroundings.clock, surroundings.random) = (clock, SeededRandom(seed: 1))
        return try WayOut(settings, surroundings: surroundings) { book?.note($0) }
    }
}

@Suite struct TheMailServersAddress {
    @Test(arguments: [
        ("smtp://mail.clinic.example", 587), ("smtp://mail.clinic.example:25", 25), ("smtps://mail.clinic.example", 465),
    ])
    func `names host and port`(address: String, port: Int) {
        let server = MailServer(address: address)
        #expect(server?.host == "mail.clinic.example" && server?.port == port)
        #expect(server?.encryption == (address.hasPrefix("smtps") ? .implicit : .startTLS))
    }

    @Test(arguments: [
        "mail.clinic.example", "http://mail.clinic.example", "smtp://", "smtp://host:0", "smtp://host:99999", "smtp://host:x",
        "smtp://user:secret@host:25", "smtp://host/path", "smtp://host:25:26", "smtp://ho st",
    ])
    func `is nothing else`(address: String) { #expect(MailServer(address: address) == nil) }
}

@Suite struct TheFolder {
    @Test func `has one file for each letter, however often it is carried`() async throws {
        let folder = try TemporaryFolder("letters")
        defer { folder.remove() }
        let letter = Letter(
            name: "01900000-0000-7000-8000-000000000001", from: Sender("noreply@clinic.example")!,
            to: MailAddress("emma@demo.example")!, at: Instant("2026-03-02T05:00:00Z")!,
            words: LetterWords(subject: "s", text: "t", html: "h"))
        for _ in 0..<2 { #expect(await LetterFolder(folder.file("mail")).carry(letter) == .done) }
        let written = try String(contentsOfFile: folder.file("mail") + "/\(letter.name).eml", encoding: .utf8)
        #expect(written == String(decoding: letter.message, as: UTF8.self))
        // A file stands where the folder should be.
        guard case .later = await LetterFolder(folder.file("mail") + "/\(letter.name).eml").carry(letter) else {
            Issue.record("it was written nowhere")
            return
        }
    }
}
