import API
import Admission
import Notation
import People
import Scheduling
import Storage
import Testing
import Workflows

/// What a request left in the audit.
private struct Records: Query {
    static let sql: SQL = """
        SELECT act, outcome, by, purpose, operation, patients FROM audit WHERE request_id = $1 AND outcome IS NOT NULL ORDER BY id
        """
    let request: String
    var bindings: [SQLValue] { [.text(request)] }
    static func row(_ columns: any Columns) throws -> Record {
        Record(
            act: try columns.text(0), outcome: try columns.text(1), by: try columns.text(2), purpose: try columns.text(3),
            operation: try columns.optional(4, columns.text), patients: try columns.json(5))
    }
}

private struct Record: Sendable {
    let act, outcome, by, purpose: String
    let operation: String?
    let patients: String
}

extension Visitor {
    fileprivate func records(of request: String) async throws -> [Record] {
        try await house.database.read { try $0.fetch(Records(request: request)) }
    }

    /// The whole trail as it is written out.
    fileprivate func exported(as form: AuditForm = .own) async throws -> [JSON] {
        let range = TimeRange(from: Instant("2000-01-01T00:00:00Z")!, to: Instant("2100-01-01T00:00:00Z")!)
        var records: [JSON] = []
        _ = try await AuditExport(house.clinic, in: range, by: "operator:test").everything(as: form) {
            records.append(try JSON(parsing: String(decoding: $0, as: UTF8.self)))
        }
        return records
    }
}

/// HB-6: every read and write of a patient's data, and every refused one, leaves one record.
@Suite struct EveryDisclosure {
    /// Whether the routes under the first word of an address are about patients. A new word has to come in here.
    static let words: [String: Bool] = [
        "appointments": true, "patients": true, "mailbox": true, "emergency-accesses": true, "corrections": true,
        // One letter may be somebody's; of many each leaves a record of its own, and the request none.
        "dead-letters": true, "dead-letter-replays": false, "dead-letter-discards": false,
        "waitlist": true, "waitlist-offers": true, "appointment-series": true,
        "tasks": true, "sync": false,
        "free-times": false, "locations": false, "practitioners": false, "rooms": false, "devices": false, "visit-types": false,
        "resources": false, "specialties": false, "sessions": false, "session": false, "session-continuations": false,
        "password": false, "second-factor": false, "account": false, "accounts": false, "email-changes": false,
        "email-verifications": false, "password-resets": false, "services": false, "token": false, "incoming": false,
        "messages": false, "message-templates": false, "call-requests": true,
        "invoices": true,
        // Identifiers of appointments, and of nobody.
        "changes": false, "webhooks": false,
        "legacy": false,
    ]

    private func isAboutPatients(_ route: Route) throws -> Bool {
        let parts = route.path.split(separator: "/").map(String.init)
        guard parts.first == "v1", parts.count > 1 else { return false }
        return try #require(Self.words[parts[1]], "\(route.path): say whether it is about patients")
    }

    /// The operations that left more or less than one record, or one that does not say who, what and for what.
    private func strays(_ visitor: Visitor, by who: Who) async throws -> [String] {
        var strays: [String] = []
        for route in visitor.house.api.routes where route.needsToken {
            let sample = try #require(Sample.all[route.operation])
            let ask = try await sample.ask(visitor)
            let request = "\(route.operation)-\(who)"
            let heard = try await visitor.send(ask, by: who, headers: ["X-Request-Id": request])
            let records = try await visitor.records(of: request)
            guard try isAboutPatients(route) else {
                // What changes the directory is recorded too, and is about nobody.
                if records.contains(where: { $0.patients != "[]" }) { strays.append(route.operation) }
                continue
            }
            let isOf = { (record: Record) in
                record.by == who.caller.principal && record.operation == route.operation
                    && (record.outcome == "done") == (heard.status < 300)
            }
            // Who answers an offer changes an appointment and a place on the waitlist; what is given back by hand is credited.
            let isTwofold = route.path.hasPrefix("/v1/waitlist-offers/") || route.operation == "recordRefund"
            let count = isTwofold && heard.status < 300 ? 2 : 1
            let isRight = records.count == count && records.allSatisfy(isOf)
            if !isRight { strays.append("\(route.operation): \(heard.status) \(records)") }
        }
        return strays
    }

    @Test(arguments: Shelter.allCases, Who.allCases) func `leaves one record, whoever asks and whatever comes of it`(
        shelter: Shelter, who: Who
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let strays = try await strays(visitor, by: who)
            #expect(strays == [])
        }
    }

    @Test(arguments: Shelter.allCases) func `that left none would be found`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let routes = try visitor.house.api.routes.filter { try $0.needsToken && isAboutPatients($0) }
            visitor.house.database.haunt(.unrecorded)
            let strays = try await strays(visitor, by: .desk)
            #expect(strays.count == routes.count, "\(strays)")
        }
    }

    /// What the clinic's rules refuse, and as what it is on record.
    private func ruledOut(_ visitor: Visitor) async throws -> [(ask: Ask, problem: String, outcome: String)] {
        let start = visitor.house.newStart()
        let taken = try await visitor.send(.post("/v1/appointments", Known.booking(at: start)))
        let (over, held) = (try await visitor.booked().id, try await visitor.booked().id)
        try await visitor.do("cancellation", to: over)
        let twice = #"{"id":"\#(Known.emma)","name":"Somebody Else"}"#
        return [
            (
                .post("/v1/appointments", Known.booking(at: start, for: [Known.noah])), "time-unavailable", "practitionerTaken"
            ),
            (
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), for: [Known.nobody])),
                "unknown-reference", "patientUnknown"
            ),
            (.post("/v1/appointments/\(over)/cancellation", "{}"), "transition-not-allowed", "transitionNotAllowed"),
            (
                .post("/v1/appointments/\(held)/rescheduling", #"{"start":"\#(start)"}"#), "time-unavailable",
                "practitionerTaken"
            ),
            (
                .post("/v1/appointments/\(taken.id)/cancellation", "{}", ifMatch: #""v9""#), "changed-meanwhile",
                "changedMeanwhile"
            ),
            (.post("/v1/patients", twice), "identifier-already-used", "identifierAlreadyUsed"),
        ]
    }

    @Test(arguments: Shelter.allCases) func `leaves one record, too, where the clinic's rules say no`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            for (number, (ask, problem, outcome)) in try await ruledOut(visitor).enumerated() {
                for key in ["rule-\(number)", "other-\(number)"] {
                    let heard = try await visitor.send(ask, by: .desk, key: key, headers: ["X-Request-Id": key])
                    #expect(heard.problem == problem, "\(heard.text)")
                    let records = try await visitor.records(of: key)
                    #expect(records.map(\.outcome) == [outcome] && records[0].act.hasPrefix("refused."), "\(records)")
                    #expect(records.first.map { $0.by == Who.desk.caller.principal && $0.patients != "[]" } == true)
                    // Who asks again under the key hears the same, and that is on record as what it is.
                    _ = try await visitor.send(ask, by: .desk, key: key, headers: ["X-Request-Id": "again-\(key)"])
                    let again = try await visitor.records(of: "again-\(key)")
                    #expect(again.count == 1 && again[0].act.hasPrefix("repeated."), "\(again)")
                }
            }
        }
    }

    @Test(arguments: Shelter.allCases) func `that a rule forbids would be found without a record`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let asks = try await ruledOut(visitor)
            visitor.house.database.haunt(.unrecorded)
            for (number, (ask, problem, _)) in asks.enumerated() {
                let heard = try await visitor.send(ask, by: .desk, headers: ["X-Request-Id": "rule-\(number)"])
                let records = try await visitor.records(of: "rule-\(number)")
                #expect(heard.problem == problem && records.isEmpty, "\(records)")
            }
        }
    }

    @Test func `and what is done with accounts, say as what and from where it was done`() async throws {
        let door = Doorkeeper(proxies: TrustedProxies([NetworkRange("127.0.0.0/8")!]))
        try await onTheWire(door: door) { visitor async throws in
            func ask(_ ask: Ask, by who: Who?, _ request: String) async throws -> Int {
                let headers = ["X-Request-Id": request, "X-Forwarded-For": "203.0.113.77"]
                return try await visitor.send(ask, by: who, headers: headers).status
            }
            let wrong = Ask.post("/v1/sessions", #"{"login":"\#(Who.desk.login)","password":"wrong"}"#)
            var statuses = [try await ask(wrong, by: nil, "guess")]
            statuses.append(try await ask(.post("/v1/sessions", Known.credentials(.desk)), by: nil, "come-in"))
            statuses.append(
                try await ask(.post("/v1/services", #"{"name":"Lab","scopes":["system/Slot.s"]}"#), by: .admin, "let-in"))
            statuses.append(try await ask(try await Sample.all["invite"]!.ask(visitor), by: .desk, "invite"))
            #expect(statuses == [401, 201, 201, 201])
            let records = try await visitor.exported()
            func record(_ request: String, _ act: String) -> JSON? {
                records.first { $0["requestId"]?.string == request && $0["act"]?.string == act }
            }
            let wanted: [(String, String, String?, String, String)] = [
                ("guess", "account.refused", nil, "refused", "signIn"), ("come-in", "session.begun", "desk", "done", "signIn"),
                ("let-in", "service.created", "admin", "done", "createService"),
                ("invite", "account.invited", "desk", "done", "invite"),
            ]
            for (request, act, role, outcome, operation) in wanted {
                let record = record(request, act)
                #expect(record?["address"]?.string == "203.0.113.77" && record?["role"]?.string == role, "\(act)")
                #expect(record?["outcome"]?.string == outcome && record?["operation"]?.string == operation, "\(act)")
            }
            // As FHIR wants it: whoever asked, in which role, and from which address.
            let event = try await visitor.exported(as: .fhir).first {
                $0.text.contains(#""come-in""#)
            }
            let agents = event?["agent"]?.array ?? []
            #expect(agents.first?["network"]?["address"]?.string == "203.0.113.77", "\(agents)")
            #expect(agents.last?["role"]?.array?.first?["text"]?.string == "desk", "\(agents)")
        }
    }

    @Test(arguments: Shelter.allCases) func `that cannot be recorded does not happen`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let id = try await visitor.booked().id
            visitor.house.database.haunt(.writes(StorageFault.full))
            for path in ["/v1/appointments/\(id)", "/v1/patients/\(Known.emma)", "/v1/appointments", "/v1/mailbox"] {
                let heard = try await visitor.get(path)
                #expect(heard.problem == "unavailable" && !heard.text.contains("Emma"), "\(path)")
            }
            // It is about nobody.
            let times = try await visitor.get("/v1/free-times?visitType=\(Known.consultation)")
            #expect(times.status == 200)
        }
    }

    @Test func `names whom a list has shown, and with what it was asked for`() async throws {
        try await inHouse { visitor in
            for patient in [Known.emma, Known.noah] { _ = try await visitor.booked(for: [patient]) }
            _ = try await visitor.get("/v1/appointments?limit=1", headers: ["X-Request-Id": "first"])
            _ = try await visitor.get("/v1/appointments?limit=9", headers: ["X-Request-Id": "all"])
            let (first, all) = (try await visitor.records(of: "first")[0], try await visitor.records(of: "all")[0])
            #expect(first.patients.contains(Known.emma) && !first.patients.contains(Known.noah))
            #expect(all.patients.contains(Known.emma) && all.patients.contains(Known.noah))
            #expect(all.act == "read.appointments" && all.purpose == "HOPERAT")
        }
    }

    @Test func `says for what, where the caller says so and their role may`() async throws {
        try await inHouse { visitor in
            let id = try await visitor.booked().id
            func ask(_ purpose: String, by who: Who) async throws -> (Heard, [Record]) {
                let headers = ["X-Purpose-Of-Use": purpose, "X-Request-Id": "\(who)-\(purpose)"]
                let heard = try await visitor.get("/v1/appointments/\(id)", by: who, headers: headers)
                return (heard, try await visitor.records(of: "\(who)-\(purpose)"))
            }
            let (treated, record) = try await ask("ETREAT", by: .brandt)
            #expect(treated.status == 200 && record.map(\.purpose) == ["ETREAT"])
            let (unsuitable, _) = try await ask("TREAT", by: .billing)
            #expect(unsuitable.problem == "not-permitted")
            let (unknown, _) = try await ask("CURIOSITY", by: .desk)
            #expect(unknown.problem == "bad-request")
            let (whole, refused) = try await ask("BTG", by: .brandt)
            #expect(whole.problem == "not-found" && refused.map(\.outcome) == ["glass-is-whole"])
        }
    }
}

/// What ties somebody to a patient, and what does not.
@Suite struct Care {
    @Test(arguments: Shelter.allCases) func `is given by who has an appointment with the patient, and by nobody else`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            // A new token each time: years go by.
            func sees(_ who: Who) async throws -> Bool {
                let token = try await visitor.house.tokens.issue(for: who.caller, lasting: .hours(1))
                let headers = ["Authorization": "Bearer \(token)"]
                return try await visitor.get("/v1/patients/\(Known.emma)", by: nil, headers: headers).status == 200
            }
            var seen = try await sees(.brandt)
            #expect(!seen)
            let held = try await visitor.held().id
            seen = try await sees(.brandt)
            #expect(!seen, "a time that is held is no visit")
            _ = try await visitor.do("confirmation", to: held)
            seen = try await sees(.brandt)
            let other = try await sees(.keller)
            #expect(seen && !other)
            _ = try await visitor.do("cancellation", to: held)
            seen = try await sees(.brandt)
            #expect(!seen, "what was cancelled gives no care")
            _ = try await visitor.booked()
            visitor.house.clock.advance(by: .days(2 * 365 - 10))
            seen = try await sees(.brandt)
            #expect(seen)
            visitor.house.clock.advance(by: .days(30))
            seen = try await sees(.brandt)
            #expect(!seen, "two years after the last visit")
        }
    }

    @Test func `is refused in the same words as what is not there`() async throws {
        try await inHouse { visitor in
            for (path, ghost) in [
                ("/v1/patients/\(Known.emma)", "/v1/patients/\(Known.nobody)"),
                ("/v1/appointments/\(try await visitor.booked().id)", "/v1/appointments/\(Known.nobody)"),
            ] {
                let hidden = try await visitor.get(path, by: .keller, headers: ["X-Request-Id": "same"])
                let absent = try await visitor.get(ghost, by: .keller, headers: ["X-Request-Id": "same"])
                #expect(hidden.status == 404 && hidden.body == absent.body && hidden.headers == absent.headers)
            }
        }
    }
}

/// A desk that works at one of the clinic's places.
@Suite struct APlacedDesk {
    @Test(arguments: Shelter.allCases) func `sees and changes what happens there, and nothing else`(shelter: Shelter) async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let login = Who.desk.login
            var here: [String] = []
            for _ in 0..<3 {
                here.append(try await visitor.booked(with: Known.brandt).id)
                _ = try await visitor.booked(with: Known.okafor, for: [Known.noah])
            }
            let elsewhere = try await visitor.booked(with: Known.okafor).id
            try await visitor.house.accounts.grant(
                Who.desk.caller.working(at: [ID(Known.river)!]), login: login, by: "test", request: "test")
            let signedIn = try await visitor.signedIn(.desk)
            let token = ["Authorization": "Bearer \(signedIn["accessToken"]?.string ?? "")"]
            func get(_ path: String) async throws -> Heard { try await visitor.get(path, by: nil, headers: token) }
            for list in ["/v1/appointments?limit=2", "/v1/appointments?limit=2&patient=\(Known.emma)"] {
                var (found, next): ([String], String?) = ([], "")
                while let cursor = next {
                    let page = try await get(list + (cursor.isEmpty ? "" : "&cursor=\(cursor)"))
                    found += page.items.compactMap { $0["id"]?.string }
                    next = page.next
                }
                #expect(found == here, "\(list)")
            }
            let others = try await get("/v1/appointments?practitioner=\(Known.okafor)")
            #expect(others.status == 200 && others.items.isEmpty)
            let seen = try await get("/v1/appointments/\(here[0])")
            #expect(seen.status == 200)
            for path in ["/v1/appointments/\(elsewhere)", "/v1/appointments/\(elsewhere)/audit"] {
                let hidden = try await get(path)
                #expect(hidden.problem == "not-found", "\(path)")
            }
            let whole = try await get("/v1/mailbox")
            #expect(whole.status == 200, "their own")
            let everybodys = try await get("/v1/mailbox?recipient=\(Known.noah)")
            #expect(everybodys.problem == "not-permitted")
            func send(_ ask: Ask) async throws -> Heard { try await visitor.send(ask, by: nil, headers: token) }
            let cancelled = try await send(.post("/v1/appointments/\(elsewhere)/cancellation", "{}"))
            #expect(cancelled.problem == "not-found")
            let booked = try await send(
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), with: Known.okafor, for: [Known.lina])))
            #expect(booked.problem == "not-permitted")
            let moved = try await send(
                .post(
                    "/v1/appointments/\(here[0])/rescheduling",
                    #"{"start":"\#(visitor.house.newStart())","practitioner":"\#(Known.okafor)"}"#))
            #expect(moved.problem == "not-permitted", "nothing is moved to where one does not work")
            let own = try await send(
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), with: Known.brandt, for: [Known.lina])))
            #expect(own.status == 201)
        }
    }
}
