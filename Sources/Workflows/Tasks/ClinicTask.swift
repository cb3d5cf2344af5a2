public import Notation
public import Scheduling

/// Something that does not fit and that no program may decide: a human does, once. It holds identifiers and words from lists, never what
/// somebody wrote; why it was settled as it was stands in the audit, where words are sealed and can be erased.
public struct ClinicTask: Sendable, Equatable {
    /// What has happened. Stable for good; a new one is a new case and nothing else.
    public enum Kind: String, Sendable, CaseIterable {
        /// An appointment takes its time and nobody is claimed for it: somebody else may have it by now.
        case appointmentUnclaimed = "appointment-unclaimed"
        /// A message about an appointment was given up.
        case deliveryDead = "delivery-dead"
        /// Something else was paid than was asked for: it goes back, and the hold is left as it is.
        case paymentDiffers = "payment-differs"
        /// The payment provider knows nothing of a payment that is open here.
        case paymentUnknown = "payment-unknown"
        /// Money was to go back and did not.
        case refundFailed = "refund-failed"
        /// Money went back that nobody here has given back: somebody did it by hand at the provider.
        case refundElsewhere = "refund-elsewhere"
        /// A payment or a refund stands still: somebody has given up what the provider was to be told of it, or they have lost it.
        case paymentStuck = "payment-stuck"
        /// A counter and what it has numbered do not fit.
        case counterDiffers = "counter-differs"
        /// Somebody else's calendar refused a move: the appointment is over, and the patient had one.
        case providerMoveRefused = "provider-move-refused"
        /// What is given up here stands in somebody else's calendar still.
        case providerWithdrawalStuck = "provider-withdrawal-stuck"
        /// Somebody else's calendar has ended what is booked here.
        case providerCancelled = "provider-cancelled"
        /// Somebody else's calendar has it at another time.
        case providerTimeDiffers = "provider-time-differs"
        /// Somebody else's calendar has something of ours that nobody here knows.
        case providerEntryUnknown = "provider-entry-unknown"
        /// What somebody changed in a hospital's records was written over with what stands here.
        case recordsConflict = "records-conflict"
        /// A hospital's records have not taken a change for hours, or never will.
        case recordsBehind = "records-behind"
        /// Somebody outside who was told what changes wants nothing more: the webhook is disabled.
        case webhookGone = "webhook-gone"
        /// Somebody changed an appointment in a hospital's records: what stands here counts, and may have to follow.
        case recordsChanged = "records-changed"
        /// A system the clinic keeps in step with has failed for hours.
        case systemFailing = "system-failing"
        /// What is booked in the system that is being replaced cannot be taken over as it is.
        case legacyNotTaken = "legacy-not-taken"
        /// Something of theirs cannot be read.
        case legacyUnreadable = "legacy-unreadable"
        /// They do not take what is booked here.
        case legacyRefuses = "legacy-refuses"
        /// Somebody ended there what is booked here, when their word did not count any more.
        case legacyDiffers = "legacy-differs"
    }

    public enum State: String, Sendable, CaseIterable { case open, done }

    public let id: ID<ClinicTask>
    public let kind: Kind
    public let appointment: ID<Appointment>?
    public let patient: ID<Participant>?
    /// A JSON object: what somebody needs to decide.
    public let details: String
    public let at: Instant
    public internal(set) var state: State
    public internal(set) var completion: Completion?
    /// Counts changes, for `If-Match`.
    public internal(set) var version: Int

    public struct Completion: Sendable, Equatable {
        /// The principal who settled it: `desk:0192…`.
        public let by: String
        public let at: Instant
    }
}

/// A task as it is raised.
public struct TaskDraft: Sendable {
    let kind: ClinicTask.Kind
    /// Names what does not fit. There is one task for it, whether it is open or done: what does not fit anew, later, needs another name, with
    /// a version or a time in it.
    let key: String
    let appointment: ID<Appointment>?
    let patient: ID<Participant>?
    let details: String

    /// - Parameter details: writes the members of an object: identifiers, times and words from lists, nothing about a person.
    public init(
        _ kind: ClinicTask.Kind, key: String, appointment: ID<Appointment>? = nil, patient: ID<Participant>? = nil,
        details: (inout JSONWriter) -> Void = { _ in }
    ) {
        var json = JSONWriter(reserving: 128)
        json.object { details(&$0) }
        self.kind = kind
        self.key = key
        self.appointment = appointment
        self.patient = patient
        self.details = String(decoding: json.bytes, as: UTF8.self)
    }
}

/// Which task a verb is about, and which version of it the caller has seen; nil when they do not mind.
public struct TaskTarget: Sendable {
    public let id: ID<ClinicTask>
    public let expectedVersion: Int?

    public init(id: ID<ClinicTask>, expectedVersion: Int? = nil) {
        self.id = id
        self.expectedVersion = expectedVersion
    }
}
