import Synchronization

/// A database nobody else uses.
public struct FreshDatabase: Sendable {
    public let name: String
    /// For the cluster's superuser.
    public let url: String
    private let cluster: PrivateCluster

    private static let made = Mutex(0)

    fileprivate init(from template: String, in cluster: PrivateCluster) async throws {
        let number = Self.made.withLock { made in
            made += 1
            return made
        }
        name = "fresh_\(number)"
        url = cluster.url(database: name)
        self.cluster = cluster
        try await cluster.psql("CREATE DATABASE \(name) TEMPLATE \"\(template)\"")
    }

    /// Ends the sessions it still has.
    public func drop() async throws {
        try await cluster.psql("DROP DATABASE \(name) WITH (FORCE)")
    }
}

extension PrivateCluster {
    /// A new database, a copy of `template`: an empty one, or one that was prepared once and is connected to by nobody now.
    public func freshDatabase(template: String = "template1") async throws -> FreshDatabase {
        try await FreshDatabase(from: template, in: self)
    }
}
