import API
import Notation
import Scheduling
import Testing

@Suite struct FreeTimes {
    @Test func `are what the hours leave, with the room that would go with them`() async throws {
        try await inHouse { visitor in
            let path =
                "/v1/free-times?visitType=\(Known.consultation)&practitioner=\(Known.brandt)&from=2026-03-10T00:00:00Z&to=2026-03-11T00:00:00Z&limit=200"
            let items = try await visitor.get(path, by: .emma).items
            let starts = items.compactMap { $0["start"]?.string }
            #expect(starts.first == "2026-03-10T07:00:00Z" && starts.last == "2026-03-10T14:30:00Z" && starts.count == 31)
            #expect(items[0]["end"]?.string == "2026-03-10T07:20:00Z" && items[0]["room"]?.string == Known.room)
            for start in ["2026-03-10T07:00:00Z", "2026-03-10T07:30:00Z"] { _ = try await visitor.booked(at: start, by: .emma) }
            #expect(try await visitor.get(path).items.count == 27, "twenty minutes on a grid of fifteen touch the next start")
        }
    }

    @Test func `follow every change of the directory at once`() async throws {
        try await inHouse { visitor in
            let (monday, sunday) = ("2026-03-09T09:00:00Z", "2026-03-08T09:00:00Z")
            func expect(_ start: String, _ isFree: Bool, _ why: Comment) async throws {
                #expect(try await visitor.isFree(start) == isFree, why)
                let answer = try await visitor.get(
                    "/v1/free-times/explanation?visitType=\(Known.consultation)&practitioner=\(Known.brandt)&start=\(start)&patient=\(Known.emma)"
                )
                #expect((answer["available"] == JSON(.bool(true))) == isFree, why)
            }
            try await expect(monday, true, "in the hours")
            try await expect(sunday, false, "outside the hours")
            let hours = try await visitor.send(
                .post("/v1/resources/\(Known.brandt)/working-hours", #"{"weekday":"sunday","from":"08:00","to":"12:00"}"#),
                by: .brandt)
            try await expect(sunday, true, "new hours")
            let rule = try #require(hours.items.first { $0["weekday"]?.string == "sunday" }?["id"]?.string)
            try await visitor.send(.delete("/v1/resources/\(Known.brandt)/working-hours/\(rule)"), by: .brandt)
            try await expect(sunday, false, "hours taken away")
            let leave = try await visitor.send(
                .post(
                    "/v1/resources/\(Known.brandt)/exceptions",
                    #"{"kind":"leave","from":"2026-03-09T00:00:00Z","to":"2026-03-10T00:00:00Z"}"#), by: .brandt)
            try await expect(monday, false, "on leave")
            try await visitor.send(
                .delete("/v1/resources/\(Known.brandt)/exceptions/\(leave.items[0]["id"]?.string ?? "")"), by: .brandt)
            try await expect(monday, true, "back")
            try await visitor.send(
                .post(
                    "/v1/resources/\(Known.brandt)/exceptions",
                    #"{"kind":"extra","from":"2026-03-08T08:00:00Z","to":"2026-03-08T10:00:00Z"}"#), by: .desk)
            try await expect(sunday, true, "an extra opening")
            try await visitor.send(
                .post("/v1/locations/\(Known.river)/holidays", #"{"day":"2026-03-09","name":"Feast"}"#), by: .admin)
            try await expect(monday, false, "a holiday")
        }
    }

    @Test func `follow a visit type that is changed, and a room that is closed`() async throws {
        try await inHouse { visitor async throws in
            let start = "2026-03-10T09:00:00Z"
            for room in [Known.room, Known.secondRoom] {
                #expect(try await visitor.isFree(start))
                let closed = #"{"name":"R","location":"\#(Known.river)","tags":["examination"],"active":false}"#
                #expect(try await visitor.send(.put("/v1/rooms/\(room)", closed, ifMatch: "\"v1\""), by: .admin).status == 200)
            }
            #expect(try await visitor.isFree(start) == false)
            let roomless = #"{"name":"Consultation","durationMinutes":20,"specialty":"general"}"#
            #expect(
                try await visitor.send(.put("/v1/visit-types/\(Known.consultation)", roomless, ifMatch: "\"v1\""), by: .admin)
                    .status == 200)
            #expect(try await visitor.isFree(start))
        }
    }

    @Test func `are not asked of what is not there or does not fit`() async throws {
        try await inHouse { visitor in
            let times = "/v1/free-times?visitType="
            for (path, problem, refusal) in [
                (times + Known.nobody, "unknown-reference", "visitTypeUnknown"),
                (times + Known.consultation + "&practitioner=\(Known.nobody)", "unknown-reference", "practitionerUnknown"),
                (times + Known.consultation + "&practitioner=\(Known.room)", "unknown-reference", "practitionerUnknown"),
                (times + Known.consultation + "&location=\(Known.nobody)", "unknown-reference", "locationUnknown"),
            ] {
                let heard = try await visitor.get(path, by: .emma)
                #expect(heard.problem == problem && heard["refusal"]?.string == refusal, "\(path)")
            }
        }
    }
}

@Suite struct TheExplanation {
    @Test func `gives every reason, in order of precedence, and says which may be set aside`() async throws {
        try await inHouse { visitor in
            try await visitor.send(
                .post("/v1/locations/\(Known.river)/holidays", #"{"day":"2026-03-10","name":"Feast"}"#), by: .admin)
            try await visitor.send(
                .post(
                    "/v1/resources/\(Known.brandt)/exceptions",
                    #"{"kind":"leave","from":"2026-03-10T00:00:00Z","to":"2026-03-11T00:00:00Z"}"#))
            let path =
                "/v1/free-times/explanation?visitType=\(Known.consultation)&practitioner=\(Known.brandt)&patient=\(Known.emma)&start=2026-03-10T20:05:00Z"
            let heard = try await visitor.get(path)
            let reasons = (heard["reasons"]?.array ?? []).compactMap { $0["refusal"]?.string.flatMap(Refusal.init) }
            #expect(reasons == [.startOffGrid, .practitionerAway, .outsideWorkingHours, .roomTaken])
            #expect(reasons == Refusal.allCases.filter(reasons.contains))
            for reason in heard["reasons"]?.array ?? [] {
                #expect(
                    reason["canBeOverridden"] == JSON(.bool(Refusal(rawValue: reason["refusal"]?.string ?? "")!.canBeOverridden)))
                #expect(reason["detail"]?.string?.isEmpty == false)
            }
        }
    }

    @Test func `without a patient speaks only of the time`() async throws {
        try await inHouse { visitor in
            let path = "/v1/free-times/explanation?visitType=\(Known.consultation)&practitioner=\(Known.brandt)&start="
            let free = try await visitor.get(path + "2026-03-10T09:00:00Z")
            #expect(free["available"] == JSON(.bool(true)) && free["reasons"] == JSON(.array([])), "\(free.text)")
        }
    }

    @Test func `names what is unknown, taken and unsuitable`() async throws {
        try await inHouse { visitor in
            let start = "2026-03-10T09:00:00Z"
            _ = try await visitor.booked(at: start, for: [Known.noah])
            let base = "start=\(start)&visitType=\(Known.consultation)&practitioner=\(Known.brandt)"
            for (query, reasons) in [
                (base + "&patient=\(Known.noah)", ["practitionerTaken", "patientTaken"]),
                (base + "&patient=\(Known.emma)&room=\(Known.nobody)", ["roomUnknown", "practitionerTaken"]),
                (base + "&patient=\(Known.emma)&room=\(Known.harbourRoom)", ["roomUnsuitable", "practitionerTaken"]),
                (base + "&patient=\(Known.emma)&device=\(Known.ultrasound)", ["deviceUnsuitable", "practitionerTaken"]),
                (
                    "start=\(start)&visitType=\(Known.nobody)&practitioner=\(Known.brandt)&patient=\(Known.emma)",
                    ["visitTypeUnknown"]
                ),
                (base + "&patient=\(Known.nobody)", ["patientUnknown", "practitionerTaken"]),
            ] {
                let heard = try await visitor.get("/v1/free-times/explanation?\(query)")
                #expect((heard["reasons"]?.array ?? []).compactMap { $0["refusal"]?.string } == reasons, "\(query)")
            }
        }
    }
}
