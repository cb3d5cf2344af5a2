import Foundation
import Storage
import StorageSQLite
import Testing
import Workflows

/// How SQLite finds the rows of every statement (MA-2), so that page 1,000 costs what page 1 costs (MA-6).
@Suite struct ThePlans {
    static let lists = ["AppointmentsOfPatient", "AppointmentsOfPractitioner", "AppointmentsOfDay", "AuditOf", "NoticesOf", "NoticesAfter", "OverdueHolds"]

    @Test func `read no growing table from end to end`() async throws {
        let workshop = try await Workshop()
        for statement in WorkflowQueries.catalogue {
            let mistakes = try await mistakes(in: statement, on: workshop.database)
            // A look at everything is what `mediconnect check` is for; nobody waits for it.
            let isForTheCommandLine = WorkflowQueries.checks.contains { $0 == statement }
            #expect(mistakes.isEmpty || isForTheCommandLine, "\(statement): \(mistakes)")
        }
    }

    @Test func `would be found out: without an index the same look fails`() async throws {
        for (index, statements) in [
            ("appointment_of_practitioner", ["AppointmentsOfPractitioner", "AppointmentCount", "StartsFrom"]),
            ("appointment_of_day", ["AppointmentsOfDay"]), ("appointment_held", ["OverdueHolds"]),
            ("claim_of_appointment", ["ClaimsOfAppointment", "DeleteClaims"]), ("notice_of_recipient", ["NoticesOf"]),
            ("idempotency_expiry", ["ForgetExpiredAttempts"]),
        ] {
            let workshop = try await Workshop()
            try await workshop.database.write { try $0.execute(SQL("DROP INDEX \(index)")) }
            for statement in WorkflowQueries.catalogue where statements.contains("\(statement)") {
                let mistakes = try await mistakes(in: statement, on: workshop.database)
                #expect(!mistakes.isEmpty, "\(statement) does not need \(index)")
            }
        }
    }

    @Test func `are looked at for every statement there is`() throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources/Workflows").standardized
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        var written: Set<String> = []
        for file in files where file.pathExtension == "swift" {
            for match in try String(contentsOf: file, encoding: .utf8).matches(of: #/(?:struct|class|enum) (\w+)[^{\n]*: [^{\n]*\b(?:Query|Command)\b/#) {
                written.insert(String(match.1))
            }
        }
        #expect(written.count > 40)
        #expect(written == Set(WorkflowQueries.catalogue.map { "\($0)" }))
        #expect(WorkflowQueries.catalogue.count == written.count, "none stands twice")
    }

    @Test func `skip nothing: no statement counts its way to a page`() {
        for statement in WorkflowQueries.catalogue { #expect(!statement.sql.sqlite.contains("OFFSET") && !statement.sql.postgres.contains("OFFSET")) }
    }

    @Test func `cover every table there is, growing or not`() async throws {
        let workshop = try await Workshop()
        let tables = Set(try await workshop.database.read { try $0.fetch(TableNames()) })
        let fixed: Set<String> = ["revision", "location", "resource", "visit_type", "working_hours", "schedule_exception", "holiday", "schema_migration"]
        #expect(tables == Schema.growingTables.union(fixed))
        #expect(Schema.growingTables.isDisjoint(with: fixed))
    }

    private func mistakes(in statement: any Statement.Type, on database: SQLiteDatabase) async throws -> [String] {
        let plan = try await database.queryPlan(of: statement.sql.sqlite)
        return plan.filter { step in
            let words = step.split(separator: " ")
            let isScan = words.count > 1 && words[0] == "SCAN" && Schema.growingTables.contains(String(words[1]))
            // `sqlite` says SCAN for a walk along an index too; only one that starts at a place is a SEARCH.
            let isSort = Self.lists.contains("\(statement)") && step.contains("TEMP B-TREE FOR") && step.contains("ORDER BY")
            return isScan || isSort
        }
    }
}

struct TableNames: Query {
    static let sql: SQL = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
