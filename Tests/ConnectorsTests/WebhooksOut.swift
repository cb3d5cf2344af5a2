import Connectors
import NIOHTTP1
import Notation
import Outbound
import Partners
import Resilience
import TestKit
import Testing

/// What outside subscribers are told (HB-4).
@Suite struct WebhooksOut {
    private let simulated = WebhookSecret(Array("simulated-webhook-secret-32bytes".utf8))!
    private func message(_ id: String = "msg-1") -> WebhookMessage {
        WebhookMessage(id: EffectKey(id)!, body: Array(#"{"type":"appointment.created","id":"a-1"}"#.utf8))
    }

    private func connector(
        _ base: String, most: Int = 500, seconds: Int = 10, clock: (any WallClock)? = nil
    ) -> WebhookConnector {
        var surroundings = Surroundings.machine()
        surroundings.clock = clock ?? surroundings.clock
        var settings = WayOutSettings.webhooks
        settings.timeoutSeconds = seconds
        settings.believesSimulators = true
        settings.exceptions = [OutboundException("\(base)=127.0.0.0/8")!]
        return WebhookConnector(settings, surroundings: surroundings, most: most)
    }

    // MARK: Signatures

    /// The example of the specification.
    @Test func `a signature is the one the specification shows`() throws {
        let secret = try #require(WebhookSecret(text: Personal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
        let message = WebhookMessage(id: EffectKey("msg_p5jXN8AQM9LWM0D4loKWxJek")!, body: Array(#"{"test": 2432232314}"#.utf8))
        let at = Instant(secondsSince1970: 1_614_265_330)
        let first = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        #expect(WebhookFormat.signature(message, at: at, with: [secret]) == first)
        let both = WebhookFormat.signature(message, at: at, with: [secret, simulated])
        #expect(both.split(separator: " ").count == 2 && both.hasPrefix(first + " v1,"))
        #expect(secret.text == Personal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    }

    @Test(arguments: [
        "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ", "whsec_?",
        "whsec_" + String(repeating: "AAAA", count: 22),
    ])
    func `a secret that is too short, too long or none is refused`(text: String) {
        #expect(WebhookSecret(text: Personal(text)) == nil)
    }

    @Test func `a pause is the specification's, and never shorter than what was asked for`() {
        let pauses = (1...10).map { WebhookSchedule.pause(after: $0, luck: 0) }
        #expect(
            pauses == [
                .seconds(5), .minutes(5), .minutes(30), .hours(2), .hours(5), .hours(10), .hours(14), .hours(20), .hours(24), nil,
            ])
        #expect(WebhookSchedule.pause(after: 1, asked: .minutes(1), luck: 0) == .minutes(1))
        #expect(WebhookSchedule.pause(after: 2, asked: .seconds(1), luck: 1) == .seconds(330))
        #expect(WebhookSchedule.pause(after: 0, luck: 0) == nil)
    }

    // MARK: Told

    @Test func `a subscriber who checks signatures takes it, once however often it is told, and under either secret`()
        async throws
    {
        try await TrialSimulator.run { simulator in
            let connector = connector(simulator.base)
            let new = WebhookSecret([UInt8](repeating: 7, count: 32))!
            func told(_ secrets: [WebhookSecret]) async -> Ending<WebhookAnswer> {
                let endpoint = WebhookEndpoint(id: "e-1", url: "\(simulator.base)/webhooks/lab", secrets: secrets)
                return await connector.deliver(message(), to: endpoint)
            }
            #expect(await told([simulated]) == .done(.taken))
            #expect(await told([new, simulated]) == .done(.taken))
            let count = try await simulator.count("webhooks", "message", "lab msg-1")
            #expect(count == (done: 1, repeats: 1))
            // A secret they do not know is not taken; it is told again until they know it.
            #expect(await told([new]) == .later(after: nil, reason: "it did not take it (401)"))
            #expect(await told([]).kind == .never)
        }
    }

    @Test func `a subscriber that was given a secret of its own goes by that, and by no other's`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = connector(simulator.base)
            let own = WebhookSecret([UInt8](repeating: 9, count: 32))!
            try await simulator.tell("lab", secret: own.text.revealed)
            func told(_ name: String, _ secret: WebhookSecret) async -> Ending<WebhookAnswer> {
                let endpoint = WebhookEndpoint(id: name, url: "\(simulator.base)/webhooks/\(name)", secrets: [secret])
                return await connector.deliver(message(), to: endpoint)
            }
            #expect(await told("lab", own) == .done(.taken))
            #expect(await told("lab", simulated) == .later(after: nil, reason: "it did not take it (401)"))
            #expect(await told("ward", simulated) == .done(.taken))
            #expect(await told("ward", own).kind == .later)
            for flaw in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
                await #expect(throws: (any Error).self) { try await simulator.tell("lab", secret: flaw) }
            }
            #expect(await told("lab", own) == .done(.taken))
        }
    }

    @Test func `who is gone is told so once, and nobody's redirect is followed`() async throws {
        try await TrialSimulator.run { simulator in
            let gone = WebhookEndpoint(id: "e-2", url: "\(simulator.base)/webhooks/gone", secrets: [simulated])
            #expect(await connector(simulator.base).deliver(message(), to: gone) == .done(.gone))
        }
        let other = try await Place(.answers(.ok))
        let place = try await Place(.answers(.temporaryRedirect, headers: [("Location", "http://127.0.0.1:\(other.port)/")]))
        let endpoint = WebhookEndpoint(id: "e-3", url: "http://127.0.0.1:\(place.port)/", secrets: [simulated])
        let ending = await connector("http://127.0.0.1:\(place.port)").deliver(message(), to: endpoint)
        #expect(ending == .later(after: nil, reason: "it did not take it (307)"))
        #expect(other.visits.isEmpty)
        try await place.close()
        try await other.close()
    }

    @Test func `one that was changed is somebody new, and how the former one stood is forgotten`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = connector(simulator.base)
            try await simulator.set("webhooks", #"{"errors":1}"#)
            func tell(_ version: Int) async -> Ending<WebhookAnswer> {
                await connector.deliver(
                    message(),
                    to: WebhookEndpoint(
                        id: "e-1", version: version, url: "\(simulator.base)/webhooks/lab", secrets: [simulated]))
            }
            while !connector.states().contains(where: \.isOpen) { #expect(await tell(1).kind == .later) }
            try await simulator.set("webhooks", "{}")
            #expect(await tell(1).kind == .postponed)
            #expect(await tell(2) == .done(.taken))
            #expect(connector.states() == [.closed] && connector.count == 1)
        }
    }

    @Test func `one that was taken away is shown no more, however it stood, and what somebody decided is shown of nobody at all`()
        async throws
    {
        try await TrialSimulator.run { simulator in
            // No time passes, so nobody's rest is over.
            let connector = connector(simulator.base, clock: ManualClock(Surroundings.machine().clock.now))
            try await simulator.set("webhooks", #"{"errors":1}"#)
            for id in ["e-1", "e-2"] {
                let endpoint = WebhookEndpoint(id: id, version: 3, url: "\(simulator.base)/webhooks/lab", secrets: [simulated])
                while await connector.deliver(message(), to: endpoint).kind == .later {}
            }
            func open(_ versions: [String: Int]?) -> Int { connector.states(of: versions).count(where: \.isOpen) }
            #expect(open(nil) == 2 && open(["e-1": 3, "e-2": 3]) == 2)
            #expect(open(["e-1": 3]) == 1)
            #expect(open(["e-1": 4, "e-2": 3, "e-3": 1]) == 1)
            #expect(open([:]) == 0)
            // And what is not shown is not forgotten: whoever read the list a moment ago knows less than this does.
            #expect(connector.count == 2 && open(nil) == 2)
            connector.follow(.forcedOpen)
            #expect(connector.states(of: [:]) == [.forcedOpen])
            connector.follow(.automatic)
            #expect(connector.states(of: [:]).isEmpty)
        }
    }

    @Test(arguments: OnceForEachKey.troubles) func `a message is taken once, whatever happens on the way`(
        trouble: OnceForEachKey.Trouble
    ) async throws {
        try await TrialSimulator.run { simulator in
            let connector = connector(simulator.base, seconds: trouble.seconds)
            let endpoint = WebhookEndpoint(id: "e-1", url: "\(simulator.base)/webhooks/lab", secrets: [simulated])
            try await simulator.set("webhooks", trouble.mode)
            let first = await connector.deliver(message(), to: endpoint)
            // A subscriber says by its status alone that it has taken it: what else it says is nobody's business.
            #expect(first.kind == (trouble.mode.contains("garbled") ? .done : trouble.known), "\(first)")
            try await simulator.set("webhooks", "{}")
            #expect(await self.connector(simulator.base).deliver(message(), to: endpoint) == .done(.taken))
            #expect(try await simulator.count("webhooks", "message", "lab msg-1").done == 1)
        }
    }

    @Test func `an address inside is not told, whoever gave it`() async throws {
        let connector = WebhookConnector(surroundings: .machine())
        for url in [
            "https://127.0.0.1/", "http://hooks.example.org/", "https://169.254.169.254/", "https://hooks.example.org:8443/",
        ] {
            let ending = await connector.deliver(message(), to: WebhookEndpoint(id: url, url: url, secrets: [simulated]))
            #expect(ending.kind == .later && ending.reason?.hasPrefix("its address may not be called") == true, "\(ending)")
        }
    }

    /// SSRF by a name: its owner changes what it stands for after it was taken in.
    @Test func `a name that later stands for this machine is not told, and it is looked at before each call`() async throws {
        let place = try await Place(.answers(.ok))
        let url = "https://hooks.attacker.example.com/a"
        #expect(throws: Never.self) { try OutboundPolicy.forStrangers.destination(url) }
        for address in ["127.0.0.1", "::1", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1"] {
            let fickle = Fickle([address])
            let connector = WebhookConnector(surroundings: .machine(), resolver: fickle)
            for count in 1...2 {
                let ending = await connector.deliver(message(), to: WebhookEndpoint(id: "x", url: url, secrets: [simulated]))
                #expect(ending == .later(after: nil, reason: "its address may not be called: it must lead to the internet"))
                #expect(fickle.timesAsked == count, "what it stood for is not remembered")
            }
        }
        // One bad address among good ones refuses them all.
        let mixed = WebhookConnector(surroundings: .machine(), resolver: Fickle(["93.184.216.34", "127.0.0.1"]))
        #expect(await mixed.deliver(message(), to: WebhookEndpoint(id: "x", url: url, secrets: [simulated])).kind == .later)
        // The negative control: where somebody has opened it, the same address is called.
        let opened = connector("http://127.0.0.1:\(place.port)")
        let here = WebhookEndpoint(id: "y", url: "http://127.0.0.1:\(place.port)/", secrets: [simulated])
        #expect(await opened.deliver(message(), to: here) == .done(.taken) && place.visits.count == 1)
        try await place.close()
    }

    /// However many are on their way to one that hangs, a bounded number keeps places busy, and the others are told at once.
    @Test func `one that says nothing keeps nobody else waiting`() async throws {
        let (silent, good) = (try await Place(.saysNothing), try await Place(.answers(.ok)))
        var settings = WayOutSettings.webhooks
        settings.timeoutSeconds = 60
        settings.exceptions = [silent, good].map { OutboundException("http://127.0.0.1:\($0.port)=127.0.0.0/8")! }
        let connector = WebhookConnector(settings, surroundings: .machine())
        @Sendable func tell(_ place: Place, _ number: Int) async -> Ending<WebhookAnswer> {
            let endpoint = WebhookEndpoint(id: "\(place.port)", url: "http://127.0.0.1:\(place.port)/", secrets: [simulated])
            return await connector.deliver(message("m-\(number)"), to: endpoint)
        }
        await withTaskGroup(of: Ending<WebhookAnswer>?.self) { group in
            for number in 0..<60 { group.addTask { await tell(silent, number) } }
            // All but those few come back: they are told later.
            var turnedAway = 0
            while turnedAway < 60 - settings.bulkhead.atOnce, let ending = await group.next() {
                if ending?.kind == .postponed { turnedAway += 1 }
            }
            for number in 0..<20 { #expect(await tell(good, number) == .done(.taken)) }
            #expect(good.visits.count == 20)
            group.cancelAll()
        }
        try await silent.close()
        try await good.close()
    }

    @Test func `an endpoint that fails is left alone, the next one is not, and only so many are remembered`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = connector(simulator.base, most: 3)
            func told(_ id: String) async -> Ending<WebhookAnswer> {
                await connector.deliver(
                    message(), to: WebhookEndpoint(id: id, url: "\(simulator.base)/webhooks/lab", secrets: [simulated]))
            }
            try await simulator.set("webhooks", #"{"errors":1}"#)
            for _ in 0..<10 { #expect(await told("bad").kind == .later) }
            try await simulator.set("webhooks", "{}")
            #expect(await told("bad").reason == "it is left alone for a while")
            #expect(await told("good") == .done(.taken))
            for number in 0..<20 { _ = await told("e-\(number)") }
            #expect(connector.count == 3)
            let long = WebhookMessage(id: EffectKey("m")!, body: [UInt8](repeating: 32, count: 20_001))
            let endpoint = WebhookEndpoint(id: "good", url: "\(simulator.base)/webhooks/lab", secrets: [simulated])
            #expect(await connector.deliver(long, to: endpoint).kind == .never)
        }
    }
}
