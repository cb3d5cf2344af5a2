public import Logging

/// Who may say how much.
///
/// Libraries log free text. Below `libraryLevel` it is not written at all; above, the line says where it comes from
/// instead of what it says, because a library that reports a bad request likes to quote it.
public struct LogPolicy: Sendable {
    /// The level of the program's own loggers.
    public var level: Logger.Level
    /// The level of all others.
    public var libraryLevel: Logger.Level
    /// Exceptions by label: the longest prefix decides.
    public var levels: [String: Logger.Level]
    /// Labels that are the program's own begin with this.
    public var ownPrefix: String

    public init(
        level: Logger.Level = .info, libraryLevel: Logger.Level = .warning, levels: [String: Logger.Level] = [:],
        ownPrefix: String = "mediconnect"
    ) {
        self.level = level
        self.libraryLevel = libraryLevel
        self.levels = levels
        self.ownPrefix = ownPrefix
    }

    func isOwn(_ label: String) -> Bool { label.hasPrefix(ownPrefix) }

    func level(of label: String) -> Logger.Level {
        let exception = levels.filter { label.hasPrefix($0.key) }.max { $0.key.utf8.count < $1.key.utf8.count }
        return exception?.value ?? (isOwn(label) ? level : libraryLevel)
    }
}
