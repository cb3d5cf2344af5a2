import Notation
import Scheduling
import Storage

extension Clinic {
    /// Compares the counter of invoices with what it has numbered: each number from 1 to its value is there, once. What does not fit is for a
    /// human: who makes up a number, or takes one back, changes what somebody has been charged.
    func compareCounters(_ place: SweepPlace<Int>) async throws -> SweepOutcome {
        var outcome = SweepOutcome()
        let standing = try await database.doing(.background).read { try $0.first(InvoiceCounter()) }
        if let standing, !standing.fits { outcome.raised += try await raise(.counterBeside(standing)) }
        for _ in 0..<SweepPortion.perRound {
            // The last one of the portion before comes once more: it may be there twice.
            let from = place.current ?? 1
            let looked = try await database.doing(.background).read {
                try $0.fetch(InvoiceNumbersFrom(number: from, limit: SweepPortion.rows))
            }
            var expected = from
            for row in looked {
                if row.number != expected {
                    let draft: TaskDraft =
                        row.number > expected ? .missing(expected...(row.number - 1)) : .givenTwice(row.number)
                    outcome.raised += try await raise(draft)
                    outcome.found(since: row.issuedAt)
                }
                expected = row.number + 1
            }
            place.goOn(at: looked.count < SweepPortion.rows ? nil : looked.last?.number)
            if place.current == nil { break }
        }
        return outcome
    }

    private func raise(_ draft: TaskDraft) async throws -> Int {
        try await database.doing(.background).write { [self] in try raise(draft, in: $0) ? 1 : 0 }
    }
}

extension TaskDraft {
    private static func counter(_ key: String, _ details: (inout JSONWriter) -> Void) -> TaskDraft {
        TaskDraft(.counterDiffers, key: "invoice:\(key)") { json in
            json.member("counter", "invoice")
            details(&json)
        }
    }

    fileprivate static func counterBeside(_ standing: InvoiceCounter.Row) -> TaskDraft {
        counter("\(standing.value):\(standing.newest)") { json in
            json.member("what", "value")
            json.member("value", standing.value)
            json.member("newest", standing.newest)
        }
    }

    fileprivate static func missing(_ numbers: ClosedRange<Int>) -> TaskDraft {
        counter("missing:\(numbers.lowerBound)-\(numbers.upperBound)") { json in
            json.member("what", "missing")
            json.member("from", numbers.lowerBound)
            json.member("to", numbers.upperBound)
        }
    }

    fileprivate static func givenTwice(_ number: Int) -> TaskDraft {
        counter("twice:\(number)") { json in
            json.member("what", "twice")
            json.member("number", number)
        }
    }
}

/// The last number the counter of invoices gave, and the highest that an invoice has; 0 where there is none. Looked at in one statement: whoever
/// takes a number writes both in one transaction.
struct InvoiceCounter: Query {
    static let sql: SQL = """
        SELECT coalesce((SELECT value FROM counter WHERE name = 'invoice'), 0), coalesce((SELECT max(number) FROM invoice), 0)
        """
    var bindings: [SQLValue] { [] }

    struct Row: Sendable {
        let value: Int
        let newest: Int
        var fits: Bool { value == newest }
    }
    static func row(_ columns: any Columns) throws -> Row { Row(value: try columns.int(0), newest: try columns.int(1)) }
}

/// Numbers of invoices from one on, and when each was issued.
struct InvoiceNumbersFrom: Query {
    static let sql: SQL = "SELECT number, issued_at FROM invoice WHERE number >= $1 ORDER BY number LIMIT $2"
    let number: Int
    let limit: Int
    var bindings: [SQLValue] { [.integer(number), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> (number: Int, issuedAt: Instant) {
        (number: try columns.int(0), issuedAt: try columns.instant(1))
    }
}
