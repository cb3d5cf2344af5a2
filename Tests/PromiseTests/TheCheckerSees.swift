import Notation
import Outbox
import Scheduling
import Storage
import TestKit
import Testing
import Workflows

extension Promises {
    /// The negative controls of the checker itself: whatever somebody damages by hand, it says so.
    @Suite struct TheCheckerSees {
        /// A clinic with a little of everything: a booking under a key, one that was moved, one that was cancelled, a hold
        /// that runs and one that expired, all delivered.
        private func withHistory(_ engine: Engine, _ body: (ClinicFixture) async throws -> Void) async throws {
            try await ClinicFixture.open(engine) { fixture in
                let times = (9...13).map { fixture.plan.time(day: 3, hour: $0) }
                await fixture.book(patient: 0, at: times[0], key: "one")
                let moved = try #require(await fixture.book(patient: 1, at: times[1]).told)
                await fixture.move(moved.id, to: times[2], by: fixture.plan.desk())
                let cancelled = try #require(await fixture.book(patient: 2, at: times[3]).told)
                await fixture.cancel(cancelled.id, by: fixture.plan.patientCaller(2))
                await fixture.hold(patient: 3, at: times[4])
                fixture.clock.advance(by: .minutes(5))
                try await fixture.clinic.sweepHolds(grace: .seconds(-1))
                await fixture.hold(patient: 3, at: times[4])
                while try await fixture.worker().step() > 0 {}
                try await body(fixture)
            }
        }

        @Test(arguments: Engine.allCases)
        func `nothing to complain about when nobody did anything`(engine: Engine) async throws {
            try await withHistory(engine) { try await $0.keepsEveryPromise(isQuiet: true) }
        }

        private static let noticeColumns = "recipient_id, recipient_role, kind, appointment_id, at, payload"
        private static let damages: [(promise: Violation.Promise, sql: SQL)] = [
            (
                .neverDoubleBooked,
                SQL(
                    sqlite: "UPDATE appointment SET start_at = start_at - start_at % 86400000000, end_at = start_at",
                    postgres: "UPDATE appointment SET start_at = date_trunc('day', start_at, 'UTC'), end_at = start_at")
            ),
            (.claimsAgree, "DELETE FROM claim WHERE from_at = (SELECT min(from_at) FROM claim)"),
            (.claimsAgree, later("UPDATE claim SET to_at = to_at + $minute")),
            (.claimsAgree, "DELETE FROM appointment_patient"),
            (.claimsAgree, "UPDATE appointment SET state = 'entered-in-error' WHERE state = 'booked'"),
            (.nothingLost, "DELETE FROM audit WHERE act = 'appointment.booked'"),
            (.nothingLost, "DELETE FROM event WHERE kind = 'appointment.rescheduled'"),
            (.noGhosts, "UPDATE audit SET request_id = 'somebody' WHERE act = 'appointment.cancelled'"),
            (.noGhosts, "UPDATE audit SET by = 'desk:somebody' WHERE act = 'appointment.booked'"),
            (.noGhosts, "UPDATE audit SET request_id = 'hold-expiry' WHERE act = 'appointment.cancelled'"),
            (
                .onceForEachKey,
                SQL(sqlite: "UPDATE idempotency SET body = x'41'", postgres: "UPDATE idempotency SET body = '\\x41'")
            ),
            (.onceForEachKey, "DELETE FROM idempotency"),
            (.everyChangeIsTold, "UPDATE appointment SET version = version + 1"),
            (.everyChangeIsTold, later("UPDATE appointment SET start_at = start_at + $minute WHERE state = 'booked'")),
            (.everyChangeIsTold, "UPDATE audit SET to_state = 'booked'"),
            (
                .everyChangeIsTold,
                anew(
                    """
                    INSERT INTO audit (subject_id, id, at, by, act, from_state, to_state, reason, overridden, request_id)
                    SELECT subject_id, $new, at, by, act, from_state, to_state, reason, overridden, request_id
                    FROM audit
                    """)
            ),
            (.everythingFollowsOnce, "DELETE FROM notice WHERE kind = 'confirmation'"),
            (
                .everythingFollowsOnce,
                anew(
                    """
                    INSERT INTO outbox (id, topic, payload, priority, state, available_at, attempt, max_attempts, lease, created_at)
                    SELECT $new, 'appointment.event', payload, 1, 'ready', at, 0, 12, 0, at FROM event
                    WHERE kind = 'appointment.booked'
                    """)
            ),
            (.everythingFollowsOnce, "DELETE FROM outbox WHERE topic = 'appointment.hold-expiry'"),
            (.everythingFollowsOnce, "DELETE FROM outbox WHERE topic = 'appointment.reminder'"),
            (
                .everythingFollowsOnce,
                "UPDATE outbox SET state = 'dead', finished_at = created_at WHERE topic = 'appointment.reminder'"
            ),
            (.everythingFollowsOnce, "DELETE FROM notice WHERE kind = 'move'"),
            (
                .everythingFollowsOnce,
                anew("INSERT INTO notice SELECT $new, \(noticeColumns) FROM notice WHERE kind = 'expiry'")
            ),
            (.everythingFollowsOnce, reminder(of: "state = 'cancelled'", before: 7_200_000_000)),
            (.everythingFollowsOnce, reminder(of: "state = 'booked'", before: 0)),
            (.everythingFollowsOnce, reminder(of: "state = 'booked'", before: 7_200_000_001)),
            (
                .holdsEnd,
                SQL(
                    sqlite: "UPDATE appointment SET held_until = held_until + 1 WHERE state = 'pending'",
                    postgres: """
                        UPDATE appointment SET held_until = held_until + interval '1 microsecond' WHERE state = 'pending'
                        """)
            ),
        ]

        private static func later(_ text: String) -> SQL {
            SQL(
                sqlite: text.replacing("$minute", with: "60000000"),
                postgres: text.replacing("$minute", with: "interval '1 minute'"))
        }

        private static func anew(_ text: String) -> SQL {
            SQL(
                sqlite: text.replacing("$new", with: "randomblob(16)"),
                postgres: text.replacing("$new", with: "gen_random_uuid()"))
        }

        /// A reminder somebody wrote by hand, as of so many microseconds before the visit.
        private static func reminder(of which: String, before: Int) -> SQL {
            SQL(
                sqlite: """
                    INSERT INTO notice (id, \(noticeColumns))
                    SELECT randomblob(16), practitioner_id, 'patient', 'reminder', id, start_at - \(before),
                        '{"start":"' || strftime('%Y-%m-%dT%H:%M:%SZ', start_at / 1000000, 'unixepoch') || '","minutesBefore":120}'
                    FROM appointment WHERE \(which)
                    """,
                postgres: """
                    INSERT INTO notice (id, \(noticeColumns))
                    SELECT gen_random_uuid(), practitioner_id, 'patient', 'reminder', id,
                        start_at - \(before) * interval '1 microsecond',
                        ('{"start":"' || to_char(start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                            || '","minutesBefore":120}')::json
                    FROM appointment WHERE \(which)
                    """)
        }

        @Test(arguments: Engine.allCases, damages)
        func `what was damaged by hand`(engine: Engine, damage: (promise: Violation.Promise, sql: SQL)) async throws {
            try await withHistory(engine) { fixture in
                try await fixture.execute(Unguarded.audit)
                try await fixture.execute(damage.sql)
                let violations = try await fixture.violations(isQuiet: true)
                #expect(violations.contains { $0.promise == damage.promise }, "\(damage.sql): \(violations)")
            }
        }

        @Test(arguments: Engine.allCases) func `a booking that is gone without a trace`(engine: Engine) async throws {
            try await withHistory(engine) { fixture in
                try await fixture.execute(Unguarded.audit)
                for table in ["claim", "appointment_patient", "event", "audit", "outbox", "notice", "appointment"] {
                    try await fixture.execute("DELETE FROM \(table)")
                }
                let violations = try await fixture.violations()
                #expect(violations.contains { $0.promise == .nothingLost })
            }
        }

        @Test(arguments: Engine.allCases) func `a booking nobody asked for`(engine: Engine) async throws {
            try await withHistory(engine) { fixture in
                let other = try await fixture.anotherClinic()
                let ask = Ask.book(
                    BookingRequest(
                        visitType: fixture.plan.consultation, practitioner: fixture.plan.practitioner(0),
                        start: fixture.plan.time(day: 5, hour: 9), patients: [fixture.plan.patient(5)]))
                await History().send(ask, to: other, by: fixture.plan.desk())
                let violations = try await fixture.violations()
                #expect(violations.contains { $0.promise == .noGhosts || $0.promise == .onceForEachKey })
            }
        }
    }
}
