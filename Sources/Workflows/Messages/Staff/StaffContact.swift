public import Letters
public import Notation
import Partners
public import People
public import Scheduling
import Secrecy

/// Where a practitioner is reached outside the mailbox, and of what they are told there: nothing, until somebody says so (HB-4).
public struct StaffContact: Sendable, Equatable {
    public let practitioner: ID<Resource>
    public var phone: Personal<String>?
    public var email: Personal<String>?
    public var wishes: StaffWishes
    /// Nil for the clinic's own.
    public var language: WrittenLanguage?
    /// Nil for the usual ones.
    public var quiet: ContactPreferences.QuietHours?
    /// Whose clocks count; nil for those where the visit is.
    public var zone: String?
    /// Counts changes, for `If-Match`; 0 before the first.
    public var version: Int

    /// Of somebody who has said nothing.
    public init(of practitioner: ID<Resource>) {
        self.practitioner = practitioner
        wishes = StaffWishes(channels: [:])
        version = 0
    }
}

/// Of what a practitioner is told, and by which channels.
public struct StaffWishes: Sendable, Equatable {
    /// By `VisitChange.asked`; of what is missing nothing comes. Each channel brings a message of its own.
    public var channels: [VisitChange: [Channel]]
    /// How soon the visit has to begin, before or after the change. What is further ahead can be read in the mailbox.
    public var withinHours: Int

    public static let withinUsually = 24
    public static let withinRange = 1...8_760
    /// What there is for staff: devices are patients'.
    public static let channels: [Channel] = [.sms, .email]

    public init(channels: [VisitChange: [Channel]], withinHours: Int = Self.withinUsually) {
        self.channels = channels.filter { !$0.value.isEmpty }
        self.withinHours = withinHours
    }

    func channels(for change: VisitChange) -> [Channel] { channels[change.askedFor] ?? [] }

    /// - Parameter times: when the visit begins, and when it was to begin before.
    func isSoon(_ times: [Instant], at now: Instant) -> Bool {
        times.contains { now < $0 && $0 <= now + .hours(withinHours) }
    }

    /// Without a channel.
    func without(_ channel: Channel) -> StaffWishes {
        StaffWishes(channels: channels.mapValues { $0.filter { $0 != channel } }, withinHours: withinHours)
    }
}

extension StaffWishes {
    /// As it lies in the database: `created.sms`.
    var words: [String] {
        VisitChange.asked.flatMap { change in (channels[change] ?? []).map { "\(change.rawValue).\($0.rawValue)" } }
    }

    init(words: [String], withinHours: Int) {
        var channels: [VisitChange: [Channel]] = [:]
        for word in words {
            let parts = word.split(separator: ".").map(String.init)
            guard parts.count == 2, let change = VisitChange(rawValue: parts[0]), let channel = Channel(rawValue: parts[1])
            else { continue }
            channels[change, default: []].append(channel)
        }
        self.init(channels: channels, withinHours: withinHours)
    }
}

extension StaffContact: Sealable {
    static let table = "staff_contact"
    static let sealedColumns = ["email", "phone"]
    var sealedRow: [UInt8] { practitioner.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows -> StaffContact
    {
        var copy = self
        copy.email = try email.map { try exchange("email", $0) }
        copy.phone = try phone.map { try exchange("phone", $0) }
        return copy
    }
}

extension StaffContact {
    /// Where each channel leads.
    var addresses: [Channel: Personal<String>] {
        var addresses: [Channel: Personal<String>] = [:]
        addresses[.email] = email.flatMap { MailAddress($0.revealed)?.text }
        addresses[.sms] = phone.flatMap { StaffContact.number($0)?.text }
        return addresses
    }

    static func number(_ phone: Personal<String>) -> PhoneNumber? { PhoneNumber(NormalForm.phone(phone.revealed)) }

    /// As what decides about messages to patients has it: what was asked for comes first, and what else there is stands in for it.
    func preferences(for change: VisitChange) -> ContactPreferences {
        var preferences = ContactPreferences(of: practitioner.of())
        let asked = wishes.channels(for: change)
        preferences.channels = asked.isEmpty ? [] : asked + Self.others(than: asked)
        (preferences.language, preferences.quiet, preferences.zone) = (language, quiet, zone)
        return preferences
    }

    private static func others(than asked: [Channel]) -> [Channel] { StaffWishes.channels.filter { !asked.contains($0) } }

    /// Without what leads there.
    func without(_ channel: Channel) -> StaffContact {
        var copy = self
        switch channel {
        case .email: copy.email = nil
        case .sms: copy.phone = nil
        case .push: break
        }
        copy.wishes = wishes.without(channel)
        return copy
    }
}
