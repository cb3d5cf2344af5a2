import Letters
import Notation
import Scheduling
import Storage

struct StaffContactOf: Query {
    static let sql: SQL = """
        SELECT id, email, phone, told, within_hours, language, quiet_from, quiet_until, zone, version FROM staff_contact WHERE id = $1
        """
    let practitioner: ID<Resource>
    var bindings: [SQLValue] { [.id(practitioner)] }
    static func row(_ columns: any Columns) throws -> Sealed<StaffContact> {
        var contact = StaffContact(of: try columns.id(0))
        contact.email = try columns.optional(1, columns.text).map { Personal($0) }
        contact.phone = try columns.optional(2, columns.text).map { Personal($0) }
        contact.wishes = StaffWishes(words: try columns.texts(3), withinHours: try columns.int(4))
        contact.language = try columns.optional(5) { try columns.choice($0) }
        contact.quiet = try columns.optional(6, columns.int).map { from in
            ContactPreferences.QuietHours(from: from, until: try columns.int(7))
        }
        contact.zone = try columns.optional(8, columns.text)
        contact.version = try columns.int(9)
        return Sealed(kept: contact)
    }
}

/// The same, and nobody else changes it until this transaction has ended.
struct StaffContactToChange: Query {
    static let sql = SQL(sqlite: StaffContactOf.sql.sqlite, postgres: StaffContactOf.sql.postgres + " FOR UPDATE")
    let practitioner: ID<Resource>
    var bindings: [SQLValue] { [.id(practitioner)] }
    static func row(_ columns: any Columns) throws -> Sealed<StaffContact> { try StaffContactOf.row(columns) }
}

/// Replaces version n by version n + 1. No row changed means that somebody else was first.
struct StoreStaffContact: Command {
    static let sql: SQL = """
        INSERT INTO staff_contact (id, email, phone, told, within_hours, language, quiet_from, quiet_until, zone, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (id) DO UPDATE SET email = excluded.email, phone = excluded.phone, told = excluded.told,
            within_hours = excluded.within_hours, language = excluded.language, quiet_from = excluded.quiet_from,
            quiet_until = excluded.quiet_until, zone = excluded.zone, version = excluded.version
        WHERE staff_contact.version = excluded.version - 1
        """
    let contact: Sealed<StaffContact>
    var bindings: [SQLValue] {
        let kept = contact.kept
        return [
            .id(kept.practitioner), .text(kept.email?.revealed), .text(kept.phone?.revealed), .texts(kept.wishes.words),
            .integer(kept.wishes.withinHours), .text(kept.language?.rawValue), .integer(kept.quiet?.from),
            .integer(kept.quiet?.until), .text(kept.zone), .integer(kept.version),
        ]
    }
}

/// Who is to be told of a change, besides its patients: whoever outside wants to know, and the practitioners whose it is, where they do.
/// One question, because it is asked for each change; what it gives is not sealed.
struct WhoIsTold: Query {
    static let sql: SQL = """
        SELECT id, events, CAST(NULL AS bigint) FROM webhook WHERE state = 'enabled'
        UNION ALL SELECT staff_contact.id, staff_contact.told, staff_contact.within_hours
        FROM staff_contact JOIN resource ON resource.id = staff_contact.id
        WHERE staff_contact.id IN ($1, $2) AND resource.active
        """
    let practitioner: ID<Resource>
    /// Whose it was before.
    let former: ID<Resource>
    var bindings: [SQLValue] { [.id(practitioner), .id(former)] }

    enum Row: Sendable, Comparable {
        case webhook(ID<Webhook>, wanting: [WantedEvent])
        case practitioner(ID<Resource>, StaffWishes)

        /// The database gives them in any order; what follows from them is written in one.
        static func < (left: Row, right: Row) -> Bool { left.id < right.id }
        static func == (left: Row, right: Row) -> Bool { left.id == right.id }

        private var id: ID<Row> {
            switch self {
            case .webhook(let id, _): id.of()
            case .practitioner(let id, _): id.of()
            }
        }
    }

    static func row(_ columns: any Columns) throws -> Row {
        let words = try columns.texts(1)
        guard let hours = try columns.optional(2, columns.int) else {
            return .webhook(try columns.id(0), wanting: words.compactMap { WantedEvent($0) })
        }
        return .practitioner(try columns.id(0), StaffWishes(words: words, withinHours: hours))
    }
}
