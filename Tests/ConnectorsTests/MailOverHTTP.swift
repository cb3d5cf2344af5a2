import Connectors
import Letters
import Notation
import Partners
import Testing

/// Letters through a mail service, as SendGrid's.
@Suite struct MailOverHTTP {
    private let letter = Letter(
        name: "0197-letter", from: Sender("City Clinic <noreply@clinic.example>")!, to: MailAddress("anna@example.org")!,
        at: Instant("2026-03-02T09:00:00Z")!,
        words: LetterWords(subject: "Your account", text: "https://clinic.example/#code\n", html: "<p>code</p>"))

    private func connector(_ simulator: TrialSimulator, seconds: Int) throws -> MailServiceConnector {
        var settings = MailServiceSettings(key: Personal("SG.simulated"))
        settings.base = "\(simulator.base)/mail"
        settings.listedAfter = .seconds(1)
        return MailServiceConnector(settings, way: try simulator.way(.mail, seconds: seconds))
    }

    private func kind(_ handover: Handover) -> Kind {
        switch handover {
        case .done: .done
        case .later: .later
        case .resting: .postponed
        case .never: .never
        case .unknown: .unknown
        }
    }

    @Test(arguments: OnceForEachKey.troubles) func `a letter whose fate nobody knows is unknown, and no other is`(
        trouble: OnceForEachKey.Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("mail", trouble.mode)
            let handover = await (try connector(simulator, seconds: trouble.seconds)).carry(letter)
            // 202 says it: there is nothing to read in the answer.
            #expect(kind(handover) == (trouble.mode.contains("garbled") ? .done : trouble.unknown), "\(handover)")
            let done = try await simulator.effects("mail", "mail", EffectKey(letter.name)!)
            #expect(done == trouble.done)
        }
    }

    @Test(arguments: OnceForEachKey.troubles)
    func `the service says afterwards whether it has a letter, and who asks first never sends it twice`(
        trouble: OnceForEachKey.Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("mail", trouble.mode)
            _ = await (try connector(simulator, seconds: trouble.seconds)).carry(letter)
            try await simulator.set("mail", "{}")
            let back = try connector(simulator, seconds: 10)
            let known = await back.find(letter)
            #expect(known == (trouble.done == 1 ? .done : .never(reason: "it is not in the service's list")))
            if known != .done { #expect(await back.carry(letter) == .done) }
            #expect(try await simulator.effects("mail", "mail", EffectKey(letter.name)!) == 1)
            #expect(await back.find(letter) == .done)
        }
    }

    @Test func `a list that may not be read says nothing`() async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("mail", #"{"errors":1}"#)
            guard case .done = await (try connector(simulator, seconds: 10)).find(letter) else { return }
            Issue.record("nobody knows that")
        }
    }

    @Test func `nobody watches who opens a letter or follows a link`() throws {
        let call = SendGridFormat(MailServiceSettings(key: Personal("SG.1"))).sending(letter)
        let json = try JSON(parsing: call.body)
        for name in ["click_tracking", "open_tracking", "subscription_tracking"] {
            #expect(json["tracking_settings"]?[name]?["enable"]?.content == .bool(false))
        }
        #expect(call.url == "https://api.sendgrid.com/v3/mail/send")
        #expect(json["headers"]?["Message-ID"]?.string == letter.messageID)
        #expect(json["content"]?.array?.first?["value"]?.string == letter.words.text)
    }

    @Test func `the recipient's fault is the letter's, the sender's is the clinic's`() {
        let format = SendGridFormat(MailServiceSettings(key: Personal("SG.1")))
        func reading(_ status: Int, _ field: String) -> Reading<Bool> {
            let body = #"{"errors":[{"message":"anna@example.org is bad","field":"\#(field)"}]}"#
            return format.read(OutboundAnswer(status: status, body: Array(body.utf8)), now: letter.at)
        }
        #expect(reading(400, "personalizations.0.to.0.email") == .refused("it said no (400)"))
        #expect(reading(400, "from.email") == .notNow(after: nil, reason: "it said no (400)", isTheirs: false))
        #expect(reading(413, "") == .refused("it said no (413)"))
        guard case .notNow(nil, _, false) = reading(403, "from") else { return #expect(Bool(false)) }
    }
}
