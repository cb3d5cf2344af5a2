import Identity
import Notation
import Storage

struct SecondFactorOf: Query {
    static let sql: SQL = "SELECT sealed_secret, confirmed_at, last_step FROM second_factor WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
    static func row(_ columns: any Columns) throws -> SecondFactor {
        SecondFactor(
            sealedSecret: try columns.bytes(0), isConfirmed: !columns.isNull(1), lastStep: try columns.int(2))
    }
}

struct SecondFactor: Sendable {
    let sealedSecret: [UInt8]
    let isConfirmed: Bool
    /// The last step of which a code was used.
    let lastStep: Int
}

/// Replaces one that was never confirmed; changes nothing where one was.
struct ProposeSecondFactor: Command {
    static let sql: SQL = """
        INSERT INTO second_factor (account_id, sealed_secret, last_step) VALUES ($1, $2, 0)
        ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0
        WHERE second_factor.confirmed_at IS NULL
        """
    let account: ID<Account>
    let sealedSecret: [UInt8]
    var bindings: [SQLValue] { [.id(account), .bytes(sealedSecret)] }
}

/// Changes nothing when the step, or a later one, was used already.
struct UseStep: Command {
    static let sql: SQL = """
        UPDATE second_factor SET last_step = $2, confirmed_at = COALESCE(confirmed_at, $3) WHERE account_id = $1 AND last_step < $2
        """
    let account: ID<Account>
    let step: Int
    let at: Instant
    var bindings: [SQLValue] { [.id(account), .integer(step), .instant(at)] }
}

struct RemoveSecondFactor: Command {
    static let sql: SQL = "DELETE FROM second_factor WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}

struct InsertRecoveryCode: Command {
    static let sql: SQL = "INSERT INTO recovery_code (account_id, digest) VALUES ($1, $2)"
    let account: ID<Account>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.id(account), .bytes(digest)] }
}

/// Changes nothing when there is no such code.
struct UseRecoveryCode: Command {
    static let sql: SQL = "DELETE FROM recovery_code WHERE account_id = $1 AND digest = $2"
    let account: ID<Account>
    let digest: [UInt8]
    var bindings: [SQLValue] { [.id(account), .bytes(digest)] }
}

struct RemoveRecoveryCodes: Command {
    static let sql: SQL = "DELETE FROM recovery_code WHERE account_id = $1"
    let account: ID<Account>
    var bindings: [SQLValue] { [.id(account)] }
}
