public import Notation
import Storage

/// How long a clinic keeps closed records. Each clinic has its own, in its database.
public struct RetentionRules: Sendable, Equatable {
    /// Years after the last visit (§ 630f BGB).
    public var years = 10
    /// The age from which the years of somebody count who came as a minor.
    public var majorityAge = 18
    /// Days after it was closed during which nothing is erased by itself, whatever the rules say: somebody may have closed the wrong one.
    public var graceDays = 30
    /// Whether servers erase what is due without being told.
    public var isAutomatic = false

    public init() {}

    /// The end of the last day a record has to be kept; nil where no rule keeps it, because nobody has ever come.
    ///
    /// - Parameter birthDate: where it is known.
    public func keptUntil(lastVisit: Instant?, birthDate: CalendarDay?) -> Instant? {
        guard let lastVisit else { return nil }
        let visit = CalendarDay(number: Int((lastVisit.secondsSince1970.flooredQuotient(by: 86_400))))
        var end = visit.adding(years: years)
        if let majority = birthDate?.adding(years: majorityAge), visit < majority {
            end = max(end, majority.adding(years: years))
        }
        return Instant(secondsSince1970: Int64(end.number + 1) * 86_400)
    }
}

extension CalendarDay {
    /// The same day of another year; the first of March for one that it has not.
    fileprivate func adding(years: Int) -> CalendarDay {
        let (year, month, day) = parts
        let next = min(year + years, 9_000)
        return CalendarDay(year: next, month: month, day: day) ?? CalendarDay(year: next, month: 3, day: 1)!
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension RetentionRules {
    /// By the names the database has; what is not there is as it is from the start.
    init(_ rows: [(name: String, value: Int)]) {
        for row in rows {
            switch row.name {
            case "years": years = row.value
            case "majority-age": majorityAge = row.value
            case "grace-days": graceDays = row.value
            case "automatic": isAutomatic = row.value == 1
            default: break
            }
        }
    }

    fileprivate var rows: [(name: String, value: Int)] {
        [
            ("years", years), ("majority-age", majorityAge), ("grace-days", graceDays), ("automatic", isAutomatic ? 1 : 0),
        ]
    }

    fileprivate var words: String {
        "years=\(years) majority-age=\(majorityAge) grace-days=\(graceDays) automatic=\(isAutomatic ? "on" : "off")"
    }
}

extension Clinic {
    public func retentionRules() async throws -> RetentionRules { try await database.read { try $0.retentionRules() } }

    /// Changes the clinic's rules, for every record that is closed or will be.
    public func setRetentionRules(_ rules: RetentionRules, by: String) async throws {
        try await withKeys {
            try await database.write { [self] transaction in
                for row in rules.rows { try transaction.run(StoreRetentionRule(name: row.name, value: row.value)) }
                let entry = AuditEntry(
                    id: surroundings.identifiers.next(AuditEntry.self), subject: AuditSubject.everybody,
                    at: surroundings.clock.now,
                    by: by, act: "retention.changed", fromState: nil, toState: nil, reason: Personal(rules.words), overridden: [],
                    requestID: "command-line")
                // The program's own words, which speak of nobody.
                try transaction.post(record: try sealedNow(entry, keepingReason: true))
                try transaction.post(InsertUnsealed(entry: entry))
            }
        }
    }
}

extension ReadTransaction {
    func retentionRules() throws -> RetentionRules { RetentionRules(try fetch(RetentionRuleRows())) }
}

struct RetentionRuleRows: Query {
    static let sql: SQL = "SELECT name, value FROM retention_rule ORDER BY name"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> (name: String, value: Int) {
        (name: try columns.text(0), value: try columns.int(1))
    }
}

struct StoreRetentionRule: Command {
    static let sql: SQL = """
        INSERT INTO retention_rule (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """
    let name: String
    let value: Int
    var bindings: [SQLValue] { [.text(name), .integer(value)] }
}
