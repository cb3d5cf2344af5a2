/// Where a move is. Told after each step, on the task that moves.
public struct MoveProgress: Sendable, Equatable {
    public enum Phase: String, Sendable, CaseIterable {
        case copying
        case comparing
        /// The changes made meanwhile.
        case following
        /// Nobody writes.
        case pausing
        case switched
        case emptying
    }

    public var phase: Phase
    /// Empty where it is about all of them.
    public var table: String
    public var done: Int
    /// An estimate: the clinic goes on working.
    public var total: Int
}
