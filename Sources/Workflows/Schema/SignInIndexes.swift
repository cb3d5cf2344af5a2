import Storage

/// What finds whoever signs in, now that what they sign in with is sealed. The constraints over the texts themselves stay: until the rows
/// of an earlier version are sealed, they hold for those.
enum SignInIndexes {
    static let up: [SQL] = [
        SQL(table: "ALTER TABLE account ADD COLUMN login_index {bytes}"),
        "CREATE UNIQUE INDEX account_login_index ON account (login_index)",
        SQL(table: "ALTER TABLE account_email ADD COLUMN address_index {bytes}"),
        "CREATE UNIQUE INDEX account_email_address ON account_email (address_index) WHERE verified_at IS NOT NULL",
        SQL(table: "ALTER TABLE account_link ADD COLUMN subject_index {bytes}"),
        "CREATE UNIQUE INDEX account_link_subject ON account_link (issuer, subject_index)",
        // The walk that was done has not been through these tables.
        "DELETE FROM key_walk",
    ]

    static let down: [SQL] = [
        "DROP INDEX account_link_subject", "ALTER TABLE account_link DROP COLUMN subject_index",
        "DROP INDEX account_email_address", "ALTER TABLE account_email DROP COLUMN address_index",
        "DROP INDEX account_login_index", "ALTER TABLE account DROP COLUMN login_index",
    ]
}
