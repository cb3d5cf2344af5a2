import Identity
import Notation
import People
import PostgresCluster
import Scheduling
import Sealing
import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

extension Promises {
    /// HB-6: where another role owns the tables, not even the server can rewrite the audit.
    @Suite struct TheServerOwnsNothing {
        /// A clinic whose tables one role owns and another works with.
        private func withTwoRoles(
            _ body: (_ server: PostgresDatabase, _ owner: PostgresDatabase, _ fixture: ServedClinic) async throws -> Void
        ) async throws {
            try await Engine.withPostgres { owner, url in
                let name = "server_of_\(url.split(separator: "/").last ?? "")"
                let clock = ManualClock(ClinicPlan().startsAt)
                try await Migrator(owner, migrations: Schema.migrations, clock: clock).up()
                try await owner.write { try $0.execute(SQL("CREATE ROLE \(name) LOGIN PASSWORD 'served'")) }
                try await ServingRole(name).grant(in: owner)
                let database = String(url.split(separator: "/").last ?? "")
                let address = try await PrivateCluster.shared.url(database: database, user: name, password: "served")
                let settings = PostgresSettings(url: address, connections: 4, random: SeededRandom(seed: 2))
                let server = try PostgresDatabase(settings)
                let outcome: Result<Void, any Error>
                do { outcome = .success(try await body(server, owner, ServedClinic(server, clock))) } catch {
                    outcome = .failure(error)
                }
                await server.close()
                try await owner.write { try $0.execute(SQL("DROP OWNED BY \(name); DROP ROLE \(name)")) }
                try outcome.get()
            }
        }

        /// A clinic at work in a database somebody else owns.
        private struct ServedClinic {
            let plan = ClinicPlan { $0.patients = 4 }
            let clinic: Clinic
            let accounts: Accounts
            let clock: ManualClock

            init(_ database: any Database, _ clock: ManualClock) {
                let random = SeededRandom(seed: 3)
                let surroundings = Surroundings(
                    clock: clock, identifiers: Version7Identifiers(clock: clock, random: random), random: random)
                clinic = Clinic(database: database, surroundings: surroundings, master: TestKeys.master)
                var settings = AccountSettings()
                settings.passwordCost = .least
                accounts = Accounts(
                    clinic, LiveKeyring(Keyring(secret: Array(repeating: 7, count: 32))), settings: settings)
                self.clock = clock
            }

            /// Imports, signs in, books, looks, moves, cancels and seals: a day's work.
            func work() async throws {
                _ = try await clinic.importClinic(plan.document())
                try await accounts.create(
                    login: "desk", password: AccountFixture.password, roles: [plan.desk()], by: "test", request: "test")
                _ = try await accounts.signIn(Credentials(login: "desk", password: AccountFixture.password), request: "test")
                let history = History()
                let request = BookingRequest(
                    visitType: plan.consultation, practitioner: plan.practitioner(0), start: plan.time(day: 2, hour: 9),
                    patients: [plan.patient(0)])
                let booked = try #require(await history.send(.book(request), to: clinic, by: plan.desk()).told)
                let move = MoveRequest(start: plan.time(day: 3, hour: 9))
                let moved = await history.send(.move(booked.id, move), to: clinic, by: plan.desk())
                #expect(moved.told != nil)
                let seen = try await clinic.appointment(booked.id, for: .looking(plan.desk()))
                #expect(seen.id == booked.id)
                // What is refused without anything being written waits for the standby all the same.
                let stranger = await history.send(.cancel(booked.id), to: clinic, by: plan.patientCaller(1))
                #expect(stranger == .refused(.appointmentUnknown))
                let cancelled = await history.send(.cancel(booked.id), to: clinic, by: plan.desk())
                #expect(cancelled.told?.state == .cancelled)
                let seal = try await clinic.sealAudit(with: SealKey(secret: Array(repeating: 7, count: 32))!)
                #expect((seal?.count ?? 0) > 4)
            }
        }

        @Test func `and does all its work`() async throws {
            try await withTwoRoles { server, owner, served in
                try await served.work()
                let (mayServer, mayOwner) = (
                    try await server.read { try $0.first(MayRewriteAudit()) },
                    try await owner.read { try $0.first(MayRewriteAudit()) }
                )
                #expect(mayServer == false && mayOwner == true)
            }
        }

        private static let attempts = [
            "UPDATE audit SET by = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "TRUNCATE audit_seal",
            "UPDATE audit_seal SET at = at", "DELETE FROM audit_seal", "ALTER TABLE audit DISABLE TRIGGER ALL",
            "ALTER TABLE audit DISABLE TRIGGER USER", "DROP TRIGGER audit_update ON audit", "DROP TABLE audit CASCADE",
            "ALTER TABLE audit DROP COLUMN by", "ALTER TABLE audit OWNER TO CURRENT_USER", "ALTER TABLE audit RENAME TO history",
            "SET LOCAL session_replication_role = replica", "GRANT UPDATE ON audit TO CURRENT_USER",
            "CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER mine BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()",
            "CREATE RULE mine AS ON INSERT TO audit DO INSTEAD NOTHING", "DELETE FROM schema_migration",
        ]

        @Test func `and can neither change, nor delete, nor alter, nor disarm it`() async throws {
            try await withTwoRoles { server, owner, served in
                try await served.work()
                let before = try await owner.read { try $0.fetch(Contents()) }
                for attempt in Self.attempts {
                    do {
                        try await server.write { try $0.execute(SQL(attempt)) }
                        let after = try await owner.read { try $0.fetch(Contents()) }
                        // To grant what one has not is a warning, and nothing happens.
                        #expect(attempt.hasPrefix("GRANT") && after == before, "was accepted: \(attempt)")
                    } catch let fault as StorageFault {
                        guard case .statement = fault else {
                            Issue.record("\(attempt): \(fault)")
                            continue
                        }
                    }
                }
                let after = try await owner.read { try $0.fetch(Contents()) }
                #expect(after == before)
            }
        }

        /// The negative control: who owns the tables has only the triggers in the way, and those can be taken away.
        @Test func `but their owner could`() async throws {
            try await withTwoRoles { _, owner, served in
                try await served.work()
                let before = try await owner.read { try $0.fetch(Contents()) }
                try await owner.write {
                    try $0.execute(SQL("ALTER TABLE audit DISABLE TRIGGER USER"))
                    try $0.execute(SQL("UPDATE audit SET by = 'nobody'"))
                }
                let after = try await owner.read { try $0.fetch(Contents()) }
                #expect(after != before)
            }
        }

        private struct Contents: Query {
            static let sql: SQL = "SELECT by, act FROM audit ORDER BY subject_id, id"
            var bindings: [SQLValue] { [] }
            static func row(_ columns: any Columns) throws -> String { try columns.text(0) + " " + columns.text(1) }
        }
    }
}
