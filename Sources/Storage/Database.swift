public import Notation

/// The one seam to SQL. A clinic's rules never see an engine, only these two doors.
public protocol Database: Sendable {
    /// Runs `body` on a consistent snapshot. It sees everything acknowledged before it started, and changes nothing.
    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer

    /// Runs `body` in a transaction of its own and returns after its commit is durable.
    ///
    /// The body is synchronous on purpose: it cannot wait for anything but the database, so no lock is held across a
    /// network call. It may run more than once (a retry after a serialization failure) or share its commit with others;
    /// its effects are visible once or not at all. When it throws, nothing it did remains and the error comes back as it
    /// was thrown. The clock is asked inside the body, not before it.
    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer

    /// Like `write`, for the verbs that come in crowds: bodies that wait at the same time share one transaction where the
    /// engine can, one question for all they want to know, one statement for all they write.
    ///
    /// Such a body reads first and writes afterwards, with `post`. It may be played several times, each time further, as
    /// the answers to its questions come in, so until it writes it must not do anything it could not do again. A body
    /// that does otherwise gets a transaction of its own; nothing is wrong with it but its speed.
    ///
    /// - Parameter foreseen: questions the body is going to ask, as far as they are known before it runs. They are asked
    ///   together, which saves a round trip for each. Wrong guesses cost a little time and nothing else.
    func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer

    /// The same database, for another kind of work: it only differs in how long a statement may take.
    func doing(_ work: Work) -> any Database

    /// Whether other processes may change the same database at the same time, so that what one of them keeps in memory has
    /// to be brought up to date.
    var isShared: Bool { get }

    /// Whether knowing beforehand what a body is going to ask makes it faster. False where a question costs nothing.
    var gainsFromForesight: Bool { get }
}

extension Database {
    public func writeTogether<Answer: Sendable>(
        foreseen: [any Query], _ body: @escaping @Sendable (any WriteTransaction) throws -> Answer
    ) async throws -> Answer { try await write(body) }

    public func doing(_ work: Work) -> any Database { self }
    public var gainsFromForesight: Bool { false }
    public var isShared: Bool { false }
}

/// Kinds of work, by how long one statement may take (MA-10). A commit has no limit: one that is broken off may have
/// happened.
public enum Work: String, Sendable, CaseIterable {
    /// Somebody waits for the answer.
    case request
    /// A report or an export.
    case analytics
    /// Sweeps, deliveries, imports, migrations.
    case background

    public var limitSeconds: Double {
        switch self {
        case .request: 2
        case .analytics: 30
        case .background: 60
        }
    }
}

public protocol ReadTransaction: AnyObject {
    /// All rows a query gives, in its order.
    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row]
    /// The first row a query gives, or nil.
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row?
    /// The same question for many values, in one round trip where that counts: for each, in their order, its rows.
    func fetch<Asked: Query>(each queries: [Asked]) throws -> [[Asked.Row]]
}

public protocol WriteTransaction: ReadTransaction {
    /// Runs a statement and returns how many rows it changed.
    @discardableResult
    func run<Asked: Command>(_ command: Asked) throws -> Int

    /// The same change of many rows, in one round trip where that counts: for each, in their order, how many rows it changed. No two of them
    /// may be about the same row.
    func run<Asked: Amendment>(each commands: [Asked]) throws -> [Int]

    /// Runs a statement whose number of rows nobody asks for. The engine may keep it and send it along with the next one,
    /// so a mistake in it may come up later in the same transaction, never after it.
    ///
    /// - Parameter orElse: thrown when the statement does not change exactly one row.
    func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws

    /// Runs `body`; when it throws, what it did is undone, the rest of the transaction stays, and the error goes on.
    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer

    /// Calls `hook` after this transaction's commit is durable, in the order of commits, before its caller hears.
    /// Never called when the transaction fails. It must be quick and must not wait for the database.
    func afterCommit(_ hook: @escaping @Sendable () -> Void)

    /// Runs statements that define the schema, or any text that no query type stands for. For migrations and tests.
    func execute(_ script: SQL) throws
}

extension WriteTransaction {
    public func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        let changed = try run(command)
        if let fault, changed != 1 { throw fault }
    }

    public func post<Asked: Command>(_ command: Asked) throws { try post(command, orElse: nil) }

    public func run<Asked: Amendment>(each commands: [Asked]) throws -> [Int] { try commands.map { try run($0) } }
}

extension ReadTransaction {
    public func fetch<Asked: Query>(each queries: [Asked]) throws -> [[Asked.Row]] { try queries.map { try fetch($0) } }
}

/// What both statement types share: one text and its bindings.
public protocol Statement: Sendable {
    /// The text, with bindings as `$1`, `$2`, …
    static var sql: SQL { get }
    /// In the order of their numbers.
    var bindings: [SQLValue] { get }
    /// The text where only the value knows it, because a table was found in the schema and not known when the program was
    /// written. Nil, as almost everywhere, says `sql`. Engines prepare each text once, so there must be few of them.
    var ownText: SQL? { get }
}

extension Statement {
    public var ownText: SQL? { nil }
}

/// A question: text, bindings and the shape of a row. Also for statements that change rows and return some (`RETURNING`).
public protocol Query: Statement {
    associatedtype Row: Sendable
    static func row(_ columns: any Columns) throws -> Row

    /// What the answer rests on, for bodies that share a transaction: a change of one of these makes it stale. Nil says
    /// "on anything".
    var rests: [Touch]? { get }

    /// Brings an answer up to date with a change that was posted after it was read. False when it cannot: then the
    /// question is asked again.
    func absorb(_ change: any Command, into rows: inout [Row]) -> Bool

    /// What the answer is taken to be without asking, by bodies that share a transaction; nil asks.
    ///
    /// Only for a question whose wrong answer the schema refuses: a change that touches what the answer rests on must fail
    /// when the guess was wrong. A body that does not post such a change is not believed, and asks.
    var guess: [Row]? { get }
}

extension Query {
    public var rests: [Touch]? { nil }
    public func absorb(_ change: any Command, into rows: inout [Row]) -> Bool { false }
    public var guess: [Row]? { nil }
}

/// A change that answers only with the number of rows it touched.
public protocol Command: Statement {
    /// What it changes, as far as a body that shares the transaction could have asked for it before. Nil says "anything".
    var touches: [Touch]? { get }
}

extension Command {
    public var touches: [Touch]? { nil }
}

/// A change of which any number may be made by one statement, where the engine gains by it.
public protocol Gathered: Command {
    /// Changes are made in this order, lowest first: whoever is referred to comes before who refers.
    static var rank: Int { get }
}

/// A plain `INSERT … VALUES (…)`.
public protocol Insertion: Gathered {}

/// A plain `UPDATE … SET … WHERE …` of rows by their key.
public protocol Amendment: Gathered {}

/// A plain `DELETE FROM … WHERE …` of rows by their key.
public protocol Deletion: Gathered {}

/// A thing in the database that can be read and changed: all claims of one holder, one stored answer. Only compared
/// within one process.
public struct Touch: Hashable, Sendable {
    public let kind: String
    public let high: UInt64
    public let low: UInt64

    public init<Subject>(_ kind: String, _ id: ID<Subject>) {
        self.kind = kind
        (high, low) = (id.high, id.low)
    }

    public init(_ kind: String, key: some Hashable) {
        self.kind = kind
        (high, low) = (0, UInt64(bitPattern: Int64(key.hashValue)))
    }

    public init(_ kind: String) {
        self.kind = kind
        (high, low) = (0, 0)
    }
}

/// A text both engines understand, or one for each where they truly differ. The differences are few: locking clauses,
/// exclusion constraints, partitions.
public struct SQL: Sendable, ExpressibleByStringLiteral {
    public let sqlite: String
    public let postgres: String

    public init(stringLiteral text: String) { self.init(text) }
    public init(_ text: String) { self.init(sqlite: text, postgres: text) }
    public init(sqlite: String, postgres: String) {
        self.sqlite = sqlite
        self.postgres = postgres
    }
}

/// A value on its way into a statement. The engine maps it to its own type: an instant is an integer of microseconds on
/// SQLite and a `timestamptz` on PostgreSQL, an identifier is 16 bytes or a `uuid`.
public enum SQLValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case real(Double)
    case text(String)
    case bytes([UInt8])
    case instant(Instant)
    case identifier(high: UInt64, low: UInt64)
    /// A JSON document: text on SQLite, `json` on PostgreSQL, which keeps it letter by letter.
    case json(String)

    public static func id<Subject>(_ id: ID<Subject>) -> SQLValue { .identifier(high: id.high, low: id.low) }
    public static func id<Subject>(_ id: ID<Subject>?) -> SQLValue { id.map { .identifier(high: $0.high, low: $0.low) } ?? .null }
    public static func integer(_ number: Int) -> SQLValue { .integer(Int64(number)) }
    public static func integer(_ number: Int?) -> SQLValue { number.map { .integer(Int64($0)) } ?? .null }
    public static func text(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    public static func bytes(_ bytes: [UInt8]?) -> SQLValue { bytes.map { .bytes($0) } ?? .null }
    public static func instant(_ instant: Instant?) -> SQLValue { instant.map { .instant($0) } ?? .null }
    /// Days are kept as days since 1970-01-01 on both engines.
    public static func day(_ day: CalendarDay?) -> SQLValue { day.map { .integer(Int64($0.number)) } ?? .null }
}

/// The columns of the current row, counted from 0. A column that is null where a value is asked for, or of another type,
/// is a fault: the schema promised otherwise.
public protocol Columns: AnyObject {
    func isNull(_ index: Int) -> Bool
    func integer(_ index: Int) throws -> Int64
    func real(_ index: Int) throws -> Double
    func text(_ index: Int) throws -> String
    func bytes(_ index: Int) throws -> [UInt8]
    func instant(_ index: Int) throws -> Instant
    func identifier(_ index: Int) throws -> (high: UInt64, low: UInt64)
    /// The document's text.
    func json(_ index: Int) throws -> String
}

extension Columns {
    public func bool(_ index: Int) throws -> Bool { try integer(index) != 0 }
    public func int(_ index: Int) throws -> Int { Int(try integer(index)) }
    public func id<Subject>(_ index: Int, _: Subject.Type = Subject.self) throws -> ID<Subject> {
        let (high, low) = try identifier(index)
        return ID(high: high, low: low)
    }
    public func day(_ index: Int) throws -> CalendarDay { CalendarDay(number: try int(index)) }
    public func optional<Value>(_ index: Int, _ read: (Int) throws -> Value) rethrows -> Value? {
        isNull(index) ? nil : try read(index)
    }
}

extension SQL {
    /// A table's definition written once, with the types in braces: `{uuid}`, `{instant}`, `{bytes}`, `{json}`, `{bool}`,
    /// `{number}`, `{text}`, `{position}` (where in the order of transactions a row was written, known to servers with
    /// several writers only), and `{strict}` / `{clustered}` after the closing parenthesis (STRICT, and STRICT with the rows
    /// kept in the order of the primary key; PostgreSQL knows neither).
    public init(table definition: String) {
        func replaced(_ words: [(String, String)]) -> String {
            words.reduce(definition) { text, word in
                text.split(separator: word.0, omittingEmptySubsequences: false).joined(separator: word.1)
            }
        }
        self.init(
            sqlite: replaced([
                ("{uuid}", "BLOB"), ("{instant}", "INTEGER"), ("{bytes}", "BLOB"), ("{json}", "TEXT"), ("{bool}", "INTEGER"),
                ("{number}", "INTEGER"), ("{text}", "TEXT"), ("{position}", "INTEGER"), ("{strict}", "STRICT"),
                ("{clustered}", "STRICT, WITHOUT ROWID"),
            ]),
            postgres: replaced([
                ("{uuid}", "uuid"), ("{instant}", "timestamptz"), ("{bytes}", "bytea"), ("{json}", "json"),
                ("{bool}", "boolean"),
                ("{number}", "bigint"), ("{text}", "text"), ("{strict}", ""),
                ("{position}", "bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)"), ("{clustered}", ""),
            ]))
    }
}
