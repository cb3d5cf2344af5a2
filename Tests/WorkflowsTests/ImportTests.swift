import Notation
import People
import Scheduling
import Synchronization
import TestKit
import Testing
import Workflows

/// A record of every kind, each of which fits the others.
private let records: [(kind: String, members: String)] = [
    ("location", #""id":"\#(id(1))","name":"River","zone":"Europe/Berlin","address":"Street 1""#),
    ("practitioner", #""id":"\#(id(101))","name":"Dr. Brandt","location":"\#(id(1))","specialty":"general","maximumPerDay":20"#),
    ("room", #""id":"\#(id(201))","name":"Room 1","location":"\#(id(1))","tags":["examination"],"lanes":1"#),
    ("device", #""id":"\#(id(251))","name":"Ultrasound","location":"\#(id(1))","tags":["ultrasound"]"#),
    (
        "visitType",
        #""id":"\#(id(301))","name":"Consultation","durationMinutes":20,"specialty":"general","roomTag":"examination""#
    ),
    ("workingHours", #""id":"\#(id(401))","resource":"\#(id(101))","weekday":"tuesday","from":"08:00","to":"16:00""#),
    (
        "exception",
        #""id":"\#(id(601))","resource":"\#(id(101))","kind":"leave","from":"2026-08-01T00:00:00Z","to":"2026-08-02T00:00:00Z","note":"away""#
    ),
    ("holiday", #""id":"\#(id(801))","location":"\#(id(1))","day":"2026-12-25","name":"Christmas Day""#),
    ("patient", #""id":"\#(id(501))","name":"Emma Sample","email":"emma@example.org","phone":"+49 30 1","recordNumber":"P-1""#),
    ("patient", #""id":"\#(id(502))","name":"Noah Example""#),
    (
        "appointment",
        #""id":"\#(id(701))","visitType":"\#(id(301))","practitioner":"\#(id(101))","room":"\#(id(201))","patients":["\#(id(501))"],"start":"2026-03-10T09:00:00Z""#
    ),
    (
        "appointment",
        #""id":"\#(id(702))","state":"fulfilled","visitType":"\#(id(301))","practitioner":"\#(id(101))","patients":["\#(id(502))"],"start":"2026-02-10T09:00:00Z""#
    ),
]

private let everything = [
    "1 locations", "3 practitioners, rooms and devices", "1 visit types", "1 working hours", "1 exceptions", "1 holidays",
    "2 patients",
    "2 appointments",
]

/// One JSON document, a record on each line, from line 2 on; each list's name stands on the line before its records.
private func document(_ records: [(kind: String, members: String)] = records) -> String {
    let lists = ImportKind.allCases.compactMap { kind -> String? in
        let own = records.filter { $0.kind == kind.rawValue }.map { "{\($0.members)}" }
        return own.isEmpty ? nil : "\"\(kind.plural)\":[\n\(own.joined(separator: ",\n"))]"
    }
    return "{\(lists.joined(separator: ",\n"))}"
}

private func lines(_ records: [(kind: String, members: String)] = records) -> String {
    records.map { $0.kind == "exception" ? "{\($0.members)}" : #"{"kind":"\#($0.kind)",\#($0.members)}"# }.joined(separator: "\n")
}

@Suite struct AnImport {
    @Test(
        arguments: Engine.allCases,
        [document(), lines(), lines() + "\n", lines().replacing("\n", with: "\r\n\r\n"), "\n\n" + lines()])
    func `takes every kind of record, as one document and as JSON Lines`(engine: Engine, text: String) async throws {
        try await Workshop.open(engine) { workshop in
            #expect(try await workshop.take(text) == everything)
            for (table, count) in [("appointment", 2), ("claim", 5), ("schedule_exception", 1)] {
                #expect(try await workshop.rows(table) == count)
            }
            let hours = try await workshop.clinic.currentDirectory().hours.values.first?.first
            #expect(hours?.zone == "Europe/Berlin", "hours without a zone are in that of their place")
        }
    }

    @Test(arguments: Engine.allCases)
    func `takes the demo clinic, which nothing is wrong with`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let demo = String(decoding: DemoClinic.document(now: workshop.clock.now), as: UTF8.self)
            #expect(try await workshop.take(demo).contains("8 patients"))
            let report = try await ClinicCheck.run(workshop.database, newestSchema: Schema.migrations.count)
            #expect(report.problems == [] && report.appointments == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `counts how far it has come`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let heard = Mutex<[(Int, Int)]>([])
            _ = try await workshop.take(lines()) { done, total in heard.withLock { $0.append((done, total)) } }
            #expect(heard.withLock { $0.map(\.0) } == Array(1...12) && heard.withLock { $0.allSatisfy { $0.1 == 12 } })
        }
    }

    @Test(arguments: Engine.allCases)
    func `lets its clinic be booked at once`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(lines())
            let page = try workshop.clinic.freeTimes(
                TimeSearch(
                    visitType: ID(id(301))!,
                    range: .init(from: Instant("2026-03-10T00:00:00Z")!, to: Instant("2026-03-11T00:00:00Z")!), limit: 100),
                for: .clinic)
            #expect(page.elements.first?.start == Instant("2026-03-10T07:00:00Z")!)
            #expect(!page.elements.contains { $0.start == Instant("2026-03-10T09:00:00Z")! })
        }
    }

    @Test(arguments: Engine.allCases)
    func `twice is refused as a whole: everything is in the database already`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(lines())
            let rows = try await workshop.rows()
            let problems = try await workshop.take(lines())
            // The two appointments' people, room and time are taken by the first import.
            #expect(problems.filter { $0.hasSuffix("#/id: is in the database already") }.count == 12)
            #expect(try await workshop.rows() == rows)
        }
    }

    @Test(arguments: Engine.allCases)
    func `adds to a clinic, and refers to what is there`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(lines())
            let more = """
                {"kind":"practitioner","id":"\(id(102))","name":"Dr. Keller","location":"\(id(1))","specialty":"general"}
                {"kind":"workingHours","id":"\(id(402))","resource":"\(id(101))","weekday":"friday","from":"08:00","to":"12:00"}
                {"kind":"workingHours","id":"\(id(403))","resource":"\(id(102))","weekday":"friday","from":"08:00","to":"12:00"}
                {"kind":"appointment","id":"\(id(703))","visitType":"\(id(301))","practitioner":"\(id(102))","patients":["\(id(501))"],"start":"2026-03-13T09:00:00Z"}
                """
            #expect(try await workshop.take(more) == ["1 practitioners, rooms and devices", "2 working hours", "1 appointments"])
            let hours = try await workshop.clinic.currentDirectory().hours.values.joined()
            #expect(hours.allSatisfy { $0.zone == "Europe/Berlin" })
        }
    }
}

@Suite struct AnImportWithMistakes {
    @Test(arguments: Engine.allCases)
    func `names them all at once, each with its line and field, in the order of the file`(engine: Engine) async throws {
        try await Workshop.open(engine) { workshop in
            let text = """
                {"kind":"location","id":"\(id(1))","name":"River","zone":"Mars/Olympus"}
                {"kind":"location","id":"\(id(2))","name":"","zone":"UTC","zoom":1}
                not json
                {"kind":"planet","id":"\(id(3))"}
                {"kind":"room","id":"\(id(201))","name":"Room","location":"\(id(99))"}
                {"kind":"patient","id":"x","name":7}
                {"kind":"appointment","id":"\(id(701))","visitType":"\(id(398))","practitioner":"\(id(198))","patients":["\(id(598))"],"start":"soon"}
                """
            let problems = try await workshop.take(text)
            let places = problems.map { $0.split(separator: ":")[0] }
            #expect(
                places == [
                    "line 1 #/zone", "line 2 #/name", "line 2 #/zoom", "line 3 #", "line 4 #/kind", "line 5 #/location",
                    "line 6 #/id", "line 6 #/name",
                    "line 7 #/start",
                ], "\(problems)")
            let empty = try await Workshop.open(engine) { try await $0.rows() }
            #expect(try await workshop.rows() == empty, "nothing was taken")
        }
    }

    @Test(arguments: Engine.allCases)
    func `in a document names the line of the field, not of its record`(engine: Engine) async throws {
        let text = """
            {
              "locations": [
                {
                  "id": "\(id(1))",
                  "name": "River",
                  "zone": "UTC"
                }
              ],
              "rooms": [
                {
                  "id": "\(id(201))",
                  "name": "Room",
                  "location": "\(id(9))",
                  "lanes": 0
                },
                {
                  "id": "\(id(202))",
                  "name": "Room",
                  "location":
                    "\(id(9))"
                }
              ],
              "dragons": []
            }
            """
        let problems = try await Workshop.take(engine: engine, text)
        #expect(
            problems == [
                "line 14 #/rooms/0/lanes: must be a whole number from 1 to 64", "line 20 #/rooms/1/location: is not known",
                "line 23 #/dragons: is not known here",
            ])
    }

    @Test(arguments: Engine.allCases)
    func `does not blame those who refer to a record that is wrong itself`(engine: Engine) async throws {
        let wrong = records.map {
            $0.kind == "practitioner" || $0.kind == "location" || $0.kind == "visitType"
                ? ($0.kind, $0.members + #","zoom":1"#) : $0
        }
        #expect(
            try await Workshop.take(engine: engine, lines(wrong)).map { $0.split(separator: ":")[0] } == [
                "line 1 #/zoom", "line 2 #/zoom", "line 5 #/zoom",
            ])
    }

    static let references: [(kind: String, field: String, value: String)] = [
        ("practitioner", "location", id(9)), ("room", "location", id(9)), ("device", "location", id(9)),
        ("holiday", "location", id(9)),
        ("workingHours", "resource", id(9)), ("exception", "resource", id(9)), ("visitType", "practitioners", id(201)),
        ("appointment", "visitType", id(9)), ("appointment", "practitioner", id(201)), ("appointment", "room", id(251)),
        ("appointment", "device", id(201)), ("appointment", "patients", id(9)),
    ]

    @Test(arguments: Engine.allCases, references) func `refers to nobody`(
        engine: Engine, reference: (kind: String, field: String, value: String)
    ) async throws {
        var changed = records
        let place = try #require(changed.firstIndex { $0.kind == reference.kind })
        var json = try JSON(parsing: "{\(changed[place].members)}").members ?? []
        json.removeAll { $0.name == reference.field }
        let isList = reference.field == "practitioners" || reference.field == "patients"
        json.append(
            .init(
                name: reference.field,
                value: isList ? JSON(.array([JSON(.string(reference.value))])) : JSON(.string(reference.value))))
        changed[place].members = String(JSON(.object(json)).text.dropFirst().dropLast())
        let problems = try await Workshop.take(engine: engine, lines(changed))
        #expect(problems.map { $0.split(separator: ":")[0] } == ["line \(place + 1) #/\(reference.field)"], "\(problems)")
    }

    @Test(arguments: Engine.allCases)
    func `gives an identifier twice`(engine: Engine) async throws {
        for (place, record) in records.enumerated() {
            let problems = try await Workshop.take(engine: engine, lines(records + [record]))
            #expect(problems.contains("line 13 #/id: stands twice in this file"), "\(place) \(record.kind): \(problems)")
        }
    }

    @Test(arguments: Engine.allCases)
    func `gives a patient the identifier of a room`(engine: Engine) async throws {
        let problems = try await Workshop.take(
            engine: engine, lines(records + [("patient", #""id":"\#(id(201))","name":"Room Man""#)]))
        #expect(problems == ["line 13 #/id: belongs to a practitioner, room or device"])
    }

    @Test(
        arguments: Engine.allCases,
        [
            (#""practitioner":"\#(id(101))","patients":["\#(id(502))"],"start":"2026-03-10T09:10:00Z""#, ["practitioner"]),
            (
                #""practitioner":"\#(id(101))","room":"\#(id(201))","patients":["\#(id(501))"],"start":"2026-03-10T08:45:00Z""#,
                ["patients", "practitioner", "room"]
            ),
            (#""practitioner":"\#(id(101))","patients":["\#(id(502))"],"start":"2026-03-10T09:20:00Z""#, []),
            (
                #""practitioner":"\#(id(101))","patients":["\#(id(502))"],"start":"2026-02-10T09:00:00Z""#,
                ["patients", "practitioner"]
            ),
        ])
    func `books somebody twice, in the file or beside the database`(
        engine: Engine, wish: (members: String, fields: [String])
    ) async throws {
        let (members, fields) = wish
        let another = ("appointment", #""id":"\#(id(703))","visitType":"\#(id(301))",\#(members)"#)
        let inFile = try await Workshop.take(engine: engine, lines(records + [another]))
        try await Workshop.open(engine) { workshop in
            _ = try await workshop.take(lines())
            let beside = try await workshop.take(lines([another]))
            for (line, problems) in [(13, inFile), (1, beside)] where !fields.isEmpty {
                #expect(
                    problems
                        == fields.map {
                            "line \(line) #/\($0): has another appointment at this time, in this file or in the database"
                        })
            }
            if fields.isEmpty { #expect(beside == ["1 appointments"] && inFile.last == "3 appointments") }
            #expect(try await workshop.rows("appointment") == (fields.isEmpty ? 3 : 2))
        }
    }

    @Test(arguments: Engine.allCases)
    func `names double bookings together with everything else`(engine: Engine) async throws {
        let another = (
            "appointment",
            #""id":"\#(id(703))","visitType":"\#(id(301))","practitioner":"\#(id(101))","patients":["\#(id(599))"],"start":"2026-03-10T09:00:00Z""#
        )
        let problems = try await Workshop.take(
            engine: engine,
            lines(records + [another, ("room", #""id":"\#(id(203))","name":"R","location":"\#(id(9))""#)]))
        #expect(
            problems.map { $0.split(separator: ":")[0] } == [
                "line 13 #/patients", "line 13 #/practitioner", "line 14 #/location",
            ])
    }

    @Test(arguments: Engine.allCases, ["pending", "cancelled", "planned"]) func `brings what takes no time`(
        engine: Engine, state: String
    ) async throws {
        let another = (
            "appointment",
            #""id":"\#(id(703))","state":"\#(state)","visitType":"\#(id(301))","practitioner":"\#(id(101))","patients":["\#(id(502))"],"start":"2026-03-17T09:00:00Z""#
        )
        #expect(
            try await Workshop.take(engine: engine, lines(records + [another])).map { $0.split(separator: ":")[0] } == [
                "line 13 #/state"
            ])
    }

    @Test(arguments: Engine.allCases, ["", "[]", "7", "{", "{\"locations\":7}", "{\"kind\":7}", "\u{0}"])
    func `is no clinic at all`(engine: Engine, text: String) async throws {
        try await Workshop.open(engine) { workshop in
            let problems = try await workshop.take(text)
            #expect(problems.count == 1 && problems[0].hasPrefix("line 1 #"), "\(problems)")
        }
    }

    @Test(arguments: Engine.allCases)
    func `of which the first line is broken is still read as lines`(engine: Engine) async throws {
        let problems = try await Workshop.take(engine: engine, "{\"kind\":\"location\",\n" + lines())
        #expect(problems.count == 1 && problems[0].hasPrefix("line 1 #: is not JSON"), "\(problems)")
    }
}
