import Notation
import People
import Scheduling
import Storage

extension Clinic {
    /// Raises a task for each appointment that takes its time without a claim: the time may be somebody else's by now, so nobody is claimed
    /// for it unasked.
    func raiseUnclaimed(_ place: SweepPlace<AppointmentPlace>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let beginning = AppointmentPlace(start: surroundings.clock.now - .days(1), id: ID(high: 0, low: 0))
        for _ in 0..<SweepPortion.perRound {
            let after = place.current ?? beginning
            let looked = try await database.doing(.background).read {
                try $0.fetch(ClaimedAppointments(after: after, limit: SweepPortion.rows))
            }
            for row in looked where row.lacksClaim {
                outcome.raised += try await database.doing(.background).write { [self] transaction in
                    // Somebody may be moving it at this moment: only what still lacks its claim now does.
                    guard let appointment = try transaction.first(AppointmentToChange(id: row.place.id))?.kept,
                        appointment.version == row.version,
                        try !transaction.fetch(ClaimsOfAppointment(appointment: appointment.id)).contains(where: {
                            $0.holder == appointment.practitioner && $0.range.contains(appointment.visit)
                        })
                    else { return 0 }
                    let draft = TaskDraft(
                        .appointmentUnclaimed, key: "\(appointment.id):\(appointment.version)", appointment: appointment.id,
                        patient: appointment.patients.first
                    ) { json in
                        json.member("practitioner", appointment.practitioner)
                        json.member("start", appointment.visit.from)
                        json.member("end", appointment.visit.to)
                        json.member("version", appointment.version)
                    }
                    return try raise(draft, in: transaction) ? 1 : 0
                }
                outcome.found(since: row.since)
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.place)
            if place.current == nil { break }
        }
        return outcome
    }

    /// Gives back what is still claimed for appointments that gave up their time.
    func releaseOrphans(_ place: SweepPlace<ClaimsInOrder.Place>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let beginning = ClaimsInOrder.Place(holder: ID(high: 0, low: 0), from: Instant(microseconds: 0), lane: 0)
        for _ in 0..<SweepPortion.perRound {
            let after = place.current ?? beginning
            let looked = try await database.doing(.background).read {
                try $0.fetch(ClaimsInOrder(after: after, limit: SweepPortion.rows))
            }
            for row in looked where !row.state.holdsItsTime {
                outcome.repaired += try await releaseOrphan(row.appointment)
                outcome.found(since: row.since)
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.place)
            if place.current == nil { break }
        }
        return outcome
    }

    private func releaseOrphan(_ id: ID<Appointment>) async throws -> Int {
        try await withKeys {
            try await database.doing(.background).write { [self] transaction in
                let story = try Story(transaction, clinic: self, call: Call(caller: .clinic, requestID: "sweep-claims"))
                guard let appointment = try transaction.first(AppointmentToChange(id: id)).map({ try story.opened($0) }),
                    !appointment.state.holdsItsTime
                else { return 0 }
                let count = try transaction.fetch(ClaimsOfAppointment(appointment: id)).count
                if count == 0 { return 0 }
                try story.releaseClaims(of: appointment)
                // No event says what became free, so every node reads its index anew.
                try transaction.run(AdvanceImportRevision())
                try story.auditChange(of: id.of(), "claims.released")
                story.sealHooks()
                return count
            }
        }
    }
}

/// Appointments after a place, in order of their start, and whether their practitioner is claimed for all of their time.
struct ClaimedAppointments: Query {
    static let sql = SQL(
        """
        SELECT listed.start_at, listed.id, listed.state, listed.version, listed.updated_at,
            CAST(CASE WHEN EXISTS (SELECT 1 FROM claim WHERE claim.appointment_id = listed.id
                AND claim.holder_id = listed.practitioner_id AND claim.from_at <= listed.start_at
                AND claim.to_at >= listed.end_at) THEN 1 ELSE 0 END AS bigint)
        FROM \(AppointmentPlace.listed("state, version, updated_at, practitioner_id, end_at"))
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
        let isClaimed: Bool
        var lacksClaim: Bool { state.holdsItsTime && !isClaimed }
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            place: try AppointmentPlace(columns), state: try columns.choice(2),
            version: try columns.int(3), since: try columns.instant(4), isClaimed: try columns.int(5) == 1)
    }
}

/// Claims after a place, in the order of their key, and how the appointments stand they are for.
struct ClaimsInOrder: Query {
    struct Place: Sendable {
        let holder: ID<Resource>
        let from: Instant
        let lane: Int
    }

    static let sql: SQL = """
        SELECT listed.holder_id, listed.from_at, listed.lane, listed.appointment_id, appointment.state, appointment.updated_at
        FROM (SELECT holder_id, from_at, lane, appointment_id FROM claim
            WHERE (holder_id, from_at, lane) > ($1, $2, $3) ORDER BY holder_id, from_at, lane LIMIT $4) AS listed
        JOIN appointment ON appointment.id = listed.appointment_id ORDER BY listed.holder_id, listed.from_at, listed.lane
        """
    let after: Place
    let limit: Int
    var bindings: [SQLValue] { [.id(after.holder), .instant(after.from), .integer(after.lane), .integer(limit)] }

    struct Row: Sendable {
        let place: Place
        let appointment: ID<Appointment>
        let state: AppointmentState
        let since: Instant
    }

    static func row(_ columns: any Columns) throws -> Row {
        Row(
            place: Place(holder: try columns.id(0), from: try columns.instant(1), lane: try columns.int(2)),
            appointment: try columns.id(3), state: try columns.choice(4), since: try columns.instant(5))
    }
}
