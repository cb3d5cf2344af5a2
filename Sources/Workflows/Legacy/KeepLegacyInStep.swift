import Notation
import Outbox
import Partners
import People
import Resilience
import Scheduling
import Storage

/// What they were last told of an appointment of ours. Written before they are told, so whoever asks again asks under the same name, and
/// looks first.
struct LegacyLink: Sendable, Equatable {
    static let word = "legacy-"

    let appointment: ID<Appointment>
    /// How often another time was asked for; names the last one.
    var asked: Int
    var start: Instant
    var practitioner: ID<Resource>
    /// Whether it is known what became of it.
    var isSettled: Bool
    /// The version of ours that they would not have.
    var refusedVersion: Int?
    /// When it was last written: of one that is not settled, when it was asked for.
    var updatedAt: Instant

    var key: EffectKey { EffectKey("\(appointment):\(Self.word)\(asked)")! }

    func asksFor(_ wanted: LegacyWanted) -> Bool { start == wanted.visit.start && practitioner == wanted.practitioner }
}

/// What should stand there.
struct LegacyWanted: Sendable {
    let practitioner: ID<Resource>
    let visit: LegacyVisit
}

/// In the order `LegacyLinkOf.row` reads them.
private let linkColumns = "appointment_id, asked, start_at, practitioner_id, is_settled, refused_version, updated_at"

struct LegacyLinkOf: Query {
    static let sql = SQL("SELECT \(linkColumns) FROM legacy_link WHERE appointment_id = $1")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> LegacyLink {
        LegacyLink(
            appointment: try columns.id(0), asked: try columns.int(1), start: try columns.instant(2),
            practitioner: try columns.id(3), isSettled: try columns.bool(4), refusedVersion: try columns.optional(5, columns.int),
            updatedAt: try columns.instant(6))
    }
}

struct LegacyLinkToChange: Query {
    static let sql = SQL(
        sqlite: "SELECT \(linkColumns) FROM legacy_link WHERE appointment_id = $1",
        postgres: "SELECT \(linkColumns) FROM legacy_link WHERE appointment_id = $1 FOR UPDATE")
    let appointment: ID<Appointment>
    var bindings: [SQLValue] { [.id(appointment)] }
    static func row(_ columns: any Columns) throws -> LegacyLink { try LegacyLinkOf.row(columns) }
}

/// The orders of what is on its way there, due or not.
struct LegacyChangesUnderWay: Query {
    static let sql: SQL = """
        SELECT order_key FROM outbox WHERE state = 'ready' AND topic = $1 AND order_key IS NOT NULL
        UNION ALL
        SELECT order_key FROM outbox WHERE state = 'running' AND lease_until > $2 AND topic = $1 AND order_key IS NOT NULL
        LIMIT $3
        """
    let limit: Int
    var bindings: [SQLValue] {
        [.text(Topic.legacyChange), .instant(Instant(microseconds: 0)), .integer(limit)]
    }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

/// Whether another one of ours stood in the way there, and was given up since.
struct WasGivenUpThere: Query {
    static let sql: SQL = """
        SELECT 1 FROM legacy_booking WHERE practitioner_id = $1 AND start_at > $2 AND start_at < $3
            AND state = 'cancelled' AND appointment_id IS NOT NULL AND appointment_id <> $4 AND end_at > $5 AND updated_at >= $6
        LIMIT 1
        """
    let link: LegacyLink
    let visit: TimeRange
    /// Nodes' clocks may differ so much.
    static let doubt = Span.seconds(10)
    /// Nothing there takes longer.
    static let longest = Span.hours(12)
    var bindings: [SQLValue] {
        [
            .id(link.practitioner), .instant(visit.from - Self.longest), .instant(visit.to), .id(link.appointment),
            .instant(visit.from), .instant(link.updatedAt - Self.doubt),
        ]
    }
    static func row(_ columns: any Columns) throws -> Bool { true }
}

struct StoreLegacyLink: Command {
    static let sql: SQL = """
        INSERT INTO legacy_link (appointment_id, asked, start_at, practitioner_id, is_settled, refused_version, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (appointment_id) DO UPDATE SET asked = excluded.asked, start_at = excluded.start_at,
            practitioner_id = excluded.practitioner_id, is_settled = excluded.is_settled,
            refused_version = excluded.refused_version, updated_at = excluded.updated_at
        """
    let link: LegacyLink
    let now: Instant
    var bindings: [SQLValue] {
        [
            .id(link.appointment), .integer(link.asked), .instant(link.start), .id(link.practitioner),
            .bool(link.isSettled), .integer(link.refusedVersion), .instant(now),
        ]
    }
}

/// Where a look through the appointments ahead goes on, and whether it has found anything so far.
struct BehindPlace: Sendable {
    var place: AppointmentPlace
    var began: Instant
    var isClean: Bool
}

/// Appointments after a place, in order of their start, and how many of them stand there: at their time, and in all.
struct AppointmentsThere: Query {
    static let sql = SQL(
        """
        SELECT listed.start_at, listed.id, listed.state, listed.version, listed.updated_at,
            (SELECT count(*) FROM legacy_booking WHERE appointment_id = listed.id AND state = 'booked'
                AND start_at = listed.start_at AND practitioner_id = listed.practitioner_id),
            (SELECT count(*) FROM legacy_booking WHERE appointment_id = listed.id AND state = 'booked'),
            (SELECT refused_version FROM legacy_link WHERE appointment_id = listed.id)
        FROM \(AppointmentPlace.listed("state, version, updated_at, practitioner_id"))
        ORDER BY listed.start_at, listed.id
        """)
    let after: AppointmentPlace
    let limit: Int
    var bindings: [SQLValue] { after.bindings(limit) }

    struct Row: Sendable {
        let place: AppointmentPlace
        let state: AppointmentState
        let version: Int
        let since: Instant
        let atItsTime: Int
        let inAll: Int
        let refusedVersion: Int?

        var isBehind: Bool {
            let wanted = state == .booked ? 1 : 0
            // What takes place or took place is let be.
            if state != .booked, state.holdsItsTime, state != .pending { return false }
            return (atItsTime != wanted || inAll != wanted) && refusedVersion != version
        }
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            place: try AppointmentPlace(columns), state: try columns.choice(2),
            version: try columns.int(3), since: try columns.instant(4), atItsTime: try columns.int(5), inAll: try columns.int(6),
            refusedVersion: try columns.optional(7, columns.int))
    }
}

extension OutboxMessage {
    /// That an appointment has another version. It carries none of it: whoever delivers takes what is there by then.
    static func legacyChange(_ appointment: ID<Appointment>, version: Int, _ id: ID<OutboxMessage>, _ now: Instant)
        -> OutboxMessage
    {
        OutboxMessage(
            id: id, topic: Topic.legacyChange, payload: #"{"appointment":"\#(appointment)","version":\#(version)}"#,
            createdAt: now, orderKey: legacyOrder(of: appointment), orderNumber: version, maxAttempts: 10_000)
    }

    static func legacyOrder(of appointment: ID<Appointment>) -> String { "legacy:\(appointment)" }
}

extension LegacyDesk {
    // MARK: Telling them

    private enum Next: Sendable {
        case nothing
        /// They are asked for their agreement at this moment.
        case wait
        /// What became of the last one is looked for.
        case settle(LegacyLink)
        case cancel(LegacyRow)
        case ask(LegacyLink, LegacyVisit, looksFirst: Bool, version: Int)
    }

    private static let patience = Backoff(base: .seconds(1), cap: .seconds(60))

    /// Brings what they have in step with an appointment as it is now: one call after the other, each written down before and after.
    func carry(_ delivery: Delivery) async throws -> Verdict {
        guard let id = try JSON(parsing: delivery.payload)["appointment"]?.string.flatMap({ ID<Appointment>($0) }) else {
            throw DeliveryFault("an outbox message names no appointment")
        }
        // More steps than an appointment can take: whatever is left is for the next attempt.
        for _ in 0..<8 {
            let ending: Ending<Void>
            switch try await next(id, isRepeated: delivery.attempt > 1) {
            case .nothing: return .done
            case .wait: return .snooze(until: now + .seconds(5))
            case .settle(let link): ending = try await settle(link)
            case .cancel(let row): ending = try await cancel(row, id)
            case .ask(let link, let visit, let looksFirst, let version):
                ending = try await ask(link, visit, looksFirst: looksFirst, version)
            }
            switch ending {
            case .done: continue
            case .postponed(let after, let reason):
                report(LegacyReport(what: .postponed, appointment: id, theirs: nil, reason: reason))
                return .snooze(until: now + after)
            case .later(let after, let reason): return again(id, reason, after, delivery)
            case .unknown(let reason), .never(let reason): return again(id, reason, nil, delivery)
            }
        }
        return .retry(after: .seconds(1), reason: "it changes again and again")
    }

    private func again(_ id: ID<Appointment>, _ reason: String, _ after: Span?, _ delivery: Delivery) -> Verdict {
        report(LegacyReport(what: .later, appointment: id, theirs: nil, reason: reason))
        let wait = Self.patience.delay(attempt: delivery.attempt, luck: clinic.surroundings.random.unit())
        return .retry(after: max(after ?? .zero, wait), reason: reason)
    }

    /// What has to be done next; what is going to be asked is written down here.
    private func next(_ id: ID<Appointment>, isRepeated: Bool) async throws -> Next {
        try await change(id) { story, appointment in
            guard story.directory.replacement.mirrors else { return .nothing }
            let heard = try story.transaction.fetch(LegacyRowsOfAppointment(appointment: id))
            let rows = heard.filter { $0.state == .booked }
            let known = try story.transaction.first(LegacyLinkToChange(appointment: id))
            let wanted = try story.wanted(appointment)
            if let known, !known.isSettled, wanted.map({ !known.asksFor($0) }) ?? true { return .settle(known) }
            let entries = try story.entries(of: id).filter { $0.provider == Replacement.provider }
            // Their answer says what follows.
            if entries.contains(where: { !$0.isSettled }) { return .wait }
            let standing = rows.first { row in
                wanted.map { row.practitioner == $0.practitioner && row.visit.from == $0.visit.start } ?? false
            }
            if let other = rows.first(where: { $0.theirID != standing?.theirID }) {
                // What happens there is over when it begins: nobody ends it any more.
                return other.visit.from > story.now && !appointment.isUnderWay ? .cancel(other) : .nothing
            }
            guard let wanted, standing == nil else { return .nothing }
            // They have agreed to it, and the feed has not said so yet. Once it has, what it said last counts: they may have ended it since.
            let isUnheard = entries.contains { entry in
                entry.state == .confirmed && entry.start == wanted.visit.start
                    && !heard.contains { $0.requestID == entry.requestKey.text }
            }
            if isUnheard { return .nothing }
            if let known, !known.isSettled {
                return .ask(known, wanted.visit, looksFirst: true, version: appointment.version)
            }
            if known?.refusedVersion == appointment.version { return .nothing }
            // While they are the truth they are asked before and not told afterwards.
            guard !story.directory.replacement.follows else { return .nothing }
            let link = LegacyLink(
                appointment: id, asked: (known?.asked ?? 0) + 1, start: wanted.visit.start, practitioner: wanted.practitioner,
                isSettled: false, updatedAt: story.now)
            try story.transaction.run(StoreLegacyLink(link: link, now: story.now))
            return .ask(link, wanted.visit, looksFirst: false, version: appointment.version)
        } ?? .nothing
    }

    private func ask(_ link: LegacyLink, _ visit: LegacyVisit, looksFirst: Bool, _ version: Int) async throws -> Ending<Void> {
        if looksFirst {
            switch await legacy.find(link.key) {
            case .done(let found?): return try await settle(link, found, version)
            case .done(nil): break
            case .later(let after, let reason): return .later(after: after, reason: reason)
            case .postponed(let after, let reason): return .postponed(after: after, reason: reason)
            case .unknown(let reason): return .unknown(reason: reason)
            case .never(let reason): return .later(after: nil, reason: reason)
            }
        }
        switch await legacy.book(visit, requestID: link.key) {
        case .done(let entry): return try await settle(link, entry, version)
        case .never(let reason): return try await settleRefused(link, reason, version)
        case .later(let after, let reason): return .later(after: after, reason: reason)
        case .postponed(let after, let reason): return .postponed(after: after, reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    /// What became of one that is not wanted any more.
    private func settle(_ link: LegacyLink) async throws -> Ending<Void> {
        let ending = await legacy.find(link.key)
        if case .done(let found) = ending {
            if let found { return try await settle(link, found, nil) }
            try await settle(link) { _, _ in }
        }
        return ending.map { _ in }
    }

    /// - Parameter version: of ours that was asked for; nil when nobody wants it any more.
    private func settle(_ link: LegacyLink, _ entry: LegacyEntry, _ version: Int?) async throws -> Ending<Void> {
        if entry.state == .refused, let version { return try await settleRefused(link, entry.reason ?? "refused", version) }
        try await settle(link) { story, appointment in try story.keep(entry, appointment) }
        report(LegacyReport(what: .told, appointment: link.appointment, theirs: entry.id, reason: nil))
        return .done(())
    }

    /// They will not have it, which somebody has to see to; unless they said no because of one that we are about to give up there, or have
    /// given up since they were asked: then it is asked for once more, under a new name.
    private func settleRefused(_ link: LegacyLink, _ reason: String, _ version: Int) async throws -> Ending<Void> {
        let clinic = clinic
        let isInTheWay = try await change(link.appointment) { story, appointment -> Bool in
            guard var known = try story.transaction.first(LegacyLinkToChange(appointment: link.appointment)),
                known.asked == link.asked
            else { return false }
            known.isSettled = true
            if try story.isInOurOwnWay(appointment) || story.wasInOurOwnWay(appointment, link) {
                try story.transaction.run(StoreLegacyLink(link: known, now: story.now))
                return true
            }
            known.refusedVersion = version
            try story.transaction.run(StoreLegacyLink(link: known, now: story.now))
            let draft = TaskDraft(
                .legacyRefuses, key: link.key.text, appointment: link.appointment, patient: appointment.patients.first
            ) { json in
                json.member("start", link.start)
                json.member("practitioner", link.practitioner)
                json.member("reason", reason)
            }
            try clinic.raise(draft, in: story.transaction)
            return false
        }
        if isInTheWay == true { return .later(after: nil, reason: "what stood there is not given up yet") }
        report(LegacyReport(what: .refused, appointment: link.appointment, theirs: nil, reason: reason))
        return .done(())
    }

    private func settle(_ link: LegacyLink, _ body: @escaping @Sendable (Story, Appointment) throws -> Void) async throws {
        try await change(link.appointment) { story, appointment in
            guard var known = try story.transaction.first(LegacyLinkToChange(appointment: link.appointment)),
                known.asked == link.asked
            else { return }
            known.isSettled = true
            try story.transaction.run(StoreLegacyLink(link: known, now: story.now))
            try body(story, appointment)
        }
    }

    private func cancel(_ row: LegacyRow, _ id: ID<Appointment>) async throws -> Ending<Void> {
        let ending = await legacy.cancel(row.theirID, key: EffectKey("\(id):legacy-cancel-\(row.change)")!)
        if case .done(let entry) = ending {
            if entry.state == .booked { return .later(after: nil, reason: "it is still there") }
            try await change(id) { story, appointment in try story.keep(entry, appointment) }
            report(LegacyReport(what: .cancelled, appointment: id, theirs: row.theirID, reason: nil))
        }
        return ending.map { _ in }
    }

    /// Runs one change with the appointment held.
    @discardableResult
    private func change<Answer: Sendable>(
        _ id: ID<Appointment>, _ body: @escaping @Sendable (Story, Appointment) throws -> Answer
    ) async throws -> Answer? {
        let clinic = clinic
        return try await clinic.withKeys {
            try await clinic.database.doing(.background).write { transaction in
                let story = try Story(transaction, clinic: clinic, call: Call(caller: .clinic, requestID: "legacy-change"))
                guard let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try story.opened($0) }) else {
                    return nil
                }
                let answer = try body(story, appointment)
                story.sealHooks()
                return answer
            }
        }
    }

    // MARK: Looking for what is missing

    /// Sends again every appointment ahead that does not stand there as it is here, and that nobody is sending. Notes when it has gone through
    /// all of them and found none.
    func tellWhatIsMissing(_ place: SweepPlace<BehindPlace>, grace: Span) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let clinic = clinic
        let beginning = BehindPlace(
            place: AppointmentPlace(start: now, id: ID(high: 0, low: 0)), began: now, isClean: true)
        for _ in 0..<SweepPortion.perRound {
            var looked = place.current ?? beginning
            let after = looked.place
            let rows = try await clinic.database.doing(.background).read {
                try $0.fetch(AppointmentsThere(after: after, limit: SweepPortion.rows))
            }
            for row in rows where row.isBehind {
                looked.isClean = false
                guard row.since <= now - grace else { continue }
                outcome.found(since: row.since)
                outcome.repaired += try await clinic.database.doing(.background).write { transaction in
                    if try transaction.first(IsOnItsWay(orderKey: OutboxMessage.legacyOrder(of: row.place.id))) != nil {
                        return 0
                    }
                    let id = clinic.surroundings.identifiers.next(OutboxMessage.self)
                    try transaction.post(
                        OutboxMessage.legacyChange(row.place.id, version: row.version, id, clinic.surroundings.clock.now))
                    return 1
                }
            }
            if let last = rows.last, rows.count == SweepPortion.rows {
                looked.place = last.place
                place.goOn(at: looked)
                continue
            }
            place.goOn(at: nil)
            if looked.isClean {
                let began = looked.began
                try await clinic.database.doing(.background).write { transaction in
                    _ = try transaction.run(NoteMirrored(at: began))
                }
            }
            break
        }
        if outcome.repaired > 0 { clinic.afterChange() }
        return outcome
    }
}

extension Appointment {
    /// The patient has come, or has not.
    fileprivate var isUnderWay: Bool { [.arrived, .checkedIn, .fulfilled, .noshow].contains(state) }
}

extension Story {
    /// Whether another one of ours has that time there, and is on its way to give it up: two that change places are told of one after the
    /// other, and in any order.
    fileprivate func isInOurOwnWay(_ appointment: Appointment) throws -> Bool {
        let most = 500
        let waiting = try transaction.fetch(LegacyChangesUnderWay(limit: most))
        // Nobody looks through so many; by the next time there are fewer.
        if waiting.count == most { return true }
        let visit = appointment.visit
        for order in Set(waiting) where order != OutboxMessage.legacyOrder(of: appointment.id) {
            guard let other = order.split(separator: ":").last.flatMap({ ID<Appointment>(String($0)) }) else { continue }
            let rows = try transaction.fetch(LegacyRowsOfAppointment(appointment: other))
            let stands = rows.contains {
                $0.state == .booked && $0.practitioner == appointment.practitioner && $0.visit.from < visit.to
                    && visit.from < $0.visit.to
            }
            if stands { return true }
            // Nobody has heard yet whether they have taken it; how long it takes is not known either.
            if let link = try transaction.first(LegacyLinkOf(appointment: other)), !link.isSettled,
                link.practitioner == appointment.practitioner, link.start < visit.to,
                visit.from < link.start + WasGivenUpThere.longest
            {
                return true
            }
        }
        return false
    }

    /// Whether another one of ours had that time there when they were asked.
    fileprivate func wasInOurOwnWay(_ appointment: Appointment, _ link: LegacyLink) throws -> Bool {
        try transaction.first(WasGivenUpThere(link: link, visit: appointment.visit)) != nil
    }

    /// What should stand there of an appointment; nil when nothing should.
    fileprivate func wanted(_ appointment: Appointment) throws -> LegacyWanted? {
        guard appointment.state == .booked, appointment.visit.from > now, let patient = appointment.patients.first,
            let sealed = try transaction.first(PatientByID(id: patient.of()))
        else { return nil }
        return LegacyWanted(
            practitioner: appointment.practitioner, visit: legacyVisit(of: appointment, for: try keys.open(sealed)))
    }

    /// Writes down what they have said of an appointment of ours.
    fileprivate func keep(_ entry: LegacyEntry, _ appointment: Appointment) throws {
        let known = try transaction.first(LegacyRowToChange(id: entry.id))
        let rules = legacyRules
        let row = LegacyRow(
            theirID: entry.id, requestID: entry.requestID, change: entry.change, state: entry.state,
            practitioner: rules.practitioner(called: entry.visit.practitioner),
            visitType: rules.visitType(called: entry.visit.visitType), patient: appointment.patients.first,
            visit: TimeRange(from: entry.visit.start, to: entry.visit.end), origin: known?.origin ?? .ours,
            appointment: known?.appointment ?? appointment.id, decision: known?.decision, difference: known?.difference,
            decidedAt: known?.decidedAt, refusal: known?.refusal, updatedAt: now)
        try transaction.run(StoreLegacyRow(row: row))
    }
}
