import Connectors
import Foundation
import LoopbackClient
import Notation
import Outbound
import Partners
import Processes
import Synchronization

/// The program under test: that built together with this test bundle, beside it.
enum Programs {
    private static let folder =
        (((try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]) as NSString)
        .deletingLastPathComponent

    static let mediconnect = folder + "/mediconnect"
}

/// A simulator of one test, in a process of its own, and what the test needs to set and see.
struct TrialSimulator: Sendable {
    let base: String
    private let client: Loopback

    static func run(_ flags: [String] = [], _ body: (TrialSimulator) async throws -> Void) async throws {
        let folder = try TemporaryFolder("simulator")
        defer { folder.remove() }
        let server = try await RunningServer.start(
            Programs.mediconnect, ["simulator", "--port", "0"] + flags, errors: folder.file("errors"))
        let client = Loopback()
        do { try await body(TrialSimulator(base: server.base, client: client)) } catch {
            await client.close()
            await server.process.kill()
            throw error
        }
        await client.close()
        await server.process.kill()
    }

    // MARK: What it does

    func set(_ part: String, _ mode: String) async throws { try await put("modes/\(part)", mode) }

    func tell(_ part: String, to url: String) async throws { try await put("callbacks/\(part)", #"{"url":"\#(url)"}"#) }

    func tell(_ subscriber: String, secret: String) async throws {
        try await put("subscribers/\(subscriber)", #"{"secret":"\#(secret)"}"#)
    }

    /// As somebody at the hospital does.
    func changeRecord(_ id: String, _ change: String) async throws { try await put("records/\(id)", change) }

    private func put(_ path: String, _ body: String) async throws {
        let reply = try await client.send("PUT", "\(base)/\(path)", body: Array(body.utf8))
        guard reply.status == 200 else { throw ProcessFault("\(path): \(reply.status) \(reply.text)") }
    }

    /// A button on its page. The status.
    @discardableResult
    func press(_ act: String, _ form: String) async throws -> Int {
        let reply = try await client.send(
            "POST", "\(base)/pages/\(act)", headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array(form.utf8)
        )
        return reply.status
    }

    // MARK: What it did

    func page() async throws -> String { try await client.send("GET", "\(base)/").text }

    private func ledger(_ part: String) async throws -> JSON {
        try JSON(parsing: try await client.send("GET", "\(base)/ledger?destination=\(part)").body)
    }

    /// How often something was done for a key.
    func effects(_ part: String, _ what: String, _ key: EffectKey) async throws -> Int {
        let list = try await ledger(part)["effects"]?.array ?? []
        let effect = list.first { $0["what"]?.string == what && $0["key"]?.string == key.text }
        return Int(effect?["count"]?.integer ?? 0)
    }

    /// The same of what was asked for by somebody who did not wait for it: on a busy machine it may still be under way.
    func effects(_ part: String, _ what: String, _ key: EffectKey, once done: Int) async throws -> Int {
        try await count(part, what, key.text, once: done)
    }

    func count(_ part: String, _ what: String, _ key: String, once done: Int) async throws -> Int {
        let limit = ContinuousClock.now + .seconds(30)
        while true {
            let found = try await count(part, what, key).done
            if found >= done || ContinuousClock.now >= limit { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The same of an effect with any name, and how often it was asked for again.
    func count(_ part: String, _ what: String, _ key: String) async throws -> (done: Int, repeats: Int) {
        let list = try await ledger(part)["effects"]?.array ?? []
        let effect = list.first { $0["what"]?.string == what && $0["key"]?.string == key }
        return (Int(effect?["count"]?.integer ?? 0), Int(effect?["repeats"]?.integer ?? 0))
    }

    /// How many effects of a kind there are.
    func number(_ part: String, _ what: String) async throws -> Int {
        try await ledger(part)["effects"]?.array?.filter { $0["what"]?.string == what }.count ?? 0
    }

    func requests(_ part: String) async throws -> Int {
        Int(try await ledger(part)["destinations"]?[part]?["requests"]?.integer ?? -1)
    }

    // MARK: The way to it

    func way(
        _ settings: WayOutSettings, seconds: Int = 10, believes: Bool = true, _ book: EventBook? = nil,
        clock: (any WallClock)? = nil, change: (inout WayOutSettings) -> Void = { _ in }
    ) throws -> WayOut {
        var surroundings = Surroundings.machine()
        surroundings.clock = clock ?? surroundings.clock
        var settings = settings
        settings.timeoutSeconds = seconds
        settings.exceptions = [OutboundException("\(base)=127.0.0.0/8")!]
        settings.believesSimulators = believes
        change(&settings)
        return try WayOut(settings, surroundings: surroundings) { event in book?.note(event) }
    }

    func texts(_ way: WayOut, callback: String? = nil) -> TextConnector {
        var settings = TextSettings(account: "AC00", token: Personal("simulated-token"), sender: "+4930100200")
        settings.base = "\(base)/sms"
        settings.callback = callback
        return TextConnector(settings, way: way)
    }

    func payments(_ way: WayOut) -> PaymentConnector {
        var settings = PaymentSettings(secret: Personal("sk_test_simulated"), signing: [Personal("whsec_simulated")])
        settings.base = "\(base)/payments"
        return PaymentConnector(settings, way: way)
    }

    func scheduling(_ way: WayOut) -> SchedulingConnector {
        let settings = SchedulingSettings(
            providers: ["north": "\(base)/scheduling"], token: Personal("simulated-scheduling"))
        return SchedulingConnector(settings) { _ in way }
    }
}

/// What a way out reported.
final class EventBook: Sendable {
    private let state = Mutex<[WayOutEvent]>([])
    func note(_ event: WayOutEvent) { state.withLock { $0.append(event) } }
    var events: [WayOutEvent] { state.withLock { $0 } }
}

/// How a call ended, without what it brought.
enum Kind: String, Sendable { case done, later, postponed, never, unknown }

extension Ending {
    var kind: Kind {
        switch self {
        case .done: .done
        case .later: .later
        case .postponed: .postponed
        case .never: .never
        case .unknown: .unknown
        }
    }

    var reason: String? {
        switch self {
        case .done: nil
        case .later(_, let reason), .postponed(_, let reason), .never(let reason), .unknown(let reason): reason
        }
    }
}
