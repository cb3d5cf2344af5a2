/// How urgent a request is when not everything can be served, the most urgent first (MC-10). What gives way first is what somebody
/// can best do a minute later.
public enum Urgency: Int, Sendable, CaseIterable, Comparable {
    /// People sign in, patients arrive, the house says how it is.
    case vital
    /// Gives a time back, which somebody else may be waiting for.
    case release
    /// Books, moves, writes.
    case change
    /// Searches and lists.
    case look
    /// Reports and exports: much work for one who is not waiting at a desk.
    case report

    public static func < (left: Urgency, right: Urgency) -> Bool { left.rawValue < right.rawValue }

    /// As it stands in the description of the API and in metrics.
    public var name: String {
        switch self {
        case .vital: "vital"
        case .release: "release"
        case .change: "change"
        case .look: "look"
        case .report: "report"
        }
    }

    /// Percent of what there is that it may take at once. The rest is kept for what is more urgent, so that who has searched too
    /// much can still cancel, and a server full of reports still books.
    public var share: Int {
        switch self {
        case .vital: 100
        case .release: 95
        case .change: 90
        case .look: 60
        case .report: 30
        }
    }
}
