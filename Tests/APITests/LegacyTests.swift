import Notation
import People
import Testing
import Workflows

/// `/v1/legacy`: how another system is replaced (GF-6).
@Suite struct LegacyTests {
    @Test func `says where it stands, and names what is wrong with a request`() async throws {
        try await inHouse { visitor in
            let status = try await visitor.get("/v1/legacy", by: .admin)
            #expect(status.status == 200 && status.json["phase"]?.string == "off")
            #expect(status.json["next"]?.array?.compactMap(\.string) == ["shadow"])
            for (body, field) in [
                (#"{"percent":6}"#, "#/percent"), (#"{"percent":0}"#, "#/percent"), (#"{"percent":"1"}"#, "#/percent"),
                (#"{}"#, "#/percent"),
            ] {
                let heard = try await visitor.send(.post("/v1/legacy/share", body), by: .admin)
                #expect(heard.status == 400 && heard.text.contains(field), "\(body): \(heard.text)")
            }
            let unknown = try await visitor.send(.post("/v1/legacy/phase", #"{"phase":"forward"}"#), by: .admin)
            #expect(unknown.status == 400 && unknown.text.contains("#/phase"))
            let far = try await visitor.send(.post("/v1/legacy/phase", #"{"phase":"switched"}"#), by: .admin)
            #expect(far.status == 409 && far.problem == "transition-not-allowed")
            #expect(try await visitor.get("/v1/legacy/comparison?last=0", by: .admin).status == 400)
        }
    }

    @Test func `tells patients where to book meanwhile, and switches when it is time`() async throws {
        try await inHouse { visitor in
            func go(_ phase: String) async throws -> Heard {
                try await visitor.send(.post("/v1/legacy/phase", #"{"phase":"\#(phase)"}"#), by: .admin)
            }
            #expect(try await go("shadow").json["phase"]?.string == "shadow")
            let booking = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            let elsewhere = try await visitor.send(booking, by: .emma)
            #expect(elsewhere.status == 409 && elsewhere.problem == "booked-elsewhere")
            #expect(try await go("dual").status == 200)
            let early = try await go("switched")
            #expect(early.status == 409 && early.problem == "not-ready-to-switch")
            let status = try await visitor.get("/v1/legacy", by: .admin)
            #expect(
                status.json["hindrances"]?.array?.compactMap(\.string) == ["feedBehind", "backfillNotBegun", "tooFewCompared"])
            let shared = try await visitor.send(.post("/v1/legacy/share", #"{"percent":5}"#), by: .admin)
            #expect(shared.json["share"]?.integer == 5)
            let begun = try await visitor.send(.post("/v1/legacy/backfill"), by: .admin)
            #expect(begun.status == 200 && begun.json["backfillSince"] != nil)
            #expect(try await go("shadow").status == 200)
            #expect(try await go("off").status == 200)
            #expect(try await visitor.send(booking, by: .emma).status == 201)
        }
    }
}
