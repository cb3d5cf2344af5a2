public import Notation
public import Scheduling
import Storage
public import Workflows

/// What an answer says about an appointment. The tests' own wording: short, and readable again from a stored answer.
public struct Told: Sendable, Equatable {
    public var id: ID<Appointment>
    public var state: AppointmentState
    public var version: Int
    public var start: Instant
    public var practitioner: ID<Resource>

    public init(_ appointment: Appointment) {
        id = appointment.id
        state = appointment.state
        version = appointment.version
        start = appointment.visit.from
        practitioner = appointment.practitioner
    }

    /// Nil when the answer is a refusal.
    public init?(_ answer: StoredAnswer) {
        let words = String(decoding: answer.body, as: UTF8.self).split(separator: " ").map(String.init)
        guard words.count == 5, let id = ID<Appointment>(words[0]), let state = AppointmentState(rawValue: words[1]),
            let version = Int(words[2]), let start = Int64(words[3]), let practitioner = ID<Resource>(words[4])
        else { return nil }
        self.id = id
        self.state = state
        self.version = version
        self.start = Instant(microseconds: start)
        self.practitioner = practitioner
    }

    var answer: StoredAnswer {
        StoredAnswer(
            status: 200, contentType: "text/plain",
            body: Array("\(id) \(state.rawValue) \(version) \(start.microseconds) \(practitioner)".utf8))
    }
}

extension Wording where Value == Appointment {
    static var told: Wording<Appointment> { Wording(done: { Told($0).answer }, refused: { $0.answer }) }
}

extension Wording where Value == Booked {
    static var told: Wording<Booked> { Wording(done: { Told($0.appointment).answer }, refused: { $0.answer }) }
}

extension Refusal {
    var answer: StoredAnswer { StoredAnswer(status: 409, contentType: "text/plain", body: Array(rawValue.utf8)) }
}

/// What a caller knows after a try.
public enum Outcome: Sendable, Equatable {
    /// It was done now.
    case did(Told)
    /// Somebody had booked the same under the same identifier before; nothing was done now.
    case existed(Told)
    case refused(Refusal)
    /// An earlier try under this key was told this.
    case repeated(StoredAnswer)
    /// The key belongs to another request.
    case wrongKey
    /// Nothing was changed.
    case failed(String)
    /// Nobody can say.
    case unknown

    public var told: Told? {
        switch self {
        case .did(let told), .existed(let told): told
        case .repeated(let answer): Told(answer)
        case .refused, .wrongKey, .failed, .unknown: nil
        }
    }

    /// The refusal, also when it came from an earlier try.
    public var refusal: Refusal? {
        switch self {
        case .refused(let refusal): refusal
        case .repeated(let answer): Refusal(rawValue: String(decoding: answer.body, as: UTF8.self))
        case .did, .existed, .wrongKey, .failed, .unknown: nil
        }
    }

    /// What the caller was told, byte for byte; nil when it was told nothing.
    public var answer: StoredAnswer? {
        switch self {
        case .did(let told), .existed(let told): told.answer
        case .refused(let refusal): refusal.answer
        case .repeated(let answer): answer
        case .wrongKey, .failed, .unknown: nil
        }
    }

    /// False when the caller has to ask again.
    public var isDefinite: Bool {
        switch self {
        case .failed, .unknown: false
        case .did, .existed, .refused, .repeated, .wrongKey: true
        }
    }

    init(_ reply: Reply<Booked>) {
        switch reply {
        case .done(let booked, _):
            self = booked.existedBefore ? .existed(Told(booked.appointment)) : .did(Told(booked.appointment))
        case .refused(let refusal, _): self = .refused(refusal)
        case .repeated(let answer): self = .repeated(answer)
        }
    }

    init(_ reply: Reply<Appointment>) {
        switch reply {
        case .done(let appointment, _): self = .did(Told(appointment))
        case .refused(let refusal, _): self = .refused(refusal)
        case .repeated(let answer): self = .repeated(answer)
        }
    }

    /// A database that is closed may have closed after the commit.
    init(_ error: any Error) {
        switch error {
        case KeyFault.usedForAnotherRequest: self = .wrongKey
        case StorageFault.outcomeUnknown, StorageFault.closed: self = .unknown
        case let fault as StorageFault: self = .failed(fault.description)
        default: self = .unknown
        }
    }
}
