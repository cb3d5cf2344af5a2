import CSQLite
import Storage

/// Turns SQLite's result codes into faults. No fault carries a value from a row: logs are read by people who may not
/// know who the patients are.
enum SQLiteCodes {
    /// - Parameters:
    ///   - statement: the name of the query's type.
    ///   - message: SQLite's own text about the failure.
    ///   - quotesOnlyText: whether that text can quote only the statement, as when compiling it. While a statement runs
    ///     it may quote what was bound (a search text, a JSON path), so only the code is told.
    static func fault(
        _ code: Int32, statement: String, message: @autoclosure () -> String, quotesOnlyText: Bool
    ) -> StorageFault {
        switch code & 0xFF {
        case SQLITE_CONSTRAINT where code == trigger && message() == "moving": .moving
        case SQLITE_CONSTRAINT: .constraint(constraintName(code, message()))
        case SQLITE_FULL: .full
        case SQLITE_IOERR: .inputOutput(operation(code))
        case SQLITE_NOMEM: .inputOutput("out of memory")
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(String(cString: sqlite3_errstr(code)))
        case SQLITE_BUSY, SQLITE_LOCKED: .inUse("another connection, which holds its lock")
        case SQLITE_CANTOPEN, SQLITE_PERM: .cannotOpen(String(cString: sqlite3_errstr(code)))
        case SQLITE_READONLY: .statement("\(statement): the database may not be changed here (\(code))")
        case SQLITE_INTERRUPT: .timedOut
        default: .statement("\(statement): \(quotesOnlyText ? message() : String(cString: sqlite3_errstr(code))) (\(code))")
        }
    }

    /// The name as the schema gives it: a trigger's own message, `table.column`, a CHECK's name, `foreign_key`.
    static func constraintName(_ code: Int32, _ message: String) -> String {
        switch code {
        case foreignKey: "foreign_key"
        case trigger: message
        // "cannot store TEXT value in INTEGER column visit.starts_at"
        case wrongType: message.split(separator: " ").last.map(String.init) ?? message
        default: afterColon(message)
        }
    }

    /// "UNIQUE constraint failed: visit.id" names the columns, "… failed: index 'one_per_day'" an index on expressions.
    private static func afterColon(_ message: String) -> String {
        guard let colon = message.firstIndex(of: ":") else { return message }
        let name = message[message.index(after: colon)...].drop { $0 == " " }
        return name.hasPrefix("index '") ? String(name.dropFirst(7).dropLast()) : String(name)
    }

    private static func operation(_ code: Int32) -> String {
        let name =
            switch code >> 8 {
            case 1, 2: "read"
            case 3: "write"
            case 4, 5: "sync"
            case 6: "truncate"
            case 7: "size"
            default: "other"
            }
        return "\(name), SQLite code \(code)"
    }

    /// What was written may not be on the disk, and trying again would not tell.
    static let syncFailed = SQLITE_IOERR | 4 << 8
    private static let trigger = SQLITE_CONSTRAINT | 7 << 8
    private static let foreignKey = SQLITE_CONSTRAINT | 3 << 8
    private static let wrongType = SQLITE_CONSTRAINT | 12 << 8
}
