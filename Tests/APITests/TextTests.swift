import API
import Notation
import TestKit
import Testing

/// Text that means something to whoever takes it for more than text: SQL, a terminal, a page, a sheet, a template, a reader that
/// normalises. In every field that takes text, of every operation, on both engines.
@Suite struct TextInEveryField {
    /// Each of them is text a person could type, and nothing more.
    static let texts: [String] = [
        "'", "''", "\"", "`", "\\", "\\'", ";", "--", "/*", "*/", "#", "%", "_", "$1", "$2", ":id", "?1", "@p", "%s%n", "{0}",
        "$$",
        "' OR '1'='1", "'; DROP TABLE patient; --", "\"; DROP TABLE patient; --", "1); DELETE FROM appointment; --",
        "' UNION SELECT login, password_hash FROM account --", "$$; DROP TABLE claim; $$", "E'\\047'",
        "x'; COPY patient TO '/tmp/x'; --",
        "' || pg_sleep(10) || '", "'; ATTACH DATABASE '/tmp/x' AS x; --", "\u{2019} OR 1=1", "＇ OR 1=1", "NULL", "null", "true",
        "0", "-1", "1e309",
        "a\tb\nc\rd", "\u{1}\u{8}\u{1B}[2J\u{7F}", "\u{202E}txet\u{202C}", "\u{2066}a\u{2069}\u{200F}",
        "a\u{200B}b\u{FEFF}c\u{2060}d",
        "e\u{301} \u{E9}", "ﬁ ſ ß İ ı K", "\u{1F469}\u{1F3FD}\u{200D}\u{2695}\u{FE0F} \u{1F1EB}\u{1F1F7}",
        "Z\u{30A}\u{323}\u{300}", "\u{FFFD}\u{FFFE}\u{FFFF}",
        "\u{10FFFF}\u{E000}", "\u{85}\u{2028}\u{2029}", " a ", "<script>alert(1)</script>", "{{7*7}}${7*7}#{7*7}",
        "=cmd|' /C calc'!A0", "../../etc/passwd",
        "${jndi:ldap://x}", "a\r\nX-Evil: 1", String(repeating: "'", count: 60), String(repeating: "\u{1F600}", count: 60),
    ]

    @Test(arguments: Shelter.allCases) func `is text, comes back byte for byte, and touches nothing else`(shelter: Shelter)
        async throws
    {
        // Each of several houses has some of the routes: one calendar has not enough times for all of them.
        let parts = 3
        for part in 0..<parts {
            try await inHouse(shelter: shelter) { visitor in
                let untouched = try await others(visitor)
                // A third of them where each costs a conversation with a server.
                let texts = TextInEveryField.texts.enumerated().filter { shelter == .sqlite || $0.offset.isMultiple(of: 3) }
                var stored = 0
                let routes = visitor.house.api.routes.filter { $0.takes != nil }
                for (number, route) in routes.enumerated() where number % parts == part {
                    for (index, text) in texts {
                        stored += try await send(text, to: route, by: visitor, only: index)
                    }
                    #expect(try await others(visitor) == untouched, "\(route.operation) touched something else")
                }
                #expect(stored > texts.count, "most of it is text that may be kept: \(stored)")
            }
        }
    }

    @Test(arguments: Shelter.allCases) func `in an address, a query or a header is refused or finds nothing`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let rows = RowCounts.withoutAudit(try await visitor.rows())
            for route in visitor.house.api.routes where route.method == .get {
                for text in TextInEveryField.texts {
                    let escaped = text.utf8.map { "%" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                    var paths = route.query.map { "\(route.path)?\($0.name)=\(escaped)" }
                    if route.path.contains("{") { paths.append(route.path.replacing(#/\{[a-z]+\}/#, with: escaped)) }
                    for path in paths {
                        let heard = try await visitor.get(path.replacing(#/\{[a-z]+\}/#, with: Known.emma), by: .admin)
                        #expect(heard.status < 500, "\(route.operation) \(path): \(heard.text)")
                    }
                }
            }
            #expect(RowCounts.withoutAudit(try await visitor.rows()) == rows)
        }
    }

    /// Made of what means something to a database, and of what means something to nobody.
    private static func madeUp(_ chance: inout Chance) -> String {
        let pieces = [
            "'", "\"", "`", ";", "--", "/*", "*/", "\\", "%", "_", "$1", "?", ":a", "@p", "||", "(", ")", "=", "<", ",", " OR ",
            " AND ", " UNION SELECT ", "DROP TABLE patient", "DELETE FROM audit", "NULL", "0x27", "\0", "\n", "\u{202E}",
            "\u{301}", "é",
            "＇", "\u{1F469}\u{1F3FD}", "a", "7", " ",
        ]
        return (0..<chance.number(1...12)).map { _ in chance.one(of: pieces) }.joined()
    }

    /// The document once for each value in it, however deep, with the text in its place.
    private static func variants(of json: JSON, _ text: () -> String) -> [JSON] {
        switch json.content {
        case .object(let members):
            members.indices.flatMap { place in
                variants(of: members[place].value, text).map { other in
                    var members = members
                    members[place] = JSON.Member(name: members[place].name, value: other)
                    return JSON(.object(members))
                }
            }
        case .array(let elements):
            elements.indices.flatMap { place in
                variants(of: elements[place], text).map { other in
                    var elements = elements
                    elements[place] = other
                    return JSON(.array(elements))
                }
            }
        default: [JSON(.string(text()))]
        }
    }

    @Test(arguments: Shelter.allCases)
    func `in the place of anything at all, logins and codes and numbers too, fails nothing and takes nothing away`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let untouched = try await others(visitor)
            let kept = ["patient", "appointment", "audit", "location"]
            var before: [Int] = []
            for table in kept { before.append(try await visitor.count(of: table)) }
            var asked = 0
            for (number, route) in visitor.house.api.routes.enumerated() where route.takes != nil {
                let sample = Sample.all[route.operation]!
                let who = try #require(([Who.desk] + Who.allCases).first { "yc".contains(sample.mark(for: $0)) })
                for seed in 0..<(shelter == .sqlite ? 24 : 8) {
                    var chance = Chance(seed: number * 100 + seed)
                    var ask = try await sample.ask(visitor)
                    guard ask.type == "application/json" else { continue }
                    for body in Self.variants(of: try JSON(parsing: ask.body ?? "{}"), { Self.madeUp(&chance) }) {
                        ask.body = body.text
                        let heard = try await visitor.send(ask, by: who)
                        #expect(heard.status < 500, "\(route.operation), seed \(seed): \(body.text) \(heard.text)")
                        asked += 1
                    }
                }
                #expect(try await others(visitor) == untouched, "\(route.operation) touched something else")
            }
            for (table, count) in zip(kept, before) {
                #expect(try await visitor.count(of: table) >= count, "\(table) has lost rows")
            }
            #expect(asked > 200, "\(asked)")
        }
    }

    @Test func `negative control: a field that is changed on the way is found`() {
        // Texts that look alike are not alike.
        #expect("e\u{301}" == "\u{E9}", "to Swift they are")
        #expect(!TextInEveryField.isSame("e\u{301}", "\u{E9}") && TextInEveryField.isSame("e\u{301}", "e\u{301}"))
        #expect(!TextInEveryField.isSame("a", nil))
    }

    // MARK: How

    /// Puts a text into all fields at once that take any, and the first texts into each field by itself as well; says how often one
    /// was kept.
    private func send(_ text: String, to route: Route, by visitor: Visitor, only index: Int) async throws -> Int {
        let sample = Sample.all[route.operation]!
        let fields = TextInEveryField.fields(of: route.takes!)
        let free = fields.filter { TextInEveryField.takesAnything($0, in: route.takes!) }
        var turns = free.isEmpty ? [] : [free]
        if index < 2 * fields.count { turns.append([fields[index % fields.count]]) }
        var stored = 0
        for names in turns {
            var ask = try await sample.ask(visitor)
            var body = try JSON(parsing: ask.body ?? "{}")
            for name in names { body = body.with(name, TextInEveryField.value(text, for: name, in: route.takes!)) }
            ask.body = body.text
            // The desk, where it may: what staff write is kept where a patient would not be asked.
            let who = ([Who.desk] + Who.allCases).first { "yc".contains(sample.mark(for: $0)) }
            let heard = try await visitor.send(ask, by: try #require(who))
            #expect(heard.status < 500, "\(route.operation) \(names): \(heard.text)")
            // What was there already (200 where 201 says that it is new) keeps the text it came with.
            guard heard.status == route.status else { continue }
            stored += 1
            try await expectSame(names, text, heard, route, visitor)
        }
        return stored
    }

    /// In the answer, and when it is read again.
    private func expectSame(_ names: [String], _ text: String, _ heard: Heard, _ route: Route, _ visitor: Visitor) async throws {
        var copies = [heard.json]
        if let place = heard[header: "Location"], place.hasPrefix("/") {
            copies.append(try await visitor.get(place, by: .admin).json)
        }
        for copy in copies {
            for name in names {
                guard let found = copy[name] else { continue }
                let texts = found.array?.map(\.string) ?? [found.string]
                #expect(
                    texts.allSatisfy { TextInEveryField.isSame(text, $0) },
                    "\(route.operation) \(name): \(found) for \(text.debugDescription)")
            }
        }
    }

    /// Byte for byte: to Swift an e with an accent is the same however it is written.
    static func isSame(_ text: String, _ other: String?) -> Bool { other.map { Array($0.utf8) == Array(text.utf8) } ?? false }

    /// The members of a body that take any text, or a list of them.
    private static func fields(of schema: String) -> [String] {
        (SchemaCheck.schemas[schema]?["properties"]?.members ?? []).filter { property in
            let form = SchemaCheck.resolve(property.value)
            let inner = form["items"].map(SchemaCheck.resolve) ?? form
            // What proves who one is, or chooses among few, is no text to keep.
            return inner["type"]?.string == "string" && inner["format"] == nil && inner["enum"] == nil
                && !["password", "oldPassword", "newPassword", "code", "refreshToken", "login"].contains(property.name)
        }.map(\.name)
    }

    /// No form of its own: not an address, not a zone.
    private static func takesAnything(_ name: String, in schema: String) -> Bool {
        let form = SchemaCheck.schemas[schema]?["properties"]?[name]
        return form?["pattern"] == nil && form?["items"]?["pattern"] == nil && name != "zone"
    }

    private static func value(_ text: String, for name: String, in schema: String) -> JSON {
        let isList = SchemaCheck.schemas[schema]?["properties"]?[name]?["type"]?.string == "array"
        return isList ? JSON(.array([JSON(.string(text))])) : JSON(.string(text))
    }

    /// What stays as it is, whatever is asked: people, places and things of the clinic, as everybody reads them.
    private func others(_ visitor: Visitor) async throws -> [String] {
        var documents: [String] = []
        for path in [
            "/v1/patients/\(Known.emma)", "/v1/patients/\(Known.noah)", "/v1/locations/\(Known.river)",
            "/v1/locations/\(Known.harbour)",
            "/v1/practitioners/\(Known.brandt)", "/v1/practitioners/\(Known.keller)", "/v1/rooms/\(Known.room)",
            "/v1/devices/\(Known.ultrasound)", "/v1/visit-types/\(Known.consultation)", "/v1/visit-types/\(Known.scan)",
        ] {
            let heard = try await visitor.get(path)
            #expect(heard.status == 200, "\(path): \(heard.text)")
            documents.append(heard.text)
        }
        return documents
    }
}
