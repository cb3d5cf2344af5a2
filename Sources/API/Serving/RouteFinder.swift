import HTTPTypes

/// Finds a clinic's route by method and path alone, for a moment at which nothing else is known of a request yet.
struct RouteFinder: Sendable {
    private struct Entry: Sendable {
        /// Nil where anything may stand.
        let segments: [String?]
        let route: Route
    }

    /// What routes with as many segments, the same method and the same second segment have in common: few have.
    private struct Key: Hashable {
        let method: String
        let collection: Substring
        let count: Int
    }

    private let entries: [Key: [Entry]]

    init(_ routes: [Route]) {
        var entries: [Key: [Entry]] = [:]
        for route in routes where route.needsToken {
            let parts = route.path.split(separator: "/")
            let entry = Entry(segments: parts.map { $0.hasPrefix("{") ? nil : String($0) }, route: route)
            entries[Self.key(route.method.rawValue, parts), default: []].append(entry)
        }
        self.entries = entries
    }

    func route(of request: HTTPRequest) -> Route? {
        guard let path = request.path else { return nil }
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        return entries[Self.key(request.method.rawValue, parts)]?.first { entry in
            zip(entry.segments, parts).allSatisfy { $0 == nil || $0! == $1 }
        }?.route
    }

    private static func key(_ method: String, _ parts: [Substring]) -> Key {
        Key(method: method, collection: parts.count > 1 ? parts[1] : "", count: parts.count)
    }
}
