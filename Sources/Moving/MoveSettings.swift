public import Notation

/// What a move is told beside its two databases.
public struct MoveSettings: Sendable {
    /// A column that is not copied: it exists on one engine only, or the server fills it.
    public struct Column: Hashable, Sendable {
        public var table: String
        public var name: String
        public init(table: String, name: String) {
            self.table = table
            self.name = name
        }
    }

    public var notCopied: Set<Column>
    /// Tables that migrations put rows into: the target may have rows there before the move.
    public var seeded: Set<String>
    /// Rows that are copied in one transaction.
    public var pageRows: Int
    /// Changes that are followed in one transaction. Many: one that takes all there are leaves the target as the source was at one
    /// moment, which no rule refuses; part of them may be refused for what the other part would have cleared away.
    public var batchChanges: Int
    /// The pause begins when fewer changes than this are left to follow.
    public var fewChanges: Int
    /// How long the source takes no changes at most. When the time is over it takes them again by itself, also when this
    /// process is gone: nobody has to be there to end a pause.
    public var pauseSeconds: Int
    /// So many rows are read again on both sides during the pause, smallest tables first. Larger tables rest on what was
    /// compared before the pause, and on every change since having been compared when it was followed.
    public var rowsCheckedInPause: Int
    /// How often a writer's transaction is waited for, nine tenths of a second each.
    public var patience: Int
    public var clock: any WallClock
    public var identifiers: any IdentifierSource

    public init(
        notCopied: Set<Column> = [], seeded: Set<String> = [], pageRows: Int = 2_000, batchChanges: Int = 10_000,
        fewChanges: Int = 200, pauseSeconds: Int = 30, rowsCheckedInPause: Int = 50_000, patience: Int = 30,
        clock: any WallClock, identifiers: any IdentifierSource
    ) {
        self.notCopied = notCopied
        self.seeded = seeded
        self.pageRows = max(1, pageRows)
        self.batchChanges = max(1, batchChanges)
        self.fewChanges = max(1, fewChanges)
        self.pauseSeconds = max(1, pauseSeconds)
        self.rowsCheckedInPause = rowsCheckedInPause
        self.patience = max(1, patience)
        self.clock = clock
        self.identifiers = identifiers
    }
}
