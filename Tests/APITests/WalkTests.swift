import API
import HTTPTypes
import Identity
import Notation
import People
import Testing

/// Every operation of the OpenAPI document, by everybody who may not, about what is there and about what is not: the same refusal to the
/// last byte, so that nobody learns from it whether something exists (OWASP API1, API5).
@Suite struct TheWalk {
    /// Who has no token that is good here, and what each hears wherever they go.
    enum Stranger: String, CaseIterable, Sendable {
        case nobody, forger, expired, signedOut

        var problem: String {
            switch self {
            case .nobody: "token-missing"
            case .forger, .expired: "token-invalid"
            case .signedOut: "session-ended"
            }
        }
    }

    /// The refusals a caller with a good token may hear, by the mark of `Sample`.
    static let refusals: [Character: String] = ["n": "not-permitted", "h": "not-found"]

    /// Operations that need a token, as the document has them.
    func closedOperations(_ visitor: Visitor) async throws -> [String] {
        let document = try await visitor.get("/openapi.json", by: nil).json
        var operations: [String] = []
        for path in document["paths"]?.members ?? [] {
            for method in path.value.members ?? [] where method.value["security"]?.array?.isEmpty == false {
                operations.append(try #require(method.value["operationId"]?.string))
            }
        }
        return operations
    }

    /// The same about nobody and nothing.
    func ghost(of ask: Ask) -> Ask {
        var ghost = ask
        ghost.path = ask.path.replacing(#/[0-9a-f]{8}-[0-9a-f-]{27}/#, with: Known.nobody)
        ghost.body = ask.body?.replacing(Known.emma, with: Known.nobody)
        return ghost
    }

    func isSame(_ real: Heard, _ ghost: Heard) -> Bool {
        real.status == ghost.status && real.body == ghost.body && real.headers == ghost.headers
    }

    @Test(arguments: Stranger.allCases) func `of who has no good token ends at the door`(stranger: Stranger) async throws {
        try await inHouse { visitor in
            let token = try await token(of: stranger, visitor)
            let headers = ["X-Request-Id": "same"].merging(token.map { ["Authorization": "Bearer \($0)"] } ?? [:]) { $1 }
            for operation in try await closedOperations(visitor) {
                let ask = try await #require(Sample.all[operation]).ask(visitor)
                let real = try await visitor.send(ask, by: nil, headers: headers)
                let absent = try await visitor.send(ghost(of: ask), by: nil, headers: headers)
                #expect(real.problem == stranger.problem && isSame(real, absent), "\(operation): \(real.text) \(absent.text)")
            }
        }
    }

    /// Advances the clock where the token has to be old: last, so that the samples are still ahead.
    private func token(of stranger: Stranger, _ visitor: Visitor) async throws -> String? {
        let house = visitor.house
        switch stranger {
        case .nobody: return nil
        case .forger:
            let keyring = LiveKeyring(Keyring(secret: Array(repeating: 8, count: 32)))
            return try await Tokens(keyring, clock: house.clock).issue(for: Who.admin.caller, lasting: .hours(1))
        case .expired:
            let token = try await house.tokens.issue(for: Who.admin.caller, lasting: .minutes(1))
            house.clock.advance(by: .minutes(1))
            return token
        case .signedOut:
            let grant = try await visitor.signedIn(.admin)
            _ = try await visitor.send(.delete("/v1/sessions/\(grant["session"]?.string ?? "")"), by: .admin)
            return grant["accessToken"]?.string
        }
    }

    /// The operations whose refusals tell what is there from what is not, though the caller may not know.
    private func leaks(_ visitor: Visitor, by who: Who, excusing: Bool = true, where isMeant: (Character) -> Bool) async throws
        -> [String]
    {
        var leaks: [String] = []
        for operation in try await closedOperations(visitor) {
            let sample = try #require(Sample.all[operation])
            guard isMeant(sample.mark(for: who)) else { continue }
            let ask = try await sample.ask(visitor)
            let headers = ["X-Request-Id": "same"]
            let real = try await visitor.send(ask, by: who, headers: headers)
            let absent = try await visitor.send(ghost(of: ask), by: who, headers: headers)
            if let refusal = Self.refusals[sample.mark(for: who)], real.problem != refusal {
                leaks.append("\(operation): \(real.text)")
            }
            if isSame(real, absent) { continue }
            if excusing, try await mayKnow(ask, who, visitor) { continue }
            leaks.append("\(operation): \(real.status) \(absent.status)")
        }
        return leaks
    }

    /// Everybody knows the clinic's directory. Whoever can read an appointment knows that it is there, and hears 403 for what they may not
    /// do with it.
    private func mayKnow(_ ask: Ask, _ who: Who, _ visitor: Visitor) async throws -> Bool {
        let parts = ask.path.split(separator: "/")
        let directory = ["locations", "resources", "practitioners", "rooms", "devices", "visit-types"]
        if parts.count > 1, directory.contains(String(parts[1])) { return true }
        guard parts.count > 2, ["appointments", "appointment-series"].contains(parts[1]) else { return false }
        let seen = try await visitor.get("/v1/\(parts[1])/\(parts[2])", by: who)
        return seen.status == 200
    }

    @Test(arguments: Who.allCases) func `of who may not ends the same whether it is there or not`(who: Who) async throws {
        try await inHouse { visitor in
            let leaks = try await leaks(visitor, by: who) { $0 == "n" || $0 == "h" }
            #expect(leaks == [])
        }
    }

    /// The negative control: who may know is told the difference, and the same look sees it.
    @Test func `would find an answer that tells the difference`() async throws {
        try await inHouse { visitor in
            let told = try await leaks(visitor, by: .desk, excusing: false) { $0 == "y" }
            for operation in ["readAppointment", "readPatient", "cancelAppointment", "auditAppointment", "breakGlass"] {
                #expect(told.contains { $0.hasPrefix("\(operation):") }, "\(operation) \(told)")
            }
        }
    }

    @Test func `goes through every route that needs a token`() async throws {
        try await inHouse { visitor in
            let walked = try await closedOperations(visitor)
            let routes = visitor.house.api.routes.filter(\.needsToken).map(\.operation)
            #expect(walked.sorted() == routes.sorted() && walked.count > 40)
        }
    }
}
