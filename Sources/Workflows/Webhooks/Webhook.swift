public import Notation
import Partners
import Scheduling
import Sealing

/// Somebody outside who wants to be told what changes (HB-4).
public struct Webhook: Sendable {
    /// As many as a clinic may have: each is a row in the outbox for each change.
    public static let most = 100

    public enum State: String, Sendable, CaseIterable { case enabled, disabled }

    public struct Disabling: Sendable, Equatable {
        public enum Cause: String, Sendable, CaseIterable {
            case byHand = "by-hand"
            /// They said that they want nothing any more (410).
            case gone
        }
        public let at: Instant
        public let because: Cause
    }

    /// What signs until a moment, beside what signs from now on.
    public struct OldSecret: Sendable {
        var hexadecimal: Personal<String>
        public let until: Instant
    }

    public let id: ID<Webhook>
    public internal(set) var url: Personal<String>
    public internal(set) var description: Personal<String>?
    public internal(set) var events: [WantedEvent]
    var secret: Personal<String>
    public internal(set) var oldSecret: OldSecret?
    public internal(set) var disabling: Disabling?
    /// The principal: `admin:0192…`
    public let createdBy: String
    public let createdAt: Instant
    /// Counts changes, for `If-Match`.
    public internal(set) var version: Int

    public var state: State { disabling == nil ? .enabled : .disabled }

    func wants(_ kind: AppointmentEvent.Kind) -> Bool { events.contains { $0 == .all || $0 == .kind(kind) } }

    /// What signs at a moment, the newest first.
    func secrets(at now: Instant) -> [WebhookSecret] {
        let old = oldSecret.flatMap { $0.until > now ? $0.hexadecimal : nil }
        return [secret, old].compactMap { $0 }.compactMap { Hexadecimal.bytes($0.revealed).flatMap { WebhookSecret($0) } }
    }
}

/// A kind of event somebody wants to be told of, or every kind there is and will be.
public enum WantedEvent: Sendable, Hashable {
    case all
    case kind(AppointmentEvent.Kind)

    public init?(_ text: String) {
        if text == "*" {
            self = .all
        } else if let kind = AppointmentEvent.Kind(rawValue: text) {
            self = .kind(kind)
        } else {
            return nil
        }
    }

    public var text: String {
        switch self {
        case .all: "*"
        case .kind(let kind): kind.rawValue
        }
    }
}

/// What signs what a webhook is told: `whsec_` and 32 bytes in base64 (Standard Webhooks). Shown once.
public struct ShownSecret: Sendable {
    public let text: String
    let hexadecimal: Personal<String>

    static func make(_ random: any RandomSource) -> ShownSecret {
        let bytes = (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return ShownSecret(text: "whsec_" + Base64.text(bytes), hexadecimal: Personal(Hexadecimal.text(bytes)))
    }
}

extension Webhook: Sealable {
    static let table = "webhook"
    static let sealedColumns = ["url", "description", "secret", "old_secret"]
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Webhook {
        var copy = self
        copy.url = try exchange("url", url)
        copy.description = try description.map { try exchange("description", $0) }
        copy.secret = try exchange("secret", secret)
        if let old = oldSecret { copy.oldSecret?.hexadecimal = try exchange("old_secret", old.hexadecimal) }
        return copy
    }
}

/// One change on its way to one of them.
public struct WebhookDelivery: Sendable {
    public enum State: String, Sendable, CaseIterable {
        case waiting, delivered
        /// Given up after the last attempt.
        case failed
        /// The webhook was disabled or taken away before.
        case cancelled
    }

    public let id: ID<WebhookDelivery>
    /// What `webhook-id` says, in every attempt.
    public let event: ID<Change>
    public let kind: String
    public let at: Instant
    public let state: State
    public let attempts: Int
    public let lastAt: Instant?
    /// How the last attempt ended, in words that say nothing about a person.
    public let lastResult: String?
    public let nextAt: Instant?
}

extension Webhook {
    /// Without its secrets.
    public func write(to json: inout JSONWriter) { json.object { writeMembers(to: &$0) } }

    public func writeMembers(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("url", url.revealed)
        json.member("description", description?.revealed)
        json.name("events")
        json.array(of: events) { $0.value($1.text) }
        json.member("state", state.rawValue)
        json.member("disabledAt", disabling?.at)
        json.member("disabledBecause", disabling?.because.rawValue)
        json.member("oldSecretUntil", oldSecret?.until)
        json.member("createdBy", createdBy)
        json.member("createdAt", createdAt)
        json.member("version", version)
    }
}

extension WebhookDelivery {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("event", event)
            json.member("kind", kind)
            json.member("at", at)
            json.member("state", state.rawValue)
            json.member("attempts", attempts)
            json.member("lastAt", lastAt)
            json.member("lastResult", lastResult)
            json.member("nextAt", nextAt)
        }
    }
}
