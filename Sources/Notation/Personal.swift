/// Something that belongs to a person: a name, a phone number, a note. It cannot be printed, logged or described by
/// accident, because every description says only `‹personal›`; who needs the value writes `.revealed` and can be found.
public struct Personal<Value: Sendable>: Sendable {
    /// The value itself. Only for storing it, for answering somebody who may see it, and for sending it to its owner.
    public let revealed: Value

    public init(_ value: Value) { revealed = value }
}

extension Personal: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "‹personal›" }
    public var debugDescription: String { "‹personal›" }
    /// `dump` and string interpolation look through mirrors; this one has nothing in it.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Personal: Equatable where Value: Equatable {}
extension Personal: Hashable where Value: Hashable {}

extension Personal where Value == String {
    /// The masked form that may stand in a log (GF-8): a name as its first letter and `***`, an e-mail as `***`.
    public var masked: String {
        guard let first = revealed.first, !revealed.contains("@") else { return "***" }
        return "\(first)***"
    }
}
