/// What can go wrong below the clinic's rules. Messages name tables and constraints, never the values in a row.
public enum StorageFault: Error, Sendable, Equatable {
    /// A constraint of the schema refused a row; the name as the schema gives it (`claim_overlap`, `appointment.id`).
    case constraint(String)
    /// Another process has the database. Says who, when it is known.
    case inUse(String)
    /// No room left on the disk. Nothing was changed.
    case full
    /// The disk refused to read or write. Nothing of this transaction was acknowledged.
    case inputOutput(String)
    /// The file is not a database, or is damaged.
    case corrupt(String)
    /// The database was made by a newer version of the program.
    case newerSchema(found: Int, known: Int)
    /// The database is behind and has to be migrated first.
    case olderSchema(found: Int, known: Int)
    /// The file or folder cannot be opened or written.
    case cannotOpen(String)
    /// Nobody can say whether the commit happened. Ask again with the same idempotency key.
    case outcomeUnknown
    /// The database has been closed, or refuses work after a fault it could not recover from.
    case closed
    /// More work is waiting than may wait.
    case overloaded
    /// A statement took longer than its kind of work may take.
    case timedOut
    /// Others changed the same rows at the same time, again and again. Nothing was changed.
    case contended
    /// The connection to the server broke before the commit was sent. Nothing was changed.
    case connectionLost(String)
    /// No server can be reached, or it lets nobody in. Nothing was changed.
    case unreachable(String)
    /// The server takes no changes: a replica, or one that was told so. Nothing was changed.
    case readOnly
    /// The clinic is being moved to another server, or has been: nothing is taken here. Nothing was changed.
    case moving
    /// The program asked for something the schema does not have. A mistake in the program.
    case statement(String)
}

extension StorageFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .constraint(let name): "the schema's rule \(name) refused the change"
        case .inUse(let who): "the database is in use\(who.isEmpty ? "" : " by \(who)"); stop that one first"
        case .full: "the disk is full; free some space, nothing was changed"
        case .inputOutput(let what): "the disk failed (\(what)); nothing was acknowledged"
        case .corrupt(let what): "the database file is damaged or not a database (\(what)); restore it from a backup"
        case .newerSchema(let found, let known):
            "the database has schema \(found), this program knows up to \(known); use the newer program"
        case .olderSchema(let found, let known):
            "the database has schema \(found), this program needs \(known); run 'mediconnect migrate up'"
        case .cannotOpen(let what): "the database cannot be opened: \(what)"
        case .outcomeUnknown: "it is not known whether the change was made; repeat it with the same idempotency key"
        case .closed: "the database is closed"
        case .overloaded: "too much work is waiting for the database; try again in a moment"
        case .timedOut: "the database took too long; nothing was changed"
        case .contended: "others changed the same rows at the same time; nothing was changed, try again"
        case .connectionLost(let what): "the connection to the database was lost (\(what)); nothing was changed, try again"
        case .unreachable(let what): "the database cannot be reached: \(what)"
        case .readOnly: "the database takes no changes at the moment; a failover may be under way"
        case .moving: "the clinic is moving to another server; nothing was changed, repeat it with the same key in a moment"
        case .statement(let what): "a statement does not fit the schema: \(what)"
        }
    }
}
