import API
import Admission
import Notation
import Testing

/// How often somebody may ask (MC-10, MA-8), as they are told.
@Suite struct TheDoorkeeper {
    private let ofEmma = "/v1/appointments?patient=\(Known.emma)"
    private let ofNoah = "/v1/appointments?patient=\(Known.noah)"
    private let strict = Doorkeeper(limits: RateLimits([.user: .perMinute(10)]))

    @Test func `tells everybody what they have left, and sends away who has nothing left`() async throws {
        try await inHouse(door: strict) { visitor async throws in
            for left in [8, 7, 6, 5, 4, 3, 2, 1, 0] {
                let heard = try await visitor.send(.post("/v1/appointments", "{}"), by: .emma)
                #expect(heard[header: "RateLimit-Policy"] == #""user";q=10;w=60"#)
                #expect(heard[header: "RateLimit"]?.hasPrefix(#""user";r=\#(left);t="#) == true)
            }
            let refused = try await visitor.send(.post("/v1/appointments", "{}"), by: .emma)
            #expect(refused.status == 429 && refused.problem == "rate-limited")
            #expect(refused["detail"]?.string == "The limit 'user' is 10 requests in 60 seconds.")
            #expect(refused[header: "RateLimit"] == #""user";r=0;t=6"#)
            // RateLimit-fields: Retry-After should not be earlier than t; and not everybody's is the same.
            let retry = refused[header: "Retry-After"].flatMap { Int($0) } ?? 0
            #expect((6...8).contains(retry))
            #expect(try await visitor.get(ofNoah, by: .noah).status == 200, "somebody else's limit is their own")
            visitor.house.clock.advance(by: .seconds(retry))
            #expect(try await visitor.send(.post("/v1/appointments", "{}"), by: .emma).status == 400)
        }
    }

    @Test func `lets who has searched too much still book, and who has booked too much still cancel`() async throws {
        try await inHouse(door: strict) { visitor async throws in
            let id = try await visitor.booked(by: .emma)["id"]?.string ?? ""
            var searches = 1
            while try await visitor.get(ofEmma, by: .emma).status == 200 { searches += 1 }
            #expect(searches == 6)
            for _ in 0..<3 { #expect(try await visitor.send(.post("/v1/appointments", "{}"), by: .emma).status == 400) }
            #expect(try await visitor.send(.post("/v1/appointments", "{}"), by: .emma).status == 429)
            // Of ten the tenth is kept for what is vital; a release has what nine and a half rounds down to.
            #expect(try await visitor.do("cancellation", to: id, by: .emma).status == 429)
            visitor.house.clock.advance(by: .seconds(6))
            #expect(try await visitor.get(ofEmma, by: .emma).status == 429)
            #expect(try await visitor.do("cancellation", to: id, by: .emma).status == 200)
        }
    }

    @Test func `refuses before it reads the body, and a refusal leaves its key unused`() async throws {
        try await inHouse(door: strict) { visitor async throws in
            for _ in 0..<9 { try await visitor.send(.post("/v1/appointments", "{}"), by: .emma) }
            let body = Known.booking(at: visitor.house.newStart())
            #expect(try await visitor.send(.post("/v1/appointments", body), by: .emma, key: "k").status == 429)
            #expect(try await visitor.send(.post("/v1/appointments", "rubbish"), by: .emma).status == 429)
            visitor.house.clock.advance(by: .seconds(30))
            let heard = try await visitor.send(.post("/v1/appointments", body), by: .emma, key: "k")
            #expect(heard.status == 201 && !heard.isRepeat)
        }
    }

    @Test func `limits everybody together, the least urgent first`() async throws {
        let door = Doorkeeper(limits: RateLimits([.system: .perSecond(20)]))
        try await inHouse(door: door) { visitor async throws in
            var reads = 0
            while try await visitor.get("/v1/appointments", by: .desk).status == 200 { reads += 1 }
            #expect(reads == 12)
            let refused = try await visitor.get(ofNoah, by: .noah)
            #expect(refused[header: "RateLimit-Policy"] == #""system";q=20;w=1"#)
            #expect(try await visitor.send(.post("/v1/appointments", "{}"), by: .noah).status == 400)
            #expect(try await visitor.send(.post("/v1/appointments", "{}"), by: .noah)[header: "RateLimit"] == nil)
        }
    }

    @Test func `never sends away who asks how the house is`() async throws {
        try await inHouse(door: Doorkeeper(limits: RateLimits([.system: .perSecond(1), .user: .perMinute(1)]))) {
            visitor async throws in
            for _ in 0..<20 {
                let heard = try await visitor.get("/health/live", by: nil)
                #expect(heard.status == 200 && heard[header: "RateLimit"] == nil)
            }
        }
    }

    @Test func `lets an address guess few passwords, whoever's they are`() async throws {
        let proxies = TrustedProxies([NetworkRange("127.0.0.0/8")!])
        let door = Doorkeeper(limits: RateLimits([.signIn: .perMinute(5)]), proxies: proxies)
        try await onTheWire(door: door) { visitor async throws in
            func tries(_ number: Int, from client: String) async throws -> Heard {
                try await visitor.send(
                    .post("/v1/sessions", #"{"login":"somebody\#(number)@example.org","password":"wrong"}"#), by: nil,
                    headers: ["X-Forwarded-For": "198.51.100.\(number), \(client)"])
            }
            for number in 1...5 { #expect(try await tries(number, from: "203.0.113.9").problem == "credentials-wrong") }
            let refused = try await tries(6, from: "203.0.113.9")
            #expect(refused.problem == "rate-limited" && refused[header: "RateLimit-Policy"] == #""sign-in";q=5;w=60"#)
            #expect(try await tries(7, from: "203.0.113.10").problem == "credentials-wrong")
            // Who has a token guesses nothing.
            let known = try await visitor.get("/v1/appointments", headers: ["X-Forwarded-For": "203.0.113.9"])
            #expect(known.status == 200)
        }
    }

    @Test func `believes nobody who is no proxy of ours`() async throws {
        let door = Doorkeeper(limits: RateLimits([.address: .perMinute(10)]))
        try await onTheWire(door: door) { visitor async throws in
            var statuses: [Int] = []
            for number in 1...12 {
                statuses.append(
                    try await visitor.get("/v1/appointments", headers: ["X-Forwarded-For": "203.0.113.\(number)"]).status)
            }
            #expect(statuses.filter { $0 == 429 }.count == 6)
        }
    }

    @Test func `lets no address hold times under many names and not take them (OWASP API6)`() async throws {
        let proxies = TrustedProxies([NetworkRange("127.0.0.0/8")!])
        let door = Doorkeeper(limits: RateLimits([.holds: Allowance(4, per: .hours(1))]), proxies: proxies)
        try await onTheWire(door: door) { visitor async throws in
            func holds(by who: Who, from client: String = "203.0.113.9", at start: String? = nil, hold: Bool = true) async throws
                -> Heard
            {
                let patient = who == .noah ? Known.noah : Known.emma
                let body = Known.booking(at: start ?? visitor.house.newStart(), for: [patient], more: #""hold":\#(hold)"#)
                return try await visitor.send(.post("/v1/appointments", body), by: who, headers: ["X-Forwarded-For": client])
            }
            let taken = visitor.house.newStart()
            let first = try await holds(by: .emma, at: taken)
            #expect(first.status == 201)
            // What was not held does not count, however often it is tried.
            for _ in 0..<6 { #expect(try await holds(by: .noah, at: taken).problem == "time-unavailable") }
            for who in [Who.noah, .emma, .noah] { #expect(try await holds(by: who).status == 201) }
            let refused = try await holds(by: .emma)
            #expect(refused.problem == "holds-suspended" && refused[header: "Retry-After"] != nil, "\(refused.text)")
            #expect(try await holds(by: .noah).problem == "holds-suspended", "whoever comes from there")
            #expect(try await holds(by: .noah, from: "203.0.113.10").status == 201, "elsewhere is elsewhere")
            #expect(try await holds(by: .noah, hold: false).status == 201, "to book is no grabbing")
            #expect(try await holds(by: .desk).status == 201, "the staff is not bound")
            // One that is taken makes room for one.
            let confirmation = Ask.post("/v1/appointments/\(first.id)/confirmation")
            #expect(try await visitor.send(confirmation, by: .emma, headers: ["X-Forwarded-For": "203.0.113.9"]).status == 200)
            #expect(try await holds(by: .emma).status == 201)
            #expect(try await holds(by: .emma).problem == "holds-suspended")
            visitor.house.clock.advance(by: .minutes(15))
            #expect(try await holds(by: .noah).status == 201)
            #expect(try await holds(by: .noah).problem == "holds-suspended")
        }
    }

    /// The negative control: where nobody counts, every hold is given.
    @Test func `would let an address hold what it likes where nobody counts`() async throws {
        try await onTheWire { visitor async throws in
            for number in 0..<12 {
                let patient = number.isMultiple(of: 2) ? (Who.emma, Known.emma) : (.noah, Known.noah)
                let body = Known.booking(at: visitor.house.newStart(), for: [patient.1], more: #""hold":true"#)
                #expect(try await visitor.send(.post("/v1/appointments", body), by: patient.0).status == 201)
            }
        }
    }

    @Test func `takes other limits while people are asking`() async throws {
        let door = Doorkeeper(limits: RateLimits([.user: .perMinute(1)]))
        try await inHouse(door: door) { visitor async throws in
            #expect(try await visitor.get("/v1/appointments").status == 200)
            #expect(try await visitor.get("/v1/appointments").status == 429)
            door.set(RateLimits([.user: .perMinute(100)]))
            #expect(try await visitor.get("/v1/appointments").status == 200)
            door.set(.none)
            #expect(try await visitor.get("/v1/appointments")[header: "RateLimit"] == nil)
        }
    }

    @Test func `knows of every route how urgent it is`() async throws {
        try await inHouse { visitor async throws in
            let routes = visitor.house.api.routes
            func operations(_ urgency: Urgency) -> Set<String> { Set(routes.filter { $0.urgency == urgency }.map(\.operation)) }
            #expect(
                operations(.vital).isSuperset(of: [
                    "live", "ready", "signIn", "continueSession", "checkInAppointment", "breakGlass",
                ]))
            #expect(operations(.release) == ["cancelAppointment", "cancelSeries", "declineOffer", "leaveWaitlist"])
            #expect(operations(.change).isSuperset(of: ["bookAppointment", "rescheduleAppointment", "confirmAppointment"]))
            #expect(operations(.look).isSuperset(of: ["findFreeTimes", "listAppointments", "readAppointment"]))
            #expect(operations(.report) == ["auditAppointment", "exportPatient"])
            let document = try await visitor.get("/openapi.json", by: nil).json
            for route in routes {
                let described = document["paths"]?[route.path]?[route.method.rawValue.lowercased()]?["x-urgency"]?.string
                #expect(described == route.urgency.name, "\(route.operation)")
            }
        }
    }
}
