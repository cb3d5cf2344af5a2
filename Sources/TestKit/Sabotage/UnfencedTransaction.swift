import Outbox
import Storage

/// The planted bug of a worker: it ends a delivery that somebody else has taken over meanwhile.
final class UnfencedTransaction: PassingTransaction {
    override func run<Asked: Command>(_ command: Asked) throws -> Int {
        guard let settle = command as? Settle else { return try super.run(command) }
        return try super.run(UnfencedSettle(bindings: settle.bindings))
    }
}

private struct UnfencedSettle: Command {
    static let sql = SQL(
        sqlite: Settle.sql.sqlite.replacing("AND state = 'running' AND lease = $2", with: "AND $2 = $2"),
        postgres: Settle.sql.postgres)
    var bindings: [SQLValue]
}
