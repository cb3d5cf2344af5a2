/// What a move came to.
public struct MoveReport: Sendable, Equatable {
    public struct Table: Sendable, Equatable {
        public var name: String
        public var rows: Int
        /// Over all rows, the same on both sides, taken during the pause; nil where the table was too large for that.
        public var checksum: Digest?
    }

    /// Where the clinic lives now.
    public var livesAt: String
    /// Empty when an earlier run had finished already.
    public var tables: [Table] = []
    /// Rows this run copied, and changes it followed.
    public var copied = 0
    public var followed = 0
    /// How long nobody could write, in seconds.
    public var pauseSeconds = 0.0
}
