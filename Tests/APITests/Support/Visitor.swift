import API
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Notation
import Testing

/// Somebody at the door. Whatever is answered is held against the description of the API: the status, the shape of the
/// body, the problem and its place in the catalogue.
struct Visitor: Sendable {
    let house: House
    let client: any TestClientProtocol
    /// Sent with every request.
    var always: [String: String] = [:]

    /// Sends a request. A change gets a new key unless one is given; `nil` as `who` comes without a token.
    @discardableResult
    func send(
        _ ask: Ask, by who: Who? = .desk, key: String? = nil, withKey: Bool = true, headers: [String: String] = [:],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Heard {
        var fields = HTTPFields()
        if let who { fields[.authorization] = "Bearer \(try await house.token(who))" }
        if ask.changesSomething, withKey { fields[HTTPField.Name("Idempotency-Key")!] = key ?? house.newKey() }
        if let ifMatch = ask.ifMatch { fields[.ifMatch] = ifMatch }
        if ask.body != nil { fields[.contentType] = ask.type }
        for (name, value) in always.merging(ask.headers, uniquingKeysWith: { $1 }).merging(
            headers, uniquingKeysWith: { $1 })
        {
            fields[HTTPField.Name(name)!] = value.isEmpty ? nil : value
        }
        let response = try await client.executeRequest(
            uri: ask.path, method: HTTPRequest.Method(ask.method)!, headers: fields, body: ask.body.map { ByteBuffer(string: $0) }
        )
        let heard = Heard(
            status: response.status.code, headers: response.headers, body: Array(response.body.readableBytesView))
        hold(heard, to: route(of: ask), at: location)
        return heard
    }

    func get(
        _ path: String, by who: Who? = .desk, headers: [String: String] = [:], at location: SourceLocation = #_sourceLocation
    ) async throws -> Heard {
        try await send(.get(path), by: who, headers: headers, at: location)
    }

    func route(of ask: Ask) -> Route? {
        let parts = ask.path.prefix { $0 != "?" }.split(separator: "/")
        return house.api.routes.first { route in
            let own = route.path.split(separator: "/")
            return route.method.rawValue == ask.method && own.count == parts.count
                && zip(own, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
    }

    private func hold(_ heard: Heard, to route: Route?, at location: SourceLocation) {
        #expect(heard[header: "X-Request-Id"]?.isEmpty == false, sourceLocation: location)
        #expect(heard[header: "X-Content-Type-Options"] == "nosniff", sourceLocation: location)
        #expect(heard[header: "Content-Security-Policy"]?.contains("default-src 'none'") == true, sourceLocation: location)
        #expect(heard[header: "Referrer-Policy"] == "no-referrer", sourceLocation: location)
        if let route, route.shows != nil {
            #expect(heard[header: "Content-Type"] == "text/html; charset=utf-8", sourceLocation: location)
            let known = [route.status] + route.possibleProblems.map(\.status)
            #expect(known.contains(heard.status), "\(heard.status) \(heard.text)", sourceLocation: location)
        } else if heard.status >= 400 && heard[header: "Content-Type"] != "application/json" {
            holdProblem(heard, to: route, at: location)
        } else if let route, !heard.isRepeat {
            #expect(
                ([route.status] + route.alsoGives).contains(heard.status), "\(heard.status) \(heard.text)",
                sourceLocation: location)
            if let schema = route.gives, heard.status != 304, heard[header: "Content-Encoding"] == nil {
                let mistakes = SchemaCheck.mistakes(of: heard.json, as: schema)
                #expect(mistakes.isEmpty, "\(route.operation): \(mistakes) in \(heard.text)", sourceLocation: location)
            }
        }
    }

    private func holdProblem(_ heard: Heard, to route: Route?, at location: SourceLocation) {
        #expect(heard[header: "Content-Type"] == "application/problem+json", sourceLocation: location)
        guard let type = heard.problem.flatMap(ProblemType.init) else {
            Issue.record("no problem of the catalogue: \(heard.status) \(heard.text)", sourceLocation: location)
            return
        }
        #expect(heard["type"]?.string == "https://clinic.example/problems/\(type.rawValue)", sourceLocation: location)
        #expect(heard.status == type.status && heard["status"]?.integer == Int64(type.status), sourceLocation: location)
        #expect(heard["title"]?.string == type.title && heard["retry"]?.string == type.retry.rawValue, sourceLocation: location)
        let mistakes = SchemaCheck.mistakes(of: heard.json, as: "Problem")
        #expect(mistakes.isEmpty, "\(mistakes)", sourceLocation: location)
        #expect(heard[header: "Cache-Control"] == "no-store", sourceLocation: location)
        if let route {
            #expect(
                route.possibleProblems.contains(type), "\(route.operation) does not describe \(type.rawValue)",
                sourceLocation: location)
        }
    }
}

// What tests need again and again.
extension Visitor {
    /// Books for Emma with Dr. Brandt, at a start of its own, and returns the appointment.
    func booked(
        at start: String? = nil, with practitioner: String = Known.brandt, for patients: [String] = [Known.emma],
        visit: String = Known.consultation, more: String = "", by who: Who = .desk, at location: SourceLocation = #_sourceLocation
    ) async throws -> Heard {
        let body = Known.booking(at: start ?? house.newStart(), with: practitioner, for: patients, visit: visit, more: more)
        let heard = try await send(.post("/v1/appointments", body), by: who, at: location)
        try #require(heard.status == 201, "\(heard.text)", sourceLocation: location)
        return heard
    }

    func held(at start: String? = nil, by who: Who = .desk) async throws -> Heard {
        try await booked(at: start, more: #""hold":true"#, by: who)
    }

    /// Does something with an appointment: `arrival`, `cancellation` …
    @discardableResult
    func `do`(
        _ verb: String, to id: String, _ body: String? = nil, by who: Who = .desk, ifMatch: String? = nil, key: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Heard {
        try await send(.post("/v1/appointments/\(id)/\(verb)", body, ifMatch: ifMatch), by: who, key: key, at: location)
    }

    /// Signs in as somebody, and returns what they are given.
    func signedIn(_ who: Who, at location: SourceLocation = #_sourceLocation) async throws -> Heard {
        let heard = try await send(.post("/v1/sessions", Known.credentials(who)), by: nil, at: location)
        try #require(heard.status == 201, "\(heard.text)", sourceLocation: location)
        return heard
    }

    /// Dr. Brandt breaks the glass for somebody registered a moment ago.
    func glassBroken(for patient: String? = nil, by who: Who = .brandt) async throws -> Heard {
        let registered = try await patient == nil ? send(.post("/v1/patients", #"{"name":"Some Body"}"#)).id : ""
        let body = #"{"reason":"unconscious","password":"\#(Known.passwordText)"}"#
        return try await send(.post("/v1/patients/\(patient ?? registered)/emergency-access", body), by: who)
    }

    func state(of id: String) async throws -> String? { try await get("/v1/appointments/\(id)")["state"]?.string }
}
