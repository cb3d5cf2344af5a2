import API
import Notation
import Testing

/// Where a practitioner is told of changes, as they say it themselves.
@Suite struct PractitionersContacts {
    private static let path = "/v1/practitioners/\(Known.brandt)/contact"
    private static let body = Sample.fullBodies["StaffContactRequest"]!

    @Test func `say nothing until somebody does, and are said anew as a whole, in order`() async throws {
        try await inHouse { visitor in
            let first = try await visitor.get(Self.path, by: .brandt)
            #expect(first.etag == nil && first["version"]?.integer == 0 && first["withinHours"]?.integer == 24)
            #expect(first["tell"]?.members?.isEmpty == true)
            let set = try await visitor.send(.put(Self.path, Self.body, ifMatch: nil), by: .brandt)
            #expect(set.status == 200 && set.etag == "\"v1\"", "\(set.text)")
            let stale = try await visitor.send(.put(Self.path, "{}", ifMatch: "\"v7\""), by: .admin)
            #expect(stale.problem == "changed-meanwhile")
            let less = try await visitor.send(
                .put(Self.path, #"{"email":"b@clinic.example","tell":{"moved":["email"]}}"#, ifMatch: "\"v1\""), by: .admin)
            #expect(less.etag == "\"v2\"" && less["phone"] == nil && less["quietFrom"] == nil)
            let read = try await visitor.get(Self.path, by: .brandt)
            #expect(read["tell"]?["moved"]?.array?.compactMap(\.string) == ["email"] && read["tell"]?["created"] == nil)
            #expect(try await visitor.get("/v1/practitioners/\(Known.nobody)/contact", by: .admin).status == 404)
            #expect(
                try await visitor.send(.put("/v1/practitioners/\(Known.room)/contact", "{}", ifMatch: nil), by: .admin).status
                    == 404)
        }
    }

    @Test(arguments: [
        (#"{"phone":"030 5550101"}"#, "#/phone"), (#"{"phone":"call me"}"#, "#/phone"), (#"{"email":"doctor"}"#, "#/email"),
        (#"{"tell":{"created":["sms"]}}"#, "#/phone"), (#"{"phone":null,"tell":{"created":["sms"]}}"#, "#/phone"),
        (#"{"tell":{"moved":["email"]}}"#, "#/email"), (#"{"tell":{"created":["push"]}}"#, "#/tell/created/0"),
        (#"{"phone":"+49305550101","tell":{"created":["sms","sms"]}}"#, "#/tell/created"),
        (#"{"tell":{"expired":[]}}"#, "#/tell/expired"), (#"{"withinHours":0}"#, "#/withinHours"),
        (#"{"withinHours":9000}"#, "#/withinHours"), (#"{"quietFrom":"21:00"}"#, "#/quietUntil"),
        (#"{"zone":"Moon/Base"}"#, "#/zone"), (#"{"language":"it"}"#, "#/language"),
    ])
    func `say what is wrong with them, and nothing changes`(body: String, pointer: String) async throws {
        try await inHouse { visitor in
            let before = RowCounts.withoutAudit(try await visitor.rows())
            let heard = try await visitor.send(.put(Self.path, body, ifMatch: nil), by: .brandt)
            #expect(heard.status == 400 && heard.pointers == [pointer], "\(heard.text)")
            #expect(RowCounts.withoutAudit(try await visitor.rows()) == before)
        }
    }
}
