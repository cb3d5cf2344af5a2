import Storage

/// Who works where and when, and what can be booked. Small tables, read as a whole into a `Directory`.
enum DirectoryTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE revision (
                    name {text} NOT NULL PRIMARY KEY,
                    value {number} NOT NULL
                ) {clustered}
                """),
        "INSERT INTO revision (name, value) VALUES ('directory', 1), ('import', 1)",
        // Whoever decides by the directory holds it as it is until the commit, and whoever changes it waits for them: a
        // booking is never decided by hours that were changed before it. SQLite has one writer and needs none of this.
        SQL(
            sqlite: "SELECT 1",
            postgres: """
                CREATE FUNCTION hold_directory(to_change boolean) RETURNS bigint LANGUAGE plpgsql AS $$
                BEGIN
                    IF to_change THEN
                        PERFORM pg_advisory_xact_lock(7461, 1);
                    ELSE
                        PERFORM pg_advisory_xact_lock_shared(7461, 1);
                    END IF;
                    RETURN (SELECT value FROM revision WHERE name = 'directory');
                END
                $$
                """),
        SQL(
            table: """
                CREATE TABLE location (
                    id {uuid} NOT NULL PRIMARY KEY,
                    name {text} NOT NULL,
                    zone {text} NOT NULL,
                    address {text},
                    version {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE resource (
                    id {uuid} NOT NULL PRIMARY KEY,
                    kind {text} NOT NULL CONSTRAINT resource_kind CHECK (kind IN ('practitioner', 'room', 'device')),
                    name {text} NOT NULL,
                    location_id {uuid} NOT NULL REFERENCES location (id),
                    lanes {number} NOT NULL CONSTRAINT resource_lanes CHECK (lanes BETWEEN 1 AND 64),
                    lanes_offered {number} NOT NULL CONSTRAINT resource_lanes_offered CHECK (lanes_offered BETWEEN 1 AND lanes),
                    specialty {text},
                    tags {json} NOT NULL,
                    maximum_per_day {number},
                    active {bool} NOT NULL,
                    version {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE visit_type (
                    id {uuid} NOT NULL PRIMARY KEY,
                    name {text} NOT NULL,
                    duration_minutes {number} NOT NULL CONSTRAINT visit_type_duration CHECK (duration_minutes BETWEEN 5 AND 1440 AND duration_minutes % 5 = 0),
                    buffer_before_minutes {number} NOT NULL CONSTRAINT visit_type_buffer_before
                        CHECK (buffer_before_minutes BETWEEN 0 AND 240 AND buffer_before_minutes % 5 = 0),
                    buffer_after_minutes {number} NOT NULL CONSTRAINT visit_type_buffer_after
                        CHECK (buffer_after_minutes BETWEEN 0 AND 240 AND buffer_after_minutes % 5 = 0),
                    specialty {text},
                    practitioners {json} NOT NULL,
                    room_tag {text},
                    device_tag {text},
                    patients_maximum {number} NOT NULL CONSTRAINT visit_type_patients CHECK (patients_maximum BETWEEN 1 AND 100),
                    earliest_notice_minutes {number} NOT NULL,
                    latest_horizon_days {number} NOT NULL,
                    cancellation_cutoff_minutes {number} NOT NULL,
                    start_grid_minutes {number} NOT NULL CONSTRAINT visit_type_grid
                        CHECK (start_grid_minutes BETWEEN 5 AND 1440 AND 1440 % start_grid_minutes = 0),
                    hold_minutes {number} NOT NULL,
                    active {bool} NOT NULL,
                    version {number} NOT NULL
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE working_hours (
                    id {uuid} NOT NULL PRIMARY KEY,
                    resource_id {uuid} NOT NULL REFERENCES resource (id),
                    weekday {number} NOT NULL CONSTRAINT working_hours_weekday CHECK (weekday BETWEEN 1 AND 7),
                    from_minute {number} NOT NULL,
                    to_minute {number} NOT NULL,
                    zone {text} NOT NULL,
                    effective_from {number} NOT NULL,
                    effective_until {number}
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE schedule_exception (
                    id {uuid} NOT NULL PRIMARY KEY,
                    resource_id {uuid} NOT NULL REFERENCES resource (id),
                    kind {text} NOT NULL CONSTRAINT schedule_exception_kind CHECK (kind IN ('leave', 'blocked', 'extra')),
                    from_at {instant} NOT NULL,
                    to_at {instant} NOT NULL,
                    note {text},
                    CONSTRAINT schedule_exception_range CHECK (from_at < to_at)
                ) {clustered}
                """),
        SQL(
            table: """
                CREATE TABLE holiday (
                    id {uuid} NOT NULL PRIMARY KEY,
                    location_id {uuid} NOT NULL REFERENCES location (id),
                    day {number} NOT NULL,
                    name {text} NOT NULL
                ) {clustered}
                """),
    ]

    static let down: [SQL] = [
        "DROP TABLE holiday", "DROP TABLE schedule_exception", "DROP TABLE working_hours", "DROP TABLE visit_type",
        "DROP TABLE resource", "DROP TABLE location",
        SQL(sqlite: "SELECT 1", postgres: "DROP FUNCTION hold_directory"), "DROP TABLE revision",
    ]
}
