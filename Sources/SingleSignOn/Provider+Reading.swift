public import Notation
import People

/// What is wrong with a list of providers, all of it.
public struct ProviderProblems: Error, Sendable {
    public let lines: [String]
}

extension Provider {
    /// Reads `{"providers": [{"name": …, "issuer": …, "clientId": …, "roleClaim": …, "roles": {…}}]}`. Throws every mistake at once.
    ///
    /// - Parameters:
    ///   - base: Where browsers reach this server, for entries that do not say otherwise.
    ///   - secret: Reads a file named in an entry; nil when it cannot.
    public static func list(
        parsing bytes: [UInt8], base: String, secret: @escaping (String) -> String?
    ) throws(ProviderProblems) -> [Provider] {
        guard let json = try? JSON(parsing: bytes), let entries = json["providers"]?.array, json.members?.count == 1 else {
            throw ProviderProblems(lines: ["must be an object with the list \"providers\" and nothing else"])
        }
        var reader = ProviderReader(base: base, secret: secret)
        let providers = entries.enumerated().map { reader.provider($1, number: $0 + 1) }
        for (number, one) in providers.enumerated()
        where providers[..<number].contains(where: { $0.name == one.name && $0.tenant == one.tenant }) {
            reader.refuse("name", "stands twice", in: one.name)
        }
        if !reader.lines.isEmpty { throw ProviderProblems(lines: reader.lines) }
        return providers
    }
}

/// Reads entries one after the other and remembers what is wrong with them.
private struct ProviderReader {
    let base: String
    let secret: (String) -> String?
    private(set) var lines: [String] = []
    private var entry = ""

    private static let known: Set<String> = [
        "name", "tenant", "issuer", "clientId", "clientSecretFile", "link", "emailDomains", "roleClaim", "roles", "factors",
        "landing",
        "network", "base",
    ]

    init(base: String, secret: @escaping (String) -> String?) {
        self.base = base
        self.secret = secret
    }

    mutating func refuse(_ field: String, _ what: String, in entry: String? = nil) {
        lines.append("\(entry ?? self.entry): \(field): \(what)")
    }

    mutating func provider(_ json: JSON, number: Int) -> Provider {
        entry = json["name"]?.string ?? "entry \(number) (line \(json.line))"
        for member in json.members ?? [] where !Self.known.contains(member.name) { refuse(member.name, "is not known here") }
        let name = text(json, "name") ?? ""
        let isName = name.utf8.allSatisfy {
            (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-")
        }
        if !isName || name.utf8.count > 63 { refuse("name", "must have 1 to 63 lower-case letters, digits and dashes") }
        let issuer = text(json, "issuer") ?? ""
        if !issuer.hasPrefix("https://"), !issuer.hasPrefix("http://127.0.0.1") {
            refuse("issuer", "must start with https://, or be on this machine, as http://127.0.0.1:PORT")
        }
        if issuer.contains("?") || issuer.contains("#") { refuse("issuer", "must be an address without ? and #") }
        return Provider(
            name: name, tenant: optional(json, "tenant"), issuer: issuer, clientID: text(json, "clientId") ?? "",
            clientSecret: clientSecret(json), linking: linking(json), rule: rule(json), factors: factors(json),
            landing: landing(json), network: json["network"]?.array?.compactMap(\.string) ?? [],
            base: optional(json, "base") ?? base)
    }

    private mutating func text(_ json: JSON, _ name: String) -> String? {
        guard let text = json[name]?.string, !text.isEmpty else {
            refuse(name, json[name] == nil ? "is missing" : "must be a text")
            return nil
        }
        return text
    }

    private mutating func optional(_ json: JSON, _ name: String) -> String? { json[name] == nil ? nil : text(json, name) }

    private mutating func clientSecret(_ json: JSON) -> Personal<String>? {
        guard let file = optional(json, "clientSecretFile") else { return nil }
        guard let secret = secret(file), !secret.isEmpty else {
            refuse("clientSecretFile", "\(file) cannot be read, or is empty")
            return nil
        }
        return Personal(secret)
    }

    private mutating func linking(_ json: JSON) -> Provider.Linking {
        let domains = json["emailDomains"]?.array?.compactMap { $0.string?.lowercased() } ?? []
        switch optional(json, "link") ?? "subject" {
        case "subject":
            if json["emailDomains"] != nil { refuse("emailDomains", "goes with \"link\": \"email\"") }
        case "email":
            if domains.isEmpty || domains.contains(where: { $0.isEmpty || $0.contains("@") || $0.contains("*") }) {
                refuse("emailDomains", "must list the domains whose addresses the provider itself gives out")
            }
            return .byEmail(domains: domains)
        default: refuse("link", "must be subject or email")
        }
        return .bySubject
    }

    private mutating func rule(_ json: JSON) -> RoleRule {
        let claim = text(json, "roleClaim") ?? ""
        var roles: [String: Role] = [:]
        for member in json["roles"]?.members ?? [] {
            guard let role = member.value.string.flatMap({ Role(rawValue: $0) }), role != .patient, role != .service else {
                refuse("roles", "\(member.name) must be one of the staff's roles")
                continue
            }
            roles[member.name] = role
        }
        if json["roles"]?.members?.isEmpty ?? true { refuse("roles", "must say which value of the claim allows which role") }
        return RoleRule(claim: claim, roles: roles)
    }

    private mutating func factors(_ json: JSON) -> Provider.Factors {
        let text = optional(json, "factors") ?? Provider.Factors.claimed.rawValue
        if let factors = Provider.Factors(rawValue: text) { return factors }
        refuse("factors", "must be claimed or assured")
        return .claimed
    }

    private mutating func landing(_ json: JSON) -> String {
        let path = optional(json, "landing") ?? "/"
        // `//evil.example` is an address elsewhere.
        let isPath =
            path.hasPrefix("/") && !path.hasPrefix("//") && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C }
        if !isPath { refuse("landing", "must be a path of this origin") }
        return path
    }
}
