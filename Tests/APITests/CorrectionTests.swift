import Notation
import People
import Testing

/// What a patient says is wrong with their record, and what becomes of it (45 CFR 164.526, GDPR Article 16).
@Suite struct ACorrection {
    private static let address = "/v1/patients/\(Known.emma)/corrections"
    private static func request(_ says: String = "someone@example.org", _ should: String = "emma@example.org") -> String {
        #"{"field":"email","says":"\#(says)","shouldSay":"\#(should)","statement":"I have moved"}"#
    }

    @Test(arguments: Shelter.allCases) func `that is accepted changes the record, and the patient is told`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let asked = try await visitor.send(.post(Self.address, Self.request()), by: .emma, key: "once")
            #expect(asked.status == 201 && asked["state"]?.string == "open" && asked.etag == "\"v1\"", "\(asked.text)")
            #expect(asked["dueAt"]?.string == "2026-05-01T05:00:00Z" && asked["overdue"]?.text == "false")
            let repeated = try await visitor.send(.post(Self.address, Self.request()), by: .emma, key: "once")
            #expect(repeated.id == asked.id && repeated.isRepeat)
            let second = try await visitor.send(
                .post(Self.address, Self.request("someone@example.org", "x@example.org")), by: .desk)
            #expect(second.problem == "correction-open")
            let listed = try await visitor.get("/v1/corrections?state=open", by: .privacy)
            #expect(listed.items.compactMap { $0["id"]?.string } == [asked.id])
            let path = "/v1/corrections/\(asked.id)"
            let stale = try await visitor.send(.post("\(path)/acceptance", nil, ifMatch: "\"v7\""), by: .admin)
            #expect(stale.problem == "changed-meanwhile")
            let done = try await visitor.send(.post("\(path)/acceptance", nil, ifMatch: "\"v1\""), by: .admin)
            #expect(done["state"]?.string == "accepted" && done.etag == "\"v2\"", "\(done.text)")
            let again = try await visitor.send(.post("\(path)/acceptance"), by: .admin)
            #expect(again.problem == "transition-not-allowed")
            let record = try await visitor.get("/v1/patients/\(Known.emma)", by: .emma)
            #expect(record["email"]?.string == "emma@example.org" && record.etag == "\"v2\"")
            let found = try await visitor.get("/v1/patients?email=emma@example.org")
            #expect(found.items.count == 1, "it is found by what it says now")
            let mail = try await visitor.get("/v1/mailbox", by: .emma)
            #expect(mail.items.compactMap { $0["kind"]?.string } == ["correction"])
            #expect(mail.items[0]["details"]?["state"]?.string == "accepted")
        }
    }

    @Test(arguments: Shelter.allCases) func `that is denied has a ground, and the patient's word against it goes with the record`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let id = try await visitor.askedCorrection().id
            let path = "/v1/corrections/\(id)"
            let early = try await visitor.send(.post("\(path)/disagreement", #"{"disagreement":"no"}"#), by: .emma)
            #expect(early.problem == "transition-not-allowed")
            let denied = try await visitor.send(
                .post("\(path)/denial", #"{"basis":"accurate-and-complete","reason":"so it stands"}"#), by: .privacy)
            #expect(denied["basis"]?.string == "accurate-and-complete" && denied["reason"]?.string == "so it stands")
            let word = try await visitor.send(.post("\(path)/disagreement", #"{"disagreement":"zz it does not"}"#), by: .emma)
            #expect(word.status == 200 && word["disagreement"]?.string == "zz it does not")
            let twice = try await visitor.send(.post("\(path)/disagreement", #"{"disagreement":"more"}"#), by: .emma)
            #expect(twice.problem == "transition-not-allowed")
            let export = try await visitor.get("/v1/patients/\(Known.emma)/export", by: .emma)
            let exported = export["corrections"]?.array ?? []
            #expect(exported.count == 1 && exported[0]["disagreement"]?.string == "zz it does not")
            let acts = (export["audit"]?.array ?? []).compactMap { $0["act"]?.string }
            for act in ["correction.asked", "correction.denied", "correction.disagreed"] { #expect(acts.contains(act), "\(act)") }
            let record = try await visitor.get("/v1/patients/\(Known.emma)", by: .emma)
            #expect(record["email"]?.string == "someone@example.org")
        }
    }

    @Test func `of what the record does not say is refused, and the field is named`() async throws {
        try await inHouse { visitor in
            let wrong = try await visitor.send(.post(Self.address, Self.request("other@example.org")), by: .emma)
            #expect(wrong.problem == "record-differs" && wrong.pointers == ["#/email"], "\(wrong.text)")
            let id = try await visitor.askedCorrection().id
            let record = try await visitor.get("/v1/patients/\(Known.emma)")
            _ = try await visitor.send(
                .put(
                    "/v1/patients/\(Known.emma)", #"{"name":"Emma Sample","email":"meanwhile@example.org"}"#, ifMatch: record.etag
                ))
            let late = try await visitor.send(.post("/v1/corrections/\(id)/acceptance"), by: .admin)
            #expect(late.problem == "record-differs" && late.pointers == ["#/email"])
            let kept = try await visitor.get("/v1/patients/\(Known.emma)")
            #expect(kept["email"]?.string == "meanwhile@example.org")
        }
    }

    @Test(arguments: [
        (#"{"field":"email","shouldSay":"no address","statement":"x"}"#, "#/shouldSay"),
        (#"{"field":"birthDate","shouldSay":"2025-02-29","statement":"x"}"#, "#/shouldSay"),
        (#"{"field":"name","says":"Emma Sample","statement":"x"}"#, "#/shouldSay"),
        (#"{"field":"phone","says":"1","shouldSay":"1","statement":"x"}"#, "#/shouldSay"),
        (#"{"field":"shoe","shouldSay":"1","statement":"x"}"#, "#/field"),
        (#"{"field":"phone","shouldSay":"1"}"#, "#/statement"), (#"{"field":"phone","statement":"x"}"#, "#/shouldSay"),
    ])
    func `that cannot be is refused by the field that is wrong`(body: String, pointer: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(.post(Self.address, body), by: .emma)
            #expect(heard.problem == "invalid-fields" && heard.pointers == [pointer], "\(heard.text)")
        }
    }

    @Test func `is late after sixty days, or ninety, and the list says so first`() async throws {
        try await inHouse { visitor in
            let first = try await visitor.askedCorrection().id
            _ = try await visitor.send(.post("/v1/corrections/\(first)/extension", #"{"reason":"closed"}"#), by: .admin)
            let patient = try await visitor.registered()
            let second = try await visitor.send(
                .post("/v1/patients/\(patient)/corrections", #"{"field":"phone","shouldSay":"+49 30 1","statement":"new"}"#)
            ).id
            visitor.house.clock.advance(by: .days(61))
            let list = try await visitor.get("/v1/corrections?state=open", by: .admin).items
            #expect(list.compactMap { $0["id"]?.string } == [second, first])
            #expect(list.compactMap { $0["overdue"]?.text } == ["true", "false"])
        }
    }
}

/// A record that is closed, kept and erased.
@Suite struct AClosedRecord {
    @Test(arguments: Shelter.allCases) func `takes no bookings, is not changed, and is found by those who answer for it`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let made = try await visitor.send(.post("/v1/patients", #"{"name":"Some Body","email":"zz@example.org"}"#))
            let path = "/v1/patients/\(made.id)"
            let closed = try await visitor.send(.post("\(path)/close", #"{"reason":"entered twice"}"#))
            #expect(closed["state"]?.string == "closed" && closed["reason"]?.string == "entered twice", "\(closed.text)")
            #expect(closed["eraseAfter"]?.string == "2026-04-01T05:00:00Z" && closed["keptUntil"] == nil)
            let again = try await visitor.send(.post("\(path)/close", #"{"reason":"once more"}"#))
            #expect(again.status == 200 && again["reason"]?.string == "entered twice")
            let booking = try await visitor.send(
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), for: [made.id])))
            #expect(booking.problem == "record-closed")
            let change = try await visitor.send(.put(path, #"{"name":"New Name"}"#, ifMatch: "\"v1\""))
            #expect(change.problem == "record-closed")
            for (who, count) in [(Who.desk, 0), (.admin, 1), (.privacy, 1)] {
                let found = try await visitor.get("/v1/patients?email=zz@example.org", by: who)
                #expect(found.items.count == count, "\(who)")
            }
            let others = try await visitor.get("/v1/patients?email=someone@example.org", by: .privacy)
            #expect(others.items.isEmpty, "the privacy officer finds nobody whose record is open")
            let open = try await visitor.send(.post("\(path)/reopen", #"{"reason":"it was not"}"#), by: .admin)
            #expect(open["state"]?.string == "open")
            #expect(try await visitor.get("/v1/patients?email=zz@example.org").items.count == 1)
        }
    }

    @Test(arguments: Shelter.allCases) func `is refused while there is something ahead, unless that is to be cancelled`(
        shelter: Shelter
    ) async throws {
        try await inHouse(shelter: shelter) { visitor in
            let ahead = try await visitor.booked().id
            let path = "/v1/patients/\(Known.emma)/close"
            let refused = try await visitor.send(.post(path, #"{"reason":"moved"}"#))
            #expect(refused.problem == "appointments-ahead" && refused["refusal"]?.string == "appointmentsAhead")
            let shared = try await visitor.booked(for: [Known.emma, Known.noah], visit: Known.class_).id
            let shares = try await visitor.send(.post(path, #"{"reason":"moved","cancelAppointments":true}"#))
            #expect(shares.problem == "appointments-ahead" && shares["refusal"]?.string == "sharedAppointmentAhead")
            #expect(try await visitor.state(of: ahead) == "booked", "all or nothing")
            _ = try await visitor.do("cancellation", to: shared)
            let done = try await visitor.send(.post(path, #"{"reason":"moved","cancelAppointments":true}"#))
            #expect(done["state"]?.string == "closed", "\(done.text)")
            #expect(try await visitor.state(of: ahead) == "cancelled")
            let out = try await visitor.get("/v1/appointments?patient=\(Known.emma)", by: .emma)
            #expect(out.problem == "session-ended")
        }
    }

    @Test(arguments: Shelter.allCases) func `is erased when nothing keeps it, and then is not there`(shelter: Shelter)
        async throws
    {
        try await inHouse(shelter: shelter) { visitor in
            let id = try await visitor.registered()
            let path = "/v1/patients/\(id)"
            let early = try await visitor.send(.post("\(path)/erasure"), by: .privacy)
            #expect(early.problem == "transition-not-allowed")
            _ = try await visitor.send(.post("\(path)/close", #"{"reason":"entered twice"}"#))
            let held = try await visitor.send(.post("\(path)/legal-hold", #"{"reason":"a lawsuit"}"#), by: .privacy)
            #expect(held["legalHold"]?["reason"]?.string == "a lawsuit" && held["eraseAfter"] == nil)
            let kept = try await visitor.send(.post("\(path)/erasure"), by: .privacy)
            #expect(kept.problem == "record-kept" && kept["refusal"]?.string == "legalHold")
            _ = try await visitor.send(.delete("\(path)/legal-hold"), by: .privacy)
            let gone = try await visitor.send(.post("\(path)/erasure"), by: .privacy)
            #expect(gone["state"]?.string == "erased" && gone["reason"] == nil, "\(gone.text)")
            let again = try await visitor.send(.post("\(path)/erasure"), by: .privacy)
            #expect(again.status == 200 && again["state"]?.string == "erased")
            #expect(try await visitor.get(path).problem == "not-found")
            #expect(try await visitor.get("\(path)/export").problem == "not-found")
            let revived = try await visitor.send(.post("/v1/patients", #"{"id":"\#(id)","name":"Some Body"}"#))
            #expect(revived.status == 412, "\(revived.text)")
            let standing = try await visitor.get("\(path)/retention", by: .privacy)
            #expect(standing["state"]?.string == "erased" && !standing.text.contains("twice"))
        }
    }
}
