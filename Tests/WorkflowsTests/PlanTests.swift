import Foundation
import Storage
import StorageSQLite
import TestKit
import Testing
import Workflows

/// How SQLite finds the rows of every statement (MA-2), so that page 1,000 costs what page 1 costs (MA-6).
@Suite struct ThePlans {
    /// What a statement must find its rows by. `SEARCH` alone says little: along the wrong index it reads a day of everybody.
    static let needs: [(statement: String, step: String)] = [
        ("AppointmentsOfPractitioner", "INDEX appointment_of_practitioner (practitioner_id=? AND start_at>?"),
        ("AppointmentCount", "INDEX appointment_of_practitioner (practitioner_id=? AND start_at>? AND start_at<?)"),
        ("StartsFrom", "INDEX appointment_of_practitioner (practitioner_id=? AND start_at>?)"),
        ("AppointmentsOfDay", "INDEX appointment_of_day (start_at>?"), ("OverdueHolds", "INDEX appointment_held (held_until<?)"),
        ("AppointmentsOfPatient", "SEARCH appointment_patient USING PRIMARY KEY (patient_id=? AND start_at>?"),
        ("LiveClaims", "PRIMARY KEY (holder_id=? AND from_at>? AND from_at<?)"),
        ("ClaimsFrom", "PRIMARY KEY (holder_id=? AND from_at>?)"),
        ("ClaimsOfAppointment", "INDEX claim_of_appointment (appointment_id=?)"),
        ("DeleteClaims", "INDEX claim_of_appointment (appointment_id=?)"),
        ("AuditOf", "PRIMARY KEY (subject_id=? AND id>?)"), ("NoticesOf", "INDEX notice_of_recipient (recipient_id=? AND id>?)"),
        ("NoticesAfter", "PRIMARY KEY (id>?)"), ("StoredAttempt", "(key=? AND principal=?)"),
        ("AppointmentsOfPlace", "INDEX appointment_of_place (location_id=? AND start_at>?"),
        ("CareGiven", "SEARCH appointment_patient USING PRIMARY KEY (patient_id=? AND start_at>?"),
        ("AuditOfLists", "INDEX audit_of_lists"),
        ("UnreviewedEmergencies", "INDEX emergency_unreviewed (id>?)"), ("EmergenciesAfter", "PRIMARY KEY (id>?)"),
        ("SubjectsOfRole", "INDEX account_role_of (role=?)"),
        ("BrokenGlass", "INDEX emergency_of_caller (principal=? AND patient_id=? AND ends_at>?)"),
        ("ForgetExpiredAttempts", "INDEX idempotency_expiry (expires_at<?)"),
        ("OpenSessions", "INDEX session_of_account (account_id=?)"), ("EndedSince", "INDEX session_ended (ended_at>?)"),
        ("ForgetOldSessions", "INDEX session_expiry (expires_at<?)"),
        ("ForgetOldLoginFailures", "INDEX login_failure_age (last_at<?)"),
        ("AccountsOfSubject", "INDEX account_role_of_subject (subject_id=?)"),
        ("PatientsByEmail", "INDEX patient_email (email_index=? AND id>?)"),
        ("PatientsByPhone", "INDEX patient_phone (phone_index=? AND id>?)"),
        ("PatientsByRecordNumber", "INDEX patient_record_number (record_number_index=? AND id>?)"),
        ("AheadOfPatient", "SEARCH appointment_patient USING PRIMARY KEY (patient_id=? AND start_at>?"),
        ("LapsedHolds", "INDEX patient_hold_of_patient (patient_id=? AND lapsed_at>?)"),
        ("ForgetOldHolds", "INDEX patient_hold_lapsed (lapsed_at<?)"),
        ("VerifiedEmail", "INDEX account_email_verified (address=?)"),
        ("VerifiedEmail", "INDEX account_email_address (address_index=?)"),
        ("AccountByLogin", "INDEX account_login_index (login_index=?)"),
        ("LinkBySubject", "INDEX account_link_subject (issuer=? AND subject_index=?)"),
        ("LettersSince", "INDEX letter_of_account (account_id=? AND kind=? AND created_at>?)"),
        ("RevokedSince", "INDEX service_revoked (revoked_at>?)"),
        ("UnusedLetters", "INDEX letter_of_account (account_id=? AND kind=?)"),
        ("CorrectionsOfPatient", "INDEX correction_of_patient (patient_id=? AND id>?)"),
        ("OpenCorrection", "INDEX correction_open (patient_id=? AND field=?)"),
        ("OpenCorrections", "INDEX correction_due ((due_at,id)>(?,?))"), ("CorrectionDepth", "INDEX correction_due (due_at>?)"),
        ("ClosedRecords", "INDEX patient_closed (id>?)"), ("EraseAnswers", "INDEX idempotency_subject (subject_id=?)"),
        ("EraseEmergencies", "INDEX emergency_of_patient (patient_id=?)"),
        ("AheadOfRecord", "SEARCH appointment_patient USING PRIMARY KEY (patient_id=? AND start_at>?"),
        ("MessagesOfPatient", "INDEX message_of_patient (patient_id=? AND id>?)"),
        ("EraseMessages", "INDEX message_of_patient (patient_id=?)"),
        ("NewestMessagesTo", "INDEX message_to (address_index=?)"), ("WrittenToAt", "INDEX message_to (address_index=?)"),
        ("OpenCalls", "INDEX message_call ((answered_at,id)>(?,?))"),
        ("DevicesOf", "INDEX patient_device_of_patient (patient_id=?)"),
        ("WaysTo", "INDEX patient_device_of_patient (patient_id=?)"),
        ("EraseDevices", "INDEX patient_device_of_patient (patient_id=?)"),
        ("DeviceByRegistration", "INDEX patient_device_token (token_index=?)"),
        ("ForgetDevicesOfSession", "INDEX patient_device_of_session (session_id=?)"),
        ("ForgetOtherDevicesOfSession", "INDEX patient_device_of_session (session_id=?)"),
        ("VoidLetters", "INDEX letter_of_account (account_id=?)"), ("ForgetOldLetters", "INDEX letter_expiry (expires_at<?)"),
        ("WaitingForVisit", "INDEX waitlist_once (patient_id=? AND visit_type_id=?)"),
        ("WaitingPlaces", "INDEX waitlist_once (patient_id=?)"),
        ("LooseEnds", "INDEX waitlist_line (visit_type_id=?)"), ("LooseEnds", "INDEX payment_of_appointment (appointment_id=?)"),
        ("LooseEnds", "INDEX waitlist_offer_hold (appointment_id=?)"),
        ("SomebodyWaits", "INDEX waitlist_line (visit_type_id=?)"), ("WaitingLine", "INDEX waitlist_line (visit_type_id=?"),
        ("PlacesOfPatient", "INDEX waitlist_of_patient (patient_id=? AND id>?)"), ("PlacesAfter", "PRIMARY KEY (id>?)"),
        ("OpenOfferOfHold", "INDEX waitlist_offer_hold (appointment_id=?)"),
        ("OfferOfHold", "INDEX waitlist_offer_hold (appointment_id=?)"),
        ("OpenOfferAt", "INDEX waitlist_offer_open (practitioner_id=? AND start_at=?)"),
        ("OffersOfTime", "INDEX waitlist_offer_once (practitioner_id=? AND start_at=?"),
        ("OffersOfPatient", "INDEX waitlist_offer_of_patient (patient_id=? AND id>?)"), ("OffersAfter", "PRIMARY KEY (id>?)"),
        ("VisitsOfSeries", "PRIMARY KEY (series_id=?)"), ("SeriesOfAppointment", "INDEX series_visit_once (appointment_id=?)"),
        ("KeysOfService", "PRIMARY KEY (service_id=?)"),
        ("WhoIsTold", "SEARCH staff_contact USING PRIMARY KEY (id=?)"),
        ("KnownNews", "INDEX incoming_once (partner=? AND key=?)"), ("ForgetOldNews", "INDEX incoming_age (received_at<?)"),
        ("PaymentOfAppointment", "INDEX payment_of_appointment (appointment_id=?)"),
        ("ErasePayerSecret", "INDEX payment_of_appointment (appointment_id=?)"),
        ("PaymentAskedFor", "INDEX payment_asked_for (asked_for=?)"), ("UnsettledPayments", "INDEX payment_unsettled (id>?)"),
        ("StandingPayments", "INDEX payment_unsettled (id>?)"), ("WasDiscarded", "PRIMARY KEY (subject_id=?)"),
        ("RefundsOfPayment", "INDEX refund_of_payment (payment_id=?)"), ("UnsettledRefunds", "INDEX refund_unsettled (id>?)"),
        ("InvoiceOfPayment", "INDEX invoice_of_payment (payment_id=?)"), ("InvoicesAfter", "INDEX invoice_number (number>?)"),
        ("InvoicesOfPatient", "INDEX invoice_of_patient (patient_id=? AND number>?)"),
        ("ForgetOldAssertions", "INDEX service_assertion_expiry (expires_at<?)"),
        ("TaskByKey", "INDEX task_key (kind=? AND dedupe_key=?)"), ("OpenTasks", "INDEX task_open ((at,id)>(?,?))"),
        ("TaskDepth", "INDEX task_open (at>?)"), ("TasksAfter", "PRIMARY KEY (id>?)"),
        ("ExternalEntriesOf", "INDEX external_entry_of_appointment (appointment_id=?)"),
        ("LastExternalEntry", "INDEX external_entry_of_appointment (appointment_id=?)"),
        ("UnsettledEntries", "INDEX external_entry_unsettled (updated_at<?)"), ("IsOnItsWay", "outbox_order (order_key=?"),
        ("WaitingFor", "INDEX outbox_subject (subject>?)"), ("ChangesAfter", "PRIMARY KEY (id>?)"),
        ("DeliveriesOfWebhook", "PRIMARY KEY (webhook_id=? AND id<?)"), ("CancelDeliveries", "PRIMARY KEY (webhook_id=?)"),
        ("ForgetOldWebhookDeliveries", "INDEX webhook_delivery_age (at<?)"),
        ("RecordsInStep", "INDEX appointment_of_day (start_at>?"), ("WaitingOfTopic", "INDEX outbox_ready (topic=?"),
        ("HurryTopic", "INDEX outbox_ready (topic=?"),
        ("ClaimedAppointments", "INDEX appointment_of_day (start_at>?"),
        ("RemindedAppointments", "INDEX appointment_of_day (start_at>?"),
        ("RemindedAppointments", "INDEX outbox_subject (subject=?)"), ("IsReminded", "INDEX outbox_subject (subject=?)"),
        ("QueuedMessages", "SEARCH message USING PRIMARY KEY (id>?)"),
        ("QueuedMessages", "SEARCH outbox USING PRIMARY KEY (id=?)"), ("IsInOutbox", "PRIMARY KEY (id=?)"),
        ("AgreedElsewhere", "INDEX appointment_of_day (start_at>?"),
        ("AgreedElsewhere", "INDEX external_entry_of_appointment (appointment_id=?)"),
        ("InvoiceCounter", "SEARCH invoice USING COVERING INDEX invoice_number"),
        ("InvoiceNumbersFrom", "INDEX invoice_number (number>?)"),
        ("LegacyRowsOfAppointment", "INDEX legacy_booking_of_appointment (appointment_id=?)"),
        ("ComparedLegacyRows", "INDEX legacy_booking_compared (decided_at>?"),
        ("DifferingLegacyRows", "INDEX legacy_booking_compared (decided_at>?"),
        ("WaitingLegacyRows", "INDEX legacy_booking_waiting ("),
        ("HowManyLegacyRowsWait", "INDEX legacy_booking_waiting (start_at>?"),
        ("RefusedLegacyRows", "INDEX legacy_booking_refused (start_at>?"),
        ("LegacyDayCount", "INDEX legacy_booking_day (practitioner_id=? AND start_at>?"),
        ("WasGivenUpThere", "INDEX legacy_booking_given_up (practitioner_id=? AND start_at>?"),
        ("DeleteLegacyClaims", "INDEX legacy_claim_of_booking (their_id=?)"),
        ("EraseLegacyRows", "INDEX legacy_booking_of_patient (patient_id=?)"),
        ("LegacyClaims", "PRIMARY KEY (holder_id=? AND from_at>?"),
        ("AppointmentsThere", "INDEX appointment_of_day (start_at>?"),
        ("LegacyChangesUnderWay", "INDEX outbox_ready (topic=?"),
        ("LegacyChangesUnderWay", "INDEX outbox_lease (lease_until>?"),
        ("ClaimsInOrder", "PRIMARY KEY ((holder_id,from_at,lane)>(?,?,?))"),
    ]

    /// Lists in pages: their order comes from the index, not from sorting all there is.
    static let lists = [
        "AppointmentsOfPractitioner", "AppointmentsOfPlace", "AppointmentsOfDay", "AuditOf", "NoticesOf", "NoticesAfter",
        "OverdueHolds",
        "ForgetExpiredAttempts", "AccountsAfter", "SealedLinks", "OpenSessions", "PatientsByEmail", "PatientsByPhone",
        "PatientsByRecordNumber", "CorrectionsOfPatient", "CorrectionsAfter", "OpenCorrections", "ClosedRecords", "OpenTasks",
        "TasksAfter",
        "MessagesOfPatient", "NewestMessagesTo", "OpenCalls",
        "DevicesOf",
        "UnsettledPayments", "UnsettledRefunds", "RefundsOfPayment", "InvoicesOfPatient", "InvoicesAfter",
        "WaitingPlaces", "WaitingLine", "PlacesOfPatient", "PlacesAfter", "OffersOfPatient", "OffersAfter", "VisitsOfSeries",
        "ExternalEntriesOf", "LastExternalEntry", "UnsettledEntries", "DeliveriesOfWebhook",
        "InvoiceNumbersFrom",
    ]

    /// There to refuse: a second key that seals, a third try of a message. Nobody looks through them.
    static let rules: Set<String> = ["data_key_active", "message_once"]

    /// What looks worse than it is, and why.
    static let exceptions = [
        // SQLite looks for rows that wait for a new parent only while a foreign key is broken (OP_FkIfZero), which is never.
        "StoreResource": "SCAN appointment",
        // Asked where several nodes share a database, which SQLite's is not.
        "TouchedSince": "SCAN event",
    ]

    @Test func `read no growing table from end to end`() throws {
        let database = try clinic()
        for statement in WorkflowQueries.catalogue {
            let mistakes = try mistakes(in: statement, on: database)
            // A look at everything is what `mediconnect check` is for; nobody waits for it.
            let isForTheCommandLine = WorkflowQueries.checks.contains { $0 == statement }
            #expect(mistakes.isEmpty || isForTheCommandLine, "\(statement): \(mistakes)")
        }
        for name in Self.lists + Self.needs.map(\.statement) {
            #expect(WorkflowQueries.catalogue.contains { "\($0)" == name }, "\(name)")
        }
    }

    @Test func `would be found out: without its index a statement fails the same look`() throws {
        for index in [
            "appointment_of_practitioner", "appointment_of_day", "appointment_held", "claim_of_appointment",
            "notice_of_recipient", "idempotency_expiry", "session_of_account", "session_ended", "session_expiry",
            "login_failure_age", "patient_email", "patient_phone", "patient_record_number", "patient_hold_of_patient",
            "patient_hold_lapsed", "appointment_of_place", "emergency_of_caller", "emergency_unreviewed", "account_role_of",
            "account_email_verified", "letter_of_account", "letter_expiry", "service_revoked",
            "account_role_of_subject", "account_email_address", "account_login_index", "account_link_subject",
            "correction_of_patient", "correction_due", "patient_closed", "idempotency_subject", "emergency_of_patient",
            "task_key",
            "task_open",
            "incoming_once", "incoming_age",
            "message_of_patient", "message_to", "message_call",
            "patient_device_of_patient", "patient_device_token", "patient_device_of_session",
            "payment_of_appointment", "payment_asked_for", "payment_unsettled",
            "refund_of_payment", "refund_unsettled", "invoice_of_payment", "invoice_number", "invoice_of_patient",
            "waitlist_line", "waitlist_of_patient", "waitlist_offer_hold", "waitlist_offer_once", "waitlist_offer_of_patient",
            "series_visit_once",
            "external_entry_of_appointment", "external_entry_unsettled", "webhook_delivery_age",
            "legacy_booking_of_appointment", "legacy_booking_compared", "legacy_booking_waiting", "legacy_booking_refused",
            "legacy_booking_day", "legacy_claim_of_booking", "legacy_booking_of_patient",
        ] {
            let database = try clinic()
            try database.execute("DROP INDEX \(index)")
            let needy = Self.needs.filter { $0.step.contains("INDEX \(index) ") }.map(\.statement)
            #expect(!needy.isEmpty, "nobody needs \(index)")
            for statement in WorkflowQueries.catalogue where needy.contains("\(statement)") {
                let mistakes = try mistakes(in: statement, on: database)
                #expect(!mistakes.isEmpty, "\(statement) does not need \(index)")
            }
        }
    }

    @Test func `have no index that no statement needs`() throws {
        let names = try clinic().read { try $0.fetch(IndexNames()) }
        for name in names where !name.hasPrefix("outbox") && !Self.rules.contains(name) {
            #expect(Self.needs.contains { $0.step.contains(name) }, "\(name)")
        }
        #expect(names.count > 6)
    }

    @Test func `are looked at for every statement there is`() throws {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Sources/Workflows"
        ).standardized
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        var written: Set<String> = []
        for file in files where file.pathExtension == "swift" {
            for match in try String(contentsOf: file, encoding: .utf8).matches(
                of: #/(?:struct|class|enum) (\w+)[^{\n]*: [^{\n]*\b(?:Query|Command|Insertion|Amendment|Deletion)\b/#)
            {
                written.insert(String(match.1))
            }
        }
        #expect(written.count > 40)
        #expect(written == Set(WorkflowQueries.catalogue.map { "\($0)" }))
        #expect(WorkflowQueries.catalogue.count == written.count, "none stands twice")
    }

    @Test func `skip nothing: no statement counts its way to a page`() {
        for statement in WorkflowQueries.catalogue {
            #expect(!statement.sql.sqlite.contains("OFFSET") && !statement.sql.postgres.contains("OFFSET"))
        }
    }

    @Test(arguments: Engine.allCases) func `cover every table there is, growing or not`(engine: Engine) async throws {
        let tables = try await Workshop.open(engine) { Set(try await $0.database.read { try $0.fetch(TableNames()) }) }
        let fixed: Set<String> = [
            "revision", "location", "resource", "visit_type", "working_hours", "schedule_exception", "holiday",
            "schema_migration", "data_key", "key_walk", "retention_rule", "message_template",
            "counter", "sync_state", "webhook", "legacy_phase", "legacy_feed",
        ]
        #expect(tables == Schema.growingTables.union(fixed))
        #expect(Schema.growingTables.isDisjoint(with: fixed))
    }

    private func clinic() throws -> InlineSQLite {
        let database = try InlineSQLite()
        try database.write { transaction in
            for statement in Schema.migrations.flatMap(\.up) { try transaction.execute(statement) }
        }
        return database
    }

    private func mistakes(in statement: any Statement.Type, on database: InlineSQLite) throws -> [String] {
        let plan = try database.queryPlan(of: statement.sql.sqlite)
        var mistakes = plan.filter { step in
            let words = step.split(separator: " ")
            return words.count > 1 && words[0] == "SCAN" && Schema.growingTables.contains(String(words[1]))
                && Self.exceptions["\(statement)"] != step
        }
        if Self.lists.contains("\(statement)") {
            mistakes += plan.filter { $0.contains("TEMP B-TREE") && $0.contains("ORDER BY") }
        }
        for need in Self.needs where need.statement == "\(statement)" && !plan.contains(where: { $0.contains(need.step) }) {
            mistakes.append("not found by \(need.step): \(plan)")
        }
        return mistakes
    }
}

struct IndexNames: Query {
    static let sql = SQL(
        sqlite: "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'",
        postgres: """
            SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'
            """)
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}

struct TableNames: Query {
    static let sql = SQL(
        sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        postgres: "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> String { try columns.text(0) }
}
