import API
import HTTPTypes
import Notation
import People
import Testing

/// What is true of every route of the API, whatever it is for. Made from the route table: a new route is tested the day it
/// appears, and fails here until somebody has said who may use it.
@Suite struct EveryRoute {
    @Test func `has a sample that says who may use it, and no sample is left over`() async throws {
        try await inHouse { visitor in
            let operations = Set(visitor.house.api.routes.map(\.operation))
            #expect(operations == Set(Sample.all.keys))
            #expect(operations.count == visitor.house.api.routes.count, "an operation's name stands for one route")
        }
    }

    @Test func `answers the clinic's own people as it is described`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where try sample(route).mark(for: .admin) == "y" {
                let heard = try await visitor.send(try await sample(route).ask(visitor), by: .admin)
                #expect(heard.status == route.status, "\(route.operation): \(heard.status) \(heard.text)")
            }
        }
    }

    @Test(arguments: Who.allCases) func `is open to whom the table says and to nobody else`(who: Who) async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes {
                let sample = try sample(route)
                let heard = try await visitor.send(try await sample.ask(visitor), by: who)
                switch sample.mark(for: who) {
                case "y": #expect(heard.status == route.status, "\(route.operation): \(heard.status) \(heard.text)")
                case "i": #expect(heard.problem == "invalid-fields", "\(route.operation): \(heard.status) \(heard.text)")
                case "c": #expect(heard.problem == "transition-not-allowed", "\(route.operation): \(heard.status) \(heard.text)")
                case "n": #expect(heard.problem == "not-permitted", "\(route.operation): \(heard.status) \(heard.text)")
                default: #expect(heard.problem == "not-found", "\(route.operation): \(heard.status) \(heard.text)")
                }
            }
        }
    }

    /// The same for everybody who may ask, and about nobody: what a browser or a proxy may keep for a while.
    private static let aboutNobody: Set<String> = [
        "listLocations", "readLocation", "listPractitioners", "readPractitioner", "listRooms", "readRoom", "listDevices",
        "readDevice",
        "listVisitTypes", "readVisitType", "listSpecialties", "listWorkingHours", "listHolidays", "findFreeTimes", "openAPI",
    ]

    @Test(arguments: Who.allCases) func `is kept by nobody on the way, unless it is about nobody (ASVS 14.3.2)`(who: Who)
        async throws
    {
        try await inHouse { visitor in
            for route in visitor.house.api.routes {
                let heard = try await visitor.send(try await sample(route).ask(visitor), by: who)
                let control = heard[header: "Cache-Control"] ?? "nothing"
                let isKept = !control.contains("no-store")
                #expect(
                    !isKept || Self.aboutNobody.contains(route.operation) && heard.status < 300, "\(route.operation): \(control)")
                #expect(!isKept || route.isOpen || control.hasPrefix("private"), "\(route.operation): \(control)")
            }
        }
    }

    @Test func `tells somebody who may not see an appointment the same as when there is none`() async throws {
        try await inHouse { visitor in
            for (operation, sample) in Sample.all where sample.mark(for: .noah) == "h" {
                var ask = try await sample.ask(visitor)
                let hidden = try await visitor.send(ask, by: .noah, headers: ["X-Request-Id": "same"])
                ask.path = ask.path.replacing(#/[0-9a-f]{8}-[0-9a-f-]{27}/#, with: Known.nobody)
                let absent = try await visitor.send(ask, by: .noah, headers: ["X-Request-Id": "same"])
                #expect(hidden.status == 404 && hidden.body == absent.body && hidden.headers == absent.headers, "\(operation)")
            }
        }
    }

    @Test func `is closed without a token, with a bad one, a foreign one and an expired one`() async throws {
        try await inHouse { visitor in
            let foreign = Tokens(secret: Array(repeating: 8, count: 32), clock: visitor.house.clock)
            let expired = try await visitor.house.tokens.issue(for: Who.admin.caller, lasting: .minutes(1))
            visitor.house.clock.advance(by: .minutes(1))
            let bad = [
                "Bearer": "token-missing", "Basic YTpi": "token-missing", "Bearer rubbish": "token-invalid",
                "Bearer \(try await foreign.issue(for: Who.admin.caller, lasting: .hours(1)))": "token-invalid",
                "Bearer \(expired)": "token-invalid",
                // RFC 8725: a token without a signature is none. {"alg":"none"}
                "Bearer eyJhbGciOiJub25lIn0.e30.": "token-invalid",
            ]
            for route in visitor.house.api.routes where route.needsToken {
                let ask = try await sample(route).ask(visitor)
                #expect(try await visitor.send(ask, by: nil).problem == "token-missing", "\(route.operation)")
                for (header, problem) in bad {
                    let heard = try await visitor.send(ask, by: nil, headers: ["Authorization": header])
                    #expect(
                        heard.problem == problem && heard[header: "WWW-Authenticate"] == "Bearer", "\(route.operation) \(header)")
                }
            }
        }
    }

    @Test func `is closed to a session that has ended, and to one that has to add a second factor first`() async throws {
        try await inHouse { visitor in
            let house = visitor.house
            let (ended, bound) = (try await visitor.signedIn(.admin), try await visitor.signedIn(.admin))
            _ = try await visitor.send(.delete("/v1/sessions/\(ended["session"]?.string ?? "")"), by: .admin)
            let restricted = try await house.tokens.issue(
                for: Who.admin.caller, session: ID(bound["session"]?.string ?? ""), mustAddSecondFactor: true, lasting: .hours(1))
            for route in house.api.routes where route.needsToken {
                let ask = try await sample(route).ask(visitor)
                func send(_ token: String) async throws -> Heard {
                    try await visitor.send(ask, by: nil, headers: ["Authorization": "Bearer \(token)"])
                }
                #expect(try await send(ended["accessToken"]?.string ?? "").problem == "session-ended", "\(route.operation)")
                if !route.isOwn { #expect(try await send(restricted).problem == "second-factor-required", "\(route.operation)") }
            }
        }
    }

    @Test func `takes the token's scheme in any case, as RFC 9110 §11.1 has it`() async throws {
        try await inHouse { visitor in
            let token = try await visitor.house.token(.desk)
            for scheme in ["bearer", "BEARER", "Bearer"] {
                let heard = try await visitor.send(.get("/v1/rooms"), by: nil, headers: ["Authorization": "\(scheme) \(token)"])
                #expect(heard.status == 200)
            }
        }
    }

    @Test func `that changes something needs a key, and one that can be a key`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.takesKey {
                let ask = try await sample(route).ask(visitor)
                let rows = try await visitor.rows()
                let missing = try await visitor.send(ask, by: .admin, withKey: false)
                #expect(missing.problem == "idempotency-key-missing", "\(route.operation)")
                for key in ["", "\"\"", "two words", "tab\tbed", "schlüssel", String(repeating: "k", count: 256)] {
                    let heard = try await visitor.send(ask, by: .admin, withKey: false, headers: ["Idempotency-Key": key])
                    #expect(heard.problem == "idempotency-key-missing", "\(route.operation) \(key)")
                }
                #expect(try await visitor.rows() == rows)
            }
        }
    }

    @Test func `gives the same answer to the same request under the same key, byte for byte (MC-1)`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.takesKey {
                // What cannot be done as things are is a refusal, whichever time it is asked for.
                guard try sample(route).mark(for: .admin) != "c" else { continue }
                let ask = try await sample(route).ask(visitor)
                let first = try await visitor.send(ask, by: .admin, key: "once-\(route.operation)")
                let rows = try await visitor.rows()
                let again = try await visitor.send(ask, by: .admin, key: "once-\(route.operation)")
                #expect(first.status == route.status && !first.isRepeat && again.isRepeat, "\(route.operation) \(again.text)")
                #expect(again.status == first.status && again.body == first.body, "\(route.operation)")
                #expect(again.headersBesidesTheRepeat == first.headersBesidesTheRepeat, "\(route.operation)")
                let (before, after) = (RowCounts.withoutAudit(rows), RowCounts.withoutAudit(try await visitor.rows()))
                #expect(before == after, "\(route.operation) took effect twice")
            }
        }
    }

    @Test func `that replaces something needs the version that was seen`() async throws {
        try await inHouse { visitor in
            for route in visitor.house.api.routes where route.needsIfMatch {
                var ask = try await sample(route).ask(visitor)
                for (given, problem) in [
                    (nil, "precondition-required"), ("*", "precondition-required"), ("\"v7\"", "changed-meanwhile"),
                    ("W/\"v1\"", "changed-meanwhile"), ("\"v+1\"", "changed-meanwhile"), ("\"v01\"", "changed-meanwhile"),
                    ("\"v0\"", "changed-meanwhile"), ("\"v9223372036854775807\"", "changed-meanwhile"),
                    ("v1", "changed-meanwhile"),
                    ("\"", "changed-meanwhile"), ("rubbish", "changed-meanwhile"),
                ] as [(String?, String)] {
                    ask.ifMatch = given
                    #expect(try await visitor.send(ask, by: .admin).problem == problem, "\(route.operation) \(given ?? "-")")
                }
            }
        }
    }

    private func sample(_ route: Route) throws -> Sample {
        try #require(Sample.all[route.operation], "\(route.operation) has no sample")
    }
}

extension Heard {
    /// All but those that differ by nature: that it is a repeat, and whose request it was.
    var headersBesidesTheRepeat: HTTPFields {
        var headers = headers
        headers[HTTPField.Name("Idempotent-Replayed")!] = nil
        headers[HTTPField.Name("X-Request-Id")!] = nil
        return headers
    }
}
