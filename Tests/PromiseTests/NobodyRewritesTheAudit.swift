import Notation
import Scheduling
import Sealing
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// MA-9, HB-6: what was recorded stays as it was recorded, or whoever looks sees who has been at it.
    @Suite struct NobodyRewritesTheAudit {
        /// Three seals over nine bookings and what went before them.
        private struct Trail {
            let fixture: ClinicFixture
            let engine: Engine
            let key = SealKey(secret: Array(repeating: 7, count: 32))!

            func book(_ count: Int, onDay day: Int) async throws {
                for hour in 0..<count {
                    #expect(await fixture.book(patient: hour, at: fixture.plan.time(day: day, hour: 9 + hour)).told != nil)
                }
            }

            @discardableResult func seal(with other: SealKey? = nil) async throws -> Seal? {
                try await fixture.clinic.sealAudit(with: other ?? key)
            }

            func report(anchors: [Seal] = [], trusting others: [SealKey] = []) async throws -> AuditReport {
                try await AuditVerifier(fixture.database, trusting: [key.publicKey] + others.map(\.publicKey))
                    .verify(anchors: anchors.map { Anchor($0).line })
            }

            func flaws(anchors: [Seal] = []) async throws -> [AuditFlaw] { try await report(anchors: anchors).flaws }

            /// What only the database's owner can do.
            func takeTheTriggersAway() async throws { try await fixture.execute(Unguarded.audit) }
        }

        private func withTrail(_ engine: Engine, _ body: (Trail) async throws -> Void) async throws {
            try await ClinicFixture.open(engine, ClinicPlan { $0.patients = 6 }) { fixture in
                let trail = Trail(fixture: fixture, engine: engine)
                for day in 2...4 {
                    try await trail.book(3, onDay: day)
                    try await trail.seal()
                }
                try await body(trail)
            }
        }

        @Test(arguments: Engine.allCases) func `a trail nobody has touched has no flaw, and nothing is sealed twice`(
            engine: Engine
        )
            async throws
        {
            try await withTrail(engine) { trail in
                let report = try await trail.report()
                #expect(report.flaws == [])
                #expect(report.seals == 3 && report.records >= 9 && report.waiting == 0)
                #expect(try await trail.seal() == nil)
                try await trail.book(2, onDay: 5)
                #expect(try await trail.report().waiting == 2)
                let anchors = try #require(try await trail.seal())
                #expect(anchors.number == 4 && anchors.count == 2)
                let after = try await trail.report(anchors: [anchors])
                #expect(after.flaws == [] && after.records == report.records + 2 && after.anchors == 1)
                try await trail.fixture.keepsEveryPromise()
            }
        }

        private static let rewriting: [Engine: [String]] = [
            .sqlite: [
                "UPDATE audit SET by = 'nobody'", "UPDATE OR REPLACE audit SET by = 'nobody'", "DELETE FROM audit",
                "INSERT OR REPLACE INTO audit SELECT * FROM audit", "REPLACE INTO audit SELECT * FROM audit",
                "UPDATE audit_seal SET at = at + 1", "DELETE FROM audit_seal",
                "INSERT OR REPLACE INTO audit_seal SELECT * FROM audit_seal",
            ],
            .postgres: [
                "UPDATE audit SET by = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "TRUNCATE audit, audit_seal",
                "WITH gone AS (DELETE FROM audit RETURNING 1) SELECT count(*) FROM gone",
                "UPDATE audit_seal SET at = at + interval '1 second'", "DELETE FROM audit_seal", "TRUNCATE audit_seal",
            ],
        ]

        @Test(arguments: Engine.allCases) func `hand-typed SQL adds to the trail and changes nothing in it`(engine: Engine)
            async throws
        {
            try await withTrail(engine) { trail in
                let before = try await trail.report()
                for text in Self.rewriting[engine] ?? [] {
                    do {
                        try await trail.fixture.execute(text)
                        Issue.record("was accepted: \(text)")
                    } catch StorageFault.constraint(let name) { #expect(name == "audit_append_only", "\(text)") }
                }
                let after = try await trail.report()
                #expect(after.flaws == [] && after.records == before.records)
            }
        }

        @Test(arguments: Engine.allCases)
        func `a reason that was edited is named, and one that was erased leaves the trail whole`(
            engine: Engine
        ) async throws {
            try await withTrail(engine) { trail in
                let (fixture, plan) = (trail.fixture, trail.fixture.plan)
                let off = plan.time(day: 6, hour: 9, minute: 5)
                #expect(await fixture.book(patient: 1, at: off, overrideReason: "no other time", by: plan.desk()).told != nil)
                try await trail.seal()
                #expect(try await trail.flaws() == [])
                try await fixture.execute("UPDATE audit_reason SET reason = 'because'")
                let flaws = try await trail.flaws()
                #expect(flaws.count == 1 && flaws.allSatisfy { if case .reasonEdited = $0 { true } else { false } }, "\(flaws)")
                try await fixture.execute("DELETE FROM audit_reason")
                #expect(try await trail.flaws() == [])
            }
        }

        @Test(arguments: Engine.allCases) func `an edited record is named`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                try await trail.takeTheTriggersAway()
                for (column, value) in [
                    ("by", "'desk:nobody'"), ("act", "'appointment.noshow'"), ("reason", "'because'"), ("request_id", "''"),
                    ("role", "'admin'"), ("role", "NULL"), ("purpose", "'BTG'"), ("address", "'::1'"), ("operation", "'nothing'"),
                    ("outcome", "'unknown'"), ("patients", "'[]'"), ("query", "'everybody'"),
                    ("to_state", "NULL"), ("from_state", "'cancelled'"), ("overridden", "'[\"hours\"]'"),
                    ("at", engine == .sqlite ? "at + 1" : "at + interval '1 microsecond'"),
                ] {
                    try await trail.fixture.execute("CREATE TABLE was AS SELECT * FROM audit")
                    try await trail.fixture.execute("UPDATE audit SET \(column) = \(value) WHERE id = \(Self.someRecord)")
                    let flaws = try await trail.flaws()
                    guard case .recordEdited(_, _, let seal) = flaws.first, flaws.count == 1 else {
                        Issue.record("\(column): \(flaws)")
                        continue
                    }
                    #expect((1...3).contains(seal))
                    try await trail.fixture.execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM was; DROP TABLE was")
                    #expect(try await trail.flaws() == [])
                }
            }
        }

        private static let someRecord = "(SELECT id FROM audit ORDER BY id DESC LIMIT 1)"

        @Test(arguments: Engine.allCases) func `a deleted record is named, sealed or not`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                try await trail.book(1, onDay: 5)
                try await trail.takeTheTriggersAway()
                try await trail.fixture.execute("DELETE FROM audit WHERE id = \(Self.someRecord)")
                let unsealed = try await trail.flaws()
                guard case .recordDeleted(_, _, seal: nil) = unsealed.first, unsealed.count == 1 else {
                    Issue.record("\(unsealed)")
                    return
                }
                // It is not sealed over, either.
                #expect(try await trail.seal() == nil)
                try await trail.fixture.execute("DELETE FROM audit WHERE id = \(Self.someRecord)")
                let both = try await trail.flaws()
                #expect(both.count == 2)
                #expect(both.contains { if case .recordDeleted(_, _, seal: 3) = $0 { true } else { false } }, "\(both)")
            }
        }

        @Test(arguments: Engine.allCases) func `a record that was slipped in is named`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                let id: ID<AuditEntry> = ID(high: 1, low: 2)
                try await trail.fixture.execute(
                    """
                    INSERT INTO audit (subject_id, id, at, by, act, request_id)
                    SELECT subject_id, \(engine == .sqlite ? "x'" + "00000000000000010000000000000002" + "'" : "'\(id)'"), at, by, act,
                    request_id FROM audit WHERE id = \(Self.someRecord)
                    """)
                let flaws = try await trail.flaws()
                guard case .recordSlippedIn(let found, _) = flaws.first, flaws.count == 1 else {
                    Issue.record("\(flaws)")
                    return
                }
                #expect(found == id)
            }
        }

        @Test(arguments: Engine.allCases) func `records that changed places are named`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                try await trail.takeTheTriggersAway()
                try await trail.fixture.execute(
                    "CREATE TABLE pair AS SELECT id, subject_id, row_number() OVER (ORDER BY id) AS n FROM audit")
                func of(_ number: Int, _ column: String = "id") -> String { "(SELECT \(column) FROM pair WHERE n = \(number))" }
                for column in ["subject_id", "id"] {
                    try await trail.fixture.execute("CREATE TABLE was AS SELECT * FROM audit")
                    try await trail.fixture.execute(
                        """
                        UPDATE audit SET \(column) = CASE WHEN id = \(of(2)) THEN \(of(6, column)) ELSE \(of(2, column)) END
                        WHERE id IN (\(of(2)), \(of(6)))
                        """)
                    let flaws = try await trail.flaws()
                    #expect(flaws.count >= 2, "\(column): \(flaws)")
                    try await trail.fixture.execute("DELETE FROM audit; INSERT INTO audit SELECT * FROM was; DROP TABLE was")
                    #expect(try await trail.flaws() == [])
                }
            }
        }

        @Test(arguments: Engine.allCases) func `seals in another order are broken`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                try await trail.takeTheTriggersAway()
                for (from, to) in [(1, 9), (2, 1), (9, 2)] {
                    try await trail.fixture.execute("UPDATE audit_seal SET number = \(to) WHERE number = \(from)")
                }
                let flaws = try await trail.flaws()
                #expect(flaws.contains(.sealBroken(1)) && flaws.contains(.sealBroken(2)), "\(flaws)")
            }
        }

        @Test(arguments: Engine.allCases) func `a seal that was taken out of the middle is missed`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                try await trail.takeTheTriggersAway()
                try await trail.fixture.execute("DELETE FROM audit_seal WHERE number = 2")
                let flaws = try await trail.flaws()
                #expect(flaws.first == .sealMissing(2), "\(flaws)")
                #expect(flaws.filter { if case .recordSlippedIn = $0 { true } else { false } }.count == 3)
            }
        }

        /// The end of a history leaves no gap. Only somebody who has kept how far it went can tell.
        @Test(arguments: Engine.allCases)
        func `an end that was cut off, and an old backup that went on, show against an anchor kept elsewhere`(engine: Engine)
            async throws
        {
            try await withTrail(engine) { trail in
                let first = try #require(try await trail.fixture.database.read { try $0.fetch(SealRows()) }.first)
                try await trail.book(2, onDay: 5)
                let kept = try #require(try await trail.seal())
                try await trail.takeTheTriggersAway()
                try await trail.fixture.execute("DELETE FROM audit_seal WHERE number = 4")
                try await trail.fixture.execute(
                    "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id DESC LIMIT 2)")
                #expect(try await trail.flaws() == [], "without an anchor nobody can know")
                #expect(try await trail.flaws(anchors: [kept]) == [.historyCutOff(at: 3, anchored: 4)])
                try await trail.book(1, onDay: 6)
                try await trail.seal()
                #expect(try await trail.flaws(anchors: [kept]) == [.historyReplaced(at: 4)])
                #expect(first == 1)
            }
        }

        private struct SealRows: Query {
            static let sql: SQL = "SELECT number FROM audit_seal ORDER BY number"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> Int { try columns.int(0) }
        }

        /// Whoever owns the database and knows the program can make a history that fits together, but not sign it.
        @Test(arguments: Engine.allCases) func `a history sealed anew with another key is a stranger's`(engine: Engine)
            async throws
        {
            try await withTrail(engine) { trail in
                let stranger = SealKey(secret: Array(repeating: 9, count: 32))!
                try await trail.takeTheTriggersAway()
                try await trail.fixture.execute("UPDATE audit SET by = 'desk:nobody'")
                try await trail.fixture.execute("DELETE FROM audit_seal")
                try await trail.fixture.execute("INSERT INTO audit_unsealed (id, subject_id) SELECT id, subject_id FROM audit")
                try await trail.seal(with: stranger)
                #expect(try await trail.flaws() == [.sealOfAStranger(1, publicKey: stranger.publicKey)])
                // The check of the check: who trusts the stranger sees nothing.
                #expect(try await trail.report(trusting: [stranger]).flaws == [])
            }
        }

        @Test(arguments: Engine.allCases) func `two nodes that seal at once seal each record once`(engine: Engine) async throws {
            try await withTrail(engine) { trail in
                for day in 5...8 {
                    try await trail.book(3, onDay: day)
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 1...4 { group.addTask { _ = try? await trail.seal() } }
                    }
                }
                while try await trail.seal() != nil {}
                let report = try await trail.report()
                #expect(report.flaws == [] && report.waiting == 0)
            }
        }

        @Test func `rubbish among the anchors is told by its line`() async throws {
            try await withTrail(.sqlite) { trail in
                let verifier = AuditVerifier(trail.fixture.database, trusting: [trail.key.publicKey])
                let report = try await verifier.verify(anchors: ["", "{}", "  ", "not JSON"])
                #expect(report.flaws == [.anchorForged(line: 2), .anchorForged(line: 4)])
            }
        }
    }
}
