/// Whom the clinic works with.
enum Outsider: String, CaseIterable, Sendable {
    case sms, mail, payments, scheduling, fhir, push, webhooks, legacy
    /// The message broker, which is a real one behind a gate.
    case bus

    /// Those the simulator plays.
    static let played = allCases.filter { $0 != .bus }
}

/// One thing somebody outside is asked for: what a kill is aimed at.
enum Errand: String, CaseIterable, Sendable {
    case sms, mail, push, webhooks
    case payment, refund
    /// Nobody is to pay it any more.
    case paymentEnd = "payment's end"
    /// Another calendar is asked for a time, and gives it up.
    case request, withdrawal
    /// A hospital's records have a visit, and have it as cancelled.
    case record, recordEnd = "record's end"
    /// The system that is being replaced is told of a visit, and of its end.
    case legacy, legacyEnd = "legacy's end"
    /// The message broker has a change.
    case bus
    /// Somebody is asked in.
    case letter
    /// The carrier of text messages is asked what became of one; then another channel is used.
    case watch

    var part: Outsider {
        switch self {
        case .sms, .watch: .sms
        case .mail, .letter: .mail
        case .push: .push
        case .webhooks: .webhooks
        case .payment, .refund, .paymentEnd: .payments
        case .request, .withdrawal: .scheduling
        case .record, .recordEnd: .fhir
        case .legacy, .legacyEnd: .legacy
        case .bus: .bus
        }
    }

    /// What the outbox calls it.
    var topic: String {
        switch self {
        case .sms, .mail, .push: "notice.send"
        case .webhooks: "webhook.deliver"
        case .payment: "payment.open"
        case .refund: "payment.refund"
        case .paymentEnd: "payment.cancel"
        case .request: "scheduling.request"
        case .withdrawal: "scheduling.cancel"
        case .record, .recordEnd: "records.change"
        case .legacy, .legacyEnd: "legacy.change"
        case .bus: "bus.publish"
        case .letter: "account.letter"
        case .watch: "notice.watch"
        }
    }

    /// What has to have been done, so that there is something to give up or to give back; nil where it begins with a booking.
    var follows: Errand? {
        switch self {
        case .sms, .mail, .push, .webhooks, .payment, .request, .record, .legacy, .bus, .letter, .watch: nil
        case .refund, .paymentEnd: .payment
        case .withdrawal: .request
        case .recordEnd: .record
        case .legacyEnd: .legacy
        }
    }

    /// Where it can be met: whoever is only asked has done nothing that could be met.
    var steps: [Step] { self == .watch ? Step.allCases.filter { $0 != .done } : Step.allCases }

    /// Whoever only looks is another, and is left alone: sweeps do. Here looking is what is met.
    var spares: String { self == .watch ? #""sparesTokens":true"# : #""sparesTokens":true,"sparesReads":true"# }
}

/// What a kill is aimed at.
struct Aim: Sendable {
    let errand: Errand
    /// What was done before, and is to be given up.
    var known: Told?
    /// The one text message that is asked after.
    var message: String?

    /// Its work, as a condition on the outbox.
    var work: String {
        let topic = "topic = '\(errand.topic)'"
        return message.map { "(\(topic) AND dedupe_key = '\($0)')" } ?? topic
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
    var only: [Outsider] = Outsider.played
    var broker: BrokerFault?

    /// Every mode of the simulator in which partners keep their word, and what can become of the broker. `twice` breaks it and is the control;
    /// so do `overbooks` and `forgetful` of the system that is being replaced. `receipts` and `lostWebhooks` are played where kills are aimed at the
    /// look after a text message; `refundsFail` leaves each refund to a human, see `WhatFailsLater`.
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

extension Behaviour {
    /// The same, those together that are for different ones of them: each is as it is alone, and there is less to wait for.
    static let together: [[Behaviour]] = {
        var groups: [[Behaviour]] = []
        for one in all {
            let isFree = { (group: [Behaviour]) in
                group.allSatisfy { !$0.only.isEmpty && $0.broker == nil && Set($0.only).isDisjoint(with: one.only) }
            }
            if !one.only.isEmpty, one.broker == nil, let place = groups.firstIndex(where: isFree) {
                groups[place].append(one)
            } else {
                groups.append([one])
            }
        }
        return groups
    }()
}

/// What is done in one round.
enum Trial: Sendable {
    /// Workers are killed at each step of a delivery.
    case steps([(Errand, Step)])
    /// Everybody outside in these modes, one group after the other, under load, and a worker killed at a random moment of each.
    case behaviours([[Behaviour]])
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
