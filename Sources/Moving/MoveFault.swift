public import Storage

/// Why a move does not go on, and what to do about it. Names tables and columns, never what is in them.
public enum MoveFault: Error, Sendable, Equatable {
    /// Either database, with what it said.
    case storage(MoveSide, StorageFault)
    case targetNotEmpty(table: String)
    case schemaDiffers(String)
    case columnUnknown(table: String, column: String, type: String)
    case noKey(table: String)
    /// The clinic left the source in an earlier move.
    case alreadyMoved(to: String)
    /// The target holds rows of a move the source knows nothing of.
    case leftover
    /// The two take part in moves, but not in one with each other.
    case strangers
    /// The source is being moved, and the target knows nothing of it.
    case targetLost
    case wayBackUnderWay
    case nothingUnderWay
    case alreadySwitched(to: String)
    /// Another run of the same move has begun since.
    case takenOver
    case differs(table: String)
    case refused(table: String, rule: String)
    case tooBusy
    case pauseTooLong(seconds: Int)
    case writersGoOn
}

extension MoveFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .storage(let side, .full):
            "the disk of the \(side.rawValue) is full; free some space there and run the same command again, it goes on"
        case .storage(let side, .outcomeUnknown), .storage(let side, .connectionLost):
            "the connection to the \(side.rawValue) was lost; run the same command again, it goes on where it stopped"
        case .storage(let side, .moving):
            "the \(side.rawValue) takes no changes because a move is under way there; 'mediconnect move --status' says which"
        case .storage(let side, let fault): "the \(side.rawValue): \(fault)"
        case .targetNotEmpty(let table):
            "the target is not empty (\(table) has rows); name an empty database, a move never mixes two clinics"
        case .schemaDiffers(let how):
            "the two schemas differ: \(how); bring both to the same version with 'mediconnect migrate up'"
        case .columnUnknown(let table, let column, let type):
            "\(table).\(column) has the type \(type), which a move does not know; declare the column as one that is not copied"
        case .noKey(let table): "\(table) has no primary key, so its rows cannot be followed; give it one"
        case .alreadyMoved(let place): "the clinic lives at \(place) already; use that one, or 'mediconnect move --back'"
        case .leftover: "the target holds what an earlier move left there; empty it with 'mediconnect move --abort'"
        case .strangers: "these two databases take part in different moves; check --from and --to, or end one with --abort"
        case .targetLost: "the target knows nothing of the move the source is in; undo it with 'mediconnect move --abort'"
        case .wayBackUnderWay: "the way back is under way; finish it with 'mediconnect move --back' or drop it with --abort"
        case .nothingUnderWay: "there is no move between these two; nothing was changed"
        case .alreadySwitched(let place): "the clinic lives at \(place) already; return with 'mediconnect move --back'"
        case .takenOver: "another 'mediconnect move' has taken this move over; this one stops"
        case .differs(let table):
            "\(table) is not the same on both sides; nothing was switched; run --abort, and report this as a mistake of ours"
        case .refused(let table, let rule):
            "the target's rule \(rule) refuses a row of \(table) the source has; put the row right, then run the command again"
        case .tooBusy: "changes come faster than they can be copied; run the command again in a quieter hour, it goes on"
        case .pauseTooLong(let seconds):
            "the last changes took longer than the \(seconds) s of pause; writing goes on at the source; run the command again"
        case .writersGoOn:
            "a transaction at the source does not end, so there was no pause; end it and run the command again, it goes on"
        }
    }
}
