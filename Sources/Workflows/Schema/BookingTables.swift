import Storage

/// Patients, appointments and the claims that make a double booking impossible.
enum BookingTables {
    static let up: [SQL] =
        [
            // The exclusion constraint compares identifiers and ranges in one index.
            onlyOnPostgres("CREATE EXTENSION IF NOT EXISTS btree_gist"),
            SQL(
                table: """
                    CREATE TABLE patient (
                        id {uuid} NOT NULL PRIMARY KEY,
                        name {text} NOT NULL,
                        email {text},
                        phone {text},
                        record_number {text},
                        version {number} NOT NULL
                    ) {clustered}
                    """),
            SQL(
                table: """
                    CREATE TABLE appointment (
                        id {uuid} NOT NULL PRIMARY KEY,
                        state {text} NOT NULL CONSTRAINT appointment_state CHECK (state IN
                            ('pending', 'booked', 'arrived', 'checked-in', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error')),
                        visit_type_id {uuid} NOT NULL REFERENCES visit_type (id),
                        practitioner_id {uuid} NOT NULL REFERENCES resource (id),
                        room_id {uuid} REFERENCES resource (id),
                        device_id {uuid} REFERENCES resource (id),
                        location_id {uuid} NOT NULL REFERENCES location (id),
                        patients {json} NOT NULL,
                        start_at {instant} NOT NULL,
                        end_at {instant} NOT NULL,
                        held_until {instant},
                        cancelled_by {text},
                        cancelled_at {instant},
                        cancellation_reason {text},
                        override_reason {text},
                        content {bytes} NOT NULL,
                        created_at {instant} NOT NULL,
                        updated_at {instant} NOT NULL,
                        version {number} NOT NULL,
                        CONSTRAINT appointment_range CHECK (start_at < end_at),
                        CONSTRAINT appointment_hold CHECK ((state = 'pending') = (held_until IS NOT NULL)),
                        CONSTRAINT appointment_cancellation CHECK (CASE WHEN cancelled_at IS NULL THEN state <> 'cancelled'
                            ELSE state IN ('cancelled', 'entered-in-error') END)
                    ) {clustered}
                    """),
            "CREATE INDEX appointment_of_practitioner ON appointment (practitioner_id, start_at, id)",
            "CREATE INDEX appointment_of_day ON appointment (start_at, id)",
            "CREATE INDEX appointment_held ON appointment (held_until) WHERE state = 'pending'",
            SQL(
                table: """
                    CREATE TABLE appointment_patient (
                        patient_id {uuid} NOT NULL REFERENCES patient (id),
                        start_at {instant} NOT NULL,
                        appointment_id {uuid} NOT NULL REFERENCES appointment (id),
                        PRIMARY KEY (patient_id, start_at, appointment_id)
                    ) {clustered}
                    """),
        ] + claims

    /// A claim is only there while its appointment holds its time; cancelling deletes it. Within one lane claims never
    /// overlap, so the only one that could overlap a new claim is the last that starts before the new one ends; and none is
    /// longer than two days, so nobody looks further back.
    ///
    /// PostgreSQL compares a 64-bit hash of holder and lane, which costs half of what the identifier does
    /// (`docs/decisions/0009`). Two holders with one hash would be kept apart as if they were one: never a double booking,
    /// and a time refused in vain once in some ten million clinics.
    private static let claims: [SQL] = [
        SQL(
            sqlite: """
                CREATE TABLE claim (
                    holder_id BLOB NOT NULL,
                    lane INTEGER NOT NULL,
                    from_at INTEGER NOT NULL,
                    to_at INTEGER NOT NULL,
                    appointment_id BLOB NOT NULL REFERENCES appointment (id),
                    PRIMARY KEY (holder_id, from_at, lane),
                    CONSTRAINT claim_range CHECK (from_at < to_at AND to_at - from_at <= 172800000000),
                    CONSTRAINT claim_lane_number CHECK (lane >= 0)
                ) STRICT, WITHOUT ROWID
                """,
            postgres: """
                CREATE TABLE claim (
                    holder_id uuid NOT NULL,
                    lane bigint NOT NULL,
                    from_at timestamptz NOT NULL,
                    to_at timestamptz NOT NULL,
                    appointment_id uuid NOT NULL REFERENCES appointment (id),
                    PRIMARY KEY (holder_id, from_at, lane),
                    CONSTRAINT claim_range CHECK (from_at < to_at AND to_at - from_at <= interval '48 hours'),
                    CONSTRAINT claim_lane_number CHECK (lane >= 0),
                    CONSTRAINT claim_overlap EXCLUDE USING gist
                        (uuid_hash_extended(holder_id, lane) WITH =, tstzrange(from_at, to_at) WITH &&)
                )
                """),
        "CREATE INDEX claim_of_appointment ON claim (appointment_id)",
        laneGuards[0], laneGuards[1],
        guardTrigger(
            name: "claim_insert", on: "INSERT", excluding: ""),
        guardTrigger(
            name: "claim_update", on: "UPDATE",
            excluding: "AND NOT (holder_id = OLD.holder_id AND lane = OLD.lane AND from_at = OLD.from_at)"),
        SQL(
            sqlite: """
                CREATE TRIGGER resource_keeps_its_lanes BEFORE UPDATE OF lanes ON resource WHEN NEW.lanes < OLD.lanes BEGIN
                    SELECT RAISE(ABORT, 'claim_lane')
                    WHERE EXISTS (SELECT 1 FROM claim WHERE holder_id = NEW.id AND lane >= NEW.lanes);
                END
                """,
            postgres: """
                CREATE TRIGGER resource_keeps_its_lanes BEFORE UPDATE OF lanes ON resource
                FOR EACH ROW WHEN (NEW.lanes < OLD.lanes) EXECUTE FUNCTION refuse_fewer_lanes()
                """),
        // REPLACE deletes the row and inserts another; no update happens.
        SQL(
            sqlite: """
                CREATE TRIGGER resource_replaced_keeps_its_lanes BEFORE INSERT ON resource BEGIN
                    SELECT RAISE(ABORT, 'claim_lane')
                    WHERE EXISTS (SELECT 1 FROM claim WHERE holder_id = NEW.id AND lane >= NEW.lanes);
                END
                """,
            postgres: """
                CREATE TRIGGER resource_replaced_keeps_its_lanes BEFORE INSERT ON resource
                FOR EACH ROW EXECUTE FUNCTION refuse_fewer_lanes()
                """),
    ]

    private static func guardTrigger(name: String, on event: String, excluding: String) -> SQL {
        SQL(
            sqlite: """
                CREATE TRIGGER \(name) BEFORE \(event) ON claim BEGIN
                    SELECT RAISE(ABORT, 'claim_lane')
                    WHERE NEW.lane > 0 AND NEW.lane >= coalesce((SELECT lanes FROM resource WHERE id = NEW.holder_id), 1);
                    SELECT RAISE(ABORT, 'claim_overlap')
                    WHERE (SELECT to_at FROM claim
                           WHERE holder_id = NEW.holder_id AND lane = NEW.lane AND from_at < NEW.to_at
                               AND from_at > NEW.from_at - 172800000000 \(excluding)
                           ORDER BY from_at DESC LIMIT 1) > NEW.from_at;
                END
                """,
            postgres: """
                CREATE TRIGGER \(name) BEFORE \(event) ON claim
                FOR EACH ROW WHEN (NEW.lane > 0) EXECUTE FUNCTION refuse_missing_lane()
                """)
    }

    static let down: [SQL] = [
        "DROP TABLE claim", onlyOnPostgres("DROP FUNCTION refuse_missing_lane"),
        SQL(sqlite: "DROP TRIGGER resource_keeps_its_lanes", postgres: "DROP TRIGGER resource_keeps_its_lanes ON resource"),
        SQL(
            sqlite: "DROP TRIGGER resource_replaced_keeps_its_lanes",
            postgres: "DROP TRIGGER resource_replaced_keeps_its_lanes ON resource"),
        onlyOnPostgres("DROP FUNCTION refuse_fewer_lanes"),
        "DROP TABLE appointment_patient", "DROP TABLE appointment", "DROP TABLE patient",
    ]

    /// PostgreSQL refuses overlaps by `claim_overlap`, an exclusion constraint. What is left for triggers is the number of
    /// lanes, and that only concerns the few claims beyond a resource's first lane. Each side locks the resource: a claim
    /// on a lane and the removal of that lane cannot pass each other.
    private static let laneGuards: [SQL] = [
        onlyOnPostgres(
            """
            CREATE FUNCTION refuse_missing_lane() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.lane >= coalesce((SELECT lanes FROM resource WHERE id = NEW.holder_id FOR SHARE), 1) THEN
                    RAISE EXCEPTION 'claim_lane' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_lane';
                END IF;
                RETURN NEW;
            END
            $$
            """),
        onlyOnPostgres(
            """
            CREATE FUNCTION refuse_fewer_lanes() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM claim WHERE holder_id = NEW.id AND lane >= NEW.lanes) THEN
                    RAISE EXCEPTION 'claim_lane' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_lane';
                END IF;
                RETURN NEW;
            END
            $$
            """),
    ]

    private static func onlyOnPostgres(_ text: String) -> SQL { SQL(sqlite: "SELECT 1", postgres: text) }
}
