import Notation
import People
import Testing

/// Everything a clinic has about a patient is theirs for the asking (45 CFR 164.524, GDPR Article 15).
@Suite struct AnExport {
    @Test func `has the record, the appointments, what was told, what was done, and what they sign in with`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked()
            _ = try await visitor.do("cancellation", to: booked.id, #"{"note":"a cold"}"#)
            try await visitor.house.deliver()
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            #expect(export.status == 200 && export[header: "Cache-Control"] == "private, no-store")
            let record = try await visitor.get("/v1/patients/\(Known.emma)", by: .emma)
            #expect(export["patient"]?["name"] == record["name"] && record["name"] != nil)
            #expect(export["logins"]?.array?.compactMap(\.string) == [Who.emma.login])
            #expect(export["appointments"]?.array?.compactMap { $0["id"]?.string } == [booked.id])
            #expect(export["notices"]?.array?.compactMap { $0["kind"]?.string }.sorted() == ["cancellation", "confirmation"])
            let acts = export["audit"]?.array ?? []
            #expect(acts.contains { $0["act"]?.string == "appointment.cancelled" })
            #expect(acts.contains { $0["reason"]?.string == "a cold" && $0["subject"]?.string == booked.id })
        }
    }

    @Test func `is itself written down, and says so`() async throws {
        try await inHouse { visitor in
            let path = "/v1/patients/\(Known.emma)/export"
            func exports(_ who: Who) async throws -> [String] {
                let entries = try await visitor.get(path, by: who)["audit"]?.array ?? []
                return entries.filter { $0["act"]?.string == "export.patient" }.compactMap { $0["by"]?.string }
            }
            let (first, second, third) = (try await exports(.desk), try await exports(.emma), try await exports(.emma))
            let (desk, emma) = (Who.desk.caller.principal, Who.emma.caller.principal)
            #expect(first == [desk] && second == [desk, emma] && third == [desk, emma, emma])
            let refused = try await visitor.get(path, by: .noah)
            let last = try await exports(.emma)
            #expect(
                refused.status == 404 && last == [desk, emma, emma, "another patient", emma], "nor is it said who was refused")
        }
    }

    @Test func `names no other patient, nor why staff have set a rule aside`() async throws {
        try await inHouse { visitor in
            _ = try await visitor.booked(
                for: [Known.emma, Known.noah], visit: Known.class_, more: #""overrideReason":"zz-urgent""#)
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .desk)
            #expect(export["appointments"]?.array?.count == 1)
            #expect(!export.text.contains(Known.noah) && !export.text.contains("zz-urgent"))
        }
    }
}
