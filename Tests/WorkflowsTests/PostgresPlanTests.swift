import Storage
import StoragePostgres
import TestKit
import Testing
import Workflows

/// How PostgreSQL finds the rows of every statement (MA-2), in a clinic that has been at work for a while: it chooses by what
/// it has counted. It may hardly do anything else but use an index, so what it reads from end to end has none.
@Suite struct ThePlansOnPostgreSQL {
    static let needs: [(statement: String, index: String, columns: [String])] = [
        ("AppointmentsOfPractitioner", "appointment_of_practitioner", ["practitioner_id = ", "start_at >"]),
        ("AppointmentCount", "appointment_of_practitioner", ["practitioner_id = ", "start_at >", "start_at <"]),
        ("StartsFrom", "appointment_of_practitioner", ["practitioner_id = ", "start_at >"]),
        ("AppointmentsOfDay", "appointment_of_day", ["start_at >"]),
        ("OverdueHolds", "appointment_held", ["held_until <"]),
        ("AppointmentsOfPatient", "appointment_patient_pkey", ["patient_id = ", "start_at >"]),
        ("LiveClaims", "claim_pkey", ["holder_id = ", "from_at >=", "from_at <"]),
        ("ClaimsFrom", "claim_pkey", ["holder_id = ", "from_at >"]),
        ("ClaimsOfAppointment", "claim_of_appointment", ["appointment_id = "]),
        ("DeleteClaims", "claim_of_appointment", ["appointment_id = "]),
        ("AuditOf", "audit_pkey", ["subject_id = ", "id >"]),
        ("AppointmentsOfPlace", "appointment_of_place", ["location_id = ", "start_at >"]),
        ("CareGiven", "appointment_patient_pkey", ["patient_id = ", "start_at >="]),
        ("AuditOfLists", "audit_of_lists", ["at"]),
        ("UnreviewedEmergencies", "emergency_unreviewed", ["id >"]), ("SubjectsOfRole", "account_role_of", ["role = "]),
        ("BrokenGlass", "emergency_of_caller", ["principal = ", "patient_id = ", "ends_at >"]),
        ("NoticesOf", "notice_of_recipient", ["recipient_id = ", "id >"]),
        ("NoticesAfter", "notice_pkey", ["id >"]),
        ("StoredAttempt", "idempotency_pkey", ["key = ", "principal = "]),
        ("ForgetExpiredAttempts", "idempotency_expiry", ["expires_at <"]),
        ("TouchedSince", "event_position", ["position"]), ("ChangesAfter", "event_position", ["position"]),
        ("DeliveriesOfWebhook", "webhook_delivery_pkey", ["webhook_id = ", "id <"]),
        ("ForgetOldWebhookDeliveries", "webhook_delivery_age", ["at <"]),
        ("NewestChange", "event_position", ["position"]), ("OldestHiddenChange", "event_position", ["position"]),
        ("AheadOfPatient", "appointment_patient_pkey", ["patient_id = ", "start_at >"]),
        ("LapsedHolds", "patient_hold_of_patient", ["patient_id = ", "lapsed_at >"]),
        ("ForgetOldHolds", "patient_hold_lapsed", ["lapsed_at <"]),
        ("AccountByLogin", "account_login", ["login = "]), ("AccountByLogin", "account_login_index", ["login_index = "]),
        ("LinkBySubject", "account_link_subject", ["issuer = ", "subject_index = "]),
        ("VerifiedEmail", "account_email_address", ["address_index = "]),
        ("OpenSessions", "session_of_account", ["account_id = "]),
        ("EndedSince", "session_ended", ["ended_at >"]),
        ("ForgetOldSessions", "session_expiry", ["expires_at <"]),
        ("ForgetOldLoginFailures", "login_failure_age", ["last_at <"]),
        ("AccountsOfSubject", "account_role_of_subject", ["subject_id = "]),
        ("RemoveLinks", "account_link_once", ["account_id = "]),
        ("PatientsByEmail", "patient_email", ["email_index = ", "id >"]),
        ("PatientsByPhone", "patient_phone", ["phone_index = ", "id >"]),
        ("PatientsByRecordNumber", "patient_record_number", ["record_number_index = ", "id >"]),
        ("VerifiedEmail", "account_email_verified", ["address = "]),
        ("LettersSince", "letter_of_account", ["account_id = ", "kind = ", "created_at >"]),
        ("RevokedSince", "service_revoked", ["revoked_at >"]),
        ("UnusedLetters", "letter_of_account", ["account_id = ", "kind = "]),
        ("CorrectionsOfPatient", "correction_of_patient", ["patient_id = ", "id >"]),
        ("OpenCorrections", "correction_due", ["due_at"]), ("OpenCorrection", "correction_open", ["patient_id = ", "field = "]),
        ("ClosedRecords", "patient_closed", ["id >"]),
        ("EraseAnswers", "idempotency_subject", ["subject_id = "]),
        ("EraseEmergencies", "emergency_of_patient", ["patient_id = "]),
        ("VoidLetters", "letter_of_account", ["account_id = "]), ("ForgetOldLetters", "letter_expiry", ["expires_at <"]),
        ("WaitingForVisit", "waitlist_once", ["patient_id = ", "visit_type_id = "]),
        ("WaitingLine", "waitlist_line", ["visit_type_id = "]), ("SomebodyWaits", "waitlist_line", ["visit_type_id = "]),
        ("PlacesOfPatient", "waitlist_of_patient", ["patient_id = ", "id >"]),
        ("LooseEnds", "payment_of_appointment", ["appointment_id = "]),
        ("LooseEnds", "waitlist_offer_hold", ["appointment_id = "]),
        ("OpenOfferOfHold", "waitlist_offer_hold", ["appointment_id = "]),
        ("OfferOfHold", "waitlist_offer_hold", ["appointment_id = "]),
        ("OpenOfferAt", "waitlist_offer_open", ["practitioner_id = ", "start_at = "]),
        ("OffersOfTime", "waitlist_offer_once", ["practitioner_id = ", "start_at = "]),
        ("OffersOfPatient", "waitlist_offer_of_patient", ["patient_id = ", "id >"]),
        ("VisitsOfSeries", "series_visit_pkey", ["series_id = "]),
        ("SeriesOfAppointment", "series_visit_once", ["appointment_id = "]),
        ("KeysOfService", "service_key_pkey", ["service_id = "]),
        ("MessagesOfPatient", "message_of_patient", ["patient_id = ", "id >"]),
        ("NewestMessagesTo", "message_to", ["address_index = "]), ("WrittenToAt", "message_to", ["address_index = "]),
        ("OpenCalls", "message_call", ["answered_at"]),
        ("DevicesOf", "patient_device_of_patient", ["patient_id = "]),
        ("WaysTo", "patient_device_of_patient", ["patient_id = "]),
        ("DeviceByRegistration", "patient_device_token", ["token_index = "]),
        ("ForgetDevicesOfSession", "patient_device_of_session", ["session_id = "]),
        ("KnownNews", "incoming_once", ["partner = ", "key = "]), ("ForgetOldNews", "incoming_age", ["received_at <"]),
        ("PaymentOfAppointment", "payment_of_appointment", ["appointment_id = "]),
        ("PaymentAskedFor", "payment_asked_for", ["asked_for = "]), ("UnsettledPayments", "payment_unsettled", ["id >"]),
        ("StandingPayments", "payment_unsettled", ["id >"]), ("WasDiscarded", "audit_pkey", ["subject_id = "]),
        ("RefundsOfPayment", "refund_of_payment", ["payment_id = "]), ("UnsettledRefunds", "refund_unsettled", ["id >"]),
        ("InvoiceOfPayment", "invoice_of_payment", ["payment_id = "]), ("InvoicesAfter", "invoice_number", ["number >"]),
        ("InvoicesOfPatient", "invoice_of_patient", ["patient_id = ", "number >"]),
        ("ForgetOldAssertions", "service_assertion_expiry", ["expires_at <"]),
        ("TaskByKey", "task_key", ["kind = ", "dedupe_key = "]), ("OpenTasks", "task_open", ["at"]),
        ("ExternalEntriesOf", "external_entry_of_appointment", ["appointment_id = "]),
        ("UnsettledEntries", "external_entry_unsettled", ["updated_at <"]),
        ("LegacyRowsOfAppointment", "legacy_booking_of_appointment", ["appointment_id = "]),
        ("ComparedLegacyRows", "legacy_booking_compared", ["decided_at >"]),
        ("WaitingLegacyRows", "legacy_booking_waiting", ["start_at"]),
        ("RefusedLegacyRows", "legacy_booking_refused", ["start_at >"]),
        ("LegacyDayCount", "legacy_booking_day", ["practitioner_id = "]),
        ("WasGivenUpThere", "legacy_booking_given_up", ["practitioner_id = "]),
        ("DeleteLegacyClaims", "legacy_claim_of_booking", ["their_id = "]),
        ("EraseLegacyRows", "legacy_booking_of_patient", ["patient_id = "]),
        ("RemindedAppointments", "appointment_of_day", ["start_at"]),
        ("RemindedAppointments", "outbox_subject", ["subject = "]), ("QueuedMessages", "message_pkey", ["id >"]),
        ("QueuedMessages", "outbox_pkey", ["id = "]), ("AgreedElsewhere", "appointment_of_day", ["start_at"]),
        ("AgreedElsewhere", "external_entry_of_appointment", ["appointment_id = "]),
        ("InvoiceNumbersFrom", "invoice_number", ["number >="]),
        ("ClaimedAppointments", "appointment_of_day", ["start_at"]), ("ClaimsInOrder", "claim_pkey", ["holder_id"]),
    ]

    private static var looked: [any Statement.Type] {
        WorkflowQueries.catalogue.filter { statement in !WorkflowQueries.checks.contains { $0 == statement } }
    }

    private func withClinic(_ body: (String) async throws -> Void) async throws {
        try await Engine.withPostgres { database, url in
            try await Workshop(database).migrator.up()
            try await database.doing(.background).write {
                try $0.execute(SQL(Self.busyClinic))
                try $0.execute(SQL(PostgresPlan.usedQueue))
            }
            try await body(url)
        }
    }

    /// A clinic of 50 practitioners after some hundred days. References are not looked at while it is made.
    private static let busyClinic = """
        SET LOCAL session_replication_role = replica;
        CREATE TEMPORARY TABLE made ON COMMIT DROP AS SELECT n, gen_random_uuid() AS id,
            ('01900000-0000-7000-8000-0000000000' || lpad((n % 50)::text, 2, '0'))::uuid AS practitioner,
            ('01900000-0000-7000-8000-00000000' || lpad((n % 2000)::text, 4, '0'))::uuid AS patient,
            timestamptz '2026-03-02 08:00Z' + (n / 50) * interval '30 minutes' AS start_at
        FROM generate_series(0, 19999) AS n;
        INSERT INTO patient SELECT DISTINCT patient, 'Sample', NULL, NULL, NULL, 1, sha256(('e' || patient)::bytea),
            sha256(('p' || patient)::bytea), sha256(('r' || patient)::bytea) FROM made;
        INSERT INTO correction SELECT gen_random_uuid(), patient, 'name', NULL, NULL, 'sealed', 'open', 'patient:x', min(start_at),
            min(start_at) + interval '60 days', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1 FROM made GROUP BY patient;
        INSERT INTO appointment SELECT id, CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'booked' END, practitioner, practitioner,
            NULL, NULL, practitioner, '[]', start_at, start_at + interval '30 minutes',
            CASE WHEN n % 100 = 0 THEN start_at END, NULL, NULL, NULL, NULL, '', start_at, start_at, 1 FROM made;
        INSERT INTO waitlist_entry SELECT gen_random_uuid(), patient, practitioner, '[]', '[]', 0, NULL, NULL, NULL, NULL, NULL, NULL,
            n % 4, start_at, true, 0, 'patient:x', CASE WHEN n < 2000 THEN 'waiting' ELSE 'booked' END, NULL,
            CASE WHEN n < 2000 THEN NULL ELSE start_at END, 1 FROM made;
        INSERT INTO waitlist_offer SELECT gen_random_uuid(), id, id, patient, id, practitioner, practitioner, practitioner, start_at,
            start_at + interval '30 minutes', CASE WHEN n < 200 THEN 'open' ELSE 'expired' END, start_at, start_at,
            CASE WHEN n < 200 THEN NULL ELSE start_at END, '{}' FROM made;
        INSERT INTO appointment_series SELECT id, practitioner, practitioner, '[]', 'FREQ=WEEKLY;COUNT=1', start_at, 'UTC', '[]',
            'desk', start_at, 1 FROM made;
        INSERT INTO series_visit SELECT id, 1, id FROM made;
        INSERT INTO appointment_patient SELECT patient, start_at, id FROM made;
        INSERT INTO patient_hold SELECT id, patient, CASE WHEN n % 20 <> 0 THEN start_at END FROM made;
        INSERT INTO claim SELECT practitioner, 0, start_at, start_at + interval '30 minutes', id FROM made;
        INSERT INTO event (id, kind, appointment_id, at, payload) SELECT gen_random_uuid(), 'booked', id, start_at, '{}' FROM made;
        INSERT INTO audit SELECT id, gen_random_uuid(), start_at, 'desk', 'book', NULL, 'booked', NULL, NULL, '' FROM made;
        INSERT INTO notice SELECT gen_random_uuid(), patient, 'patient', 'booked', id, start_at, '{}' FROM made;
        INSERT INTO account (id, login, state, password_hash, password_set_at, created_at, login_index)
            SELECT DISTINCT patient, patient::text, 'active', '', timestamptz '2026-03-02', timestamptz '2026-03-02',
                sha256(('l' || patient)::bytea) FROM made;
        INSERT INTO account_role (account_id, role, subject_id)
            SELECT DISTINCT patient, CASE WHEN n % 2000 < 50 THEN 'desk' ELSE 'patient' END, patient FROM made;
        INSERT INTO message (id, notice_id, patient_id, kind, place, state, channel, address, address_index, created_at, due_at, answer,
                answered_at)
            SELECT id, id, patient, 'reminder', 1, 'handed-over', 'sms', 'sealed', sha256(('a' || patient)::bytea), start_at, start_at,
                CASE WHEN n % 50 = 0 THEN 'call' END, CASE WHEN n % 50 = 0 THEN start_at END FROM made;
        INSERT INTO payment SELECT id, id, id, patient, CASE WHEN n % 100 = 0 THEN 'open' ELSE 'paid' END, '{}', 0, 1, NULL, NULL, start_at,
            start_at, CASE WHEN n % 100 <> 0 THEN start_at END, 1 FROM made;
        INSERT INTO refund SELECT gen_random_uuid(), id, 'pi', 1, 'late', CASE WHEN n % 100 = 0 THEN 'asked' ELSE 'done' END, 1, NULL,
            start_at, start_at FROM made;
        INSERT INTO invoice SELECT gen_random_uuid(), n + 1, 'invoice', id, NULL, patient, id, 1, 'eur', start_at FROM made;
        INSERT INTO webhook_delivery (webhook_id, id, event_id, kind, at, state, attempts)
            SELECT practitioner, id, id, 'appointment.booked', start_at, 'delivered', 1 FROM made;
        INSERT INTO patient_device SELECT gen_random_uuid(), patient, gen_random_uuid(), 'ios', NULL, 't', sha256(('t' || n)::bytea), NULL,
            start_at, start_at FROM made;
        INSERT INTO legacy_booking SELECT 'L-' || n, 'r-' || n, n + 1, 'booked', practitioner, practitioner, patient, start_at,
            start_at + interval '30 minutes', 'theirs', CASE WHEN n % 50 <> 0 THEN id END, 'booked', NULL, start_at,
            CASE WHEN n % 500 = 0 THEN 'practitionerTaken' END, start_at FROM made;
        INSERT INTO legacy_claim SELECT practitioner, start_at, 'L-' || n, start_at + interval '30 minutes', 0 FROM made;
        INSERT INTO incoming SELECT id, 'texts', n::text, start_at, 'sealed', NULL FROM made;
        INSERT INTO idempotency SELECT 'desk-' || n % 50, 'key-' || n, 'book', '', 200, NULL, NULL, '', '', start_at FROM made;
        ANALYZE;
        """

    @Test func `are there for every statement, and read no growing table from end to end`() async throws {
        try await withClinic { url in
            let plans = try await PostgresPlan.all(of: Self.looked, in: url)
            #expect(plans.count == Self.looked.count)
            for plan in plans {
                let mistakes = mistakes(in: plan)
                #expect(mistakes.isEmpty, "\(plan.statement): \(mistakes) \(plan.lines)")
            }
        }
    }

    @Test func `are there for the checks of the command line, too, which may read everything`() async throws {
        try await withClinic { url in
            let plans = try await PostgresPlan.all(of: WorkflowQueries.checks, in: url)
            #expect(plans.allSatisfy { !$0.lines.isEmpty } && plans.count == WorkflowQueries.checks.count)
        }
    }

    @Test func `would be found out: without its index a statement fails the same look`() async throws {
        try await withClinic { url in
            for index in [
                "appointment_of_practitioner", "appointment_of_day", "appointment_held", "claim_of_appointment",
                "notice_of_recipient", "idempotency_expiry", "event_position",
            ] {
                let needy = Self.needs.filter { $0.index == index }.map(\.statement)
                #expect(!needy.isEmpty, "nobody needs \(index)")
                let statements = Self.looked.filter { needy.contains("\($0)") }
                for plan in try await PostgresPlan.all(of: statements, in: url, without: index) {
                    #expect(!mistakes(in: plan).isEmpty, "\(plan.statement) does not need \(index)")
                }
            }
        }
    }

    @Test func `have no index that no statement needs`() async throws {
        let names = try await Workshop.open(.postgres) { try await $0.database.read { try $0.fetch(IndexNames()) } }
        for name in names where !name.hasPrefix("outbox") && name != "claim_overlap" && !ThePlans.rules.contains(name) {
            #expect(Self.needs.contains { $0.index == name }, "\(name)")
        }
        #expect(names.count > 6)
    }

    private func mistakes(in plan: PostgresPlan) -> [String] {
        var mistakes = plan.endlessSteps(on: Schema.growingTables)
        if ThePlans.lists.contains(plan.statement), plan.sorts { mistakes.append("sorts all there is") }
        for need in Self.needs where need.statement == plan.statement && !plan.finds(by: need.index, need.columns) {
            mistakes.append("not found by \(need.index) \(need.columns)")
        }
        return mistakes
    }
}
