/// Whom the simulator plays for the clinic.
enum Outsider: String, CaseIterable, Sendable {
    case sms, mail, payments, scheduling, fhir, push, webhooks, legacy
}

/// One thing somebody outside is asked for: what a kill is aimed at.
enum Errand: String, CaseIterable, Sendable {
    case sms, mail, push, webhooks
    case payment, refund
    /// Another calendar is asked for a time, and gives it up.
    case request, withdrawal
    /// A hospital's records have a visit, and have it as cancelled.
    case record, recordEnd = "record's end"
    /// The system that is being replaced is told of a visit, and of its end.
    case legacy, legacyEnd = "legacy's end"

    var part: Outsider {
        switch self {
        case .sms: .sms
        case .mail: .mail
        case .push: .push
        case .webhooks: .webhooks
        case .payment, .refund: .payments
        case .request, .withdrawal: .scheduling
        case .record, .recordEnd: .fhir
        case .legacy, .legacyEnd: .legacy
        }
    }

    /// What the outbox calls it.
    var topic: String {
        switch self {
        case .sms, .mail, .push: "notice.send"
        case .webhooks: "webhook.deliver"
        case .payment: "payment.open"
        case .refund: "payment.refund"
        case .request: "scheduling.request"
        case .withdrawal: "scheduling.cancel"
        case .record, .recordEnd: "records.change"
        case .legacy, .legacyEnd: "legacy.change"
        }
    }

    /// What has to have been done, so that there is something to give up or to give back; nil where it begins with a booking.
    var follows: Errand? {
        switch self {
        case .sms, .mail, .push, .webhooks, .payment, .request, .record, .legacy: nil
        case .refund: .payment
        case .withdrawal: .request
        case .recordEnd: .record
        case .legacyEnd: .legacy
        }
    }
}

/// Where a delivery is when its worker is killed. What a kill has really met is looked up afterwards: in the outbox, and at whoever was called.
enum Step: String, CaseIterable, Sendable {
    /// Written with the booking, and taken by nobody.
    case queued
    /// A worker has it, and has called nobody.
    case leased
    /// They have been asked, and have done nothing yet.
    case asked
    /// They have done it, and have not answered.
    case done
    /// They have answered, and nobody has written it down.
    case answered
    /// Written down.
    case settled
}

/// What is done to the database beneath running workers.
enum DatabaseFault: String, CaseIterable, Sendable {
    /// Sessions are ended, and it stops in order.
    case fast
    /// `kill -9` to all of it.
    case immediate
}

/// What becomes of the message broker, which is a real one.
enum BrokerFault: Sendable {
    /// It stands still: connections are taken, and nobody answers.
    case frozen
    /// `kill -9`; it comes back while other things happen.
    case killed
}

/// How those outside behave. What is not for everybody names whom it is for.
struct Behaviour: Sendable {
    let name: String
    let mode: String
    var only: [Outsider] = Outsider.allCases
    var broker: BrokerFault?

    /// Every mode of the simulator in which partners keep their word, and what can become of the broker. `twice` breaks it and is the control;
    /// so do `overbooks` and `forgetful` of the system that is being replaced.
    static let all: [Behaviour] = [
        Behaviour(name: "the broker is killed", mode: "{}", only: [], broker: .killed),
        Behaviour(name: "delay", mode: #"{"delay":400}"#),
        Behaviour(name: "errors", mode: #"{"errors":0.4}"#),
        Behaviour(name: "errors after doing", mode: #"{"errors":0.5,"errorsAreDone":true}"#),
        Behaviour(name: "hang", mode: #"{"hang":true}"#, broker: .frozen),
        Behaviour(name: "silent", mode: #"{"silent":true}"#),
        Behaviour(name: "garbled", mode: #"{"garbled":true}"#),
        Behaviour(name: "retry-after", mode: #"{"retryAfter":1}"#),
        // A payment that is refused is a human's to see to, so is a subscriber that wants nothing more and a no of the system that is being
        // replaced, and a hospital refuses nothing.
        Behaviour(name: "refuses", mode: #"{"refuses":true}"#, only: [.sms, .push, .scheduling]),
        Behaviour(name: "pending", mode: #"{"pending":true}"#, only: [.scheduling]),
        Behaviour(name: "duplicate webhooks", mode: #"{"duplicateWebhooks":true}"#, only: [.sms, .payments]),
        Behaviour(name: "late webhooks", mode: #"{"lateWebhooks":1500}"#, only: [.sms, .payments]),
        Behaviour(name: "reordered webhooks", mode: #"{"reorderedWebhooks":true}"#, only: [.sms, .payments]),
        Behaviour(name: "tokens forgotten", mode: #"{"forgetTokens":true}"#, only: [.fhir, .push]),
    ]
}

/// What is done in one round.
enum Trial: Sendable {
    /// Workers are killed at each step of a delivery.
    case steps([(Errand, Step)])
    /// Everybody outside in these modes, one after the other, under load, and a worker killed at a random moment of each.
    case behaviours([Behaviour])
    /// The database is restarted under load; on the embedded one it goes with its server.
    case database([DatabaseFault])
    /// A worker is stopped in the midst of its calls for longer than its leases last, and goes on.
    case paused

    var name: String {
        switch self {
        case .steps: "killed at each step"
        case .behaviours: "everybody outside in every mode"
        case .database: "the database restarted"
        case .paused: "a worker paused past its lease"
        }
    }
}
