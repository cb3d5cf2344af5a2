/// One clinic of a network, as the directory lists it.
public struct Tenant: Sendable, Hashable {
    /// Lower-case letters, digits and dashes, 63 at most: it is also the name of a folder.
    public var name: String
    /// The host names it is reached under, in lower case.
    public var hosts: [String]
    public var residence: Residence
    /// Where it lived before its last move, for the way back; nil when there is none.
    public var previous: Home?

    public init(name: String, hosts: [String] = [], home: Home = Home(), secretFile: String? = nil, previous: Home? = nil) {
        self.name = name
        self.hosts = hosts
        self.residence = Residence(name: name, home: home, secretFile: secretFile)
        self.previous = previous
    }

    public var home: Home {
        get { residence.home }
        set { residence.home = newValue }
    }
}

/// The database a clinic lives in.
public struct Home: Sendable, Hashable {
    /// `postgres://…`; nil is an embedded database in the clinic's own folder.
    public var database: String?
    /// For listening and electing, past a pooler; nil is `database`.
    public var directURL: String?
    /// For lists that may be a moment old; nil reads everything from the primary.
    public var replicaURL: String?

    public init(database: String? = nil, directURL: String? = nil, replicaURL: String? = nil) {
        self.database = database
        self.directURL = directURL
        self.replicaURL = replicaURL
    }

    /// Whether both are the same database, whoever connects to it and how.
    public func isSame(as other: Home) -> Bool {
        database.map(DatabaseAddress.identity) == other.database.map(DatabaseAddress.identity)
    }
}

/// Everything that says how a clinic is opened. When any of it changes, whoever has the clinic open has another one.
public struct Residence: Sendable, Hashable {
    public let name: String
    public var home: Home
    /// The file of the secret that signs its tokens; nil is one in its own folder.
    public let secretFile: String?
}
