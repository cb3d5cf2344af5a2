import Foundation
import LoopbackClient
import Notation
import TestKit
import Testing

@Suite("Clinics on one node")
struct IsolationTests {
    @Test("what happens in one clinic is invisible in the other", arguments: Engine.allCases)
    func apart(engine: Engine) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: engine)
            let node = try await network.serve()
            let id = newID()
            let booked = try await node.book(at: "riverside", id: id, key: "one")
            #expect(booked.status == 201, "\(booked.text)")
            #expect(try await node.send("GET", "/v1/appointments/\(id)", to: "riverside").status == 200)
            #expect(try await node.send("GET", "/v1/appointments/\(id)", to: "northside").problem == "not-found")
            // The time is taken in one, and free in the other.
            let (start, practitioner) = (try #require(booked["start"]), try #require(booked["practitioner"]))
            let isOffered = { (times: [FreeTime]) in times.contains { $0.start == start && $0.practitioner == practitioner } }
            #expect(isOffered(try await node.freeTimes(of: "northside", limit: 100)))
            #expect(!isOffered(try await node.freeTimes(of: "riverside", limit: 100)))
        }
    }

    @Test("a token of one clinic is for the other as good as a forged one", arguments: Engine.allCases)
    func tokens(engine: Engine) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: engine)
            let node = try await network.serve()
            let foreign = try await network.token("riverside")
            #expect(try await node.asks("riverside") == 200)
            let refused = try await node.send("GET", "/v1/rooms", to: "northside", token: foreign)
            let forged = try await node.send("GET", "/v1/rooms", to: "northside", token: foreign + "x")
            #expect(refused.status == 401 && refused.problem == "token-invalid")
            #expect(refused.body == forged.body)
            // And after it was taken there, too: what one clinic remembers is not the other's.
            #expect(try await node.asks("riverside") == 200)
            #expect(try await node.send("GET", "/v1/rooms", to: "northside", token: foreign).status == 401)
        }
    }

    /// The callers are the same person by their tokens: only the clinic differs.
    @Test("an idempotency key of one clinic means nothing in the other", arguments: Engine.allCases)
    func keys(engine: Engine) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: engine)
            let node = try await network.serve()
            let time = try #require(try await node.freeTimes(of: "riverside", limit: 1).first)
            let body = time.booking(newID())
            let first = try await node.send("POST", "/v1/appointments", to: "riverside", key: "same", body: body)
            let elsewhere = try await node.send("POST", "/v1/appointments", to: "northside", key: "same", body: body)
            let again = try await node.send("POST", "/v1/appointments", to: "riverside", key: "same", body: body)
            #expect(first.status == 201 && !first.isReplay, "\(first.text)")
            #expect(elsewhere.status == 201 && !elsewhere.isReplay, "\(elsewhere.text)")
            #expect(again.status == 201 && again.isReplay && again.body == first.body)
        }
    }
}

@Suite("The address of a clinic")
struct AddressTests {
    @Test("a clinic is reached by its host, in any case and with any port, and by the header through a gateway")
    func reached() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: .sqlite)
            let node = try await network.serve()
            let token = try await network.token("riverside")
            let ways: [[String: String]] = [
                ["Host": "riverside.example.org"], ["Host": "RIVERSIDE.Example.org:8443"], ["X-Tenant": "riverside"],
                ["Host": "gateway.internal", "X-Tenant": "riverside"],
                ["Host": "riverside.example.org", "X-Tenant": "riverside"],
            ]
            for headers in ways {
                let reply = try await node.send("/v1/rooms", token: token, headers: headers)
                #expect(reply.status == 200, "\(headers): \(reply.text)")
            }
        }
    }

    @Test("no name, an unknown one, and two different ones are answered alike, and nobody learns who else is here")
    func unknown() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: .sqlite)
            let node = try await network.serve()
            let token = try await network.token("riverside")
            let ways: [[String: String]] = [
                [:], ["Host": "elsewhere.example.org"], ["X-Tenant": "southside"],
                ["Host": "riverside.example.org", "X-Tenant": "northside"],
                ["Host": "riverside.example.org", "X-Tenant": "southside"],
            ]
            var bodies: Set<String> = []
            for headers in ways {
                let reply = try await node.send("/v1/rooms", token: token, headers: headers)
                #expect(reply.status == 421 && reply.problem == "no-such-clinic", "\(headers): \(reply.text)")
                bodies.insert(reply.text)
            }
            #expect(bodies.count == 1)
            #expect(bodies.allSatisfy { !$0.contains("side") })
        }
    }

    /// Whoever can read the metrics learns who the customers are: only where somebody wants it.
    @Test("metrics name clinics only where that was asked for", arguments: [false, true])
    func labels(areWanted: Bool) async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside"], on: .sqlite)
            let node = try await network.serve(environment: ["MEDICONNECT_TENANTS_LABELS": "\(areWanted)"])
            #expect(try await node.book(at: "riverside", id: newID(), key: "one").status == 201)
            let metrics = try await node.send("/metrics", headers: [:]).text
            #expect(metrics.contains(#"mediconnect_outcomes_total{operation="bookAppointment",outcome="done""#), "\(metrics)")
            #expect(metrics.contains("riverside") == areWanted)
        }
    }

    @Test("what is the node's own needs no clinic, and names none")
    func ownRoutes() async throws {
        try await Network.with { network in
            _ = try await network.clinics(["riverside", "northside"], on: .sqlite)
            let node = try await network.serve()
            #expect(try await node.asks("riverside") == 200)
            for path in [
                "/health", "/health/live", "/health/ready", "/metrics", "/problems", "/problems/moving", "/openapi.json",
            ] {
                let reply = try await node.send(path, headers: [:])
                #expect(reply.status == 200, "\(path): \(reply.text)")
                #expect(!reply.text.contains("riverside") && !reply.text.contains("northside"), "\(path)")
            }
        }
    }
}
