import Notation
import PostgresCluster
import Scheduling
import Storage
import TestKit
import Testing

/// Somebody at the database's own prompt.
struct HandTyped {
    let fixture: ClinicFixture
    let engine: Engine
    let appointment: ID<Appointment>

    func type(_ text: String) async throws { try await fixture.execute(text) }

    /// Expects a constraint, by one of these names when there are any.
    func isRefused(_ text: String, _ names: [String]?, sourceLocation: SourceLocation = #_sourceLocation) async {
        do {
            try await type(text)
            Issue.record("was accepted: \(text)", sourceLocation: sourceLocation)
        } catch StorageFault.constraint(let found) {
            #expect(names?.contains(found) ?? true, "\(found): \(text)", sourceLocation: sourceLocation)
        } catch {
            Issue.record("\(error): \(text)", sourceLocation: sourceLocation)
        }
    }

    /// A claim that begins when another does breaks the primary key, too. SQLite asks the trigger first.
    var rulesOfTheSameMoment: [String] { engine == .sqlite ? ["claim_overlap"] : ["claim_overlap", "claim_pkey"] }

    // MARK: Ways to write a claim

    /// Every statement that can make a row and fails when the schema refuses it.
    func insertions(lane: Int, _ from: Int, _ to: Int) -> [String] {
        let columns = "(holder_id, lane, from_at, to_at, appointment_id)"
        let row = row(lane: lane, from, to)
        switch engine {
        case .sqlite:
            let words = ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR ROLLBACK", "INSERT OR FAIL", "REPLACE"]
            return words.map { "\($0) INTO claim \(columns) VALUES (\(row))" }
        case .postgres:
            return [
                "INSERT INTO claim \(columns) VALUES (\(row))",
                "INSERT INTO claim \(columns) SELECT \(row)",
                "WITH new AS (INSERT INTO claim \(columns) VALUES (\(row)) RETURNING 1) SELECT count(*) FROM new",
                """
                MERGE INTO claim USING (VALUES (\(row))) AS new \(columns) ON false WHEN NOT MATCHED THEN
                INSERT \(columns) VALUES (new.holder_id, new.lane, new.from_at, new.to_at, new.appointment_id)
                """,
                "COPY claim \(columns) FROM PROGRAM 'printf \"\(copied(lane: lane, from, to))\"'",
                "DO $$ BEGIN EXECUTE $text$INSERT INTO claim \(columns) VALUES (\(row))$text$; END $$",
                // A replica's session fires no triggers; a constraint holds there, too.
                "SET LOCAL session_replication_role = replica; INSERT INTO claim \(columns) VALUES (\(row))",
            ]
        }
    }

    /// Statements that swallow a refusal: they change nothing and say nothing.
    func silentInsertions(lane: Int, _ from: Int, _ to: Int) -> [String] {
        guard engine == .postgres else { return [] }
        let insertion = insert(lane: lane, from, to)
        return [
            "\(insertion) ON CONFLICT DO NOTHING",
            "\(insertion) ON CONFLICT ON CONSTRAINT claim_overlap DO NOTHING",
            "DO $$ BEGIN \(insertion); EXCEPTION WHEN exclusion_violation OR unique_violation THEN NULL; END $$",
        ]
    }

    func insert(holder: String? = nil, lane: Int, _ from: Int, _ to: Int) -> String {
        """
        INSERT INTO claim (holder_id, lane, from_at, to_at, appointment_id)
        VALUES (\(row(holder: holder, lane: lane, from, to)))
        """
    }

    private func row(holder: String? = nil, lane: Int, _ from: Int, _ to: Int) -> String {
        let holder = holder ?? engine.typed(fixture.plan.practitioner(0))
        return "\(holder), \(lane), \(minute(from)), \(minute(to)), \(engine.typed(appointment))"
    }

    /// The row as `COPY` reads it.
    private func copied(lane: Int, _ from: Int, _ to: Int) -> String {
        ["\(fixture.plan.practitioner(0))", "\(lane)", "\(instant(from))", "\(instant(to))", "\(appointment)"]
            .joined(separator: "\\t")
    }

    /// A minute of the third day as the column has it.
    func minute(_ minute: Int) -> String { engine.typed(instant(minute)) }
    private func instant(_ minute: Int) -> Instant { fixture.plan.time(day: 2, hour: 0, minute: minute) }

    func typed<Subject>(_ id: ID<Subject>) -> String { engine.typed(id) }

    // MARK: Looking

    /// Practitioner, lane and minutes of every claim.
    func expectClaims(_ expected: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await claims()
        #expect(found == expected, sourceLocation: sourceLocation)
    }

    private func claims() async throws -> [String] {
        let rows = try await fixture.database.read { try $0.fetch(HandTypedClaims()) }
        let origin = instant(0)
        return rows.map { row in
            let holder = fixture.plan.practitionerIDs.firstIndex(of: row.holder) ?? -1
            let minutes = [row.from, row.to].map { ($0 - origin).microseconds / 60_000_000 }
            return "\(holder) \(row.lane) \(minutes[0])-\(minutes[1])"
        }
    }

    // MARK: Two prompts

    /// Says SQL to the same database through PostgreSQL's own `psql`, in a session of its own.
    func psql(_ text: String) async throws -> [String] {
        let name = try await fixture.database.read { try $0.first(DatabaseName()) ?? "" }
        return try await PrivateCluster.shared.psql(text, database: name)
    }
}

private struct HandTypedClaims: Query {
    static let sql: SQL = "SELECT holder_id, lane, from_at, to_at FROM claim ORDER BY holder_id, lane, from_at"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (holder: ID<Resource>, lane: Int, from: Instant, to: Instant) {
        (try columns.id(0), try columns.int(1), try columns.instant(2), try columns.instant(3))
    }
}

private struct DatabaseName: Query {
    static let sql = SQL(sqlite: "SELECT 'main'", postgres: "SELECT current_database()::text")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
