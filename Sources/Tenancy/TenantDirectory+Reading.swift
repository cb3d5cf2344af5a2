import Notation

extension TenantDirectory {
    /// Reads `{"tenants": [{"name": …, "hosts": […], "database": …}]}`. Throws every mistake at once, each with the clinic
    /// and the field.
    public init(parsing bytes: [UInt8]) throws(DirectoryFault) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw .malformed("it is not JSON: \(error)") }
        guard let entries = json["tenants"]?.array, json.members?.count == 1 else {
            throw .malformed("it must be an object with the list \"tenants\" and nothing else")
        }
        var reader = EntryReader()
        let tenants = entries.enumerated().map { reader.tenant($1, number: $0 + 1) }
        do {
            try self.init(tenants)
        } catch .mistakes(let repeated) {
            throw .mistakes(reader.mistakes + repeated)
        }
        if !reader.mistakes.isEmpty { throw .mistakes(reader.mistakes) }
    }
}

/// Reads entries one after the other and remembers what is wrong with them.
private struct EntryReader {
    private(set) var mistakes: [TenantMistake] = []
    private var entry = ""

    private static let fields = ["name", "hosts", "database", "directURL", "replicaURL", "secretFile", "previous"]
    private static let homeFields = ["database", "directURL", "replicaURL"]

    mutating func tenant(_ json: JSON, number: Int) -> Tenant {
        entry = "entry \(number) (line \(json.line))"
        let name = self.name(json)
        if Self.isName(name) { entry = name }
        requireObject(json, "entry", of: Self.fields)
        return Tenant(
            name: name, hosts: hosts(json), home: home(json), secretFile: text(json, "secretFile"),
            previous: json["previous"].map { previous in
                requireObject(previous, "previous", of: Self.homeFields)
                return home(previous)
            })
    }

    private mutating func name(_ json: JSON) -> String {
        guard let name = text(json, "name") else {
            if json["name"] == nil { refuse("name", "is missing") }
            return entry
        }
        if !Self.isName(name) { refuse("name", "must have 1 to 63 lower-case letters, digits and dashes, no dash first") }
        return name
    }

    private static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && text.first != "-"
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    private mutating func hosts(_ json: JSON) -> [String] {
        guard let given = json["hosts"] else { return [] }
        guard let list = given.array else {
            refuse("hosts", "must be a list of host names")
            return []
        }
        var hosts: [String] = []
        for one in list {
            guard let host = one.string?.lowercased(), Self.isHost(host) else {
                refuse("hosts", "must be host names without a port, such as riverside.example.org")
                continue
            }
            if hosts.contains(host) { refuse("hosts", "\(host) stands twice") } else { hosts.append(host) }
        }
        return hosts
    }

    private static func isHost(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.last != "."
            && text.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    private mutating func home(_ json: JSON) -> Home {
        let home = Home(
            database: address(json, "database"), directURL: address(json, "directURL"), replicaURL: address(json, "replicaURL"))
        if json["database"] == nil, home.directURL != nil || home.replicaURL != nil {
            refuse("database", "is missing: directURL and replicaURL belong to one on a server")
        }
        return home
    }

    private mutating func address(_ json: JSON, _ field: String) -> String? {
        guard let text = text(json, field) else { return nil }
        guard DatabaseAddress.isServer(text) else {
            refuse(field, "must start with postgres://; leave it out for an embedded database")
            return nil
        }
        return text
    }

    private mutating func text(_ json: JSON, _ field: String) -> String? {
        guard let given = json[field] else { return nil }
        guard let text = given.string, !text.isEmpty else {
            refuse(field, "must be a text")
            return nil
        }
        return text
    }

    private mutating func requireObject(_ json: JSON, _ field: String, of known: [String]) {
        guard let members = json.members else { return refuse(field, "must be an object") }
        for member in members where !known.contains(member.name) {
            refuse(member.name, "is no field of this; known are \(known.joined(separator: ", "))")
        }
    }

    private mutating func refuse(_ field: String, _ detail: String) { mistakes.append(TenantMistake(entry, field, detail)) }
}
