import Notation
import Testing

/// ETags, preconditions and what may be kept (RFC 9110 §13, RFC 9111; MA-14).
@Suite struct AVersion {
    @Test func `is a strong ETag that moves with every change`() async throws {
        try await inHouse { visitor in
            let held = try await visitor.held()
            var seen = [held.etag]
            for (verb, body) in [
                ("confirmation", nil), ("rescheduling", #"{"start":"\#(visitor.house.newStart())"}"#), ("arrival", nil),
                ("check-in", nil), ("fulfilment", nil),
            ] {
                let heard = try await visitor.do(verb, to: held.id, body)
                #expect(try await visitor.get("/v1/appointments/\(held.id)").etag == heard.etag)
                seen.append(heard.etag)
            }
            #expect(Set(seen).count == 6)
            #expect(seen.allSatisfy { $0?.wholeMatch(of: #/"v[1-9][0-9]*"/#) != nil })
        }
    }

    @Test func `that is no longer current changes nothing`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked()
            try await visitor.do(
                "rescheduling", to: booked.id, #"{"start":"\#(visitor.house.newStart())"}"#, ifMatch: booked.etag)
            let rows = try await visitor.rows()
            let late = try await visitor.do("cancellation", to: booked.id, ifMatch: booked.etag)
            #expect(late.problem == "changed-meanwhile" && late.status == 412)
            let after = try await visitor.rows()
            #expect(try await visitor.state(of: booked.id) == "booked")
            #expect(zip(rows, after).filter { $0 != $1 }.count == 2, "only the answer under its key and the record of it are new")
            #expect(try await visitor.do("cancellation", to: booked.id, ifMatch: "*").status == 200)
        }
    }

    @Test func `of many who change the same one, each version has one winner (HB-2)`() async throws {
        try await inHouse { visitor in
            let room = try await visitor.send(.post("/v1/rooms", #"{"name":"Room 9","location":"\#(Known.river)"}"#), by: .admin)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let body = #"{"name":"Room \#(number)","location":"\#(Known.river)"}"#
                        return try await visitor.send(.put("/v1/rooms/\(room.id)", body, ifMatch: "\"v1\""), by: .admin).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 412 }.count == 15)
            #expect(try await visitor.get("/v1/rooms/\(room.id)").etag == "\"v2\"")
        }
    }

    @Test func `already known is not sent again`() async throws {
        try await inHouse { visitor in
            let id = try await visitor.booked().id
            for path in [
                "/v1/appointments/\(id)", "/v1/locations", "/v1/locations/\(Known.river)", "/v1/practitioners/\(Known.brandt)",
                "/v1/rooms",
                "/v1/devices", "/v1/visit-types", "/v1/visit-types/\(Known.scan)", "/v1/specialties",
                "/v1/resources/\(Known.brandt)/working-hours", "/v1/resources/\(Known.brandt)/exceptions",
                "/v1/locations/\(Known.river)/holidays",
            ] {
                let first = try await visitor.get(path)
                let etag = try #require(first.etag, "\(path)")
                for known in [etag, "W/\(etag)", "\"other\", \(etag)", "*"] {
                    let again = try await visitor.get(path, headers: ["If-None-Match": known])
                    #expect(again.status == 304 && again.body.isEmpty && again.etag == etag, "\(path) \(known)")
                    #expect(again[header: "Cache-Control"] == first[header: "Cache-Control"])
                }
                #expect(try await visitor.get(path, headers: ["If-None-Match": "\"other\""]).status == 200)
            }
        }
    }

    @Test func `of a list moves when anything in the directory does`() async throws {
        try await inHouse { visitor in
            let before = try await visitor.get("/v1/rooms").etag
            try await visitor.send(.post("/v1/rooms", #"{"name":"Room 9","location":"\#(Known.river)"}"#), by: .admin)
            let after = try await visitor.get("/v1/rooms", headers: ["If-None-Match": before ?? ""])
            #expect(after.status == 200 && after.etag != before)
        }
    }

    @Test func `may be kept as long as MA-14 says: places an hour, templates a quarter of one, persons' own not at all`()
        async throws
    {
        try await inHouse { visitor in
            let id = try await visitor.booked().id
            let expected = [
                "/v1/specialties": "private, max-age=3600", "/v1/locations": "private, max-age=3600",
                "/v1/locations/\(Known.river)": "private, max-age=3600", "/v1/practitioners": "private, max-age=3600",
                "/v1/visit-types": "private, max-age=900", "/v1/visit-types/\(Known.scan)": "private, max-age=900",
                "/v1/resources/\(Known.brandt)/working-hours": "private, max-age=900", "/openapi.json": "public, max-age=900",
                "/v1/appointments/\(id)": "private, no-store", "/v1/free-times?visitType=\(Known.scan)": "private, no-cache",
                "/v1/appointments": "private, no-store", "/v1/mailbox": "private, no-store",
                "/v1/patients/\(Known.emma)": "private, no-store", "/v1/appointments/\(id)/audit": "private, no-store",
            ]
            for (path, control) in expected {
                #expect(try await visitor.get(path)[header: "Cache-Control"] == control, "\(path)")
            }
        }
    }

    @Test func `of a change is never kept`() async throws {
        try await inHouse { visitor async throws in
            #expect(try await visitor.booked()[header: "Cache-Control"] == "no-store")
        }
    }
}
