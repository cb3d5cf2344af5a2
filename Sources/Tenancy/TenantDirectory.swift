/// Which clinics there are, and where each lives. Nothing in it stands twice: no name, no host, no database, no secret.
public struct TenantDirectory: Sendable, Equatable {
    public private(set) var tenants: [Tenant]
    private var byName: [String: Int]
    private var byHost: [String: Int]

    /// Throws every mistake at once.
    public init(_ tenants: [Tenant]) throws(DirectoryFault) {
        let mistakes = Self.repetitions(in: tenants)
        if !mistakes.isEmpty { throw .mistakes(mistakes) }
        self.init(checked: tenants)
    }

    private init(checked tenants: [Tenant]) {
        self.tenants = tenants
        byName = [:]
        byHost = [:]
        for (index, tenant) in tenants.enumerated() {
            byName[tenant.name] = index
            for host in tenant.hosts { byHost[host] = index }
        }
    }

    public subscript(name: String) -> Tenant? { byName[name].map { tenants[$0] } }

    /// The clinic a request is for: by the header when there is one, by the host otherwise. Nil when neither names one, and
    /// when they name two.
    public func tenant(host: String?, header: String?) -> Tenant? {
        let named = host.flatMap { byHost[Self.hostName($0)] }
        guard let header else { return named.map { tenants[$0] } }
        guard let wanted = byName[header], named == nil || named == wanted else { return nil }
        return tenants[wanted]
    }

    /// The same directory with one entry changed. Throws what is wrong with it then.
    public func replacing(_ tenant: Tenant) throws(DirectoryFault) -> TenantDirectory {
        try TenantDirectory(tenants.map { $0.name == tenant.name ? tenant : $0 })
    }

    /// A host as a client sends it, without its port, its case and the dot at its end.
    static func hostName(_ text: String) -> String {
        var name = text[...]
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("]") { name = name[..<colon] }
        if name.last == "." { name = name.dropLast() }
        return name.lowercased()
    }

    private static func repetitions(in tenants: [Tenant]) -> [TenantMistake] {
        var mistakes: [TenantMistake] = []
        func once(_ field: String, _ keys: (Tenant) -> [String], _ detail: (_ key: String, _ owner: String) -> String) {
            var owners: [String: String] = [:]
            for tenant in tenants {
                for key in keys(tenant) {
                    if let owner = owners[key] {
                        mistakes.append(TenantMistake(tenant.name, field, detail(key, owner)))
                    } else {
                        owners[key] = tenant.name
                    }
                }
            }
        }
        once("name", { [$0.name] }) { _, _ in "stands twice" }
        once("hosts", { $0.hosts }) { "\($0) is a host of \($1) already" }
        once("database", { $0.home.database.map { [DatabaseAddress.identity(of: $0)] } ?? [] }) {
            "is the database of \($1) already; a database holds one clinic"
        }
        once("secretFile", { $0.residence.secretFile.map { [$0] } ?? [] }) {
            "is the secret of \($1) already; with one secret each would take the other's tokens"
        }
        return mistakes
    }
}

/// What is wrong with an entry of the directory. Never quotes an address of a database: it may hold a password.
public struct TenantMistake: Sendable, Equatable, CustomStringConvertible {
    /// The clinic's name, or its place in the file where that is what is wrong.
    public let tenant: String
    public let field: String
    public let detail: String

    public init(_ tenant: String, _ field: String, _ detail: String) {
        self.tenant = tenant
        self.field = field
        self.detail = detail
    }

    public var description: String { "\(tenant): \(field): \(detail)" }
}

/// Why there is no directory.
public enum DirectoryFault: Error, Sendable, Equatable {
    case cannotRead(String)
    case cannotWrite(String)
    case mistakes([TenantMistake])
    /// The file is not JSON of the right shape.
    case malformed(String)

    /// One line for each thing that is wrong.
    public var lines: [String] {
        switch self {
        case .cannotRead(let what), .cannotWrite(let what), .malformed(let what): [what]
        case .mistakes(let mistakes): mistakes.map(\.description)
        }
    }
}
