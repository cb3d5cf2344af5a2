import API
import HTTPTypes
import Notation
import Testing

/// Somebody of another clinic that is open on the same node, by whichever way they come: to this clinic they are nobody, wherever they
/// go, and they learn nothing of what is there (OWASP API1; ASVS 8.4.1).
@Suite struct TheNeighbour {
    /// What belongs to somebody of the other clinic, as they would show it.
    private func papers(_ other: Visitor) async throws -> [String: [String: String]] {
        var papers: [String: [String: String]] = [:]
        for who in Who.allCases { papers[who.rawValue] = ["Authorization": "Bearer \(try await other.house.token(who))"] }
        papers["a service"] = try await other.bearer(of: try await other.service("system/*.cruds"))
        let grant = try await other.send(.post("/v1/sessions", Known.credentials(.admin, more: #""as":"cookie""#)), by: nil)
        let cookies = grant.headers[values: .setCookie].map { $0.prefix { $0 != ";" } }.joined(separator: "; ")
        papers["a browser"] = [
            "Cookie": cookies, "X-CSRF-Token": grant["csrfToken"]?.string ?? "", "Origin": "https://clinic.example",
            "Sec-Fetch-Site": "same-origin",
        ]
        return papers
    }

    /// The operations that treat somebody of the second clinic in the first as anything but a stranger.
    private func holes(_ clinics: TwoClinics, by ways: [TwoClinics.Way] = TwoClinics.Way.allCases) async throws -> [String] {
        let walk = TheWalk()
        let (own, papers) = (clinics.visitor(clinics.first), try await papers(clinics.visitor(clinics.second)))
        var holes: [String] = []
        for operation in try await walk.closedOperations(own) {
            let ask = try await #require(Sample.all[operation]).ask(own)
            let ghost = walk.ghost(of: ask)
            for way in ways {
                let door = clinics.visitor(clinics.first, by: way)
                for (who, paper) in papers {
                    let headers = paper.merging(["X-Request-Id": "same"]) { $1 }
                    let real = try await door.send(ask, by: nil, headers: headers)
                    let absent = try await door.send(ghost, by: nil, headers: headers)
                    if real.problem != "token-invalid" || !walk.isSame(real, absent) {
                        holes.append("\(operation), \(who), by \(way): \(real.status) \(absent.status)")
                    }
                }
            }
        }
        return holes
    }

    @Test(arguments: Shelter.allCases)
    func `is nobody here, on every route, in every role and by every way in`(shelter: Shelter) async throws {
        try await TwoClinics.open(shelter) { clinics in
            // At home all of it is good.
            for way in TwoClinics.Way.allCases {
                let home = clinics.visitor(clinics.second, by: way)
                for (who, paper) in try await papers(home) {
                    let heard = try await home.get("/v1/practitioners", by: nil, headers: paper)
                    #expect(heard.status == 200, "\(who) by \(way): \(heard.text)")
                }
            }
            // Which database it would be makes no difference to the ways in.
            let holes = try await holes(clinics, by: shelter == .sqlite ? TwoClinics.Way.allCases : [.both])
            #expect(holes.isEmpty, "\(holes.prefix(20))")
        }
    }

    /// The planted fault: an operator who gave both clinics one secret, which the directory would refuse.
    @Test func `would be found out where two clinics have one secret`() async throws {
        try await TwoClinics.open(.sqlite, secrets: (7, 7)) { clinics in
            let holes = try await holes(clinics)
            for operation in ["readAppointment", "readPatient", "listAppointments", "bookAppointment"] {
                #expect(holes.contains { $0.hasPrefix("\(operation),") }, "\(operation)")
            }
        }
    }

    /// Routes that need no token take something else, and each is the clinic's own too.
    private static let shown = [
        "continueSession": "session-ended", "completePasswordReset": "link-over", "acceptInvitation": "link-over",
        "verifyEmail": "link-over", "changeEmail": "link-over", "undoEmailChange": "link-over", "issueToken": "service-unknown",
    ]
    /// What these are asked with belongs to nobody, or is looked at in another test.
    private static let others: Set = [
        "signIn", "askForPasswordReset", "startSignOn", "finishSignOn", "hearOfPayment", "hearOfText",
    ]

    private static let pages = (Array(Sample.pages.keys) + Sample.messages.keys).filter { $0.hasPrefix("take") }

    @Test(arguments: TwoClinics.Way.allCases)
    func `opens nothing here with what was given out there`(way: TwoClinics.Way) async throws {
        try await TwoClinics.open(.sqlite) { clinics in
            let (here, there) = (clinics.visitor(clinics.first, by: way), clinics.visitor(clinics.second, by: way))
            let doors = here.house.api.routes.filter { !$0.isOpen && !$0.needsToken }.map(\.operation)
            #expect(Set(doors) == Set(Self.shown.keys).union(Self.others).union(Self.pages))
            for operation in Self.pages {
                let ask = try await #require(Sample.all[operation]).ask(there)
                let heard = try await here.send(ask, by: nil)
                #expect(heard.status == 410 && heard.text.contains("not a code of ours"), "\(operation): \(heard.text)")
                let home = try await there.send(ask, by: nil)
                #expect(home.status == 200, "\(operation): \(home.text)")
            }
            for (operation, problem) in Self.shown {
                let ask = try await #require(Sample.all[operation]).ask(there)
                let heard = try await here.send(ask, by: nil)
                #expect(heard.problem == problem, "\(operation): \(heard.text)")
                // It was not used up by that.
                let home = try await there.send(ask, by: nil)
                #expect(home.status < 300, "\(operation): \(home.text)")
            }
            let newcomer = try await there.newcomer()
            let credentials = #"{"login":"\#(newcomer)","password":"\#(Known.passwordText)"}"#
            let (foreign, own) = (
                try await here.send(.post("/v1/sessions", credentials), by: nil),
                try await there.send(.post("/v1/sessions", credentials), by: nil)
            )
            #expect(foreign.problem == "credentials-wrong" && own.status == 201)
        }
    }

    @Test func `is told nothing at a door that does not say for which clinic it is`() async throws {
        try await TwoClinics.open(.sqlite) { clinics in
            let door = clinics.visitor(clinics.first)
            let token = try await clinics.second.token(.admin)
            let names = TwoClinics.names
            for headers in [
                TwoClinics.headers(to: names[0], by: .host).merging(["X-Tenant": names[1]]) { $1 },
                TwoClinics.headers(to: names[1], by: .host).merging(["X-Tenant": names[0]]) { $1 },
                TwoClinics.headers(to: "elsewhere", by: .both), ["X-Test-Host": "", "X-Tenant": ""],
            ] {
                let heard = try await door.get(
                    "/v1/practitioners", by: nil, headers: headers.merging(["Authorization": "Bearer \(token)"]) { $1 })
                #expect(heard.problem == "no-such-clinic", "\(headers): \(heard.text)")
            }
        }
    }
}
