import Outbox
public import Storage

extension TamperedDatabase {
    /// The planted bug of a worker: it ends a delivery that somebody else has taken over meanwhile. The tests that prove the
    /// fence must fail on it.
    public static func unfenced(_ inner: any Database) -> TamperedDatabase {
        TamperedDatabase(inner) { UnfencedTransaction($0) }
    }
}

final class UnfencedTransaction: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard let settle = command as? Settle else { return try super.run(command) }
        return try super.run(UnfencedSettle(bindings: settle.bindings))
    }

    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        guard let settle = command as? Settle else { return try super.post(command, orElse: fault) }
        try super.post(UnfencedSettle(bindings: settle.bindings), orElse: fault)
    }
}

private struct UnfencedSettle: Command {
    static let sql = SQL(sqlite: text(Settle.sql.sqlite), postgres: text(Settle.sql.postgres))
    private static func text(_ fenced: String) -> String {
        fenced.replacing("AND state = 'running' AND lease = $2", with: "AND CAST($2 AS bigint) IS NOT NULL")
    }
    var bindings: [SQLValue]
}
