/// What a node does. Nodes are alike: each serves whatever it is told to, and all three unless told otherwise.
enum NodeRole: String, Sendable, CaseIterable {
    /// Answers requests.
    case api
    /// Delivers what is in the outbox.
    case worker
    /// Sweeps and rescues, when it is the one node elected for that.
    case reconciler

    static func list(_ text: String) -> Set<NodeRole>? {
        let names = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        let roles = names.compactMap { NodeRole(rawValue: $0) }
        return roles.isEmpty || roles.count < names.count ? nil : Set(roles)
    }
}
