import Notation
import Testing

/// Who waits for a visit is offered what becomes free (MC-9), all the way from the door.
@Suite struct TheWaitlist {
    @Test(arguments: Shelter.allCases) func `holds what becomes free for who waits, and staff are told why`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let wish = Known.waiting(
                for: Known.emma,
                more: #""specialty":"general","weekdays":["monday"],"from":"08:00","quietHours":{"from":"22:00","to":"05:00"}"#)
            let joined = try await visitor.send(.post("/v1/waitlist", wish), by: .emma, key: "once")
            #expect(joined.status == 201 && joined["state"]?.string == "waiting" && joined.etag == "\"v1\"", "\(joined.text)")
            #expect(joined["specialty"]?.string == "general")
            #expect(joined["weekdays"]?.array?.compactMap(\.string) == ["monday"])
            #expect(
                joined["from"]?.string == "08:00" && joined["to"]?.string == "24:00" && joined["urgency"]?.string == "routine")
            let repeated = try await visitor.send(.post("/v1/waitlist", wish), by: .emma, key: "once")
            #expect(repeated.isRepeat && repeated.id == joined.id)
            let twice = try await visitor.send(.post("/v1/waitlist", wish), by: .emma)
            #expect(twice.problem == "already-waiting", "\(twice.text)")
            let pressing = try await visitor.send(
                .post("/v1/waitlist", Known.waiting(for: Known.noah, more: #""urgency":"stat""#)), by: .noah)
            #expect(pressing.problem == "not-permitted")

            let given = try await visitor.booked(at: "2026-03-09T09:00:00Z", for: [Known.lina])
            try await visitor.do("cancellation", to: given.id, "{}")
            try await visitor.house.deliver()
            let mail = try await visitor.get("/v1/mailbox", by: .emma)
            #expect(mail.items.compactMap { $0["kind"]?.string } == ["offer"], "\(mail.text)")
            let own = try await visitor.get("/v1/waitlist-offers", by: .emma)
            let offer = try #require(own.items.first)
            #expect(offer["state"]?.string == "open" && offer["explanation"] == nil && offer["chain"] == nil, "\(own.text)")
            #expect(offer["until"]?.string == "2026-03-02T09:00:00Z", "four hours")
            let id = offer["id"]?.string ?? ""
            #expect(mail.items[0]["details"]?["offer"]?.string == id)
            let told = try await visitor.get("/v1/waitlist-offers", by: .desk)
            #expect(told.items.first?["explanation"]?["lookedAt"]?.integer == 1, "\(told.text)")
            let taken = try await visitor.send(
                .post("/v1/appointments", Known.booking(at: "2026-03-09T09:00:00Z", for: [Known.noah])))
            #expect(taken.problem == "time-unavailable")

            let accepted = try await visitor.send(.post("/v1/waitlist-offers/\(id)/acceptance"), by: .emma)
            #expect(
                accepted["state"]?.string == "booked" && accepted["start"]?.string == "2026-03-09T09:00:00Z", "\(accepted.text)")
            let late = try await visitor.send(.post("/v1/waitlist-offers/\(id)/refusal"), by: .emma)
            #expect(late.problem == "transition-not-allowed")
            let place = try await visitor.get("/v1/waitlist", by: .emma)
            #expect(place.items.first?["state"]?.string == "booked")
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            #expect(export["waitlist"]?.array?.count == 1 && export["offers"]?.array?.count == 1)
            let acts = (export["audit"]?.array ?? []).compactMap { $0["act"]?.string }
            for act in ["waitlist.joined", "waitlist.offered", "waitlist.accepted"] { #expect(acts.contains(act), "\(acts)") }
        }
    }

    @Test func `says which field is wrong, and lists who waits in pages`() async throws {
        try await inHouse { visitor in
            for (more, pointer) in [
                (#""from":"12:00","to":"09:00""#, "#/to"), (#""earliest":"2026-05-01","latest":"2026-04-01""#, "#/latest"),
                (#""quietHours":{"from":"09:00","to":"09:00"}"#, "#/quietHours"), (#""weekdays":["someday"]"#, "#/weekdays/0"),
            ] {
                let heard = try await visitor.send(.post("/v1/waitlist", Known.waiting(for: Known.emma, more: more)))
                #expect(heard.pointers == [pointer], "\(heard.text)")
            }
            let unsuited = try await visitor.send(
                .post("/v1/waitlist", Known.waiting(for: Known.emma, more: #""practitioners":["\#(Known.nobody)"]"#)))
            #expect(unsuited.problem == "unknown-reference")
            let unknown = try await visitor.send(
                .post("/v1/waitlist", Known.waiting(for: Known.emma, more: #""specialty":"surgery""#)))
            #expect(unknown.problem == "unsuitable", "\(unknown.text)")
            for patient in [Known.emma, Known.noah, Known.lina] {
                let heard = try await visitor.send(.post("/v1/waitlist", Known.waiting(for: patient)))
                #expect(heard.status == 201)
            }
            let first = try await visitor.get("/v1/waitlist?limit=2")
            let second = try await visitor.get("/v1/waitlist?limit=2&cursor=\(first.next ?? "")")
            #expect(first.items.count == 2 && second.items.count == 1 && second.next == nil)
            let own = try await visitor.get("/v1/waitlist", by: .noah)
            #expect(own.items.compactMap { $0["patient"]?.string } == [Known.noah])
        }
    }
}

/// Visits that come again, all the way from the door.
@Suite struct ASeries {
    @Test(arguments: Shelter.allCases) func `is proposed, booked, read, moved and cancelled`(shelter: Shelter) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let start = "2026-03-11T09:00:00Z"
            let blocked = try await visitor.booked(at: "2026-03-25T09:00:00Z", for: [Known.lina])
            #expect(blocked.status == 201)
            let rule = "FREQ=WEEKLY;COUNT=5"
            let path = "/v1/appointment-series"
            let proposed = try await visitor.send(.post(path, Known.series(at: start, rule: rule, more: #""mode":"propose""#)))
            #expect(proposed.status == 200 && proposed["possible"]?.text == "false", "\(proposed.text)")
            let third = try #require(proposed["visits"]?.array?[2])
            #expect(third["refusal"]?.string == "practitionerTaken")
            let repair = try #require(third["repairs"]?.array?.first?["start"]?.string)
            let forPatient = try await visitor.send(
                .post(path, Known.series(at: start, rule: rule, more: #""mode":"propose""#)), by: .emma)
            #expect(forPatient["visits"]?.array?[2]["available"]?.text == "false")
            #expect(forPatient["visits"]?.array?[2]["refusal"] == nil, "a patient hears no rule")
            let refused = try await visitor.send(.post(path, Known.series(at: start, rule: rule)), by: .emma)
            #expect(refused.problem == "time-unavailable")
            let more = #""replacements":[{"day":"2026-03-25","start":"\#(repair)"}]"#
            let booked = try await visitor.send(.post(path, Known.series(at: start, rule: rule, more: more)), by: .emma)
            #expect(booked.status == 201, "\(booked.text)")
            let visits = booked["appointments"]?.array ?? []
            // Clocks are put forward on 29 March.
            #expect(
                visits.compactMap { $0["start"]?.string } == [
                    "2026-03-11T09:00:00Z", "2026-03-18T09:00:00Z", repair, "2026-04-01T08:00:00Z", "2026-04-08T08:00:00Z",
                ], "\(booked.text)")
            let one = visits[3]["id"]?.string ?? ""
            let found = try await visitor.get("/v1/appointments/\(one)/series", by: .emma)
            #expect(found.id == booked.id)
            let alone = try await visitor.get("/v1/appointments/\(blocked.id)/series", by: .desk)
            #expect(alone.problem == "not-found")
            let hidden = try await visitor.get("\(path)/\(booked.id)", by: .noah)
            #expect(hidden.problem == "not-found")
            let nameless = try await visitor.send(
                .post("\(path)/\(booked.id)/rescheduling", #"{"scope":"this","start":"2026-04-01T10:00:00Z"}"#), by: .emma)
            #expect(nameless.pointers == ["#/appointment"])
            let moved = try await visitor.send(
                .post(
                    "\(path)/\(booked.id)/rescheduling",
                    #"{"scope":"following","appointment":"\#(one)","start":"2026-04-01T10:00:00Z"}"#, ifMatch: "\"v1\""),
                by: .emma)
            #expect(moved.etag == "\"v2\"", "\(moved.text)")
            #expect(
                (moved["appointments"]?.array ?? []).compactMap { $0["start"]?.string }.suffix(2) == [
                    "2026-04-01T10:00:00Z", "2026-04-08T10:00:00Z",
                ])
            let stale = try await visitor.send(
                .post("\(path)/\(booked.id)/cancellation", #"{"scope":"all"}"#, ifMatch: "\"v1\""), by: .emma)
            #expect(stale.problem == "changed-meanwhile")
            let cancelled = try await visitor.send(.post("\(path)/\(booked.id)/cancellation", #"{"scope":"all"}"#), by: .emma)
            #expect(
                (cancelled["appointments"]?.array ?? []).allSatisfy { $0["state"]?.string == "cancelled" }, "\(cancelled.text)")
        }
    }

    @Test(arguments: [
        ("FREQ=HOURLY;COUNT=3", "#/rule"), ("FREQ=WEEKLY", "#/rule"), ("every monday", "#/rule"),
        ("FREQ=DAILY;COUNT=0", "#/rule"),
    ])
    func `needs a rule that comes by days and ends`(rule: String, pointer: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(
                .post("/v1/appointment-series", Known.series(at: "2026-03-11T09:00:00Z", rule: rule)))
            #expect(heard.problem == "invalid-fields" && heard.pointers == [pointer], "\(heard.text)")
        }
    }

    @Test func `that is none or too long is refused as such`() async throws {
        try await inHouse { visitor in
            for rule in ["FREQ=DAILY;COUNT=54", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"] {
                let heard = try await visitor.send(
                    .post("/v1/appointment-series", Known.series(at: "2026-03-11T09:00:00Z", rule: rule)))
                #expect(heard.status == 422 && heard.problem == "series-unfit", "\(heard.text)")
            }
        }
    }
}
