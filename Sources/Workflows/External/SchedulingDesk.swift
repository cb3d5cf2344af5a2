public import Notation
public import Outbox
public import Partners
import People
import Resilience
public import Scheduling
import Storage

/// What came of one call to somebody else's calendar, for logs and metrics (GF-8). Nothing in it is about a person.
public struct SchedulingReport: Sendable, Equatable {
    public enum Outcome: String, Sendable, CaseIterable {
        case confirmed, failed, pending, cancelled, later, postponed, unknown, gaveUp = "gave-up"
    }

    public let requestID: String
    public let appointment: ID<Appointment>
    public let provider: String
    public let attempt: Int
    public let outcome: Outcome
    /// A word of theirs, or why nothing came.
    public let reason: String?
    public let took: Span
}

/// Asks other calendars for appointments, and gives up there what is given up here (GF-2).
///
/// Each step is one message. What is about to be asked is written down before it is asked, what was answered in one transaction with what it
/// means here; between the two lies a call that may be lost, so whoever asks a second time first looks whether it is there. It may be
/// killed anywhere.
public struct SchedulingDesk: Sendable {
    let clinic: Clinic
    let partner: any SchedulingPartner
    let report: @Sendable (SchedulingReport) -> Void

    public init(
        _ clinic: Clinic, partner: any SchedulingPartner, report: @escaping @Sendable (SchedulingReport) -> Void = { _ in }
    ) {
        self.clinic = clinic
        self.partner = partner
        self.report = report
    }

    public var deliveries: [String: OutboxHandler] {
        [
            Topic.schedulingRequest: .external { try await request($0) },
            Topic.schedulingCancel: .external { try await withdraw($0) },
        ]
    }

    var now: Instant { clinic.surroundings.clock.now }

    /// Between two tries: a failure is seldom over in less than a second, and nobody waits a whole minute for nothing.
    static let patience = Backoff(base: .seconds(1), cap: .seconds(60))
    /// How long an answer of theirs takes that is still to be made.
    static let pause = Span.seconds(15)

    // MARK: Asking

    private func request(_ delivery: Delivery) async throws -> Verdict {
        let id = try delivery.entry()
        guard let asked = try await begin(id) else { return .done }
        let start = now
        let ending: Ending<SchedulingEntry>
        if asked.entry.askedUntil <= start {
            ending = .never(reason: asked.entry.attempts > 1 ? Self.tooLate : "nobody could be asked in time")
        } else {
            ending = await ask(asked)
        }
        return try await settle(asked.entry, ending, delivery, took: now - start)
    }

    static let tooLate = "no answer in time"

    private struct Asked: Sendable {
        let entry: ExternalEntry
        let order: SchedulingOrder
    }

    /// Writes down that it is going to be asked. Nil when there is nothing to ask any more.
    private func begin(_ id: ID<ExternalEntry>) async throws -> Asked? {
        try await change(id, "scheduling-request") { story, entry, appointment in
            guard entry.state == .pending else { return nil }
            guard let patient = appointment.patients.first,
                let sealed = try story.transaction.first(PatientByID(id: patient.of()))
            else { throw DeliveryFault("the appointment's patient is not there") }
            let opened = try story.keys.open(sealed)
            var next = entry
            next.attempts += 1
            next.updatedAt = story.now
            try story.transaction.run(UpdateExternalEntry(entry: next))
            var order: SchedulingOrder
            do {
                order = try SchedulingOrder(
                    id: entry.id.description, requestID: entry.requestKey.text, provider: entry.provider,
                    time: entry.start.description, patientName: opened.name, allowed: [entry.provider])
            } catch { throw DeliveryFault("the request breaks the provider's rules") }
            if entry.provider == Replacement.provider { order.visit = story.legacyVisit(of: appointment, for: opened) }
            return Asked(entry: next, order: order)
        }
    }

    /// Who asks again looks first: it may have been done, and nobody heard.
    private func ask(_ asked: Asked) async -> Ending<SchedulingEntry> {
        if asked.entry.attempts > 1 {
            switch await partner.entry(asked.order.id, provider: asked.entry.provider) {
            case .done(let found?): return .done(found)
            case .done(nil): break
            case .later(let after, let reason): return .later(after: after, reason: reason)
            case .postponed(let after, let reason): return .postponed(after: after, reason: reason)
            case .unknown(let reason): return .unknown(reason: reason)
            case .never(let reason): return .never(reason: reason)
            }
        }
        return await partner.request(asked.order)
    }

    private func settle(
        _ entry: ExternalEntry, _ ending: Ending<SchedulingEntry>, _ delivery: Delivery, took: Span
    ) async throws -> Verdict {
        switch ending {
        case .done(let found):
            guard let news = TheirWord(found, of: entry) else {
                tell(entry, .pending, nil, took)
                try await note(entry, "pending")
                return .snooze(until: now + Self.pause)
            }
            tell(entry, news == .confirmed ? .confirmed : .failed, found.reason, took)
            try await settle(entry.id, news)
            return .done
        case .never(let reason):
            let isLate = entry.askedUntil <= now
            tell(entry, isLate ? .gaveUp : .failed, reason, took)
            // Of who never answered nobody knows whether they have it.
            try await settle(entry.id, isLate && entry.attempts > 1 ? .givenUp(reason) : .refused(reason))
            return .done
        case .postponed(let after, let reason):
            tell(entry, .postponed, reason, took)
            try await note(entry, reason, wasNotAsked: true)
            return .snooze(until: min(now + after, max(entry.askedUntil, now + .seconds(1))))
        case .later(let after, let reason):
            tell(entry, .later, reason, took)
            return try await again(entry, reason, after: after)
        case .unknown(let reason):
            tell(entry, .unknown, reason, took)
            return try await again(entry, reason, after: nil)
        }
    }

    /// Not later than its time is over, so that it is given up then.
    private func again(_ entry: ExternalEntry, _ reason: String, after: Span?) async throws -> Verdict {
        try await note(entry, reason)
        let luck = clinic.surroundings.random.unit()
        let wait = max(after ?? .zero, Self.patience.delay(attempt: entry.attempts, luck: luck))
        return .retry(after: max(.zero, min(wait, entry.askedUntil - now)), reason: reason)
    }

    private func note(_ entry: ExternalEntry, _ answer: String, wasNotAsked: Bool = false) async throws {
        try await change(entry.id, "scheduling-request") { story, known, _ in
            guard known.state == .pending else { return }
            var next = known
            next.lastAnswer = answer
            if wasNotAsked { next.attempts = max(0, known.attempts - 1) }
            next.updatedAt = story.now
            try story.transaction.run(UpdateExternalEntry(entry: next))
        }
    }

    func tell(_ entry: ExternalEntry, _ outcome: SchedulingReport.Outcome, _ reason: String?, _ took: Span) {
        report(
            SchedulingReport(
                requestID: entry.requestKey.text, appointment: entry.appointment, provider: entry.provider,
                attempt: entry.attempts, outcome: outcome, reason: reason, took: took))
    }

    // MARK: Giving up

    private func withdraw(_ delivery: Delivery) async throws -> Verdict {
        let id = try delivery.entry()
        let known = try await change(id, "scheduling-cancel") { _, entry, _ in entry }
        guard let entry = known, entry.state == .cancelling else { return .done }
        let start = now
        let ending = await gone(entry)
        switch ending {
        case .done(true):
            tell(entry, .cancelled, nil, now - start)
            try await close(entry)
            return .done
        case .done(false): return try await withdrawLater(entry, "it is still there", nil, delivery, start)
        case .later(let after, let reason): return try await withdrawLater(entry, reason, after, delivery, start)
        case .unknown(let reason), .never(let reason):
            return try await withdrawLater(entry, reason, nil, delivery, start)
        case .postponed(let after, let reason):
            tell(entry, .postponed, reason, now - start)
            return .snooze(until: now + after)
        }
    }

    /// Whether it is given up there. Who says no to that may not have it at all.
    private func gone(_ entry: ExternalEntry) async -> Ending<Bool> {
        let ending = await partner.cancel(entry.id.description, provider: entry.provider, key: entry.cancelKey)
        if case .never = ending {
            return await partner.entry(entry.id.description, provider: entry.provider).map { $0?.isOver ?? true }
        }
        return ending.map(\.isOver)
    }

    private func withdrawLater(
        _ entry: ExternalEntry, _ reason: String, _ after: Span?, _ delivery: Delivery, _ start: Instant
    ) async throws -> Verdict {
        tell(entry, .later, reason, now - start)
        try await change(entry.id, "scheduling-cancel") { story, known, appointment in
            var next = known
            next.lastAnswer = reason
            next.updatedAt = story.now
            try story.transaction.run(UpdateExternalEntry(entry: next))
            guard story.now - delivery.createdAt > .hours(2) else { return }
            try clinic.raise(.stuck(known, appointment), in: story.transaction)
        }
        let wait = Backoff(base: .seconds(2), cap: .minutes(30)).delay(
            attempt: delivery.attempt, luck: clinic.surroundings.random.unit())
        return .retry(after: max(after ?? .zero, wait), reason: reason)
    }

    private func close(_ entry: ExternalEntry) async throws {
        try await change(entry.id, "scheduling-cancel") { story, known, _ in
            guard known.state == .cancelling else { return }
            var next = known
            next.state = .cancelled
            next.updatedAt = story.now
            try story.transaction.run(UpdateExternalEntry(entry: next))
        }
    }
}

extension SchedulingEntry {
    /// Whether their calendar is free of it.
    var isOver: Bool { state == .cancelled || state == .failed }
}

extension Delivery {
    fileprivate func entry() throws -> ID<ExternalEntry> {
        guard let id = try JSON(parsing: payload)["entry"]?.string.flatMap({ ID<ExternalEntry>($0) }) else {
            throw DeliveryFault("an outbox message names no entry")
        }
        return id
    }
}
