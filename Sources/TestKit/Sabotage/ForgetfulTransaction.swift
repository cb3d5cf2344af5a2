import Outbox
import Storage

/// A transaction that ends a delivery only when it comes for the second time, as a worker would that forgets to.
final class ForgetfulTransaction: PassingTransaction {
    override func post<Asked: Command>(_ command: Asked, orElse fault: (any Error)?) throws {
        guard let discharge = command as? Discharge else { return try super.post(command, orElse: fault) }
        if try run(DischargeAgain(bindings: discharge.bindings)) == 0 { _ = try run(Remember(bindings: discharge.bindings)) }
    }
}

private struct DischargeAgain: Command {
    static let sql: SQL = "DELETE FROM outbox WHERE id = $1 AND attempt > 0"
    var bindings: [SQLValue]
}

private struct Remember: Command {
    static let sql: SQL = "UPDATE outbox SET attempt = 1 WHERE id = $1"
    var bindings: [SQLValue]
}
