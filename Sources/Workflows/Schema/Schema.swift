import Outbox
public import Storage

/// The tables of the clinic, step by step. Released steps never change.
public enum Schema {
    public static let migrations: [Migration] = [
        Migration(
            number: 1, name: "the clinic and its appointments",
            up: DirectoryTables.up + BookingTables.up + OutboxSchema.up + RecordTables.up,
            down: RecordTables.down + OutboxSchema.down + BookingTables.down + DirectoryTables.down),
        Migration(number: 2, name: "the audit trail is sealed", up: SealTables.up, down: SealTables.down),
        Migration(number: 3, name: "people sign in", up: AccountTables.up, down: AccountTables.down),
        Migration(number: 4, name: "more roles, and where they work", up: RoleTables.up, down: RoleTables.down),
        Migration(number: 5, name: "personal data is sealed", up: KeyTables.up, down: KeyTables.down),
        Migration(number: 6, name: "what patients hold for themselves", up: HoldTables.up, down: HoldTables.down),
        Migration(
            number: 7, name: "the audit knows the circumstances", up: CircumstanceColumns.up, down: CircumstanceColumns.down),
        Migration(number: 8, name: "the glass may be broken", up: EmergencyTables.up, down: EmergencyTables.down),
        Migration(number: 9, name: "people are written to", up: LetterTables.up, down: LetterTables.down),
        Migration(number: 10, name: "other systems are let in", up: ServiceTables.up, down: ServiceTables.down),
        Migration(number: 11, name: "keys are rotated", up: WalkTables.up, down: WalkTables.down),
        Migration(number: 12, name: "records are exported", up: ExportIndexes.up, down: ExportIndexes.down),
        Migration(number: 13, name: "staff sign in elsewhere", up: SignOnTables.up, down: SignOnTables.down),
        Migration(number: 14, name: "patients have rights", up: RightsTables.up, down: RightsTables.down),
        Migration(number: 15, name: "services sign for themselves", up: ServiceKeyTables.up, down: ServiceKeyTables.down),
        Migration(number: 16, name: "who signs in is sealed", up: SignInIndexes.up, down: SignInIndexes.down),
        Migration(number: 17, name: "humans have tasks", up: TaskTables.up, down: TaskTables.down),
        Migration(number: 18, name: "partners tell what happened", up: IncomingTables.up, down: IncomingTables.down),
        Migration(number: 19, name: "patients are reached", up: MessageTables.up, down: MessageTables.down),
        Migration(number: 20, name: "visits are paid", up: PaymentTables.up, down: PaymentTables.down),
        Migration(number: 21, name: "people wait for a time", up: WaitlistTables.up, down: WaitlistTables.down),
        Migration(number: 22, name: "appointments come in series", up: SeriesTables.up, down: SeriesTables.down),
        Migration(number: 23, name: "other calendars agree", up: ExternalTables.up, down: ExternalTables.down),
        Migration(number: 24, name: "records are kept in step", up: SyncTables.up, down: SyncTables.down),
        Migration(number: 25, name: "another system is replaced", up: LegacyTables.up, down: LegacyTables.down),
        Migration(number: 26, name: "others are told", up: WebhookTables.up, down: WebhookTables.down),
        Migration(number: 27, name: "patients have devices", up: DeviceTables.up, down: DeviceTables.down),
        Migration(
            number: 28, name: "what changes outside is heard, and invoices say their tax", up: FeedTables.up,
            down: FeedTables.down),
        Migration(
            number: 29, name: "who waits may name a specialty",
            up: [SQL(table: "ALTER TABLE waitlist_entry ADD COLUMN specialty {text}")],
            down: ["ALTER TABLE waitlist_entry DROP COLUMN specialty"]),
        Migration(number: 30, name: "practitioners are reached", up: StaffTables.up, down: StaffTables.down),
        Migration(
            number: 31, name: "money is given back by hand",
            up: ["way {text}", "given_at {instant}", "recorded_by {text}"].map {
                SQL(table: "ALTER TABLE refund ADD COLUMN \($0)")
            },
            down: ["recorded_by", "given_at", "way"].map { SQL("ALTER TABLE refund DROP COLUMN \($0)") }),
        Migration(
            number: 32, name: "what was given up there is found by its time",
            up: [
                """
                CREATE INDEX legacy_booking_given_up ON legacy_booking (practitioner_id, start_at)
                WHERE state = 'cancelled' AND appointment_id IS NOT NULL
                """
            ],
            down: ["DROP INDEX legacy_booking_given_up"]),
    ]

    /// Tables that grow with the clinic's work: no query may read one from end to end (MA-2).
    public static let growingTables: Set<String> = [
        "patient", "appointment", "appointment_patient", "claim", "event", "audit", "audit_unsealed", "audit_seal", "idempotency",
        "notice", "outbox", "account", "account_role", "account_place", "emergency_access", "session", "login_failure",
        "second_factor", "recovery_code", "patient_hold", "account_email", "letter", "service", "service_secret", "account_link",
        "audit_reason",
        "correction", "patient_closure", "legal_hold",
        "service_key", "service_assertion",
        "task",
        "incoming",
        "message", "contact_preference", "contact_consent", "staff_contact",
        "payment", "refund", "invoice",
        "waitlist_entry", "waitlist_offer", "appointment_series", "series_visit",
        "external_entry", "records_link",
        "webhook_delivery",
        "patient_device",
        "legacy_booking", "legacy_claim", "legacy_link",
    ]
}
