import Foundation
import LoopbackClient
import Notation
import PrivateBroker
import Processes
import Synchronization

/// A telephone as those outside know it.
struct Device: Sendable {
    let token: String
    let patient: String
    /// Its registration is worth nothing any more.
    var isGone: Bool { token.hasPrefix("gone") }
}

// Whoever hears of changes without having asked for one: a subscriber, the bus, and patients' devices.
extension ChaosClinic {
    static let subscriber = "chaos"

    /// The patient of a lane whom notices on devices reach, and letters where no device wants one.
    static func owner(_ lane: Int) -> Int { lanes * 2 + lane + 1 }

    /// The patient of a lane who reads text messages, and mails where these do not arrive.
    static func watched(_ lane: Int) -> Int { lanes * 3 + lane + 1 }

    var serviceAccount: String { folder.file("push.json") }

    /// Whoever sends notices proves itself with a key, which is made up here.
    func makeServiceAccount() async throws {
        let (status, lines) = try await ChildProcess.run(
            "/usr/bin/openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        guard status == 0 else { throw ProcessFault("openssl makes no key: \(status)") }
        var json = JSONWriter()
        json.object { json in
            json.member("type", "service_account")
            json.member("project_id", "clinic")
            json.member("private_key_id", "k1")
            json.member("client_email", "push@clinic.example")
            json.member("token_uri", "\(simulator.base)/push/token")
            json.member("private_key", lines.joined(separator: "\n") + "\n")
        }
        try Data(json.bytes).write(to: URL(fileURLWithPath: serviceAccount))
    }

    /// Subscribes somebody, binds a queue, and registers devices: two for each owner, and one that is gone.
    func letOthersHear() async throws {
        let made = try await http.send(
            "POST", "\(base)/v1/webhooks", token: admin, key: "subscribe",
            body: Array(#"{"url":"\#(simulator.base)/webhooks/\#(Self.subscriber)","events":["*"]}"#.utf8))
        guard made.status == 201, let secret = try JSON(parsing: made.body)["secret"]?.string else {
            throw ProcessFault("no webhook: \(made.status) \(made.text)")
        }
        let told = try await http.send(
            "PUT", "\(simulator.base)/subscribers/\(Self.subscriber)", body: Array(#"{"secret":"\#(secret)"}"#.utf8))
        guard told.status == 200 else { throw ProcessFault("the subscriber takes no secret: \(told.text)") }
        _ = try heardOnTheBus()
        for lane in 0..<Self.lanes {
            let number = Self.owner(lane)
            try await prefer(["push", "email"], of: number)
            try await prefer(["sms", "email"], of: Self.watched(lane))
            for token in ["phone-\(lane)", "watch-\(lane)", "gone-\(lane)"] { try await register(token, of: number) }
        }
    }

    private func prefer(_ channels: [String], of number: Int) async throws {
        let said = try await http.send(
            "PUT", "\(base)/v1/patients/\(PartneredClinic.patient(number))/preferences", token: desk,
            key: "preferences-\(number)",
            body: Array(
                #"{"channels":["\#(channels.joined(separator: #"",""#))"],"quietFrom":"00:00","quietUntil":"00:00"}"#.utf8))
        guard said.status == 200 else { throw ProcessFault("preferences: \(said.status) \(said.text)") }
    }

    private func register(_ token: String, of number: Int) async throws {
        let reply = try await http.send(
            "POST", "\(base)/v1/patients/\(PartneredClinic.patient(number))/devices", token: desk, key: "register-\(token)",
            body: Array(#"{"platform":"android","token":"\#(token)"}"#.utf8))
        guard reply.isSuccess, let id = try JSON(parsing: reply.body)["id"]?.string else {
            throw ProcessFault("no device: \(reply.status) \(reply.text)")
        }
        devices.withLock { $0[id] = Device(token: token, patient: PartneredClinic.patient(number)) }
    }

    /// A change as the feed has it.
    struct Change: Sendable {
        let id, appointment: String
        let version: Int
    }

    /// All of the feed, in its order.
    func feed() async throws -> [Change] {
        var changes: [Change] = []
        var after = ""
        while true {
            let reply = try await http.send("GET", "\(base)/v1/changes?limit=1000\(after)", token: admin)
            guard reply.status == 200 else { throw ProcessFault("no feed: \(reply.status) \(reply.text)") }
            let page = try JSON(parsing: reply.body)
            for item in page["items"]?.array ?? [] {
                guard let id = item["id"]?.string, let appointment = item["resource"]?["id"]?.string,
                    let version = item["version"]?.integer
                else { throw ProcessFault("a change cannot be read: \(reply.text.prefix(300))") }
                changes.append(Change(id: id, appointment: appointment, version: Int(version)))
            }
            guard reply.text.contains(#""more":true"#), let next = page["next"]?.string else { return changes }
            after = "&after=\(next)"
        }
    }
}
