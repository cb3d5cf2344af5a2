import Outbox
import Storage

/// What could be wrong with glass somebody broke, for the negative control of what is promised about it.
enum GlassFault: String, Sendable, CaseIterable {
    /// It never mends.
    case everlasting
    /// Who broke it for one patient sees all.
    case forEverybody
    /// What one has broken is broken for their colleagues.
    case forColleagues
    /// The privacy officer does not hear of it.
    case untold
    /// It stands in no audit.
    case unrecorded

    fileprivate func first<Asked: Query>(_ query: Asked, _ transaction: any ReadTransaction) throws -> Asked.Row? {
        // Known by its words, because the query is the clinic's own affair: whose, for which patient, since when.
        guard Asked.sql.sqlite.contains("FROM emergency_access WHERE principal = $1 AND patient_id = $2") else {
            return try transaction.first(query)
        }
        let (principal, patient, now) = (query.bindings[0], query.bindings[1], query.bindings[2])
        return switch self {
        case .everlasting: try transaction.first(Everlasting<Asked>(bindings: [principal, patient]))
        case .forEverybody: try transaction.first(ForEverybody<Asked>(bindings: [principal, now]))
        case .forColleagues: try transaction.first(ForColleagues<Asked>(bindings: [patient, now]))
        case .untold, .unrecorded: try transaction.first(query)
        }
    }

    fileprivate func swallows<Asked: Command>(_ command: Asked) -> Bool {
        switch self {
        case .untold: (command as? Enqueue)?.message.payload.contains("emergency") ?? false
        case .unrecorded: Asked.sql.sqlite.hasPrefix("INSERT INTO audit")
        case .everlasting, .forEverybody, .forColleagues: false
        }
    }
}

private struct Everlasting<Asked: Query>: Query {
    static var sql: SQL { "SELECT id FROM emergency_access WHERE principal = $1 AND patient_id = $2 LIMIT 1" }
    let bindings: [SQLValue]
    static func row(_ columns: any Columns) throws -> Asked.Row { try Asked.row(columns) }
}

private struct ForEverybody<Asked: Query>: Query {
    static var sql: SQL { "SELECT id FROM emergency_access WHERE principal = $1 AND ends_at > $2 LIMIT 1" }
    let bindings: [SQLValue]
    static func row(_ columns: any Columns) throws -> Asked.Row { try Asked.row(columns) }
}

private struct ForColleagues<Asked: Query>: Query {
    static var sql: SQL { "SELECT id FROM emergency_access WHERE patient_id = $1 AND ends_at > $2 LIMIT 1" }
    let bindings: [SQLValue]
    static func row(_ columns: any Columns) throws -> Asked.Row { try Asked.row(columns) }
}

final class GlassReader: ReadTransaction {
    private let inner: any ReadTransaction
    private let fault: GlassFault

    init(_ inner: any ReadTransaction, _ fault: GlassFault) { (self.inner, self.fault) = (inner, fault) }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try inner.fetch(query) }
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try fault.first(query, inner) }
}

final class GlassWriter: WriteTransaction {
    private let inner: any WriteTransaction
    private let fault: GlassFault

    init(_ inner: any WriteTransaction, _ fault: GlassFault) { (self.inner, self.fault) = (inner, fault) }

    func fetch<Asked: Query>(_ query: Asked) throws -> [Asked.Row] { try inner.fetch(query) }
    func first<Asked: Query>(_ query: Asked) throws -> Asked.Row? { try fault.first(query, inner) }
    func run<Asked: Command>(_ command: Asked) throws -> Int { fault.swallows(command) ? 1 : try inner.run(command) }
    func post<Asked: Command>(_ command: Asked, orElse other: (any Error)?) throws {
        if !fault.swallows(command) { try inner.post(command, orElse: other) }
    }
    func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer { try inner.savepoint(body) }
    func afterCommit(_ hook: @escaping @Sendable () -> Void) { inner.afterCommit(hook) }
    func execute(_ script: SQL) throws { try inner.execute(script) }
}
