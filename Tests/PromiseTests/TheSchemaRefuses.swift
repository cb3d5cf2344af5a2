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
                let hand = HandTyped(fixture: fixture, engine: engine, appointment: told.id)
                try await hand.type("DELETE FROM claim")
                try await hand.type(hand.insert(lane: 0, 540, 600))
                try await body(hand)
            }
        }

        static let overlapping: [(Int, Int)] = [
            (530, 550), (590, 610), (550, 560), (500, 700), (539, 541), (599, 601),
        ]

        @Test(arguments: Engine.allCases)
        func `no kind of insert takes a claimed time`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                for (from, to) in Self.overlapping {
                    for text in hand.insertions(lane: 0, from, to) { await hand.isRefused(text, ["claim_overlap"]) }
                    for text in hand.silentInsertions(lane: 0, from, to) { try await hand.type(text) }
                }
                for text in hand.insertions(lane: 0, 540, 600) { await hand.isRefused(text, hand.rulesOfTheSameMoment) }
                try await hand.expectClaims(["0 0 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `negative control: with the constraint dropped, hand-typed SQL takes a claimed time`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.fixture.execute(Unguarded.sql)
                try await hand.type(hand.insert(lane: 0, 550, 560))
                try await hand.expectClaims(["0 0 540-600", "0 0 550-560"])
                let violations = try await hand.fixture.violations()
                #expect(violations.contains { $0.promise == .neverDoubleBooked })
            }
        }

        @Test(arguments: Engine.allCases)
        func `an upsert neither takes a claimed time nor stretches a claim over another`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 0, 620, 640))
                let upsert = " ON CONFLICT (holder_id, from_at, lane) DO UPDATE SET to_at = excluded.to_at"
                await hand.isRefused(hand.insert(lane: 0, 540, 630) + upsert, ["claim_overlap"])
                await hand.isRefused(hand.insert(lane: 0, 550, 630) + upsert, ["claim_overlap"])
                if engine == .sqlite {
                    await hand.isRefused(hand.insert(lane: 0, 550, 630) + " ON CONFLICT DO NOTHING", ["claim_overlap"])
                }
                try await hand.expectClaims(["0 0 540-600", "0 0 620-640"])
            }
        }

        static let updates: [Engine: [String]] = [
            .sqlite: ["UPDATE claim", "UPDATE OR REPLACE claim", "UPDATE OR IGNORE claim"],
            .postgres: ["UPDATE claim", "UPDATE ONLY claim", "SET LOCAL session_replication_role = replica; UPDATE claim"],
        ]

        @Test(arguments: Engine.allCases)
        func `no kind of update moves a claim onto another`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 0, 660, 720))
                try await hand.type(hand.insert(lane: 1, 540, 600))
                let later = "WHERE lane = 0 AND from_at = \(hand.minute(660))"
                for word in Self.updates[engine] ?? [] {
                    await hand.isRefused(
                        "\(word) SET from_at = \(hand.minute(541)), to_at = \(hand.minute(600)) \(later)", ["claim_overlap"])
                    await hand.isRefused("\(word) SET from_at = \(hand.minute(540)) \(later)", hand.rulesOfTheSameMoment)
                    await hand.isRefused("\(word) SET from_at = \(hand.minute(590)) \(later)", ["claim_overlap"])
                    await hand.isRefused(
                        "\(word) SET to_at = \(hand.minute(661)) WHERE lane = 0 AND from_at = \(hand.minute(540))",
                        ["claim_overlap"])
                    await hand.isRefused("\(word) SET lane = 0 WHERE lane = 1", hand.rulesOfTheSameMoment)
                }
                try await hand.expectClaims(["0 0 540-600", "0 0 660-720", "0 1 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `an update of many claims at once is refused when two would meet`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 1, 570, 630))
                await hand.isRefused("UPDATE claim SET lane = 0", ["claim_overlap"])
                await hand.isRefused(
                    "UPDATE claim SET from_at = \(hand.minute(500)), to_at = \(hand.minute(510)), lane = 1",
                    hand.rulesOfTheSameMoment)
                try await hand.expectClaims(["0 0 540-600", "0 1 570-630"])
            }
        }

        /// Two people at two prompts: the one who comes second waits until the first is done, and is refused then.
        @Test func `of two transactions that write at once, one gets the time`() async throws {
            try await withClaim(.postgres) { hand in
                let outcomes = try await hand.outcomes(
                    of: hand.insert(lane: 1, 540, 600), waitedForBy: hand.insert(lane: 1, 570, 630))
                #expect(outcomes.0 == nil)
                #expect(outcomes.1?.contains("claim_overlap") == true)
                try await hand.expectClaims(["0 0 540-600", "0 1 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `there is no lane beyond a resource's lanes`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                await hand.isRefused(hand.insert(lane: 2, 700, 760), ["claim_lane"])
                await hand.isRefused("UPDATE claim SET lane = 2", ["claim_lane"])
                await hand.isRefused(hand.insert(lane: -1, 700, 760), nil)
                try await hand.expectClaims(["0 0 540-600"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a patient has one lane`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                let patient = hand.typed(Self.plan.patient(0))
                await hand.isRefused(hand.insert(holder: patient, lane: 1, 540, 600), ["claim_lane"])
                try await hand.type(hand.insert(holder: patient, lane: 0, 540, 600))
                await hand.isRefused(hand.insert(holder: patient, lane: 0, 570, 630), ["claim_overlap"])
                await hand.isRefused("UPDATE claim SET holder_id = \(patient), lane = 1", ["claim_lane"])
            }
        }

        static let shrinking: [Engine: [String]] = [
            .sqlite: [
                "UPDATE resource SET lanes = 1, lanes_offered = 1 WHERE id = $0",
                "UPDATE OR REPLACE resource SET lanes = 1, lanes_offered = 1 WHERE id = $0",
                upsertOfOneLane,
                "INSERT OR REPLACE INTO resource \(sameWithOneLane)",
            ],
            .postgres: [
                "UPDATE resource SET lanes = 1, lanes_offered = 1 WHERE id = $0",
                upsertOfOneLane,
                """
                MERGE INTO resource USING (SELECT $0 AS id) AS new ON resource.id = new.id
                WHEN MATCHED THEN UPDATE SET lanes = 1, lanes_offered = 1
                """,
            ],
        ]
        private static let sameWithOneLane = """
            SELECT id, kind, name, location_id, 1, 1, specialty, tags, maximum_per_day, active, version, provider
            FROM resource WHERE id = $0
            """
        private static let upsertOfOneLane = """
            INSERT INTO resource \(sameWithOneLane) ON CONFLICT (id) DO UPDATE SET lanes = 1, lanes_offered = 1
            """

        @Test(arguments: Engine.allCases)
        func `a resource keeps the lanes that are claimed`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 1, 540, 600))
                for text in Self.shrinking[engine] ?? [] {
                    await hand.isRefused(text.replacing("$0", with: hand.typed(Self.plan.practitioner(0))), ["claim_lane"])
                }
            }
        }

        @Test(arguments: Engine.allCases)
        func `a resource gives up lanes nobody has claimed`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                let practitioner = hand.typed(Self.plan.practitioner(0))
                for text in Self.shrinking[engine] ?? [] {
                    try await hand.type(text.replacing("$0", with: practitioner))
                    await hand.isRefused(hand.insert(lane: 1, 540, 600), ["claim_lane"])
                    try await hand.type("UPDATE resource SET lanes = 2 WHERE id = \(practitioner)")
                }
            }
        }

        /// A claim on a lane, and the removal of that lane by somebody who does not see it yet.
        @Test(arguments: [true, false])
        func `a lane is not taken away while somebody takes it`(claimComesFirst: Bool) async throws {
            try await withClaim(.postgres) { hand in
                let claim = hand.insert(lane: 1, 540, 600)
                let removal =
                    "UPDATE resource SET lanes = 1, lanes_offered = 1 WHERE id = \(hand.typed(Self.plan.practitioner(0)))"
                let (first, second) = claimComesFirst ? (claim, removal) : (removal, claim)
                let outcomes = try await hand.outcomes(of: first, waitedForBy: second)
                #expect(outcomes.0 == nil)
                #expect(outcomes.1?.contains("claim_lane") == true)
            }
        }

        @Test(arguments: Engine.allCases)
        func `neighbours touch, and other lanes and other people do not mind`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                try await hand.type(hand.insert(lane: 0, 600, 660))
                try await hand.type(hand.insert(lane: 0, 480, 540))
                try await hand.type(hand.insert(lane: 1, 500, 700))
                try await hand.type(hand.insert(holder: hand.typed(Self.plan.practitioner(1)), lane: 0, 500, 700))
                await hand.isRefused(hand.insert(lane: 0, 539, 541), ["claim_overlap"])
                try await hand.expectClaims(["0 0 480-540", "0 0 540-600", "0 0 600-660", "0 1 500-700", "1 0 500-700"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a claim has a length, and none that reaches past where overlaps are looked for`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                await hand.isRefused(hand.insert(lane: 0, 700, 700), nil)
                await hand.isRefused(hand.insert(lane: 0, 700, 700 + 48 * 60 + 1), nil)
                try await hand.type(hand.insert(lane: 0, 700, 700 + 48 * 60))
                await hand.isRefused(hand.insert(lane: 0, 699 + 48 * 60, 710 + 48 * 60), ["claim_overlap"])
            }
        }

        @Test(arguments: Engine.allCases)
        func `a claim that ends before it begins is none`(engine: Engine) async throws {
            try await withClaim(engine) { hand in
                await hand.isRefused(hand.insert(lane: 0, 700, 690), nil)
                try await hand.expectClaims(["0 0 540-600"])
            }
        }
    }
}

extension HandTyped {
    /// What `psql` said against it; nil when it was done.
    func outcome(_ text: String) async -> String? {
        do {
            _ = try await psql(text)
            return nil
        } catch { return "\(error)" }
    }

    /// What becomes of two transactions of which the second waits for the first: somebody else keeps the first from
    /// committing until it does.
    func outcomes(of first: String, waitedForBy second: String) async throws -> (String?, String?) {
        let (isHeld, mayEnd) = (Gate(), Gate())
        async let holding: Void = fixture.database.doing(.background).write { transaction in
            try transaction.execute("SELECT pg_advisory_xact_lock(1)")
            isHeld.open()
            mayEnd.hold()
        }
        await isHeld.pass()
        async let early = outcome("\(first); SELECT pg_advisory_lock(1)")
        try await waits(1, for: "advisory")
        async let late = outcome(second)
        try await waits(1, for: "transactionid")
        mayEnd.open()
        try await holding
        return await (early, late)
    }

    /// Returns when so many sessions of this database wait for a lock of this kind.
    func waits(_ count: Int, for kind: String) async throws {
        let waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE NOT granted AND locktype = '\(kind)' AND datname = current_database()
            """
        while try await psql(waiting) != ["\(count)"] {}
    }
}
