import Foundation
import Processes
import Tenancy
import Testing

@Suite("The directory of tenants")
struct DirectoryTests {
    private static let two = """
        {"tenants": [
            {"name": "riverside", "hosts": ["Riverside.example.org", "river.example"]},
            {"name": "northside", "hosts": ["northside.example.org"], "database": "postgres://clinic:secret@db/north",
             "directURL": "postgres://clinic@db:5432/north", "replicaURL": "postgres://clinic@copy/north", "secretFile": "north.secret",
             "previous": {}}
        ]}
        """

    @Test("a clinic is found by its host, whatever its case and port, and by the header")
    func finds() throws {
        let directory = try TenantDirectory(parsing: Array(Self.two.utf8))
        for host in ["riverside.example.org", "RIVERSIDE.example.org:8443", "river.example.", "river.example.:80"] {
            #expect(directory.tenant(host: host, header: nil)?.name == "riverside", "\(host)")
        }
        #expect(directory.tenant(host: nil, header: "northside")?.name == "northside")
        #expect(directory.tenant(host: "gateway.internal", header: "northside")?.name == "northside")
        #expect(directory.tenant(host: "northside.example.org", header: "northside")?.name == "northside")
    }

    @Test("what names no clinic, or two, finds none")
    func findsNone() throws {
        let directory = try TenantDirectory(parsing: Array(Self.two.utf8))
        let addresses: [(String?, String?)] = [
            (nil, nil), ("elsewhere.example.org", nil), ("riverside", nil), (nil, "southside"), (nil, ""), (nil, "Riverside"),
            ("riverside.example.org", "northside"), ("riverside.example.org", "southside"), (nil, "riverside, northside"),
            ("[::1]:8080", nil),
        ]
        for (host, header) in addresses {
            #expect(directory.tenant(host: host, header: header) == nil, "\(host ?? "-") \(header ?? "-")")
        }
    }

    /// The text of the entries, and the clinic and field the mistake has to name.
    static let mistakes: [(String, String)] = [
        (#"{"name":"a"},{"name":"a"}"#, "a: name: stands twice"),
        (#"{"name":"A"}"#, "entry 1 (line 1): name: must have 1 to 63 lower-case letters"),
        (#"{"name":"a b"}"#, "entry 1 (line 1): name: must have"), (#"{"name":""}"#, "entry 1 (line 1): name: must be a text"),
        (#"{"name":"-a"}"#, "entry 1 (line 1): name: must have"), (#"{"name":"../a"}"#, "entry 1 (line 1): name: must have"),
        (#"{"name":"\#(String(repeating: "a", count: 64))"}"#, "entry 1 (line 1): name: must have"),
        (#"{"name":7}"#, "entry 1 (line 1): name: must be a text"), (#"{"hosts":[]}"#, "entry 1 (line 1): name: is missing"),
        (#"{"name":"a","hosts":["x.org"]},{"name":"b","hosts":["X.org"]}"#, "b: hosts: x.org is a host of a already"),
        (#"{"name":"a","hosts":["x.org","x.org"]}"#, "a: hosts: x.org stands twice"),
        (#"{"name":"a","hosts":["x.org:80"]}"#, "a: hosts: must be host names without a port"),
        (#"{"name":"a","hosts":"x.org"}"#, "a: hosts: must be a list"),
        (#"{"name":"a","hosts":[1]}"#, "a: hosts: must be host names"),
        (
            #"{"name":"a","database":"postgres://u:p@db/c"},{"name":"b","database":"postgresql://v@DB:5432/c?sslmode=require"}"#,
            "b: database: is the database of a already"
        ),
        (#"{"name":"a","database":"mysql://db/c"}"#, "a: database: must start with postgres://"),
        (#"{"name":"a","directURL":"postgres://db/c"}"#, "a: database: is missing"),
        (#"{"name":"a","database":"postgres://db/c","replicaURL":"copy"}"#, "a: replicaURL: must start with postgres://"),
        (#"{"name":"a","secretFile":"s"},{"name":"b","secretFile":"s"}"#, "b: secretFile: is the secret of a already"),
        (#"{"name":"a","port":1}"#, "a: port: is no field of this"),
        (#"{"name":"a","previous":{"hosts":[]}}"#, "a: hosts: is no field of this"), ("7", "entry 1 (line 1): name: is missing"),
    ]

    @Test("every mistake names the clinic and the field", arguments: mistakes)
    func namesMistakes(entries: String, said: String) {
        do {
            _ = try TenantDirectory(parsing: Array(#"{"tenants":[\#(entries)]}"#.utf8))
            Issue.record("nothing was found wrong with \(entries)")
        } catch {
            #expect(error.lines.contains { $0.hasPrefix(said) }, "\(error.lines)")
        }
    }

    @Test(
        "what is no directory at all is said to be none",
        arguments: ["", "{", "[]", "{}", #"{"tenants":{}}"#, #"{"tenants":[],"x":1}"#])
    func noDirectory(text: String) {
        #expect(throws: DirectoryFault.self) { try TenantDirectory(parsing: Array(text.utf8)) }
    }

    @Test("all mistakes are told at once, and none of them quotes a password")
    func allAtOnce() {
        let text = """
            {"tenants": [{"name": "a", "hosts": ["x y"], "database": "mysql://u:hush@db/c"},
             {"name": "b", "database": "postgres://u:hush@db/c"}, {"name": "b", "database": "postgres://v:hush@db/c"}]}
            """
        do {
            _ = try TenantDirectory(parsing: Array(text.utf8))
            Issue.record("nothing was found wrong")
        } catch {
            #expect(error.lines.count == 4, "\(error.lines)")
            #expect(!error.lines.joined().contains("hush"))
        }
    }

    @Test("an entry is replaced, and everything else stays as it was, also who may read the file")
    func replaces() throws {
        let folder = try TemporaryFolder("directory")
        defer { folder.remove() }
        let (real, link) = (folder.file("real.json"), folder.file("tenants.json"))
        _ = FileManager.default.createFile(atPath: real, contents: Data(Self.two.utf8), attributes: [.posixPermissions: 0o640])
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real.json")
        let file = DirectoryFile(link)
        let (before, stamp) = (try file.read(), file.stamp)
        try file.requireWritable()
        try file.replace("riverside") { ($0.home, $0.previous) = (Home(database: "postgres://db/river"), Home()) }
        let after = try file.read()
        #expect(after["riverside"]?.home.database == "postgres://db/river" && after["riverside"]?.previous == Home())
        #expect(after["riverside"]?.hosts == before["riverside"]?.hosts)
        #expect(after["northside"] == before["northside"])
        #expect(file.stamp != stamp)
        let attributes = try FileManager.default.attributesOfItem(atPath: real)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o640)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "real.json")
        #expect(!FileManager.default.fileExists(atPath: real + ".new"))
    }

    @Test("an entry that would be wrong is not written")
    func refusesWrong() throws {
        let folder = try TemporaryFolder("directory")
        defer { folder.remove() }
        _ = FileManager.default.createFile(atPath: folder.file("tenants.json"), contents: Data(Self.two.utf8))
        let file = DirectoryFile(folder.file("tenants.json"))
        #expect(throws: DirectoryFault.self) {
            try file.replace("riverside") { $0.home = Home(database: "postgres://somebody@db:5432/north") }
        }
        #expect(throws: DirectoryFault.self) { try file.replace("southside") { _ in } }
        #expect(try file.read()["riverside"]?.home == Home())
    }

    @Test("changes of many at the same time all remain")
    func manyAtOnce() async throws {
        let folder = try TemporaryFolder("directory")
        defer { folder.remove() }
        let entries = (0..<20).map { #"{"name":"t\#($0)"}"# }.joined(separator: ",")
        _ = FileManager.default.createFile(
            atPath: folder.file("tenants.json"), contents: Data(#"{"tenants":[\#(entries)]}"#.utf8))
        let file = DirectoryFile(folder.file("tenants.json"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { try file.replace("t\(number)") { $0.home = Home(database: "postgres://db/t\(number)") } }
            }
            try await group.waitForAll()
        }
        let after = try file.read()
        #expect(after.tenants.allSatisfy { $0.home.database == "postgres://db/\($0.name)" })
    }

    @Test("what people see of an address has no password in it")
    func hidesPasswords() {
        let shown = [
            "postgres://u:hush@db/c": "postgres://u:…@db/c",
            "postgres://db/c?password=hush&sslmode=require": "postgres://db/c?password=…&sslmode=require",
            "postgres://u:hu@sh@a:1,b:2/c?x=@": "postgres://u:…@a:1,b:2/c?x=@", "postgres://u@db": "postgres://u@db",
            "postgres://db/": "postgres://db/", "/data/clinic": "/data/clinic",
        ]
        for (address, expected) in shown { #expect(DatabaseAddress.withoutPassword(address) == expected) }
    }
}
