import Storage

/// The clinic's own keys, each wrapped by a master key that is elsewhere, and what finds sealed values.
enum KeyTables {
    static let up: [SQL] = [
        // A retired key is gone: nothing is wrapped any more.
        SQL(
            table: """
                CREATE TABLE data_key (
                    purpose {text} NOT NULL CONSTRAINT data_key_purpose CHECK (purpose IN ('field', 'index', 'record')),
                    version {number} NOT NULL CONSTRAINT data_key_version CHECK (version > 0),
                    state {text} NOT NULL CONSTRAINT data_key_state CHECK (state IN ('active', 'retiring', 'retired')),
                    clinic_id {uuid} NOT NULL,
                    master {text} NOT NULL,
                    wrapped {bytes} NOT NULL,
                    created_at {instant} NOT NULL,
                    retired_at {instant},
                    PRIMARY KEY (purpose, version),
                    CONSTRAINT data_key_end CHECK ((state = 'retired') = (retired_at IS NOT NULL)),
                    CONSTRAINT data_key_gone CHECK ((state = 'retired') = (length(wrapped) = 0))
                ) {strict}
                """),
        "CREATE UNIQUE INDEX data_key_active ON data_key (purpose) WHERE state = 'active'",
        SQL(table: "ALTER TABLE patient ADD COLUMN email_index {bytes}"),
        SQL(table: "ALTER TABLE patient ADD COLUMN phone_index {bytes}"),
        SQL(table: "ALTER TABLE patient ADD COLUMN record_number_index {bytes}"),
        "CREATE INDEX patient_email ON patient (email_index, id)",
        "CREATE INDEX patient_phone ON patient (phone_index, id)",
        "CREATE INDEX patient_record_number ON patient (record_number_index, id)",
    ]

    static let down: [SQL] = [
        "DROP INDEX patient_record_number", "DROP INDEX patient_phone", "DROP INDEX patient_email",
        "ALTER TABLE patient DROP COLUMN record_number_index", "ALTER TABLE patient DROP COLUMN phone_index",
        "ALTER TABLE patient DROP COLUMN email_index", "DROP TABLE data_key",
    ]
}

/// How far the walks are that seal everything with a new key: in which table, after which row.
enum WalkTables {
    static let up: [SQL] = [
        SQL(
            table: """
                CREATE TABLE key_walk (
                    version {number} NOT NULL PRIMARY KEY,
                    place {number} NOT NULL,
                    position {uuid} NOT NULL,
                    done_at {instant}
                ) {strict}
                """)
    ]
    static let down: [SQL] = ["DROP TABLE key_walk"]
}

/// Whose account it is, for whoever is given everything the clinic has about them.
enum ExportIndexes {
    static let up: [SQL] = ["CREATE INDEX account_role_of_subject ON account_role (subject_id, account_id)"]
    static let down: [SQL] = ["DROP INDEX account_role_of_subject"]
}
