import Configuration
import Foundation
import NIOCore
import Notation
import Simulator

/// A simulator inside the program, for a demonstration: whom the clinic would work with outside, on a port of this machine.
struct Companion: Sendable {
    private let simulator: Simulator
    let base: String

    /// Runs `body` beside a simulator, and ends it with that.
    ///
    /// - Parameter port: the one to listen on; where that is taken, a free one.
    static func running(on port: Int, _ body: @escaping @Sendable (Companion) async throws -> Void) async throws {
        do { try await run(on: port, body) } catch let error as IOError where error.errnoCode == EADDRINUSE {
            try await run(on: 0, body)
        }
    }

    private static func run(on port: Int, _ body: @escaping @Sendable (Companion) async throws -> Void) async throws {
        var settings = Simulator.Settings()
        settings.port = port
        let simulator = try Simulator(settings, clock: MachineClock())
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup { group in
            group.addTask {
                defer { listening.finish() }
                try await simulator.run(onListening: { listening.yield($0) })
            }
            for await port in ports {
                try await body(Companion(simulator: simulator, base: "http://127.0.0.1:\(port)"))
                break
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Tells the clinic what becomes of payments and text messages.
    func report(to clinic: String) { simulator.report(to: "\(clinic)/v1/incoming") }

    /// What holds where nothing else is set: everybody outside is the simulator.
    ///
    /// - Parameter hasMailServer: whether letters go to a mail server, which may be the simulator, too; then there is no service for them.
    func defaults(clinic: String, hasMailServer: Bool) -> [AbsoluteConfigKey: ConfigValue] {
        everybody(clinic: clinic).filter { !hasMailServer || !$0.key.components.starts(with: ["mail", "service"]) }
    }

    private func everybody(clinic: String) -> [AbsoluteConfigKey: ConfigValue] {
        func plain(_ text: String) -> ConfigValue { ConfigValue(.string(text), isSecret: false) }
        func secret(_ text: String) -> ConfigValue { ConfigValue(.string(text), isSecret: true) }
        return [
            ["sms", "url"]: plain("\(base)/sms"), ["sms", "account"]: plain("AC00"), ["sms", "sender"]: plain("+4930100200"),
            ["sms", "token"]: secret(Simulator.Credentials.texts), ["sms", "callback"]: plain("\(clinic)/v1/incoming/texts"),
            ["payments", "url"]: plain("\(base)/payments"), ["payments", "secret"]: secret(Simulator.Credentials.payments),
            ["payments", "signing"]: secret(Simulator.Credentials.paymentSigning),
            ["scheduling", "providers"]: plain("north=\(base)/scheduling"),
            ["scheduling", "token"]: secret(Simulator.Credentials.scheduling),
            ["legacy", "url"]: plain("\(base)/legacy"), ["legacy", "token"]: secret(Simulator.Credentials.legacy),
            ["mail", "service", "url"]: plain("\(base)/mail"), ["mail", "service", "key"]: secret(Simulator.Credentials.mail),
            ["mail", "service", "lookup"]: plain("1"), ["mail", "from"]: plain("Demo Clinic <noreply@demo.example>"),
            ["records", "url"]: plain("\(base)/fhir"), ["records", "tokens"]: plain("\(base)/oauth/token"),
            ["records", "client"]: plain("clinic"), ["records", "secret"]: secret(Simulator.Credentials.records),
            ["records", "system"]: plain("https://demo.example/appointments"),
        ]
    }

    /// How to look at it, and how to make it fail.
    var welcome: String {
        """
        Whom the clinic works with is played by a simulator: \(base)/ shows mails and text messages, takes payments, answers.
        Make it fail, and watch the clinic go on:

        curl -s -X PUT \(base)/modes/sms -d '{"errors":0.5}'; echo
        curl -s -X PUT \(base)/modes/payments -d '{"hang":true,"times":3}'; echo
        """
    }
}
