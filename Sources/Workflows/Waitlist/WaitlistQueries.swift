import Notation
import People
import Scheduling
import Storage

/// In the order `WaitlistPlace(columns)` reads them.
private let placeColumns = """
    id, patient_id, visit_type_id, practitioners, locations, weekdays, from_minute, to_minute, earliest, latest, quiet_from, quiet_to,
    precedence, since, wants_offers, missed_offers, asked_by, state, offer_id, ended_at, version, specialty
    """

/// The most pressing first.
private let precedences: [Urgency] = Urgency.allCases.sorted().reversed()

extension Urgency {
    fileprivate var precedence: Int { precedences.firstIndex(of: self) ?? precedences.count - 1 }
}

extension WaitlistPlace {
    fileprivate init(_ columns: any Columns) throws {
        var entry = WaitlistEntry(
            id: try columns.id(0), patient: try columns.id(1), visitType: try columns.id(2), since: try columns.instant(13))
        entry.practitioners = Set(try columns.ids(3))
        entry.locations = Set(try columns.ids(4))
        let days = try columns.int(5)
        entry.weekdays = Set((1...7).filter { days & 1 << ($0 - 1) != 0 })
        if let from = try columns.optional(6, columns.int), let to = try columns.optional(7, columns.int), from < to {
            entry.minutes = from..<to
        }
        entry.earliest = try columns.optional(8, columns.day)
        entry.latest = try columns.optional(9, columns.day)
        if let from = try columns.optional(10, columns.int), let to = try columns.optional(11, columns.int) {
            entry.quietHours = QuietHours(from: from, to: to)
        }
        let precedence = try columns.int(12)
        entry.urgency = precedences.indices.contains(precedence) ? precedences[precedence] : .routine
        entry.wantsOffers = try columns.bool(14)
        entry.missedOffers = try columns.int(15)
        entry.specialty = try columns.optional(21, columns.text)
        self.init(
            entry: entry, state: try columns.choice(17), askedBy: try columns.text(16),
            offer: try columns.optional(18) { try columns.id($0) }, endedAt: try columns.optional(19, columns.instant),
            version: try columns.int(20))
    }
}

struct WaitlistPlaceByID: Query {
    static let sql = SQL("SELECT \(placeColumns) FROM waitlist_entry WHERE id = $1")
    let id: ID<WaitlistEntry>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> WaitlistPlace { try WaitlistPlace(columns) }
}

/// A place that is going to be changed: nobody else changes it before this transaction ends.
struct WaitlistPlaceToChange: Query {
    static let sql = SQL(
        sqlite: WaitlistPlaceByID.sql.sqlite, postgres: WaitlistPlaceByID.sql.postgres + " FOR NO KEY UPDATE")
    let id: ID<WaitlistEntry>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> WaitlistPlace { try WaitlistPlace(columns) }
}

/// Where a patient waits for a kind of visit: one place at most.
struct WaitingForVisit: Query {
    static let sql: SQL = "SELECT id FROM waitlist_entry WHERE patient_id = $1 AND visit_type_id = $2 AND state = 'waiting'"
    let patient: ID<Patient>
    let visitType: ID<VisitType>
    var bindings: [SQLValue] { [.id(patient), .id(visitType)] }
    static func row(_ columns: any Columns) throws -> ID<WaitlistEntry> { try columns.id(0) }
}

/// Wherever a patient waits.
struct WaitingPlaces: Query {
    static let sql: SQL = "SELECT id FROM waitlist_entry WHERE patient_id = $1 AND state = 'waiting' ORDER BY visit_type_id"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
    static func row(_ columns: any Columns) throws -> ID<WaitlistEntry> { try columns.id(0) }
}

/// Whether anybody waits for a kind of visit.
struct SomebodyWaits: Query {
    static let sql: SQL = "SELECT 1 FROM waitlist_entry WHERE visit_type_id = $1 AND state = 'waiting' LIMIT 1"
    let visitType: ID<VisitType>
    var bindings: [SQLValue] { [.id(visitType)] }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

/// Those who wait for a kind of visit, the most pressing first, then who has waited longest; after one of them. And when they want to be left
/// alone, whatever it is about.
struct WaitingLine: Query {
    static let sql = SQL(
        """
        SELECT \(placeColumns),
            (SELECT contact_preference.quiet_from FROM contact_preference WHERE contact_preference.id = waitlist_entry.patient_id),
            (SELECT contact_preference.quiet_until FROM contact_preference WHERE contact_preference.id = waitlist_entry.patient_id),
            (SELECT contact_preference.zone FROM contact_preference WHERE contact_preference.id = waitlist_entry.patient_id)
        FROM waitlist_entry
        WHERE visit_type_id = $1 AND state = 'waiting' AND (precedence, since, id) > ($2, $3, $4)
        ORDER BY precedence, since, id LIMIT $5
        """)
    let visitType: ID<VisitType>
    let after: WaitlistEntry?
    let limit: Int
    var bindings: [SQLValue] {
        [
            .id(visitType), .integer(after?.urgency.precedence ?? -1), .instant(after?.since ?? Instant(microseconds: 0)),
            .id(after?.id ?? ID(high: 0, low: 0)), .integer(limit),
        ]
    }

    struct Row: Sendable {
        let place: WaitlistPlace
        /// With the night of whoever waits: what they have said of messages, or else with their wish; the usual one where they have said nothing.
        let entry: WaitlistEntry
    }
    static func row(_ columns: any Columns) throws -> Row {
        let place = try WaitlistPlace(columns)
        var entry = place.entry
        let zone = try columns.optional(24, columns.text).flatMap { Zone.named($0) }
        if let from = try columns.optional(22, columns.int), let until = try columns.optional(23, columns.int) {
            // `from` as `until` is no night at all.
            entry.night = QuietHours(from: from, to: until).map { Night(hours: $0, zone: zone) }
        } else {
            let usual = ContactPreferences.QuietHours.usual
            let hours = entry.quietHours ?? QuietHours(from: usual.from, to: usual.until)
            (entry.night, entry.quietHours) = (hours.map { Night(hours: $0, zone: zone) }, nil)
        }
        return Row(place: place, entry: entry)
    }
}

struct PlacesOfPatient: Query {
    static let sql = SQL("SELECT \(placeColumns) FROM waitlist_entry WHERE patient_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    let patient: ID<Patient>
    let after: ID<WaitlistEntry>
    let limit: Int
    var bindings: [SQLValue] { [.id(patient), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> WaitlistPlace { try WaitlistPlace(columns) }
}

struct PlacesAfter: Query {
    static let sql = SQL("SELECT \(placeColumns) FROM waitlist_entry WHERE id > $1 ORDER BY id LIMIT $2")
    let after: ID<WaitlistEntry>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> WaitlistPlace { try WaitlistPlace(columns) }
}

struct InsertWaitlistPlace: Command {
    static let sql: SQL = """
        INSERT INTO waitlist_entry (id, patient_id, visit_type_id, practitioners, locations, weekdays, from_minute, to_minute, earliest,
            latest, quiet_from, quiet_to, precedence, since, wants_offers, missed_offers, asked_by, specialty, state, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, 'waiting', 1)
        """
    let place: WaitlistPlace
    var bindings: [SQLValue] {
        let entry = place.entry
        let days = entry.weekdays.reduce(0) { $0 | 1 << ($1 - 1) }
        return [
            .id(entry.id), .id(entry.patient), .id(entry.visitType), .ids(entry.practitioners.sorted()),
            .ids(entry.locations.sorted()), .integer(days), .integer(entry.minutes?.lowerBound),
            .integer(entry.minutes?.upperBound), .day(entry.earliest), .day(entry.latest), .integer(entry.quietHours?.from),
            .integer(entry.quietHours?.to), .integer(entry.urgency.precedence), .instant(entry.since),
            .bool(entry.wantsOffers), .text(place.askedBy), .text(entry.specialty),
        ]
    }
}

/// Replaces version n by version n + 1. No row changed means somebody else was first.
struct UpdateWaitlistPlace: Command {
    static let sql: SQL = """
        UPDATE waitlist_entry SET state = $2, offer_id = $3, missed_offers = $4, ended_at = $5, version = $6,
            wants_offers = $7
        WHERE id = $1 AND version = $6 - 1
        """
    let place: WaitlistPlace
    var bindings: [SQLValue] {
        [
            .id(place.id), .text(place.state.rawValue), .id(place.offer), .integer(place.entry.missedOffers),
            .instant(place.endedAt), .integer(place.version), .bool(place.entry.wantsOffers),
        ]
    }
}

// MARK: Offers

/// In the order `WaitlistOffer(columns)` reads them.
private let offerColumns = """
    id, chain_id, entry_id, patient_id, appointment_id, visit_type_id, practitioner_id, location_id, start_at, end_at, state,
    offered_at, until_at, ended_at, explanation
    """

extension WaitlistOffer {
    fileprivate init(_ columns: any Columns) throws {
        let recipient = try columns.optional(12, columns.instant).map { until in
            Recipient(
                entry: try columns.id(2), patient: try columns.id(3), appointment: try columns.id(4), until: until)
        }
        self.init(
            id: try columns.id(0), chain: try columns.id(1), recipient: recipient,
            time: FreedTime(
                visitType: try columns.id(5), practitioner: try columns.id(6), location: try columns.id(7),
                visit: TimeRange(from: try columns.instant(8), to: try columns.instant(9))),
            state: try columns.choice(10), at: try columns.instant(11), endedAt: try columns.optional(13, columns.instant),
            explanation: try columns.json(14))
    }
}

/// The offer a hold stands for, while nobody has answered it.
struct OpenOfferOfHold: Query {
    static let sql = SQL("SELECT \(offerColumns) FROM waitlist_offer WHERE appointment_id = $1 AND state = 'open'")
    let hold: ID<Appointment>
    var bindings: [SQLValue] { [.id(hold)] }
    static func row(_ columns: any Columns) throws -> WaitlistOffer { try WaitlistOffer(columns) }
}

/// The offer of whoever was ever offered what an appointment is, or was held for.
struct OfferOfHold: Query {
    static let sql = SQL("SELECT \(offerColumns) FROM waitlist_offer WHERE appointment_id = $1")
    let hold: ID<Appointment>
    var bindings: [SQLValue] { [.id(hold)] }
    static func row(_ columns: any Columns) throws -> WaitlistOffer { try WaitlistOffer(columns) }
}

/// Whether somebody thinks about a time at the moment, for which kind of visit, and how long at most.
struct OpenOfferAt: Query {
    static let sql: SQL = """
        SELECT visit_type_id, until_at FROM waitlist_offer WHERE practitioner_id = $1 AND start_at = $2 AND state = 'open'
        """
    let time: FreedTime
    var bindings: [SQLValue] { [.id(time.practitioner), .instant(time.visit.from)] }
    static func row(_ columns: any Columns) throws -> (visitType: ID<VisitType>, until: Instant) {
        (visitType: try columns.id(0), until: try columns.instant(1))
    }
}

/// To whom a time was ever offered, and in which chain.
struct OffersOfTime: Query {
    static let sql: SQL = """
        SELECT patient_id, chain_id, entry_id FROM waitlist_offer WHERE practitioner_id = $1 AND start_at = $2 AND patient_id IS NOT NULL
        """
    let time: FreedTime
    var bindings: [SQLValue] { [.id(time.practitioner), .instant(time.visit.from)] }
    struct Row: Sendable {
        let patient: ID<Participant>
        let chain: ID<FreedChain>
        let entry: ID<WaitlistEntry>
    }
    static func row(_ columns: any Columns) throws -> Row {
        Row(patient: try columns.id(0), chain: try columns.id(1), entry: try columns.id(2))
    }
}

struct OfferByID: Query {
    static let sql = SQL("SELECT \(offerColumns) FROM waitlist_offer WHERE id = $1")
    let id: ID<WaitlistOffer>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> WaitlistOffer { try WaitlistOffer(columns) }
}

struct OffersOfPatient: Query {
    static let sql = SQL("SELECT \(offerColumns) FROM waitlist_offer WHERE patient_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    let patient: ID<Patient>
    let after: ID<WaitlistOffer>
    let limit: Int
    var bindings: [SQLValue] { [.id(patient), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> WaitlistOffer { try WaitlistOffer(columns) }
}

struct OffersAfter: Query {
    static let sql = SQL("SELECT \(offerColumns) FROM waitlist_offer WHERE id > $1 ORDER BY id LIMIT $2")
    let after: ID<WaitlistOffer>
    let limit: Int
    var bindings: [SQLValue] { [.id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> WaitlistOffer { try WaitlistOffer(columns) }
}

struct InsertOffer: Command {
    static let sql: SQL = """
        INSERT INTO waitlist_offer (id, chain_id, entry_id, patient_id, appointment_id, visit_type_id, practitioner_id, location_id,
            start_at, end_at, state, offered_at, until_at, ended_at, explanation)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """
    let offer: WaitlistOffer
    var bindings: [SQLValue] {
        [
            .id(offer.id), .id(offer.chain), .id(offer.recipient?.entry), .id(offer.recipient?.patient),
            .id(offer.recipient?.appointment), .id(offer.time.visitType), .id(offer.time.practitioner),
            .id(offer.time.location), .instant(offer.time.visit.from), .instant(offer.time.visit.to),
            .text(offer.state.rawValue), .instant(offer.at), .instant(offer.recipient?.until), .instant(offer.endedAt),
            .json(offer.explanation),
        ]
    }
}

/// An offer is answered once, and what another calendar then does not agree to is taken back once. No row changed means it was.
struct EndOffer: Command {
    static let sql: SQL = "UPDATE waitlist_offer SET state = $2, ended_at = $3 WHERE id = $1 AND state = $4"
    let offer: WaitlistOffer
    let state: WaitlistOffer.State
    let at: Instant
    var bindings: [SQLValue] { [.id(offer.id), .text(state.rawValue), .instant(at), .text(offer.state.rawValue)] }
}

// MARK: What goes when somebody is erased

struct EraseOffers: Command {
    static let sql: SQL = "DELETE FROM waitlist_offer WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}

struct EraseWaiting: Command {
    static let sql: SQL = "DELETE FROM waitlist_entry WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}
