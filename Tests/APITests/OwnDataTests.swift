import Notation
import Testing

@Suite struct APatient {
    @Test func `sees their own appointments, record and notices, and nobody else's`() async throws {
        try await inHouse { visitor in
            let mine = try await visitor.booked(for: [Known.emma])
            let other = try await visitor.booked(for: [Known.noah])
            try await visitor.house.deliver()
            let list = try await visitor.get("/v1/appointments?patient=\(Known.emma)", by: .emma)
            #expect(list.items.compactMap { $0["id"]?.string } == [mine.id])
            #expect(try await visitor.get("/v1/mailbox", by: .emma).items.count == 1)
            #expect(try await visitor.get("/v1/patients/\(Known.emma)", by: .emma)["name"]?.string == "Emma Sample")
            for path in [
                "/v1/appointments/\(other.id)", "/v1/appointments/\(other.id)/audit", "/v1/patients/\(Known.noah)",
            ] { #expect(try await visitor.get(path, by: .emma).problem == "not-found", "\(path)") }
            for path in [
                "/v1/appointments?patient=\(Known.noah)", "/v1/appointments?practitioner=\(Known.brandt)", "/v1/appointments",
                "/v1/mailbox?recipient=\(Known.noah)", "/v1/mailbox?recipient=\(Known.brandt)",
                "/v1/appointments/\(mine.id)/audit", "/v1/resources/\(Known.brandt)/exceptions",
            ] { #expect(try await visitor.get(path, by: .emma).problem == "not-permitted", "\(path)") }
        }
    }

    @Test func `cannot touch another patient's appointment`() async throws {
        try await inHouse { visitor in
            let other = try await visitor.send(
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), for: [Known.noah], more: #""hold":true"#)),
                by: .noah)
            for (verb, body) in [
                ("confirmation", nil), ("cancellation", "{}"), ("rescheduling", #"{"start":"\#(visitor.house.newStart())"}"#),
            ] {
                #expect(try await visitor.do(verb, to: other.id, body, by: .emma).problem == "not-found", "\(verb)")
            }
            #expect(try await visitor.state(of: other.id) == "pending")
        }
    }

    @Test func `who asks for a taken time hears that it cannot be had, the desk hears why`() async throws {
        try await inHouse { visitor in
            let start = visitor.house.newStart()
            _ = try await visitor.booked(at: start, for: [Known.noah])
            let again = Ask.post("/v1/appointments", Known.booking(at: start))
            let patient = try await visitor.send(again, by: .emma)
            #expect(patient.problem == "time-unavailable" && patient["refusal"] == nil && patient["detail"] == nil)
            let desk = try await visitor.send(again, by: .desk)
            #expect(desk.problem == "time-unavailable" && desk["refusal"]?.string == "practitionerTaken")
            #expect(desk["detail"]?.string == "The practitioner has another appointment.")
        }
    }

    @Test(arguments: [
        ("2026-03-10T09:05:00Z", "startOffGrid"), ("2026-03-02T05:30:00Z", "noticeTooShort"),
        ("2026-09-10T09:00:00Z", "beyondHorizon"),
        ("2026-03-14T09:00:00Z", "outsideWorkingHours"), ("2026-03-10T03:00:00Z", "outsideWorkingHours"),
    ])
    func `hears the same of every time that cannot be had`(start: String, reason: String) async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/appointments", Known.booking(at: start))
            let taken = try await visitor.booked(for: [Known.noah])
            let same = try await visitor.send(
                .post("/v1/appointments", Known.booking(at: taken["start"]?.string ?? "")), by: .emma)
            #expect(try await visitor.send(ask, by: .emma).body == same.body)
            #expect(try await visitor.send(ask, by: .desk)["refusal"]?.string == reason)
        }
    }

    @Test func `books only for themself`() async throws {
        try await inHouse { visitor async throws in
            for patients in [[Known.noah], [Known.emma, Known.noah], [Known.noah, Known.emma]] {
                let body = Known.booking(at: visitor.house.newStart(), for: patients, visit: Known.class_)
                #expect(try await visitor.send(.post("/v1/appointments", body), by: .emma).problem == "not-permitted")
            }
        }
    }

    @Test func `in a group sees the appointment but not who else is in it, and does not end it for the others`() async throws {
        try await inHouse { visitor in
            let group = try await visitor.booked(for: [Known.emma, Known.noah, Known.lina], visit: Known.class_)
            #expect(group["patients"]?.array?.count == 3)
            for heard in [
                try await visitor.get("/v1/appointments/\(group.id)", by: .emma).json,
                try await visitor.get("/v1/appointments?patient=\(Known.emma)", by: .emma).items[0],
            ] { #expect(heard["patients"]?.array?.compactMap(\.string) == [Known.emma]) }
            #expect(try await visitor.do("cancellation", to: group.id, by: .emma).problem == "not-permitted")
            #expect(try await visitor.do("cancellation", to: group.id, by: .desk).status == 200)
        }
    }

    @Test func `sets no rule aside, and reads not why staff did`() async throws {
        try await inHouse { visitor in
            let saturday = Known.booking(at: "2026-03-14T09:00:00Z", more: #""overrideReason":"urgent""#)
            #expect(try await visitor.send(.post("/v1/appointments", saturday), by: .emma).problem == "not-permitted")
            #expect(try await visitor.send(.post("/v1/appointments", saturday), by: .admin).problem == "not-permitted")
            #expect(try await visitor.send(.post("/v1/appointments", saturday), by: .keller).problem == "not-permitted")
            let booked = try await visitor.send(.post("/v1/appointments", saturday), by: .brandt)
            #expect(booked.status == 201 && booked["overrideReason"]?.string == "urgent")
            #expect(try await visitor.get("/v1/appointments/\(booked.id)", by: .emma)["overrideReason"] == nil)
        }
    }

    @Test func `gives only a patient's reasons for cancelling, and staff none that is the clock's`() async throws {
        try await inHouse { visitor in
            for (who, reason, isGiven) in [
                (Who.emma, "patient", true), (.emma, "other", true), (.emma, "practitioner", false), (.emma, "expired", false),
                (.emma, "payment-failed", false), (.desk, "practitioner", true), (.desk, "expired", false),
                (.brandt, "patient", true),
            ] {
                let id = try await visitor.booked().id
                let heard = try await visitor.do("cancellation", to: id, #"{"reason":"\#(reason)"}"#, by: who)
                #expect(heard.status == (isGiven ? 200 : 400), "\(who) \(reason)")
                if !isGiven { #expect(heard.pointers == ["#/reason"]) }
            }
            let plain = try await visitor.do("cancellation", to: try await visitor.booked().id, by: .emma)
            #expect(
                plain["cancellation"]?["reason"]?.string == "patient"
                    && plain["cancellation"]?["by"]?.string == "patient:\(Known.emma)")
        }
    }
}

@Suite struct APractitioner {
    @Test func `runs their own calendar and no other`() async throws {
        try await inHouse { visitor in
            let id = try await visitor.booked(by: .brandt).id
            #expect(try await visitor.get("/v1/appointments?practitioner=\(Known.brandt)", by: .brandt).items.count == 1)
            #expect(
                try await visitor.get("/v1/appointments?practitioner=\(Known.brandt)", by: .keller).problem == "not-permitted")
            #expect(try await visitor.get("/v1/appointments", by: .brandt).problem == "not-permitted")
            #expect(try await visitor.get("/v1/appointments/\(id)", by: .keller).problem == "not-found")
            #expect(try await visitor.do("arrival", to: id, by: .brandt).status == 200)
            // Handing a patient over is the desk's to do.
            let next = try await visitor.booked(by: .brandt).id
            let move = #"{"start":"\#(visitor.house.newStart())","practitioner":"\#(Known.keller)"}"#
            #expect(try await visitor.do("rescheduling", to: next, move, by: .brandt).problem == "not-permitted")
        }
    }

    @Test func `who gave an appointment away does not find it again by its identifier`() async throws {
        try await inHouse { visitor in
            let id = "01900000-0000-7000-8000-0000000abcde"
            let body = Known.booking(at: visitor.house.newStart(), more: #""id":"\#(id)""#)
            #expect(try await visitor.send(.post("/v1/appointments", body), by: .brandt).status == 201)
            #expect(try await visitor.send(.post("/v1/appointments", body), by: .brandt).status == 200)
            try await visitor.do(
                "rescheduling", to: id, #"{"start":"\#(visitor.house.newStart())","practitioner":"\#(Known.keller)"}"#)
            #expect(try await visitor.send(.post("/v1/appointments", body), by: .brandt).problem == "identifier-already-used")
        }
    }
}
