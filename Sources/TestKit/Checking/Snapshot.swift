import Notation
import Scheduling
import Storage
import Workflows

/// Everything in a database, read with statements of the checker's own. Production code is not asked what it thinks.
struct Snapshot: Sendable {
    struct Place: Sendable {
        let lanes: Int
        let lanesOffered: Int
    }
    struct Visit: Sendable {
        let minutes: Int
        let before: Int
        let after: Int
        let holdMinutes: Int
    }
    struct Claim: Sendable {
        let holder: ID<Resource>
        let lane: Int
        let range: TimeRange
        let appointment: ID<Appointment>
    }
    struct Booking: Sendable {
        let id: ID<Appointment>
        let state: String
        let visitType: ID<VisitType>
        let practitioner: ID<Resource>
        let room: ID<Resource>?
        let device: ID<Resource>?
        let patients: [ID<Resource>]
        let range: TimeRange
        let heldUntil: Instant?
        let isOverride: Bool
        let version: Int

        /// Whether it takes time. Said again here, not asked from `AppointmentState`.
        var isLive: Bool { state != "cancelled" && state != "entered-in-error" }
    }
    struct Listing: Sendable {
        let patient: ID<Resource>
        let start: Instant
        let appointment: ID<Appointment>
    }
    struct Event: Sendable {
        let kind: String
        let appointment: ID<Appointment>
        let at: Instant
        let payload: String
    }
    struct Audit: Sendable {
        let subject: ID<Appointment>
        let at: Instant
        let by: String
        let act: String
        let from: String?
        let to: String?
        let request: String
    }
    struct Message: Sendable {
        let topic: String
        let state: String
        let payload: String
        let availableAt: Instant
        let subject: ID<Appointment>?
    }
    struct Notice: Sendable {
        let recipient: ID<Resource>
        let role: String
        let kind: String
        let appointment: ID<Appointment>
        let at: Instant
        let payload: String
    }
    struct Answer: Sendable {
        let principal: String
        let key: String
        let body: [UInt8]
    }

    struct Offer: Sendable {
        let id: ID<WaitlistOffer>
        let chain: ID<FreedChain>
        let patient: ID<Resource>?
        let appointment: ID<Appointment>?
        let practitioner: ID<Resource>
        let start: Instant
        let state: String
        let at: Instant
        let until: Instant?
        let endedAt: Instant?
    }

    let places: [ID<Resource>: Place]
    let visits: [ID<VisitType>: Visit]
    let claims: [Claim]
    let bookings: [Booking]
    let listings: [Listing]
    let events: [Event]
    /// Only those about appointments.
    let audits: [Audit]
    let messages: [Message]
    let notices: [Notice]
    let answers: [Answer]
    let offers: [Offer]
    /// Who waits, and for what: only ever printed.
    let waiting: [String]

    init(reading transaction: any ReadTransaction) throws {
        places = Dictionary(uniqueKeysWithValues: try transaction.fetch(EveryPlace()))
        visits = Dictionary(uniqueKeysWithValues: try transaction.fetch(EveryVisit()))
        claims = try transaction.fetch(EveryClaim())
        bookings = try transaction.fetch(EveryBooking())
        listings = try transaction.fetch(EveryListing())
        events = try transaction.fetch(EveryEvent())
        audits = try transaction.fetch(EveryAudit())
        messages = try transaction.fetch(EveryMessage())
        notices = try transaction.fetch(EveryNotice())
        offers = try transaction.fetch(EveryOffer())
        waiting = try transaction.fetch(EveryWaiting())
        let kept = try KeptAnswers(try transaction.fetch(EveryFieldKey()), master: TestKeys.master)
        answers = try transaction.fetch(EveryAnswer()).map { answer in
            Answer(
                principal: answer.principal, key: answer.key,
                body: kept.body(answer.body, of: answer.principal, under: answer.key))
        }
    }

    /// Every row there is, but for stored answers: a refusal is kept under its key and changes nothing else.
    var text: String {
        [
            claims.map { "\($0)" }, bookings.map { "\($0)" }, listings.map { "\($0)" }, events.map { "\($0)" },
            audits.map { "\($0)" }, messages.map { "\($0)" }, notices.map { "\($0)" },
            offers.map { "\($0)" }, waiting,
        ].joined().joined(separator: "\n")
    }
}
