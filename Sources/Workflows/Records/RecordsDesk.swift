public import Notation
public import Outbox
public import Partners
import People
import Resilience
public import Scheduling
import Storage

/// What came of one change on its way into a hospital's records, for logs and metrics. Nothing in it is about a person.
public struct RecordsReport: Sendable, Equatable {
    public enum Outcome: String, Sendable, CaseIterable { case done, conflict, later, postponed, failed }
    public let appointment: ID<Appointment>
    public let attempt: Int
    public let outcome: Outcome
    public let reason: String?
}

/// Keeps a hospital's records in step with the appointments here (MC-2, HB-4).
///
/// What changes there by itself is heard in `RecordsFeed.swift`.
///
/// Ours wins: time and state of an appointment are the clinic's as long as it is, so what somebody changed there meanwhile is written over, by
/// the version they made, and shown to a human. Each change is a message in the order of its appointment; whoever delivers one takes the
/// appointment as it is by then, so a change that was overtaken is not sent at all.
public struct RecordsDesk: Sendable {
    public static let system = "records"

    let clinic: Clinic
    let records: any RecordsSystem
    let report: @Sendable (RecordsReport) -> Void
    let outage: @Sendable (SyncOutage) -> Void

    public init(
        _ clinic: Clinic, records: any RecordsSystem, report: @escaping @Sendable (RecordsReport) -> Void = { _ in },
        outage: @escaping @Sendable (SyncOutage) -> Void = { _ in }
    ) {
        self.clinic = clinic
        self.records = records
        self.report = report
        self.outage = outage
    }

    public var deliveries: [String: OutboxHandler] { [Topic.recordsChange: .external { try await change($0) }] }

    var now: Instant { clinic.surroundings.clock.now }
    var database: any Database { clinic.database.doing(.background) }

    /// At once, after five minutes, after thirty, and every thirty from then on.
    static func pause(after attempt: Int) -> Span { attempt <= 1 ? .zero : attempt == 2 ? .minutes(5) : .minutes(30) }

    /// After so long a human is told.
    static let patience = Span.hours(2)

    private struct Sent: Sendable {
        let record: RecordsAppointment
        let appointment: Appointment
        let link: RecordsLink?
    }

    private func change(_ delivery: Delivery) async throws -> Verdict {
        guard let id = try JSON(parsing: delivery.payload)["appointment"]?.string.flatMap({ ID<Appointment>($0) }) else {
            throw DeliveryFault("an outbox message names no appointment")
        }
        guard let sent = try await load(id, mayBeThere: delivery.claims > 1) else { return .done }
        if let link = sent.link {
            try await noteTrying(sent, link)
            return try await settle(await records.update(sent.record, at: link.theirs), sent, link, delivery)
        }
        if !sent.appointment.state.belongsInRecords { return try await endWhatMayBeThere(sent, delivery) }
        // Whoever was lost after making it finds it made, as it was then.
        switch await records.create(sent.record) {
        case .done(let theirs):
            let link = RecordsLink(appointment: id, theirs: theirs, ourVersion: sent.appointment.version)
            if delivery.attempt == 1, sent.appointment.version == 1 { return try await keep(link, sent, delivery) }
            // Made by an earlier try: whatever it says that we never said is somebody else's.
            if sent.appointment.version == 1, case .done(let found?) = await records.find(sent.record.identifier) {
                if found.says(sent.record) {
                    let found = RecordsLink(appointment: id, theirs: found.version, ourVersion: sent.appointment.version)
                    return try await keep(found, sent, delivery)
                }
                return try await winOver(sent, link, delivery)
            }
            return try await settle(await records.update(sent.record, at: theirs), sent, link, delivery)
        case .later(let after, let reason): return try await again(sent, reason, after, delivery)
        case .unknown(let reason): return try await again(sent, reason, nil, delivery)
        case .postponed(let after, let reason): return postpone(sent, reason, after, delivery)
        case .never(let reason): return try await giveUp(sent, reason, delivery)
        }
    }

    /// It is over, and whoever had this before may have made it without hearing of it: what is there is changed, and nothing is made.
    private func endWhatMayBeThere(_ sent: Sent, _ delivery: Delivery) async throws -> Verdict {
        switch await records.find(sent.record.identifier) {
        case .done(nil): return .done
        case .done(let theirs?):
            let link = RecordsLink(appointment: sent.appointment.id, theirs: theirs.version, ourVersion: 0)
            return try await settle(await records.update(sent.record, at: theirs.version), sent, link, delivery)
        case .later(let after, let reason): return try await again(sent, reason, after, delivery)
        case .unknown(let reason): return try await again(sent, reason, nil, delivery)
        case .postponed(let after, let reason): return postpone(sent, reason, after, delivery)
        case .never(let reason): return try await giveUp(sent, reason, delivery)
        }
    }

    /// Nil when there is nothing to send: it stands there already, or is none of theirs.
    ///
    /// - Parameter mayBeThere: whether somebody was at it before.
    private func load(_ id: ID<Appointment>, mayBeThere: Bool) async throws -> Sent? {
        let clinic = clinic
        return try await clinic.withKeys {
            try await database.read { transaction -> Sent? in
                guard let appointment = try transaction.first(AppointmentByID(id: id))?.kept else { return nil }
                let link = try transaction.first(LinkOfAppointment(appointment: id))
                if let link, link.ourVersion >= appointment.version { return nil }
                if link == nil, !appointment.state.belongsInRecords, !mayBeThere { return nil }
                let ring = try clinic.keys.ring()
                let numbers = try appointment.patients.compactMap { patient in
                    try transaction.first(PatientByID(id: patient.of())).map { try ring.open($0) }?.recordNumber
                }
                return Sent(record: RecordsAppointment(appointment, numbers), appointment: appointment, link: link)
            }
        }
    }

    private func settle(
        _ ending: Ending<RecordsChange>, _ sent: Sent, _ link: RecordsLink, _ delivery: Delivery
    ) async throws -> Verdict {
        switch ending {
        case .done(.changed(let theirs)):
            var next = link
            next.theirs = theirs
            next.ourVersion = sent.appointment.version
            return try await keep(next, sent, delivery)
        case .done(.conflict): return try await winOver(sent, link, delivery)
        case .later(let after, let reason): return try await again(sent, reason, after, delivery)
        case .unknown(let reason): return try await again(sent, reason, nil, delivery)
        case .postponed(let after, let reason): return postpone(sent, reason, after, delivery)
        case .never(let reason): return try await giveUp(sent, reason, delivery)
        }
    }

    /// Somebody there has changed it, or it was our own word whose answer was lost: ours is written over theirs, and a human looks.
    private func winOver(_ sent: Sent, _ link: RecordsLink, _ delivery: Delivery) async throws -> Verdict {
        switch await records.find(sent.record.identifier) {
        case .done(let found?):
            guard case .done(.changed(let theirs)) = await records.update(sent.record, at: found.version) else {
                return try await again(sent, "somebody changes it again and again", nil, delivery)
            }
            let (clinic, appointment) = (clinic, sent.appointment)
            var next = link
            next.theirs = theirs
            next.ourVersion = appointment.version
            let stored = next
            // What an earlier try of ours made, whose answer was lost, is nobody else's.
            let isOwn = found.says(sent.record) || link.tried.contains(found.content)
            try await database.write { transaction in
                try transaction.run(StoreRecordsLink(link: stored, now: clinic.surroundings.clock.now))
                try noteSuccess(in: transaction)
                if !isOwn { try clinic.raise(.writtenOver(appointment, link.theirs, found.version), in: transaction) }
            }
            tell(sent, .conflict, nil, delivery)
            return .done
        case .done(nil):
            // It was taken away there: it is made anew, and whoever did that hears that the clinic has it still.
            guard case .done(let theirs) = await records.create(sent.record) else {
                return try await again(sent, "it is gone there, and cannot be made anew", nil, delivery)
            }
            let (clinic, appointment) = (clinic, sent.appointment)
            let stored = RecordsLink(appointment: appointment.id, theirs: theirs, ourVersion: appointment.version)
            try await database.write { transaction in
                try transaction.run(StoreRecordsLink(link: stored, now: clinic.surroundings.clock.now))
                try noteSuccess(in: transaction)
                try clinic.raise(.writtenOver(appointment, link.theirs, theirs), in: transaction)
            }
            tell(sent, .conflict, nil, delivery)
            return .done
        case .later(let after, let reason): return try await again(sent, reason, after, delivery)
        case .postponed(let after, let reason): return postpone(sent, reason, after, delivery)
        case .unknown(let reason): return try await again(sent, reason, nil, delivery)
        case .never(let reason): return try await giveUp(sent, reason, delivery)
        }
    }

    private func keep(_ link: RecordsLink, _ sent: Sent, _ delivery: Delivery) async throws -> Verdict {
        let clinic = clinic
        try await database.write { transaction in
            try transaction.run(StoreRecordsLink(link: link, now: clinic.surroundings.clock.now))
            try noteSuccess(in: transaction)
        }
        tell(sent, .done, nil, delivery)
        return .done
    }

    private func again(_ sent: Sent, _ reason: String, _ after: Span?, _ delivery: Delivery) async throws -> Verdict {
        let isLate = now - delivery.createdAt >= Self.patience
        try await note(sent, reason, isLate: isLate)
        tell(sent, .later, reason, delivery)
        return .retry(after: max(after ?? .zero, Self.pause(after: delivery.attempt)), reason: reason)
    }

    private func postpone(_ sent: Sent, _ reason: String, _ after: Span, _ delivery: Delivery) -> Verdict {
        tell(sent, .postponed, reason, delivery)
        return .snooze(until: now + after)
    }

    private func giveUp(_ sent: Sent, _ reason: String, _ delivery: Delivery) async throws -> Verdict {
        try await note(sent, reason, isForGood: true)
        tell(sent, .failed, reason, delivery)
        return .dead(reason: reason)
    }

    /// Before they are told: whoever dies of it has left a word of ours there that nobody knows of, and it is not somebody else's.
    private func noteTrying(_ sent: Sent, _ link: RecordsLink) async throws {
        let content = sent.record.content
        guard link.tried.last != content else { return }
        try await database.write { transaction in
            try transaction.run(
                NoteTried(
                    appointment: sent.appointment.id, tried: Array(link.tried.filter { $0 != content }.suffix(7)) + [content]))
        }
    }

    private func note(_ sent: Sent, _ reason: String, isLate: Bool = false, isForGood: Bool = false) async throws {
        let (clinic, appointment, outage) = (clinic, sent.appointment, outage)
        try await database.write { transaction in
            let isOut = try clinic.noteFailure(of: Self.system, reason, telling: outage, in: transaction)
            // Of a system that takes nothing at all a human hears once, and not of each appointment.
            if isForGood || (isLate && !isOut) { try clinic.raise(.behind(appointment, reason), in: transaction) }
        }
    }

    private func noteSuccess(in transaction: any WriteTransaction) throws {
        try clinic.noteSuccess(of: Self.system, telling: outage, in: transaction)
    }

    private func tell(_ sent: Sent, _ outcome: RecordsReport.Outcome, _ reason: String?, _ delivery: Delivery) {
        report(
            RecordsReport(appointment: sent.appointment.id, attempt: delivery.attempt, outcome: outcome, reason: reason))
    }
}

extension TaskDraft {
    /// Somebody had changed in the records what is the clinic's.
    fileprivate static func writtenOver(_ appointment: Appointment, _ known: RecordsVersion, _ found: RecordsVersion) -> TaskDraft
    {
        TaskDraft(
            .recordsConflict, key: "\(appointment.id):\(found.id):\(found.version)", appointment: appointment.id,
            patient: appointment.patients.first
        ) { json in
            json.member("record", found.id)
            json.member("knownVersion", known.version)
            json.member("theirVersion", found.version)
            json.member("version", appointment.version)
        }
    }

    /// The records have not taken it for hours, or never will.
    fileprivate static func behind(_ appointment: Appointment, _ reason: String) -> TaskDraft {
        TaskDraft(
            .recordsBehind, key: "\(appointment.id):\(appointment.version)", appointment: appointment.id,
            patient: appointment.patients.first
        ) { json in
            json.member("version", appointment.version)
            json.member("reason", reason)
        }
    }
}
