public import Letters
public import Notation
public import People
import Scheduling
import Storage

/// How a patient wants to be reached.
public struct ContactPreferences: Sendable, Equatable {
    /// Wall-clock time, over midnight where it begins later than it ends. `from` as `until` is none at all.
    public struct QuietHours: Sendable, Equatable {
        /// Minutes since midnight.
        public let from: Int
        public let until: Int

        public init(from: Int, until: Int) {
            self.from = from
            self.until = until
        }

        /// For whoever has not said otherwise, and for what rings only.
        public static let usual = QuietHours(from: 21 * 60, until: 7 * 60)
    }

    /// That somebody may be written to by a channel, or not any more.
    public struct Consent: Sendable, Equatable {
        public let isGiven: Bool
        public let by: String
        public let at: Instant
    }

    public let patient: ID<Patient>
    /// In the order they are tried; one that is missing is not used.
    public var channels: [Channel]
    /// Nil for the clinic's own.
    public var language: WrittenLanguage?
    /// Nil for the usual ones.
    public var quiet: QuietHours?
    /// Whose clocks count; nil for those where the visit is.
    public var zone: String?
    /// Of a channel that is missing nobody has said anything.
    public var consents: [Channel: Consent]
    /// Counts changes, for `If-Match`; 0 before the first.
    public var version: Int

    /// Of somebody who has said nothing.
    public init(of patient: ID<Patient>) {
        self.patient = patient
        channels = [.email, .sms, .push]
        consents = [:]
        version = 0
    }
}

/// What somebody says about it. What is left out of `consents` stays as it is.
public struct PreferencesRequest: Sendable {
    public let channels: [Channel]
    public let language: WrittenLanguage?
    public let quiet: ContactPreferences.QuietHours?
    public let zone: String?
    public let consents: [Channel: Bool]

    public init(
        channels: [Channel], language: WrittenLanguage?, quiet: ContactPreferences.QuietHours?, zone: String?,
        consents: [Channel: Bool]
    ) {
        self.channels = channels
        self.language = language
        self.quiet = quiet
        self.zone = zone
        self.consents = consents
    }
}

extension Clinic {
    /// How somebody wants to be reached, for themself and for whoever looks after that. To others there is nobody.
    public func preferences(of id: ID<Patient>, for call: Call) async throws -> ContactPreferences {
        try await disclose("read.preferences", id, to: call) { look in
            look.trail.concerns([id])
            let isThere = try look.looking.first(PatientByID(id: id)) != nil
            guard try look.permits(.keepPreferences(id)), isThere else { throw Refusal.recordUnknown }
            return try look.looking.preferences(of: id)
        }
    }

    /// Says anew how somebody wants to be reached. Who says it is kept with each consent.
    public func setPreferences(
        of id: ID<Patient>, to request: PreferencesRequest, expectedVersion: Int?, call: Call,
        wording: Wording<ContactPreferences>
    ) async throws -> Reply<ContactPreferences> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(id, [id])
            guard try story.permits(.keepPreferences(id)) else { throw Refusal.recordUnknown }
            // Held: whoever withdraws a consent at this moment comes before or after.
            guard try story.transaction.first(PatientToChange(id: id)) != nil else { throw Refusal.recordUnknown }
        } act: { story, _ in
            var next = try story.transaction.preferences(of: id)
            if let expectedVersion, expectedVersion != next.version { throw Refusal.changedMeanwhile }
            (next.channels, next.language, next.quiet, next.zone) =
                (request.channels, request.language, request.quiet, request.zone)
            next.version += 1
            for (channel, isGiven) in request.consents where next.consents[channel]?.isGiven != isGiven {
                next.consents[channel] = ContactPreferences.Consent(isGiven: isGiven, by: call.caller.principal, at: story.now)
            }
            try story.transaction.store(next)
            try story.auditChange(of: id.of(), "preferences.changed")
            return next
        }
    }
}

extension ReadTransaction {
    func preferences(of id: ID<Patient>) throws -> ContactPreferences {
        var found = try first(PreferencesOf(patient: id)) ?? ContactPreferences(of: id)
        for (channel, consent) in try fetch(ConsentsOf(patient: id)) { found.consents[channel] = consent }
        return found
    }
}

extension WriteTransaction {
    fileprivate func store(_ preferences: ContactPreferences) throws {
        try run(StorePreferences(preferences: preferences))
        for (channel, consent) in preferences.consents.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try run(StoreConsent(patient: preferences.patient, channel: channel, consent: consent))
        }
    }

    /// Nothing goes there from now on. False when it was so before.
    func withdraw(_ channel: Channel, of patient: ID<Patient>, by: String, at now: Instant) throws -> Bool {
        guard try first(PatientToChange(id: patient)) != nil else { return false }
        if try preferences(of: patient).consents[channel]?.isGiven == false { return false }
        let consent = ContactPreferences.Consent(isGiven: false, by: by, at: now)
        try run(StoreConsent(patient: patient, channel: channel, consent: consent))
        return true
    }
}

struct PreferencesOf: Query {
    static let sql: SQL = """
        SELECT id, channels, language, quiet_from, quiet_until, zone, version FROM contact_preference WHERE id = $1
        """
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> ContactPreferences {
        var preferences = ContactPreferences(of: try columns.id(0))
        preferences.channels = try columns.texts(1).compactMap(Channel.init(rawValue:))
        preferences.language = try columns.optional(2) { try columns.choice($0) }
        preferences.quiet = try columns.optional(3, columns.int).map { from in
            ContactPreferences.QuietHours(from: from, until: try columns.int(4))
        }
        preferences.zone = try columns.optional(5, columns.text)
        preferences.version = try columns.int(6)
        return preferences
    }
}

struct StorePreferences: Command {
    static let sql: SQL = """
        INSERT INTO contact_preference (id, channels, language, quiet_from, quiet_until, zone, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET channels = excluded.channels, language = excluded.language,
            quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, zone = excluded.zone, version = excluded.version
        """
    let preferences: ContactPreferences
    var bindings: [SQLValue] {
        [
            .id(preferences.patient), .texts(preferences.channels.map(\.rawValue)), .text(preferences.language?.rawValue),
            .integer(preferences.quiet?.from), .integer(preferences.quiet?.until), .text(preferences.zone),
            .integer(preferences.version),
        ]
    }
}

struct ConsentsOf: Query {
    static let sql: SQL = "SELECT channel, is_given, by, at FROM contact_consent WHERE patient_id = $1 ORDER BY channel"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> (channel: Channel, consent: ContactPreferences.Consent) {
        (
            channel: try columns.choice(0),
            consent: ContactPreferences.Consent(
                isGiven: try columns.bool(1), by: try columns.text(2), at: try columns.instant(3))
        )
    }
}

struct StoreConsent: Command {
    static let sql: SQL = """
        INSERT INTO contact_consent (patient_id, channel, is_given, by, at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (patient_id, channel) DO UPDATE SET is_given = excluded.is_given, by = excluded.by, at = excluded.at
        """
    let patient: ID<Patient>
    let channel: Channel
    let consent: ContactPreferences.Consent
    var bindings: [SQLValue] {
        [.id(patient), .text(channel.rawValue), .bool(consent.isGiven), .text(consent.by), .instant(consent.at)]
    }
}

struct ErasePreferences: Command {
    static let sql: SQL = "DELETE FROM contact_preference WHERE id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct EraseConsents: Command {
    static let sql: SQL = "DELETE FROM contact_consent WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}
