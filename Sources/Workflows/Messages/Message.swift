public import Letters
public import Notation
public import People
public import Scheduling
import Secrecy

/// By what patients are reached.
public enum Channel: String, Sendable, CaseIterable {
    case email, sms
    /// Notices to the devices a patient has registered.
    case push
}

/// One notice on its way to a patient, or to a practitioner, by one channel, and what became of it. Another one, by the next channel, follows when it did not
/// arrive.
public struct Message: Sendable {
    public enum State: String, Sendable, CaseIterable {
        /// It waits for its time, or for a worker.
        case queued
        /// Somebody outside is being asked to take it.
        case sending
        /// Whoever carries it has taken it.
        case handedOver = "handed-over"
        /// It is on the patient's telephone.
        case delivered
        /// It did not arrive by this channel, and will not.
        case failed
        /// It was not sent, for the reason given.
        case suppressed

        /// Nothing more becomes of it.
        public var isOver: Bool { self == .delivered || self == .failed || self == .suppressed }
    }

    /// Why a message was not sent, or did not arrive; in order of precedence among those that were not sent.
    public enum Reason: String, Sendable, CaseIterable {
        /// The visit is no longer as the message would say.
        case overtaken
        /// It would have come after what it is about.
        case tooLate = "too-late"
        /// The patient has none of the channels the clinic has, or wants none of them.
        case noChannel = "no-channel"
        case consentWithdrawn = "consent-withdrawn"
        case noConsent = "no-consent"
        /// The record has no address for it.
        case noAddress = "no-address"
        /// Whoever carries it has refused it for good.
        case refused
        /// It was taken, and has not arrived within the time set.
        case notDelivered = "not-delivered"
        /// Nobody took it within the time set.
        case notTaken = "not-taken"
    }

    public struct Answer: Sendable, Equatable {
        public let answer: VisitAnswer
        /// By a link or a text message: `link`, `sms`.
        public let by: String
        public let at: Instant
    }

    /// What became of a notice on one device.
    enum DeviceMark: String, Sendable {
        /// It is to be told, or may have been: whoever is told again under the same key shows the notice once.
        case asked
        case taken
        /// It has no registration any more.
        case gone
        case refused
    }

    public struct Settlement: Sendable, Equatable {
        public let by: String
        public let at: Instant
    }

    public let id: ID<Message>
    public let notice: ID<Notice>
    /// Whom it goes to; of what a practitioner is told, the practitioner (`practitioner`).
    public let patient: ID<Patient>
    public let appointment: ID<Appointment>?
    public let kind: MessageKind
    /// What a practitioner is told has become of an appointment of theirs; nil of a message to a patient.
    public internal(set) var change: VisitChange?
    /// When the visit begins that it is about.
    public let start: Instant?
    /// Of a delay.
    public let minutes: Int?
    /// 1, and more for those that follow by other channels.
    public let place: Int
    /// The channels that have not delivered it, or that bring it besides.
    public let notBy: [Channel]
    public internal(set) var state: State
    public internal(set) var reason: Reason?
    public internal(set) var channel: Channel?
    public internal(set) var language: WrittenLanguage?
    /// Where it went.
    public internal(set) var address: Personal<String>?
    /// What a text message says, the same in each attempt; nil once it is over.
    var words: Personal<String>?
    /// The carrier's name for it.
    var carrierID: String?
    public let createdAt: Instant
    public internal(set) var dueAt: Instant
    /// Since when somebody outside may have it without having said so.
    var unsureSince: Instant?
    public internal(set) var handedAt: Instant?
    public internal(set) var endedAt: Instant?
    public internal(set) var answer: Answer?
    /// What became of it on each device it goes to, by `push`.
    var devices: [ID<PatientDevice>: DeviceMark] = [:]
    /// Who has called back.
    public internal(set) var settlement: Settlement?
}

extension Message: Sealable {
    static let table = "message"
    static let sealedColumns = ["address", "words"]
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> Message {
        var copy = self
        copy.address = try address.map { try exchange("address", $0) }
        copy.words = try words.map { try exchange("words", $0) }
        return copy
    }
}

extension Message {
    /// Whom it goes to, where that is no patient.
    public var practitioner: ID<Resource>? { change == nil ? nil : patient.of() }

    /// The address as it may be shown to somebody who looks whether a message went where it should: `e***@***`, `+49***21`.
    public var maskedAddress: String? {
        guard let text = address?.revealed, let first = text.first else { return nil }
        return text.contains("@") ? "\(first)***@***" : "\(text.prefix(3))***\(text.suffix(2))"
    }
}

extension FieldKeys {
    /// What finds the messages that went to an address.
    func digest(ofMessageTo address: Personal<String>, by channel: Channel) -> [UInt8] {
        let normal =
            switch channel {
            case .email: NormalForm.email(address.revealed)
            case .sms: NormalForm.phone(address.revealed)
            case .push: address.revealed
            }
        return indexes.digest(of: "\(channel.rawValue)\u{0}\(normal)", table: Message.table, column: "address")
    }
}
