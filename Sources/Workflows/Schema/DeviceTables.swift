import Storage

/// Telephones and browsers patients get notices on, and messages that go there.
enum DeviceTables {
    static let up: [SQL] =
        [
            // Name and registration are sealed. The index is unique: a registration is one patient's at a time.
            SQL(
                table: """
                    CREATE TABLE patient_device (
                        id {uuid} NOT NULL PRIMARY KEY,
                        patient_id {uuid} NOT NULL REFERENCES patient (id),
                        session_id {uuid},
                        platform {text} NOT NULL CONSTRAINT patient_device_platform CHECK (platform IN ('android', 'ios', 'web')),
                        name {text},
                        token {text} NOT NULL,
                        token_index {bytes} NOT NULL,
                        language {text},
                        created_at {instant} NOT NULL,
                        seen_at {instant} NOT NULL
                    ) {clustered}
                    """),
            "CREATE UNIQUE INDEX patient_device_token ON patient_device (token_index)",
            "CREATE INDEX patient_device_of_patient ON patient_device (patient_id, id)",
            "CREATE INDEX patient_device_of_session ON patient_device (session_id)",
        ] + messages(channels: "'email', 'sms', 'push'", places: "1, 2, 3", hasDevices: true)
        + consents(channels: "'email', 'sms', 'push'")

    static let down: [SQL] =
        [
            "DELETE FROM message WHERE channel = 'push' OR place = 3",
            "UPDATE message SET not_by = NULL WHERE not_by NOT IN ('email', 'sms')",
            "DELETE FROM contact_consent WHERE channel = 'push'",
        ] + messages(channels: "'email', 'sms'", places: "1, 2", hasDevices: false) + consents(channels: "'email', 'sms'")
        + ["DROP TABLE patient_device"]

    /// SQLite keeps a table's checks for good, so there the table is made anew.
    private static func messages(channels: String, places: String, hasDevices: Bool) -> [SQL] {
        let place = "CONSTRAINT message_place CHECK (place IN (\(places)))"
        let channel = "CONSTRAINT message_channel CHECK (channel IN (\(channels)))"
        // What goes to devices has an address for each of them.
        let way = """
            CONSTRAINT message_way CHECK (state IN ('queued', 'suppressed')
                OR (channel IS NOT NULL AND (address IS NOT NULL\(hasDevices ? " OR channel = 'push'" : ""))))
            """
        let columns = """
            id, notice_id, patient_id, appointment_id, kind, start_at, minutes, place, not_by, state, reason, channel, language,
            address, address_index, words, carrier_id, created_at, due_at, unsure_since, handed_at, ended_at, answer, answered_by,
            answered_at, settled_by, settled_at
            """
        return [
            onlyOnSQLite(
                SQL(
                    table: """
                        CREATE TABLE message_anew (
                            id {uuid} NOT NULL PRIMARY KEY,
                            notice_id {uuid} NOT NULL,
                            patient_id {uuid} NOT NULL,
                            appointment_id {uuid},
                            kind {text} NOT NULL,
                            start_at {instant},
                            minutes {number},
                            place {number} NOT NULL \(place),
                            not_by {text},
                            state {text} NOT NULL CONSTRAINT message_state CHECK (state IN
                                ('queued', 'sending', 'handed-over', 'delivered', 'failed', 'suppressed')),
                            reason {text},
                            channel {text} \(channel),
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
                            settled_at {instant},\(hasDevices ? "\n    devices {json}," : "")
                            \(way),
                            CONSTRAINT message_reason CHECK (state NOT IN ('failed', 'suppressed') OR reason IS NOT NULL),
                            CONSTRAINT message_answered CHECK ((answer IS NULL) = (answered_at IS NULL))
                        ) {clustered}
                        """
                ).sqlite),
            onlyOnSQLite("INSERT INTO message_anew (\(columns)) SELECT \(columns) FROM message"),
            SQL(
                sqlite: "DROP TABLE message",
                postgres: """
                    ALTER TABLE message DROP CONSTRAINT message_place, DROP CONSTRAINT message_channel, DROP CONSTRAINT message_way
                    """),
            SQL(
                sqlite: "ALTER TABLE message_anew RENAME TO message",
                postgres: """
                    ALTER TABLE message ADD \(place), ADD \(channel), ADD \(way),
                        \(hasDevices ? "ADD COLUMN devices json" : "DROP COLUMN devices")
                    """),
            onlyOnSQLite("CREATE UNIQUE INDEX message_once ON message (notice_id, place)"),
            onlyOnSQLite("CREATE INDEX message_of_patient ON message (patient_id, id)"),
            onlyOnSQLite("CREATE INDEX message_to ON message (address_index, id)"),
            onlyOnSQLite(
                "CREATE INDEX message_call ON message (answered_at, id) WHERE answer = 'call' AND settled_at IS NULL"),
        ]
    }

    private static func consents(channels: String) -> [SQL] {
        let channel = "CONSTRAINT contact_consent_channel CHECK (channel IN (\(channels)))"
        return [
            onlyOnSQLite(
                """
                CREATE TABLE contact_consent_anew (
                    patient_id BLOB NOT NULL REFERENCES patient (id),
                    channel TEXT NOT NULL \(channel),
                    is_given INTEGER NOT NULL,
                    by TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    PRIMARY KEY (patient_id, channel)
                ) STRICT, WITHOUT ROWID
                """),
            onlyOnSQLite("INSERT INTO contact_consent_anew SELECT patient_id, channel, is_given, by, at FROM contact_consent"),
            SQL(
                sqlite: "DROP TABLE contact_consent",
                postgres: "ALTER TABLE contact_consent DROP CONSTRAINT contact_consent_channel"),
            SQL(
                sqlite: "ALTER TABLE contact_consent_anew RENAME TO contact_consent",
                postgres: "ALTER TABLE contact_consent ADD \(channel)"),
        ]
    }

    private static func onlyOnSQLite(_ text: String) -> SQL { SQL(sqlite: text, postgres: "SELECT 1") }
}
