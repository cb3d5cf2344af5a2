import Notation
import Scheduling
import Storage
import TestKit
import Testing

extension Promises {
    /// MA-4: the constraint holds for every writer, hand-typed SQL included. Nothing of the clinic's rules is asked here.
    @Suite struct TheSchemaRefuses {
        private static let plan = ClinicPlan {
            $0.practitioners = 2
            $0.lanes = 2
        }

        /// A clinic in which practitioner 0 is claimed from 9:00 to 10:00 in lane 0, by an appointment of 9:00 to 9:30.
        private func withClaim(_ engine: Engine, _ body: (HandTyped) async throws -> Void) async throws {
            try await ClinicFixture.open(engine, Self.plan) { fixture in
                let told = try #require(await fixture.book(at: fixture.plan.time(day: 2, hour: 9)).told)
                let hand = HandTyped(fixture: fixture, appointment: told.id)
                try await hand.type("DELETE FROM claim")
                try await hand.type(hand.insert(lane: 0, 540, 600))
                try await body(hand)
            }
        }

        static let overlapping: [(Int, Int)] = [
            (540, 600), (530, 550), (590, 610), (550, 560), (500, 700), (539, 541), (599, 601),
        ]
        static let words = ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR ROLLBACK", "INSERT OR FAIL", "REPLACE"]

        @Test(arguments: Engine.allCases, words)
        func `no kind of insert takes a claimed time`(engine: Engine, word: String) async throws {
            try await withClaim(engine) { hand in
                for (from, to) in Self.overlapping {
                    await hand.isRefused(hand.insert(word, lane: 0, from, to), "claim_overlap")
                }
                try await hand.expectClaims(["0 0 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `an upsert neither takes a claimed time nor stretches a claim over another`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                let upsert = " ON CONFLICT (holder_id, from_at, lane) DO UPDATE SET to_at = excluded.to_at"
                await hand.isRefused(hand.insert(lane: 0, 540, 630) + upsert, "claim_overlap")
                await hand.isRefused(hand.insert(lane: 0, 550, 630) + " ON CONFLICT DO NOTHING", "claim_overlap")
                try await hand.expectClaims(["0 0 540-600"])
            }
        }

        @Test(arguments: Engine.allCases, ["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"])
        func `no kind of update moves a claim onto another`(engine: Engine, word: String) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 0, 660, 720))
                try await hand.type(hand.insert(lane: 1, 540, 600))
                let later = "WHERE lane = 0 AND from_at = \(hand.minute(660))"
                await hand.isRefused(
                    "\(word) claim SET from_at = \(hand.minute(540)), to_at = \(hand.minute(600)) \(later)", "claim_overlap")
                await hand.isRefused("\(word) claim SET from_at = \(hand.minute(590)) \(later)", "claim_overlap")
                await hand.isRefused(
                    "\(word) claim SET to_at = \(hand.minute(661)) WHERE lane = 0 AND from_at = \(hand.minute(540))",
                    "claim_overlap")
                await hand.isRefused("\(word) claim SET lane = 0 WHERE lane = 1", "claim_overlap")
                try await hand.expectClaims(["0 0 540-600", "0 0 660-720", "0 1 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `an update of many claims at once is refused when two would meet`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 1, 570, 630))
                await hand.isRefused("UPDATE claim SET lane = 0", "claim_overlap")
                await hand.isRefused(
                    "UPDATE claim SET from_at = \(hand.minute(500)), to_at = \(hand.minute(510)), lane = 1", "claim_overlap")
                try await hand.expectClaims(["0 0 540-600", "0 1 570-630"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `there is no lane beyond a resource's lanes`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                await hand.isRefused(hand.insert(lane: 2, 700, 760), "claim_lane")
                await hand.isRefused("UPDATE claim SET lane = 2", "claim_lane")
                await hand.isRefused(hand.insert(lane: -1, 700, 760), nil)
                try await hand.expectClaims(["0 0 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a patient has one lane`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                let patient = hand.blob(Self.plan.patient(0))
                await hand.isRefused(hand.insert(holder: patient, lane: 1, 540, 600), "claim_lane")
                try await hand.type(hand.insert(holder: patient, lane: 0, 540, 600))
                await hand.isRefused(hand.insert(holder: patient, lane: 0, 570, 630), "claim_overlap")
                await hand.isRefused("UPDATE claim SET holder_id = \(patient), lane = 1", "claim_lane")
            }
        }

        static let shrinking = [
            "UPDATE resource SET lanes = 1, lanes_offered = 1 WHERE id = $0",
            "UPDATE OR REPLACE resource SET lanes = 1, lanes_offered = 1 WHERE id = $0",
            """
            INSERT INTO resource SELECT id, kind, name, location_id, 1, 1, specialty, tags, maximum_per_day, active, version
            FROM resource WHERE id = $0 ON CONFLICT (id) DO UPDATE SET lanes = 1, lanes_offered = 1
            """,
            """
            INSERT OR REPLACE INTO resource SELECT id, kind, name, location_id, 1, 1, specialty, tags, maximum_per_day, active,
            version FROM resource WHERE id = $0
            """,
        ]

        @Test(arguments: Engine.allCases, shrinking)
        func `a resource keeps the lanes that are claimed`(engine: Engine, text: String) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 1, 540, 600))
                await hand.isRefused(text.replacing("$0", with: hand.blob(Self.plan.practitioner(0))), "claim_lane")
            }
        }

        @Test(arguments: Engine.allCases, shrinking)
        func `a resource gives up lanes nobody has claimed`(engine: Engine, text: String) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(text.replacing("$0", with: hand.blob(Self.plan.practitioner(0))))
                await hand.isRefused(hand.insert(lane: 1, 540, 600), "claim_lane")
            }
        }

        @Test(arguments: Engine.allCases)
        func `neighbours touch, and other lanes and other people do not mind`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 0, 600, 660))
                try await hand.type(hand.insert(lane: 0, 480, 540))
                try await hand.type(hand.insert(lane: 1, 500, 700))
                try await hand.type(hand.insert(holder: hand.blob(Self.plan.practitioner(1)), lane: 0, 500, 700))
                await hand.isRefused(hand.insert(lane: 0, 539, 541), "claim_overlap")
                try await hand.expectClaims(["0 0 480-540", "0 0 540-600", "0 0 600-660", "0 1 500-700", "1 0 500-700"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a claim has a length, and none that reaches past where overlaps are looked for`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                await hand.isRefused(hand.insert(lane: 0, 700, 700), nil)
                await hand.isRefused(hand.insert(lane: 0, 700, 690), nil)
                await hand.isRefused(hand.insert(lane: 0, 700, 700 + 48 * 60 + 1), nil)
                try await hand.type(hand.insert(lane: 0, 700, 700 + 48 * 60))
                await hand.isRefused(hand.insert(lane: 0, 699 + 48 * 60, 710 + 48 * 60), "claim_overlap")
            }
        }
    }
}

/// Somebody at the database's own prompt.
private struct HandTyped {
    let fixture: ClinicFixture
    let appointment: ID<Appointment>

    func type(_ text: String) async throws { try await fixture.execute(text) }

    /// Expects a constraint, by its name when one is given.
    func isRefused(_ text: String, _ name: String?) async {
        do {
            try await type(text)
            Issue.record("was accepted: \(text)")
        } catch StorageFault.constraint(let found) {
            #expect(name == nil || found == name, "\(text)")
        } catch {
            Issue.record("\(error): \(text)")
        }
    }

    func insert(_ word: String = "INSERT", holder: String? = nil, lane: Int, _ from: Int, _ to: Int) -> String {
        """
        \(word) INTO claim (holder_id, lane, from_at, to_at, appointment_id)
        VALUES (\(holder ?? blob(fixture.plan.practitioner(0))), \(lane), \(minute(from)), \(minute(to)), \(blob(appointment)))
        """
    }

    /// A minute of the third day as the column has it.
    func minute(_ minute: Int) -> Int64 { fixture.plan.time(day: 2, hour: 0, minute: minute).microseconds }

    func blob<Subject>(_ id: ID<Subject>) -> String { "x'\(id.description.filter { $0 != "-" })'" }

    /// Practitioner, lane and minutes of every claim.
    func expectClaims(_ expected: [String]) async throws {
        let found = try await claims()
        #expect(found == expected)
    }

    private func claims() async throws -> [String] {
        let rows = try await fixture.database.read { try $0.fetch(HandTypedClaims()) }
        let origin = minute(0)
        return rows.map { row in
            let holder = fixture.plan.practitionerIDs.firstIndex(of: row.holder) ?? -1
            return "\(holder) \(row.lane) \((row.from - origin) / 60_000_000)-\((row.to - origin) / 60_000_000)"
        }
    }
}

private struct HandTypedClaims: Query {
    static let sql: SQL = "SELECT holder_id, lane, from_at, to_at FROM claim ORDER BY holder_id, lane, from_at"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (holder: ID<Resource>, lane: Int, from: Int64, to: Int64) {
        (try columns.id(0), try columns.int(1), try columns.integer(2), try columns.integer(3))
    }
}
