import Storage

/// Under which circumstances something was read or changed, beside who and what. Records from before have none.
enum CircumstanceColumns {
    private static let columns = [
        ("role", "{text}"), ("purpose", "{text}"), ("address", "{text}"), ("operation", "{text}"), ("outcome", "{text}"),
        ("patients", "{json}"), ("query", "{text}"),
    ]

    static let up: [SQL] =
        columns.map { SQL(table: "ALTER TABLE audit ADD COLUMN \($0.0) \($0.1)") } + [
            // Lists, which show many patients at once and are found by none of them.
            "CREATE INDEX audit_of_lists ON audit (at, id) WHERE query IS NOT NULL",
            "CREATE INDEX appointment_of_place ON appointment (location_id, start_at, id)",
        ]

    static let down: [SQL] =
        ["DROP INDEX appointment_of_place", "DROP INDEX audit_of_lists"]
        + columns.reversed().map { SQL("ALTER TABLE audit DROP COLUMN \($0.0)") }
}
