import API
import Foundation
import Notation
import People
import Testing
import Workflows

/// Other systems: how they get tokens (RFC 6749 §4.4), and what they may do with them. What of it concerns several nodes is in
/// `Promises.AServiceIsShutOut`.
@Suite struct AService {
    @Test func `is given a token for a quarter of an hour, by a form and by HTTP Basic`() async throws {
        try await inHouse { visitor in
            let service = try await visitor.service("system/Appointment.rs", "system/Slot.s")
            let basic = Data("\(service.id):\(service.secret)".utf8).base64EncodedString()
            for heard in [
                try await visitor.askForToken(service.form()),
                try await visitor.askForToken("grant_type=client_credentials", headers: ["Authorization": "Basic \(basic)"]),
                try await visitor.askForToken(service.form("&resource=ignored&scope=")),
            ] {
                #expect(heard.status == 200 && heard["token_type"]?.string == "Bearer" && heard["expires_in"]?.integer == 900)
                #expect(
                    heard["scope"]?.string == "system/Appointment.rs system/Slot.s"
                        && heard[header: "Cache-Control"] == "no-store")
            }
            let headers = try await visitor.bearer(of: service)
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: headers).status == 200)
            visitor.house.clock.advance(by: .minutes(15))
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: headers).problem == "token-invalid")
        }
    }

    @Test func `may ask for less than it has, and never for more`() async throws {
        try await inHouse { visitor in
            let service = try await visitor.service("system/Appointment.rs", "system/Slot.s")
            let less = try await visitor.bearer(of: service, scope: "system/Slot.s")
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: less).problem == "not-permitted")
            for scope in [
                "system/Appointment.r", "system/*.rs", "system/Patient.r", "user/Slot.s", "system/Slot.s+openid",
                "system/Slot.ss",
            ] {
                let heard = try await visitor.askForToken(service.form("&scope=\(scope)"))
                #expect(heard.status == 400 && heard["error"]?.string == "invalid_scope", "\(scope)")
            }
        }
    }

    @Test func `hears in OAuth's words what is wrong with its request`() async throws {
        try await inHouse { visitor in
            let service = try await visitor.service("system/Slot.s")
            let basic = ["Authorization": "Basic \(Data("\(service.id):\(service.secret)".utf8).base64EncodedString())"]
            let (known, grant) = ("client_id=\(service.id)", "grant_type=client_credentials")
            let wrong: [(String, [String: String], Int, String)] = [
                (grant, [:], 401, "invalid_client"), ("\(grant)&\(known)", [:], 401, "invalid_client"),
                ("\(grant)&client_id=nobody&client_secret=x", [:], 401, "invalid_client"),
                (grant, ["Authorization": "Basic rubbish"], 401, "invalid_client"),
                (grant, ["Authorization": "Basic \(Data("no colon".utf8).base64EncodedString())"], 401, "invalid_client"),
                (known, [:], 400, "invalid_request"), ("", [:], 400, "invalid_request"),
                ("grant_type=password&username=a&password=b", basic, 400, "unsupported_grant_type"),
                ("grant_type=authorization_code", basic, 400, "unsupported_grant_type"),
                ("\(grant)&\(grant)", basic, 400, "invalid_request"), ("\(grant)&client_id=%zz", [:], 400, "invalid_request"),
                (service.form(), basic, 400, "invalid_request"),
            ]
            for (form, headers, status, error) in wrong {
                let heard = try await visitor.askForToken(form, headers: headers)
                #expect(heard.status == status && heard["error"]?.string == error, "\(form): \(heard.text)")
                #expect((heard[header: "WWW-Authenticate"]?.hasPrefix("Basic") ?? false) == (status == 401))
            }
        }
    }

    @Test func `is told the same when there is none, its secret is another and it was revoked`() async throws {
        try await inHouse { visitor in
            let (other, revoked) = (try await visitor.service("system/Slot.s"), try await visitor.service("system/Slot.s"))
            _ = try await visitor.send(.post("/v1/services/\(revoked.id)/revocation", "{}"), by: .admin)
            var answers: Set<String> = []
            for service in [
                KnownService(id: Known.nobody, secret: other.secret), KnownService(id: other.id, secret: revoked.secret), revoked,
                KnownService(id: other.id, secret: "mcs_"),
            ] {
                let heard = try await visitor.askForToken(service.form(), headers: ["X-Request-Id": "same"])
                #expect(heard.problem == "service-unknown")
                answers.insert("\(heard.headers) \(heard.text)")
            }
            #expect(answers.count == 1)
        }
    }

    @Test func `whoever goes on guessing waits, and the service itself does not`() async throws {
        try await inHouse(freeTries: 5) { visitor in
            let service = try await visitor.service("system/Slot.s")
            let guess = KnownService(id: service.id, secret: "mcs_" + String(repeating: "0", count: 64))
            for _ in 0..<5 { #expect(try await visitor.askForToken(guess.form()).problem == "service-unknown") }
            let heard = try await visitor.askForToken(guess.form())
            #expect(heard.problem == "too-many-tries" && heard[header: "Retry-After"] == "1")
            #expect(try await visitor.askForToken(service.form()).status == 200)
        }
    }

    @Test func `has an old secret for as long as was said, and no longer`() async throws {
        try await inHouse { visitor in
            let first = try await visitor.service("system/Slot.s")
            func rotate(_ minutes: Int) async throws -> KnownService {
                let heard = try await visitor.send(
                    .post("/v1/services/\(first.id)/secret-rotation", #"{"overlapMinutes":\#(minutes)}"#), by: .admin)
                return KnownService(id: first.id, secret: heard["secret"]?.string ?? "")
            }
            func isGood(_ service: KnownService) async throws -> Bool {
                try await visitor.askForToken(service.form()).status == 200
            }
            let second = try await rotate(60)
            #expect(try await isGood(first))
            #expect(try await isGood(second))
            visitor.house.clock.advance(by: .minutes(60))
            #expect(try await !isGood(first))
            #expect(try await isGood(second))
            // One that is known to others ends at once.
            let third = try await rotate(0)
            #expect(try await !isGood(second))
            #expect(try await isGood(third))
            #expect(Set([first, second, third].map(\.secret)).count == 3)
        }
    }

    @Test func `that is revoked is shut out with its tokens, for good`() async throws {
        try await inHouse { visitor in
            let service = try await visitor.service("system/Appointment.s")
            let headers = try await visitor.bearer(of: service)
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: headers).status == 200)
            for _ in 0..<2 {
                #expect(try await visitor.send(.post("/v1/services/\(service.id)/revocation", "{}"), by: .admin).status == 200)
            }
            #expect(try await visitor.get("/v1/appointments", by: nil, headers: headers).problem == "session-ended")
            let rotation = Ask.post("/v1/services/\(service.id)/secret-rotation", "{}")
            #expect(try await visitor.send(rotation, by: .admin).problem == "not-found")
            #expect(
                try await visitor.send(.post("/v1/services/\(Known.nobody)/revocation", "{}"), by: .admin).problem == "not-found")
        }
    }

    @Test func `is listed with when it was last used, to the hour, and its secret nowhere`() async throws {
        try await inHouse { visitor in
            let service = try await visitor.service("system/Slot.s")
            func lastUsed() async throws -> String? {
                let heard = try await visitor.get("/v1/services", by: .admin)
                #expect(!heard.text.contains("mcs_") && heard.items.map { $0["id"]?.string } == [service.id])
                return heard.items[0]["lastUsedAt"]?.string
            }
            #expect(try await lastUsed() == nil)
            _ = try await visitor.bearer(of: service)
            let first = try await lastUsed()
            #expect(first == "2026-03-02T05:00:00Z")
            visitor.house.clock.advance(by: .minutes(60))
            _ = try await visitor.bearer(of: service)
            #expect(try await lastUsed() == first)
            visitor.house.clock.advance(by: .minutes(1))
            _ = try await visitor.bearer(of: service)
            #expect(try await lastUsed() == "2026-03-02T06:01:00Z")
        }
    }

    @Test func `named by its maker is made once`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/services", #"{"id":"\#(Known.nobody)","name":"Laboratory","scopes":["system/Slot.s"]}"#)
            let (first, second) = (try await visitor.send(ask, by: .admin), try await visitor.send(ask, by: .admin))
            #expect(first.status == 201 && second.problem == "identifier-already-used")
        }
    }

    /// What a service has to have to use a route; nil where no scope is enough.
    private static let needs: [String: String?] = [
        "bookAppointment": "system/Appointment.c", "listAppointments": "system/Appointment.s",
        "readAppointment": "system/Appointment.r",
        "confirmAppointment": "system/Appointment.ru", "cancelAppointment": "system/Appointment.ru",
        "rescheduleAppointment": "system/Appointment.cru", "arriveAppointment": "system/Appointment.ru",
        "checkInAppointment": "system/Appointment.ru", "fulfilAppointment": "system/Appointment.ru",
        "missAppointment": "system/Appointment.ru", "findFreeTimes": "system/Slot.s", "explainTime": "system/Slot.s",
        "createPatient": "system/Patient.cu", "findPatients": "system/Patient.cu", "readPatient": "system/Patient.r",
        "replacePatient": "system/Patient.cu", "announceDelay": "system/Appointment.u",
        "bookSeries": "system/Appointment.c", "readSeries": "system/Appointment.r",
        "readSeriesOfAppointment": "system/Appointment.r", "cancelSeries": "system/Appointment.ru",
        "rescheduleSeries": "system/Appointment.cru", "acceptOffer": "system/Appointment.ru",
        "declineOffer": "system/Appointment.ru", "listChanges": "system/Appointment.rs",
    ]

    /// The directory, which everybody may read who may do anything.
    private static func need(of operation: String) -> String? {
        if let need = needs[operation] { return need }
        let isDirectory = operation.hasPrefix("list") || operation.hasPrefix("read")
        let isOfPeople = [
            "listSessions", "listServices", "readAccount", "readMailbox", "listScheduleExceptions", "listEmergencyAccesses",
            "listCorrections", "readCorrection", "readRetention", "listDeadLetters", "readDeadLetter",
            "readPayment", "listInvoices", "readInvoice",
            "readPractitionerContact", "listPractitionerMessages",
            "readPreferences", "listMessages", "listCallRequests", "listMessageTemplates",
            "listWebhooks", "readWebhook", "listWebhookDeliveries",
            "listWaitlist", "listOffers", "listPatientDevices",
            "listTasks", "readSync", "retrySync", "reconcileSync", "readLegacy",
        ].contains(operation)
        return isDirectory && !isOfPeople ? "system/Schedule.r" : nil
    }

    @Test func `may use each route with the scope for it and with nothing less, and none that takes a person`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.needsToken {
                let sample = try #require(Sample.all[route.operation])
                let need = Self.need(of: route.operation)
                func ask(_ scopes: String) async throws -> Heard {
                    let caller = Caller(
                        role: .service, subject: ID(Known.nobody)!, scopes: try #require(Scope.list(scopes)))
                    let token = try await visitor.house.tokens.issue(for: caller, lasting: .minutes(5))
                    return try await visitor.send(
                        try await sample.ask(visitor), by: nil, headers: ["Authorization": "Bearer \(token)"])
                }
                let all = try await ask("system/*.cruds")
                guard let need else {
                    #expect(["not-permitted", "not-found"].contains(all.problem ?? ""), "\(route.operation): \(all.status)")
                    continue
                }
                #expect(all.status == route.status, "\(route.operation) with everything: \(all.status) \(all.text)")
                let enough = try await ask(need)
                #expect(enough.status == route.status, "\(route.operation) with \(need): \(enough.status) \(enough.text)")
                for less in less(than: need) {
                    let heard = try await ask(less)
                    #expect(
                        ["not-permitted", "not-found"].contains(heard.problem ?? ""),
                        "\(route.operation) with \(less): \(heard.status)")
                }
            }
        }
    }

    /// Every other resource in full, and this one without one of its letters; and nothing.
    private func less(than need: String) -> [String] {
        let scope = Scope(need)!
        let others = Scope.Resource.allCases.filter { $0 != scope.resource && $0 != .all }.map {
            Scope($0, Set(Scope.Interaction.allCases))
        }
        let missing = scope.interactions.map { Scope(scope.resource, Set(Scope.Interaction.allCases).subtracting([$0])) }
        return [Scope.text(Set(others)), ""] + missing.map { (others + [$0]).map(\.description).joined(separator: " ") }
    }
}
