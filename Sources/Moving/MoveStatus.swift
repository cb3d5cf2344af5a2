public import Notation

/// What one side knows of a move.
public struct MoveStatus: Sendable, Equatable {
    public enum Role: String, Sendable {
        /// The clinic lives here, and its changes are logged.
        case live
        /// It is being copied to here.
        case receiving
        /// It lived here.
        case moved
    }

    public var role: Role
    public var startedAt: Instant
    public var changedAt: Instant
    /// The other side of the move.
    public var elsewhere: String
    /// Changes that wait to be followed; nil where nobody logs.
    public var waiting: Int?
    /// Rows copied and compared so far, and how many there are to be; only where it is being copied to.
    public var copied: Int
    public var compared: Int
    public var total: Int
    /// Until when the source takes no changes; nil when it does.
    public var pausedUntil: Instant?
    var move: String
    var hops: Int
}
