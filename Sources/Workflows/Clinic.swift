public import Notation
public import Outbound
public import Scheduling
public import Secrecy
public import Storage
import Synchronization

/// The clinic as its callers see it: every verb is a method in a file of its own, and each tells its whole story in one
/// transaction. A value with no state but caches; any number of nodes may share a database.
public final class Clinic: Sendable {
    public let database: any Database
    public let surroundings: Surroundings
    public let settings: ClinicSettings
    public let availability: AvailabilityBoard
    /// What seals and opens the clinic's personal data.
    public let keys: ClinicKeys
    let directory = DirectoryCache()
    let events = EventOrder()
    /// False for a measurement only.
    let keepsTrail: Bool
    private let observer: any ClinicObserver
    private let changeSignal = Mutex<Signal?>(nil)

    /// - Parameter master: what wraps the clinic's own keys, which lie in its database.
    public convenience init(
        database: any Database, surroundings: Surroundings, master: any MasterKeys, settings: ClinicSettings = ClinicSettings(),
        observer: any ClinicObserver = NobodyWatches()
    ) {
        self.init(
            database: database, surroundings: surroundings, master: master, settings: settings, observer: observer,
            without: [])
    }

    package init(
        database: any Database, surroundings: Surroundings, master: any MasterKeys, settings: ClinicSettings,
        observer: any ClinicObserver, without omissions: Set<Omission>
    ) {
        self.database = database
        self.surroundings = surroundings
        self.settings = settings
        self.observer = observer
        self.keys = ClinicKeys(master: master, surroundings: surroundings, leavingPlain: omissions.contains(.sealing))
        keepsTrail = !omissions.contains(.trail)
        self.availability = AvailabilityBoard(clock: surroundings.clock)
    }

    /// Reads the directory and everything ahead into the availability index. Until then nobody is offered a time.
    public func open() async throws {
        try await availability.fill(from: database, directory: directory)
    }

    /// Brings the index up to date with what other nodes have changed. Returns how many stretches of time were read again.
    @discardableResult
    public func refreshAvailability() async throws -> Int {
        try await availability.refresh(from: database, directory: directory)
    }

    /// What to call after a commit that left work in the outbox: it wakes the worker of this node.
    public func onChange(_ signal: @escaping @Sendable () -> Void) { changeSignal.withLock { $0 = Signal(ring: signal) } }

    func afterChange() { changeSignal.withLock { $0 }?.ring() }

    /// A closure inside a generic `Mutex` is wrapped once more by every look at it, until calling it takes milliseconds;
    /// inside a value of its own it stays as it is.
    private struct Signal: Sendable {
        let ring: @Sendable () -> Void
    }

    /// Somebody has held too many times and let them go.
    func noteGrabbing() { observer.saw(operation: "holdAppointment", outcome: "suspended") }

    /// What a partner has told is handled.
    func noteNews(_ partner: IncomingPartner, _ outcome: String) {
        observer.saw(operation: "incoming.\(partner.rawValue)", outcome: outcome)
    }

    /// Something came of what the payment provider was asked.
    func notePayment(_ what: String, _ outcome: String) { observer.saw(operation: "payments.\(what)", outcome: outcome) }
    /// What became of a message to a patient: `message.sms`, `delivered`.
    func noteMessage(_ channel: Channel?, _ outcome: String) {
        observer.saw(operation: "message.\(channel?.rawValue ?? "none")", outcome: outcome)
    }

    /// A human has something to decide that was not known before.
    func noteRaised(_ kind: ClinicTask.Kind) { observer.raised(kind) }

    func observe<Value>(_ call: Call, _ reply: Reply<Value>) {
        guard let operation = call.attempt?.operation else { return }
        switch reply {
        case .done: observer.saw(operation: operation, outcome: "done")
        case .repeated: observer.saw(operation: operation, outcome: "repeated")
        case .refused(let refusal, _): observer.saw(operation: operation, outcome: refusal.rawValue)
        }
    }
}

/// What a clinic does without, so that a measurement can tell what it costs. No setting leads here.
package enum Omission: Sendable {
    /// Texts are left as they are; see `FieldCipher`.
    case sealing
    /// What happens to appointments leaves no record.
    case trail
}

public struct ClinicSettings: Sendable {
    /// How long an answer is kept under its idempotency key. 72 h, published; never below 24 h (MC-1).
    public var answersKept: Span = .hours(72)
    /// How long before the visit reminders go out.
    public var remindersBefore: [Span] = [.hours(24), .hours(2)]

    /// The calendars of others that this clinic can ask, by their names (GF-5).
    public var schedulingProviders: Set<String> = []
    /// How long one of them is asked before an appointment is given up.
    public var confirmedWithin: Span = .minutes(15)
    /// The system that is being replaced, and how it is spoken to; nil where there is none.
    public var legacy: LegacyRules?
    /// Whether a hospital's records are kept in step.
    public var keepsRecords = false
    /// Whether changes are published to a message broker.
    public var publishesEvents = false
    /// Where webhooks may be told: on the internet, unless this is a trial.
    public var webhookPolicy = OutboundPolicy.forStrangers

    /// What a patient may have at once who books without the staff; nil counts nothing.
    public var patientLimits: PatientLimits?

    /// How patients are reached outside the mailbox; nil where nobody carries anything to them.
    public var messages: MessageSettings?
    /// How a freed time is offered to those who wait.
    public var offers = OfferRules()

    public init() {}
}

/// Hears how each change came out, for metrics: `bookAppointment`, `practitionerTaken`.
public protocol ClinicObserver: Sendable {
    func saw(operation: String, outcome: String)
    /// There is a task more for a human. Told once for each, after the commit that has it.
    func raised(_ kind: ClinicTask.Kind)
}

public struct NobodyWatches: ClinicObserver {
    public init() {}
    public func saw(operation: String, outcome: String) {}
    public func raised(_ kind: ClinicTask.Kind) {}
}
