import Storage

/// Who waits for a visit, and to whom a freed time was offered.
enum WaitlistTables {
    static let up: [SQL] = [
        // `precedence`: 0 is `stat`, 3 is `routine`. `weekdays`: a bit for each, Monday the lowest; 0 for all of them.
        SQL(
            table: """
                CREATE TABLE waitlist_entry (
                    id {uuid} NOT NULL PRIMARY KEY,
                    patient_id {uuid} NOT NULL REFERENCES patient (id),
                    visit_type_id {uuid} NOT NULL,
                    practitioners {json} NOT NULL,
                    locations {json} NOT NULL,
                    weekdays {number} NOT NULL CONSTRAINT waitlist_weekdays CHECK (weekdays BETWEEN 0 AND 127),
                    from_minute {number},
                    to_minute {number},
                    earliest {number},
                    latest {number},
                    quiet_from {number},
                    quiet_to {number},
                    precedence {number} NOT NULL CONSTRAINT waitlist_precedence CHECK (precedence BETWEEN 0 AND 3),
                    since {instant} NOT NULL,
                    wants_offers {bool} NOT NULL,
                    missed_offers {number} NOT NULL,
                    asked_by {text} NOT NULL,
                    state {text} NOT NULL CONSTRAINT waitlist_state CHECK (state IN ('waiting', 'booked', 'withdrawn')),
                    offer_id {uuid},
                    ended_at {instant},
                    version {number} NOT NULL,
                    CONSTRAINT waitlist_end CHECK ((state = 'waiting') = (ended_at IS NULL)),
                    CONSTRAINT waitlist_thinking CHECK (offer_id IS NULL OR state = 'waiting')
                ) {clustered}
                """),
        // A patient waits once for a kind of visit.
        "CREATE UNIQUE INDEX waitlist_once ON waitlist_entry (patient_id, visit_type_id) WHERE state = 'waiting'",
        "CREATE INDEX waitlist_line ON waitlist_entry (visit_type_id, precedence, since, id) WHERE state = 'waiting'",
        "CREATE INDEX waitlist_of_patient ON waitlist_entry (patient_id, id)",
        // `chain_id`: one for each time something was freed. `nobody`: it ended there, and the explanation says why.
        SQL(
            table: """
                CREATE TABLE waitlist_offer (
                    id {uuid} NOT NULL PRIMARY KEY,
                    chain_id {uuid} NOT NULL,
                    entry_id {uuid},
                    patient_id {uuid},
                    appointment_id {uuid} REFERENCES appointment (id),
                    visit_type_id {uuid} NOT NULL,
                    practitioner_id {uuid} NOT NULL,
                    location_id {uuid} NOT NULL,
                    start_at {instant} NOT NULL,
                    end_at {instant} NOT NULL,
                    state {text} NOT NULL CONSTRAINT waitlist_offer_state CHECK (state IN
                        ('open', 'accepted', 'declined', 'expired', 'revoked', 'nobody')),
                    offered_at {instant} NOT NULL,
                    until_at {instant},
                    ended_at {instant},
                    explanation {json} NOT NULL,
                    CONSTRAINT waitlist_offer_end CHECK ((state = 'open') = (ended_at IS NULL)),
                    CONSTRAINT waitlist_offer_nobody CHECK ((state = 'nobody') = (entry_id IS NULL)
                        AND (entry_id IS NULL) = (patient_id IS NULL) AND (entry_id IS NULL) = (appointment_id IS NULL)
                        AND (entry_id IS NULL) = (until_at IS NULL))
                ) {clustered}
                """),
        // A time is offered to one person at a time, and to nobody twice.
        "CREATE UNIQUE INDEX waitlist_offer_open ON waitlist_offer (practitioner_id, start_at) WHERE state = 'open'",
        "CREATE UNIQUE INDEX waitlist_offer_once ON waitlist_offer (practitioner_id, start_at, patient_id)",
        "CREATE UNIQUE INDEX waitlist_offer_hold ON waitlist_offer (appointment_id)",
        "CREATE INDEX waitlist_offer_of_patient ON waitlist_offer (patient_id, id)",
    ]

    static let down: [SQL] = ["DROP TABLE waitlist_offer", "DROP TABLE waitlist_entry"]
}
