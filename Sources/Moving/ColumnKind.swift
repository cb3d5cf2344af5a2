import Notation
import Storage

/// What a column holds, whichever engine keeps it. SQLite knows four types; what a blob or a number means there, the other
/// side's schema says.
///
/// The letter stands in front of every row that is read, so that a row says itself how it is to be read.
enum ColumnKind: Character, Sendable, CaseIterable {
    case identifier = "u"
    case instant = "i"
    case bytes = "b"
    case json = "j"
    case bool = "t"
    case number = "n"
    case text = "x"
    case real = "r"

    /// Nil when the type is none this program uses, or one that does not keep a value letter by letter (`jsonb`).
    init?(postgres type: String) {
        switch type {
        case "uuid": self = .identifier
        case "timestamp with time zone": self = .instant
        case "bytea": self = .bytes
        case "json": self = .json
        case "boolean": self = .bool
        case "bigint", "integer", "smallint": self = .number
        case "text", "character varying": self = .text
        case "double precision", "real": self = .real
        default: return nil
        }
    }

    /// What can be said where SQLite is on both sides.
    init?(sqlite type: String) {
        switch type.uppercased() {
        case "BLOB": self = .bytes
        case "INTEGER", "INT": self = .number
        case "TEXT": self = .text
        case "REAL": self = .real
        default: return nil
        }
    }

    /// How SQLite keeps it.
    var sqlite: ColumnKind {
        switch self {
        case .identifier, .bytes: .bytes
        case .instant, .bool, .number: .number
        case .json, .text: .text
        case .real: .real
        }
    }

    func value(_ index: Int, of columns: any Columns) throws -> SQLValue {
        if columns.isNull(index) { return .null }
        switch self {
        case .identifier:
            let (high, low) = try columns.identifier(index)
            return .identifier(high: high, low: low)
        case .instant: return .instant(try columns.instant(index))
        case .bytes: return .bytes(try columns.bytes(index))
        case .json: return .json(try columns.json(index))
        case .bool: return .bool(try columns.bool(index))
        case .number: return .integer(try columns.integer(index))
        case .text: return .text(try columns.text(index))
        case .real: return .real(try columns.real(index))
        }
    }
}
