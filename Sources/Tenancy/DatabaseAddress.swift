import Foundation

/// What an address of a database on a server says, as libpq reads it.
public enum DatabaseAddress {
    public static func isServer(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    /// Servers and database, without who connects and how: two addresses with the same identity lead to the same database.
    /// (Two different ones may as well: a server has many names.)
    static func identity(of url: String) -> String {
        let rest = url.components(after: "://")
        let (place, query) = rest.halves(at: "?")
        let (authority, path) = place.halves(at: "/")
        let at = authority.lastIndex(of: "@")
        let user = at.map { String(authority[..<$0].prefix { $0 != ":" }) } ?? ""
        let hosts = (at.map { authority[authority.index(after: $0)...] } ?? authority[...])
            .split(separator: ",", omittingEmptySubsequences: false)
            .map { host in host.contains(":") && !host.hasSuffix("]") ? host.lowercased() : host.lowercased() + ":5432" }
        let overriding = query.split(separator: "&")
            .filter { part in ["host=", "hostaddr=", "port=", "dbname="].contains { part.hasPrefix($0) } }
            .sorted()
        // Without a name libpq takes the user's.
        return ([hosts.joined(separator: ","), path.isEmpty ? user : path] + overriding.map(String.init)).joined(separator: "/")
    }

    /// The same address for people to see.
    public static func withoutPassword(_ url: String) -> String {
        guard isServer(url) else { return url }
        let scheme = url.prefix { $0 != ":" }
        let (place, query) = url.components(after: "://").halves(at: "?")
        let (authority, path) = place.halves(at: "/")
        var shown = "\(scheme)://"
        if let at = authority.lastIndex(of: "@") {
            let user = authority[..<at]
            shown += user.contains(":") ? "\(user.prefix { $0 != ":" }):…" : user
            shown += authority[at...]
        } else {
            shown += authority
        }
        if place.contains("/") { shown += "/" + path }
        let parts = query.split(separator: "&").map { $0.hasPrefix("password=") ? "password=…" : $0 }
        return parts.isEmpty ? shown : shown + "?" + parts.joined(separator: "&")
    }
}

extension String {
    fileprivate func components(after mark: String) -> String { range(of: mark).map { String(self[$0.upperBound...]) } ?? self }

    fileprivate func halves(at mark: Character) -> (String, String) {
        guard let index = firstIndex(of: mark) else { return (self, "") }
        return (String(self[..<index]), String(self[self.index(after: index)...]))
    }
}
