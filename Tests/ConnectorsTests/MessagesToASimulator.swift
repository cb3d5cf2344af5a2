import Connectors
import Partners
import Processes
import Testing

/// The connector for RabbitMQ against the simulator's broker in each of its modes: what it makes of each, and what consumers have in the end.
@Suite struct MessagesToASimulator {
    private func message(_ id: String = "e-1", bytes: Int? = nil) -> BrokerMessage {
        let body = bytes.map { [UInt8](repeating: 120, count: $0) } ?? Array(#"{"type":"appointment.booked","id":"a-1"}"#.utf8)
        return BrokerMessage(id: EffectKey(id)!, topic: "appointment.booked", body: body)
    }

    private func key(_ id: String = "e-1") -> String { "\(id) appointment.booked" }

    struct Trouble: Sendable, CustomTestStringConvertible {
        let mode: String
        let kind: Kind
        let reason: String?
        /// What had been done by then.
        let done: Int

        /// Seconds for each answer: enough on a busy machine, unless nobody will answer anyway.
        var seconds: Int { ["hang", "silent", "delay\":60"].contains { mode.contains($0) } ? 2 : 20 }

        var testDescription: String { mode }

        init(_ mode: String, _ kind: Kind, _ reason: String? = nil, done: Int) {
            (self.mode, self.kind, self.reason, self.done) = (mode, kind, reason, done)
        }
    }

    static let troubles: [Trouble] = [
        Trouble("{}", .done, done: 1),
        Trouble(#"{"delay":100}"#, .done, done: 1),
        Trouble(#"{"delay":60000}"#, .later, "no confirmation came in time", done: 1),
        Trouble(#"{"errors":1}"#, .later, "it could not take it", done: 0),
        Trouble(#"{"errors":1,"errorsAreDone":true}"#, .later, "it could not take it", done: 1),
        Trouble(#"{"hang":true}"#, .later, "no confirmation came in time", done: 0),
        Trouble(#"{"silent":true}"#, .later, "no confirmation came in time", done: 1),
        Trouble(#"{"garbled":true}"#, .later, "no confirmation came in time", done: 1),
        Trouble(#"{"refuses":true}"#, .later, "no queue takes it", done: 0),
    ]

    @Test(arguments: troubles) func `consumers have a message once, whatever happens on the way`(trouble: Trouble) async throws {
        try await TrialSimulator.run { simulator in
            try await simulator.set("broker", trouble.mode)
            let first = await (try simulator.broker(seconds: trouble.seconds)).publish(message())
            #expect(first.kind == trouble.kind && first.reason == trouble.reason, "\(first)")
            #expect(try await simulator.tally("broker", "message", key()) == [trouble.done, 0])
            try await simulator.set("broker", "{}")
            // Another connector: after a crash nothing is left of the first but the message.
            #expect(await (try simulator.broker()).publish(message()) == .done(.taken))
            #expect(try await simulator.tally("broker", "message", key()) == [1, trouble.done])
            #expect(try await simulator.requests("broker") == 2)
        }
    }

    /// The negative controls: both would be seen.
    @Test func `consumers that know no repeats have it twice, and a broker that doubles messages is found out`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try simulator.broker()
            try await simulator.set("broker", #"{"forgetful":true,"times":2}"#)
            for _ in 0..<2 { #expect(await connector.publish(message()) == .done(.taken)) }
            #expect(try await simulator.tally("broker", "message", key()) == [2, 0])
            try await simulator.set("broker", #"{"twice":true,"times":1}"#)
            for id in ["e-2", "e-3"] { #expect(await connector.publish(message(id)) == .done(.taken)) }
            #expect(try await simulator.tally("broker", "message", key("e-2")) == [2, 0])
            #expect(try await simulator.tally("broker", "message", key("e-3")) == [1, 0])
        }
    }

    @Test func `messages are read on the page, for each exchange`() async throws {
        try await TrialSimulator.run { simulator in
            #expect(await (try simulator.broker()).publish(message("e-1")) == .done(.taken))
            #expect(await (try simulator.broker()).publish(message("e-2")) == .done(.taken))
            #expect(await (try simulator.broker(exchange: "")).publish(message("e-3")) == .done(.taken))
            let page = try await simulator.page()
            #expect(page.contains("<h3>amq.topic: 2</h3>") && page.contains("<h3>the default exchange: 1</h3>"), "\(page)")
            #expect(page.contains("<b>appointment.booked</b><br><small>e-1, outlives a restart, 40 bytes of application/json"))
            #expect(page.contains("{&quot;type&quot;:&quot;appointment.booked&quot;"))
        }
    }

    @Test func `what it does not take is told apart as RabbitMQ tells it`() async throws {
        try await TrialSimulator.run { simulator in
            let nowhere = await (try simulator.broker(exchange: "no.such.exchange")).publish(message())
            #expect(nowhere == .later(after: nil, reason: "there is no such exchange, or it is not ours"))
            let stranger = await (try simulator.broker(password: "wrong")).publish(message())
            #expect(stranger == .later(after: nil, reason: "it does not take our credentials"))
            let unbelieved = await (try simulator.broker(believes: false)).publish(message())
            #expect(unbelieved == .later(after: nil, reason: "a simulator answers there"))
            #expect(try await simulator.number("broker", "message") == 0)
        }
    }

    @Test func `a large message comes in several frames, and goes back in as many`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try simulator.broker(seconds: 20)
            #expect(await connector.publish(message("e-1", bytes: 1 << 20)) == .done(.taken))
            #expect(try await simulator.tally("broker", "message", key("e-1")) == [1, 0])
            #expect(await connector.publish(message("e-2", bytes: 1 << 20 + 1)).kind == .later)
            try await simulator.set("broker", #"{"refuses":true}"#)
            let returned = await connector.publish(message("e-3", bytes: 400_000))
            #expect(returned == .later(after: nil, reason: "no queue takes it"))
            #expect(try await simulator.number("broker", "message") == 1)
        }
    }

    @Test func `a broker that confirms nothing is left alone`() async throws {
        try await TrialSimulator.run { simulator in
            let connector = try simulator.broker()
            try await simulator.set("broker", #"{"errors":1}"#)
            for number in 0..<10 { #expect(await connector.publish(message("e-\(number)")).kind == .later) }
            #expect(await connector.publish(message("e-10")).kind == .postponed)
            #expect(try await simulator.requests("broker") == 10)
        }
    }

    /// Another client than ours, without confirms.
    @Test func `whoever publishes by hand is heard, and whoever wants a queue is told that there is none`() async throws {
        try await TrialSimulator.run { simulator in
            let url = simulator.base.replacing("http://", with: "amqp://clinic:simulated-broker@")
            let (status, _) = try await ChildProcess.run(
                "/usr/bin/amqp-publish", ["-u", url, "-e", "amq.topic", "-r", "by.hand", "-b", "hello"])
            #expect(status == 0)
            #expect(try await simulator.number("broker", "message") == 1)
            #expect(try await simulator.page().contains("<pre>hello</pre>"))
            let (refused, _) = try await ChildProcess.run("/usr/bin/amqp-declare-queue", ["-u", url, "-q", "q"], errors: nil)
            #expect(refused != 0)
        }
    }
}
