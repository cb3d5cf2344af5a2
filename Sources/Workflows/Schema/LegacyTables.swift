import Storage

/// What is known of the system that is being replaced (GF-6): how far the replacement is, each request it has had as it stands there, what
/// that takes of the time here, and what it was told of ours.
///
/// Nothing in it is a person's but identifiers of this clinic: whom a row is about is looked up when it is read there, and their number
/// there is not kept.
enum LegacyTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE legacy_phase (
                    name {text} NOT NULL PRIMARY KEY,
                    phase {text} NOT NULL CONSTRAINT legacy_phase_known CHECK (phase IN
                        ('off', 'shadow', 'dual', 'switched', 'returning')),
                    share {number} NOT NULL CONSTRAINT legacy_phase_share CHECK (share BETWEEN 1 AND 5),
                    changed_at {instant} NOT NULL,
                    changed_by {text} NOT NULL,
                    shadow_since {instant},
                    backfill_since {instant},
                    mirrored_at {instant}
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE legacy_feed (
                    name {text} NOT NULL PRIMARY KEY,
                    change {number} NOT NULL,
                    caught_up_at {instant},
                    taken {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE legacy_booking (
                    their_id {text} NOT NULL PRIMARY KEY,
                    request_id {text} NOT NULL,
                    change {number} NOT NULL,
                    state {text} NOT NULL CONSTRAINT legacy_booking_state CHECK (state IN ('booked', 'cancelled', 'refused')),
                    practitioner_id {uuid},
                    visit_type_id {uuid},
                    patient_id {uuid},
                    start_at {instant} NOT NULL,
                    end_at {instant} NOT NULL,
                    origin {text} NOT NULL CONSTRAINT legacy_booking_origin CHECK (origin IN ('theirs', 'ours')),
                    appointment_id {uuid} REFERENCES appointment (id),
                    decision {text},
                    difference {text},
                    decided_at {instant},
                    refusal {text},
                    updated_at {instant} NOT NULL,
                    CONSTRAINT legacy_booking_range CHECK (start_at < end_at),
                    CONSTRAINT legacy_booking_decided CHECK ((decision IS NULL) = (decided_at IS NULL))
                ) {clustered}
                """),
        """
        CREATE INDEX legacy_booking_compared ON legacy_booking (decided_at, their_id) WHERE decided_at IS NOT NULL
        """,
        """
        CREATE INDEX legacy_booking_waiting ON legacy_booking (start_at, their_id)
        WHERE state = 'booked' AND origin = 'theirs' AND appointment_id IS NULL AND refusal IS NULL
        """,
        """
        CREATE INDEX legacy_booking_refused ON legacy_booking (start_at, their_id)
        WHERE state = 'booked' AND origin = 'theirs' AND appointment_id IS NULL AND refusal IS NOT NULL
        """,
        """
        CREATE INDEX legacy_booking_day ON legacy_booking (practitioner_id, start_at) WHERE state = 'booked' AND appointment_id IS NULL
        """,
        "CREATE INDEX legacy_booking_of_appointment ON legacy_booking (appointment_id) WHERE appointment_id IS NOT NULL",
        "CREATE INDEX legacy_booking_of_patient ON legacy_booking (patient_id) WHERE patient_id IS NOT NULL",
        // No constraint keeps them apart: what the other system has booked twice is booked twice.
        SQL(
            table: """
                CREATE TABLE legacy_claim (
                    holder_id {uuid} NOT NULL,
                    from_at {instant} NOT NULL,
                    their_id {text} NOT NULL REFERENCES legacy_booking (their_id),
                    to_at {instant} NOT NULL,
                    lane {number} NOT NULL,
                    PRIMARY KEY (holder_id, from_at, their_id),
                    CONSTRAINT legacy_claim_range CHECK (from_at < to_at)
                ) {clustered}
                """),
        "CREATE INDEX legacy_claim_of_booking ON legacy_claim (their_id)",
        SQL(
            table: """
                CREATE TABLE legacy_link (
                    appointment_id {uuid} NOT NULL PRIMARY KEY REFERENCES appointment (id),
                    asked {number} NOT NULL,
                    start_at {instant} NOT NULL,
                    practitioner_id {uuid} NOT NULL,
                    is_settled {bool} NOT NULL,
                    refused_version {number},
                    updated_at {instant} NOT NULL
                ) {clustered}
                """),
    ]

    static let down: [SQL] = [
        "DROP TABLE legacy_link", "DROP TABLE legacy_claim", "DROP TABLE legacy_booking", "DROP TABLE legacy_feed",
        "DROP TABLE legacy_phase",
    ]
}
