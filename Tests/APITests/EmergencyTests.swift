import API
import Notation
import People
import Storage
import Testing
import Workflows

/// Broken glass: one patient, one hour, a reason, and somebody who reads it.
@Suite struct TheGlass {
    private static func proof(_ reason: String = "unconscious", password: String = Known.passwordText) -> String {
        #"{"reason":"\#(reason)","password":"\#(password)"}"#
    }

    private static func address(_ patient: String) -> String { "/v1/patients/\(patient)/emergency-access" }

    /// What somebody could find who looks whether glass that is broken keeps its promises.
    private enum Breach: String {
        case notBroken, otherPatients, colleagues, otherRoles, changes, afterTheHour, untold, unrecorded
    }

    /// Breaks the glass for Emma, and tries everything it must not be good for.
    private func breaches(_ visitor: Visitor) async throws -> Set<Breach> {
        let visit = try await visitor.booked(with: Known.okafor).id
        var found: Set<Breach> = []
        func note(_ breach: Breach, unless isKept: Bool) { if !isKept { found.insert(breach) } }
        func looks(_ patient: String = Known.emma, by who: Who = .brandt) async throws -> Int {
            try await visitor.get("/v1/patients/\(patient)", by: who).status
        }
        var status = try await looks()
        note(.notBroken, unless: status == 404)
        let broken = try await visitor.send(.post(Self.address(Known.emma), Self.proof()), by: .brandt)
        status = try await looks()
        note(.notBroken, unless: broken.status == 201 && broken["patient"]?.string == Known.emma && status == 200)
        let (list, one) = (
            try await visitor.get("/v1/appointments?patient=\(Known.emma)", by: .brandt),
            try await visitor.get("/v1/appointments/\(visit)", by: .brandt, headers: ["X-Request-Id": "looked"])
        )
        note(.notBroken, unless: list.items.count == 1 && one.status == 200)
        let changed = try await visitor.do("cancellation", to: visit, by: .brandt)
        note(.changes, unless: changed.problem == "not-permitted")
        let (others, colleague) = (try await looks(Known.noah), try await looks(by: .keller))
        note(.otherPatients, unless: others == 404)
        note(.colleagues, unless: colleague == 404)
        let (privacy, desk) = (try await looks(by: .privacy), try await visitor.get(Self.list, by: .desk))
        note(.otherRoles, unless: privacy == 404 && desk.problem == "not-permitted")
        let record = try await visitor.get("/v1/appointments/\(visit)/audit", by: .privacy).items.first {
            $0["requestId"]?.string == "looked"
        }
        note(.unrecorded, unless: record?["purpose"]?.string == "BTG" && record?["by"]?.string == Who.brandt.caller.principal)
        try await visitor.house.deliver()
        let notices = try await visitor.get("/v1/mailbox", by: .privacy).items.filter { $0["kind"]?.string == "emergency" }
        note(.untold, unless: notices.count == 1 && notices.first?["details"]?["patient"]?.string == Known.emma)
        visitor.house.clock.advance(by: .minutes(59))
        status = try await looks()
        note(.notBroken, unless: status == 200)
        visitor.house.clock.advance(by: .minutes(1))
        status = try await looks()
        note(.afterTheHour, unless: status == 404)
        return found
    }

    @Test(arguments: Shelter.allCases)
    func `is broken for one patient and one hour, by who broke it, to look, and somebody hears of it`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let found = try await breaches(visitor)
            #expect(found == [])
        }
    }

    /// The negative control: each fault makes the test above fail, and by what it is.
    @Test(arguments: GlassFault.allCases) func `with a planted fault is found out`(fault: GlassFault) async throws {
        try await inHouse { visitor in
            visitor.house.database.haunt(.glass(fault))
            let found = try await breaches(visitor)
            let expected: Breach =
                switch fault {
                case .everlasting: .afterTheHour
                case .forEverybody: .otherPatients
                case .forColleagues: .colleagues
                case .untold: .untold
                case .unrecorded: .unrecorded
                }
            #expect(found == [expected])
        }
    }

    private static let list = "/v1/emergency-accesses"

    @Test(arguments: Shelter.allCases) func `is told of at once, and looked into once, by somebody else`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let broken = try await visitor.send(.post(Self.address(Known.emma), Self.proof()), by: .brandt)
            let again = try await visitor.send(.post(Self.address(Known.emma), Self.proof("still so")), by: .brandt)
            #expect(again.status == 200 && again.id == broken.id && again["reason"]?.string == "unconscious", "once is once")
            try await visitor.house.deliver()
            let notices = try await visitor.get("/v1/mailbox", by: .privacy).items
            #expect(notices.count == 1 && notices[0]["kind"]?.string == "emergency" && notices[0]["appointment"] == nil)
            #expect(notices[0]["details"]?["patient"]?.string == Known.emma)
            let waiting = try await visitor.get(Self.list + "?state=unreviewed", by: .privacy)
            #expect(waiting.items.map { $0["id"]?.string } == [broken.id] && waiting.items[0]["overdue"]?.text == "false")
            visitor.house.clock.advance(by: .hours(72))
            let overdue = try await visitor.get(Self.list, by: .admin)
            #expect(overdue.items[0]["overdue"]?.text == "true")
            let address = "\(Self.list)/\(broken.id)/review"
            let verdict = #"{"verdict":"unjustified","note":"was awake"}"#
            for who in [Who.brandt, .desk, .emma, .billing] {
                let refused = try await visitor.send(.post(address, verdict), by: who)
                #expect(refused.problem == "not-permitted", "\(who)")
            }
            let reviewed = try await visitor.send(.post(address, verdict), by: .privacy)
            #expect(reviewed["review"]?["verdict"]?.string == "unjustified" && reviewed["overdue"]?.text == "false")
            let twice = try await visitor.send(.post(address, verdict), by: .admin)
            #expect(twice.problem == "transition-not-allowed")
            let left = try await visitor.get(Self.list + "?state=unreviewed", by: .privacy)
            #expect(left.items.isEmpty)
        }
    }

    @Test func `is judged by nobody who broke it, also in another role`() async throws {
        try await inHouse { visitor in
            let broken = try await visitor.send(.post(Self.address(Known.emma), Self.proof()), by: .brandt)
            try await visitor.house.accounts.grant(
                .init(role: .privacy, subject: Who.brandt.caller.subject), login: Who.brandt.login, by: "test", request: "test")
            let grant = try await visitor.send(
                .post("/v1/sessions", Known.credentials(.brandt, more: #""role":"privacy""#)), by: nil)
            let headers = ["Authorization": "Bearer \(grant["accessToken"]?.string ?? "")"]
            let own = try await visitor.send(
                .post("\(Self.list)/\(broken.id)/review", #"{"verdict":"justified"}"#), by: nil, headers: headers)
            #expect(own.problem == "not-permitted")
        }
    }

    @Test(arguments: Shelter.allCases) func `mends when whoever broke it is done`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let broken = try await visitor.glassBroken()
            let patient = broken["patient"]?.string ?? ""
            let stranger = try await visitor.send(.delete("\(Self.list)/\(broken.id)"), by: .keller)
            #expect(stranger.problem == "not-found")
            var seen = try await visitor.get("/v1/patients/\(patient)", by: .brandt)
            #expect(seen.status == 200)
            for _ in 0..<2 {
                let ended = try await visitor.send(.delete("\(Self.list)/\(broken.id)"), by: .brandt)
                #expect(ended.status == 200, "what is over is over")
            }
            seen = try await visitor.get("/v1/patients/\(patient)", by: .brandt)
            #expect(seen.status == 404)
        }
    }

    @Test(arguments: Shelter.allCases) func `takes the password again, and does not let anybody guess it`(shelter: Shelter)
        async throws
    {
        try await inHouse(freeTries: 3, shelter: shelter) { visitor in
            for _ in 0..<3 {
                let wrong = try await visitor.send(
                    .post(Self.address(Known.emma), Self.proof(password: "not the one")), by: .brandt)
                #expect(wrong.problem == "credentials-wrong")
            }
            let waits = try await visitor.send(.post(Self.address(Known.emma), Self.proof()), by: .brandt)
            #expect(waits.problem == "too-many-tries")
            let seen = try await visitor.get("/v1/patients/\(Known.emma)", by: .brandt)
            #expect(seen.status == 404)
            visitor.house.clock.advance(by: .minutes(1))
            let right = try await visitor.send(.post(Self.address(Known.emma), Self.proof()), by: .brandt)
            #expect(right.status == 201)
        }
    }

    @Test func `needs a reason, one proof, a session, and a patient who is there`() async throws {
        try await inHouse { visitor in
            for body in [#"{"password":"x"}"#, #"{"reason":"x"}"#, #"{"reason":"x","password":"x","code":"000000"}"#, "{}"] {
                let heard = try await visitor.send(.post(Self.address(Known.emma), body), by: .brandt)
                #expect(heard.problem == "invalid-fields", "\(body)")
            }
            let nobody = try await visitor.send(.post(Self.address(Known.nobody), Self.proof()), by: .brandt)
            #expect(nobody.problem == "not-found")
            let wrongCode = try await visitor.send(
                .post(Self.address(Known.emma), #"{"reason":"x","code":"000000"}"#), by: .brandt)
            #expect(wrongCode.problem == "invalid-fields" && wrongCode.pointers == ["#/code"])
            let typed = try await visitor.house.tokens.issue(for: Who.brandt.caller, lasting: .hours(1))
            let sessionless = try await visitor.send(
                .post(Self.address(Known.emma), Self.proof()), by: nil, headers: ["Authorization": "Bearer \(typed)"])
            #expect(sessionless.problem == "not-permitted")
        }
    }
}
