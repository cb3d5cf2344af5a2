import Foundation
import PostgresCluster
import Processes
import Notation
import Scheduling
import Secrecy
import TestKit

/// What the file itself says, asked with SQL of its own and held against what the clients were told.
struct Evidence {
    private let file: PlainFile
    private let ledger: Ledger
    private let master: LocalMasterKeys

    /// - Parameters:
    ///   - path: of the database, or of a transcript of it.
    ///   - master: what wraps the clinic's keys: stored answers lie sealed.
    init(_ path: String, _ ledger: Ledger, master: LocalMasterKeys) throws {
        file = try PlainFile(path)
        self.ledger = ledger
        self.master = master
    }

    /// Every appointment is as its client was told last, or, while a request is open, as that request would leave it. And
    /// there is none nobody asked for, or that was refused.
    func nothingLostNothingInvented() throws {
        var rows: [String: [PlainFile.Value]] = [:]
        for row in try file.rows("SELECT id, state, start_at, practitioner_id, version FROM appointment") {
            rows[row[0].string] = row
        }
        for (id, life) in ledger.lives {
            let row = rows.removeValue(forKey: id.description)
            switch (life.last, row) {
            case (nil, nil): break
            case (nil, _?) where life.open != nil: break
            case (nil, _?): ledger.violation("\(id) is there although its booking was refused")
            case (let last?, nil):
                ledger.violation("lost: \(id) was acknowledged as \(last.state), version \(last.version), and is not there")
            case (let last?, let row?): compare(last, row, isOpen: life.open != nil)
            }
        }
        for id in rows.keys { ledger.violation("\(id) is there and nobody asked for it") }
    }

    private func compare(_ last: Acknowledged, _ row: [PlainFile.Value], isOpen: Bool) {
        let found = (row[1].string, row[2].number, row[3].string, row[4].number)
        let told = (last.state, last.start.microseconds, last.practitioner.description, Int64(last.version))
        if found == told || (isOpen && found.3 == told.3 + 1) { return }
        ledger.violation("lost: \(last.appointment) was acknowledged as \(told) and is \(found)")
    }

    /// Looks at the appointments, not at the claims that are to keep them apart: neighbours in time of each person, room and
    /// device, buffers included. And each appointment has its claims, and nobody else's.
    func nobodyIsInTwoPlaces() throws {
        let overlaps = try file.rows(
            """
            WITH busy AS (
                SELECT id, start_at, end_at, practitioner_id, room_id, device_id, patients,
                    CASE WHEN room_id IS NULL THEN 0 ELSE \(CrashClinic.buffers.before) END * 60000000 AS before,
                    CASE WHEN room_id IS NULL THEN 0 ELSE \(CrashClinic.buffers.after) END * 60000000 AS after
                FROM appointment WHERE state NOT IN ('cancelled', 'entered-in-error')),
            taken(holder, id, from_at, to_at) AS (
                SELECT practitioner_id, id, start_at - before, end_at + after FROM busy
                UNION ALL SELECT room_id, id, start_at - before, end_at + after FROM busy WHERE room_id IS NOT NULL
                UNION ALL SELECT device_id, id, start_at - before, end_at + after FROM busy WHERE device_id IS NOT NULL
                UNION ALL SELECT value, busy.id, start_at, end_at FROM busy, json_each(busy.patients)),
            neighbours AS (
                SELECT holder, id, from_at, max(to_at) OVER (PARTITION BY holder ORDER BY from_at, id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until FROM taken)
            SELECT holder, id FROM neighbours WHERE busy_until > from_at LIMIT 10
            """)
        for row in overlaps { ledger.violation("two places at once: \(row[0].string), in \(row[1].string)") }
        let strays = try file.rows(
            """
            SELECT appointment.id, count(claim.holder_id),
                CASE WHEN state IN ('cancelled', 'entered-in-error') THEN 0
                    ELSE 1 + (room_id IS NOT NULL) + (device_id IS NOT NULL) + json_array_length(patients) END AS due
            FROM appointment LEFT JOIN claim ON claim.appointment_id = appointment.id
            GROUP BY appointment.id HAVING count(claim.holder_id) <> due LIMIT 10
            """)
        for row in strays { ledger.violation("\(row[0].string) has \(row[1].number) claims and should have \(row[2].number)") }
    }

    /// Each acknowledged change has one event, one audit entry, one stored answer and its notices; nothing else has. Returns
    /// how many notices there are.
    func everyChangeIsToldOnce() throws -> Int {
        let expected = ledger.lives.compactMapValues { $0.events.isEmpty ? nil : $0.events }
        for (table, subject, kind) in [("event", "appointment_id", "kind"), ("audit", "subject_id", "act")] {
            var found: [String: [String]] = [:]
            // The audit also tells who looked, who asked again, and who was refused.
            let isChange = "\(kind) NOT LIKE 'read.%' AND \(kind) NOT LIKE 'repeated.%' AND \(kind) NOT LIKE 'refused.%'"
            for row in try file.rows("SELECT \(subject), \(kind) FROM \(table) WHERE \(isChange) ORDER BY \(subject), id") {
                found[row[0].string, default: []].append(row[1].string)
            }
            for (id, kinds) in expected where found.removeValue(forKey: id.description) != kinds {
                ledger.violation("\(table): \(id) should have \(kinds)")
            }
            for (id, kinds) in found { ledger.violation("\(table): \(id) has \(kinds) and nobody did that") }
        }
        try answersAreKeptOnce()
        try noticesWentOut()
        for finding in try file.texts("PRAGMA integrity_check") where finding != "ok" {
            ledger.violation("integrity: \(finding)")
        }
        for row in try file.rows("PRAGMA foreign_key_check") { ledger.violation("a row of \(row[0].string) points to nothing") }
        return try file.number("SELECT count(*) FROM notice")
    }

    private func answersAreKeptOnce() throws {
        var kept: [String: [PlainFile.Value]] = [:]
        let answers = try KeptAnswers(fieldKeys(), master: master)
        for var row in try file.rows("SELECT key, status, body, principal FROM idempotency") {
            if case .bytes(let body) = row[2] {
                row[2] = .bytes(answers.body(body, of: row[3].string, under: row[0].string))
            }
            kept[row[0].string] = row
        }
        for answer in ledger.answers {
            let row = kept.removeValue(forKey: answer.deed.key)
            if row?[1] != .integer(Int64(answer.status)) || row?[2] != .bytes(answer.document) {
                ledger.violation("the answer to deed \(answer.deed.number) is not kept as it was given")
            }
        }
        for key in kept.keys { ledger.violation("an answer is kept under \(key), which nobody was given") }
    }

    private func fieldKeys() throws -> [KeptAnswers.Key] {
        try file.rows("SELECT version, clinic_id, master, wrapped FROM data_key WHERE purpose = 'field' AND state <> 'retired'")
            .compactMap { row in
                guard case .bytes(let clinic) = row[1], case .bytes(let wrapped) = row[3] else { return nil }
                return KeptAnswers.Key(version: Int(row[0].number), clinic: clinic, master: row[2].string, wrapped: wrapped)
            }
    }

    /// For each event people are told about, one notice for each patient and one for the practitioner: as many rows on the
    /// one side as on the other, for each appointment, kind and person.
    private func noticesWentOut() throws {
        let differences = try file.rows(
            """
            WITH told(kind, notice) AS (VALUES ('appointment.booked', 'confirmation'), ('appointment.confirmed', 'confirmation'),
                ('appointment.cancelled', 'cancellation'), ('appointment.rescheduled', 'move'), ('appointment.expired', 'expiry')),
            people(appointment, notice, person) AS (
                SELECT lower(hex(appointment_id)), notice, replace(json_extract(payload, '$.practitioner'), '-', '')
                FROM event JOIN told USING (kind)
                UNION ALL SELECT lower(hex(appointment_id)), notice, replace(value, '-', '')
                FROM event JOIN told USING (kind), json_each(payload, '$.patients')),
            due AS (SELECT appointment, notice, person, count(*) AS times FROM people GROUP BY 1, 2, 3),
            sent AS (
                SELECT lower(hex(appointment_id)) AS appointment, kind AS notice, lower(hex(recipient_id)) AS person, count(*) AS times
                FROM notice GROUP BY 1, 2, 3)
            SELECT * FROM (SELECT * FROM due EXCEPT SELECT * FROM sent)
            UNION ALL SELECT * FROM (SELECT * FROM sent EXCEPT SELECT * FROM due) LIMIT 10
            """)
        for row in differences {
            ledger.violation(
                "notices: \(row[1].string) of \(row[0].string) to \(row[2].string), \(row[3].number) times on one side only")
        }
    }

    /// Waits until nothing that is due is left. Messages claimed by a server that died wait for the end of its lease.
    /// Returns the seconds it took.
    static func delivered(_ stage: Stage) async throws -> Double { try await delivered { try await due(stage) } }

    /// The same, with `due` to count them.
    static func delivered(_ due: () async throws -> Int) async throws -> Double {
        let start = ContinuousClock.now
        while try await due() > 0 {
            guard ContinuousClock.now - start < .seconds(150) else { throw ProcessFault("the outbox does not become empty") }
            try await Task.sleep(for: .milliseconds(100))
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }

    static let dueOnPostgres =
        "SELECT count(*) FROM outbox WHERE state = 'running' OR (state = 'ready' AND available_at <= now())"

    private static func due(_ stage: Stage) async throws -> Int {
        if let cluster = stage.cluster, let database = stage.database {
            return try await cluster.psql(dueOnPostgres, database: database.name).first.flatMap { Int($0) } ?? 0
        }
        return try PlainFile(stage.house.databasePath).number(
            """
            SELECT count(*) FROM outbox WHERE state = 'running' OR (state = 'ready' AND available_at <= \
            \(Int64(Date().timeIntervalSince1970 * 1_000_000)))
            """)
    }
}
