import Storage
import Synchronization

/// What the server said a statement's parameters are, learnt once and shared by all connections: the schema is one.
struct StatementShape: Sendable {
    /// The type's name, for faults and slow statements.
    let name: String
    let text: String
    let types: [UInt32]
    /// The same statement for many rows of values at once, each parameter an array. Nil when it has no such form.
    let many: String?
    /// The same change for many rows of values, which says of each row it changed by whose values. Nil of everything but an amendment.
    let manyTelling: String?
}

/// The shapes known so far, by statement type.
final class Shapes: Sendable {
    private let known = Mutex<[ObjectIdentifier: StatementShape]>([:])

    /// Types of parameters, of texts that only their statement knows.
    private let found = Mutex<[String: [UInt32]]>([:])

    subscript(_ type: ObjectIdentifier) -> StatementShape? {
        get { known.withLock { $0[type] } }
        set { known.withLock { $0[type] = newValue } }
    }

    subscript(found text: String) -> [UInt32]? {
        get { found.withLock { $0[text] } }
        set {
            found.withLock { found in
                if found.count >= 1_000 { found = [:] }
                found[text] = newValue
            }
        }
    }
}

/// Rewrites one statement into the form that takes many rows of values in one go. It saves the server the cost of a
/// statement per row: planning, locking the tables, a message each way.
enum StatementText {
    /// `INSERT INTO t (…) VALUES ($1, …) …` becomes `INSERT INTO t (…) SELECT r.p1, … FROM unnest($1, …) AS r (p1, …) …`.
    static func manyRows(ofInsert text: String, types: [UInt32]) -> String? {
        guard let source = source(types), let values = text.range(of: "VALUES ("), let end = closing(text, values.upperBound)
        else { return nil }
        let expressions = numbered(String(text[values.upperBound..<end]))
        let rest = text[text.index(after: end)...]
        guard !rest.contains("$") else { return nil }
        return "\(text[..<values.lowerBound])SELECT \(expressions) FROM \(source)\(rest)"
    }

    /// `UPDATE t SET … WHERE …` becomes `UPDATE t SET … FROM unnest($1, …) AS r (p1, …) WHERE …`.
    ///
    /// - Parameter telling: whether the number of its values comes back for each row that was changed.
    static func manyRows(ofUpdate text: String, types: [UInt32], telling: Bool = false) -> String? {
        guard let source = source(types, counted: telling), let place = outermost(" WHERE ", in: text) else { return nil }
        let change = "\(numbered(String(text[..<place]))) FROM \(source)\(numbered(String(text[place...])))"
        return telling ? "\(change) RETURNING r.n" : change
    }

    /// `DELETE FROM t WHERE id = $1` becomes `DELETE FROM t WHERE id = ANY ($1)`: no join whose order could be mistaken.
    static func manyRows(ofDelete text: String, types: [UInt32]) -> String? {
        guard types.count == 1, let array = PostgresType.arrays[types[0]], text.hasSuffix(" = $1") else { return nil }
        return "\(text.dropLast(2))ANY ($1::\(array.name)[])"
    }

    /// `SELECT …` becomes a lateral question per row of values, with the row's number before its own columns. `OFFSET 0`
    /// changes nothing and keeps the question one: as a join, its table could be read first and whole.
    static func manyRows(ofSelect text: String, types: [UInt32]) -> String? {
        guard !types.isEmpty, text.hasPrefix("SELECT"), let source = source(types, counted: true) else { return nil }
        return "SELECT r.n, q.* FROM \(source) CROSS JOIN LATERAL (\(numbered(text)) OFFSET 0) AS q ORDER BY r.n"
    }

    /// A change that has to touch one row, or one for each it was given, or fails: dividing by zero is the one error any
    /// text can raise. So a commit can be sent behind it before its answer is known.
    static func demanding(_ text: String, each many: Bool) -> String {
        let wanted = many ? "cardinality($1)" : "1"
        return "WITH touched AS (\(text) RETURNING 1) SELECT 1 / (count(*) = \(wanted))::integer FROM touched"
    }

    private static func source(_ types: [UInt32], counted: Bool = false) -> String? {
        var parameters: [String] = []
        for (index, type) in types.enumerated() {
            guard let array = PostgresType.arrays[type] else { return nil }
            parameters.append("$\(index + 1)::\(array.name)[]")
        }
        let columns = types.indices.map { "p\($0 + 1)" } + (counted ? ["n"] : [])
        let list = "unnest(\(parameters.joined(separator: ", ")))\(counted ? " WITH ORDINALITY" : "")"
        return "\(list) AS r (\(columns.joined(separator: ", ")))"
    }

    /// Every `$k` as `r.pk`.
    private static func numbered(_ text: String) -> String {
        text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "r.p")
    }

    /// Where a word first stands outside of all parentheses. Line breaks count as spaces.
    private static func outermost(_ word: String, in text: String) -> String.Index? {
        var depth = 0
        for place in text.indices {
            if text[place] == "(" { depth += 1 }
            if text[place] == ")" { depth -= 1 }
            let rest = text[place...].prefix(word.count).map { $0.isNewline ? " " : $0 }
            if depth == 0, String(rest) == word { return place }
        }
        return nil
    }

    /// Where the parenthesis that was opened before `start` closes.
    private static func closing(_ text: String, _ start: String.Index) -> String.Index? {
        var depth = 1
        var place = start
        while place < text.endIndex {
            if text[place] == "(" { depth += 1 }
            if text[place] == ")" { depth -= 1 }
            if depth == 0 { return place }
            place = text.index(after: place)
        }
        return nil
    }
}

extension String {
    /// Where a word first stands.
    fileprivate func range(of word: String) -> Range<String.Index>? {
        var place = startIndex
        while place < endIndex {
            if self[place...].hasPrefix(word) { return place..<index(place, offsetBy: word.count) }
            place = index(after: place)
        }
        return nil
    }
}
