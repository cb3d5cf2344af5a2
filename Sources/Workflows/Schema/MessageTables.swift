import Storage

/// What patients are told outside the mailbox, what became of each message, how they want to be reached, and how a clinic puts it.
enum MessageTables {
    static let up: [SQL] = [
        // Address and words are sealed. `unsure_since` is set before somebody outside is asked, and taken back when it is known that they did
        // nothing: while it stands, a carrier may have it.
        SQL(
            table: """
                CREATE TABLE message (
                    id {uuid} NOT NULL PRIMARY KEY,
                    notice_id {uuid} NOT NULL,
                    patient_id {uuid} NOT NULL,
                    appointment_id {uuid},
                    kind {text} NOT NULL,
                    start_at {instant},
                    minutes {number},
                    place {number} NOT NULL CONSTRAINT message_place CHECK (place IN (1, 2)),
                    not_by {text},
                    state {text} NOT NULL CONSTRAINT message_state CHECK (state IN
                        ('queued', 'sending', 'handed-over', 'delivered', 'failed', 'suppressed')),
                    reason {text},
                    channel {text} CONSTRAINT message_channel CHECK (channel IN ('email', 'sms')),
                    language {text},
                    address {text},
                    address_index {bytes},
                    words {text},
                    carrier_id {text},
                    created_at {instant} NOT NULL,
                    due_at {instant} NOT NULL,
                    unsure_since {instant},
                    handed_at {instant},
                    ended_at {instant},
                    answer {text} CONSTRAINT message_answer CHECK (answer IN ('confirm', 'cancel', 'call')),
                    answered_by {text},
                    answered_at {instant},
                    settled_by {text},
                    settled_at {instant},
                    CONSTRAINT message_way CHECK (state IN ('queued', 'suppressed') OR (channel IS NOT NULL AND address IS NOT NULL)),
                    CONSTRAINT message_reason CHECK (state NOT IN ('failed', 'suppressed') OR reason IS NOT NULL),
                    CONSTRAINT message_answered CHECK ((answer IS NULL) = (answered_at IS NULL))
                ) {clustered}
                """),
        // However many find that the first channel has failed, one takes the next.
        "CREATE UNIQUE INDEX message_once ON message (notice_id, place)",
        "CREATE INDEX message_of_patient ON message (patient_id, id)",
        "CREATE INDEX message_to ON message (address_index, id)",
        "CREATE INDEX message_call ON message (answered_at, id) WHERE answer = 'call' AND settled_at IS NULL",
        SQL(
            table: """
                CREATE TABLE contact_preference (
                    id {uuid} NOT NULL PRIMARY KEY REFERENCES patient (id),
                    channels {json} NOT NULL,
                    language {text},
                    quiet_from {number},
                    quiet_until {number},
                    zone {text},
                    version {number} NOT NULL,
                    CONSTRAINT contact_preference_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE contact_consent (
                    patient_id {uuid} NOT NULL REFERENCES patient (id),
                    channel {text} NOT NULL CONSTRAINT contact_consent_channel CHECK (channel IN ('email', 'sms')),
                    is_given {bool} NOT NULL,
                    by {text} NOT NULL,
                    at {instant} NOT NULL,
                    PRIMARY KEY (patient_id, channel)
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE message_template (
                    kind {text} NOT NULL,
                    language {text} NOT NULL,
                    subject {text} NOT NULL,
                    body {text} NOT NULL,
                    words {text} NOT NULL,
                    changed_by {text} NOT NULL,
                    changed_at {instant} NOT NULL,
                    PRIMARY KEY (kind, language)
                ) {clustered}
                """),
    ]

    static let down: [SQL] = [
        "DROP TABLE message_template", "DROP TABLE contact_consent", "DROP TABLE contact_preference", "DROP TABLE message",
    ]
}
