/// One of the two databases of a move.
public enum MoveSide: String, Sendable {
    case source
    case target
}
