import API
import Notation
import People
import Storage
import Testing
import Workflows

/// One key, one effect (MC-1; reliability.md §1). That every route replays byte for byte is in `EveryRoute`.
@Suite struct AKey {
    @Test func `stands for the content of a request, not for how it was written down`() async throws {
        try await inHouse { visitor in
            let start = visitor.house.newStart()
            let first = try await visitor.send(.post("/v1/appointments", Known.booking(at: start)), key: "k")
            for body in [
                #"{"start":"\#(start)","patients":["\#(Known.emma)"],"practitioner":"\#(Known.brandt)","visitType":"\#(Known.consultation)"}"#,
                #"  { "patients" : [ "\#(Known.emma)" ],\#n\#t"visitType":"\#(Known.consultation)" ,"start":"\#(start)","practitioner":"\#(Known.brandt)"}\#r\#n"#,
                #"{"st\u0061rt":"\#(start)","patients":["\#(Known.emma)"],"practitioner":"\#(Known.brandt)","visitType":"\#(Known.consultation)"}"#,
            ] {
                let again = try await visitor.send(.post("/v1/appointments", body), key: "k")
                #expect(again.isRepeat && again.body == first.body && again.status == 201)
            }
            #expect(
                try await visitor.send(.post("/v1/appointments", Known.booking(at: start)), key: "\"k\"").isRepeat,
                "as RFC 9651 writes a string")
        }
    }

    @Test func `used for another request is refused, whatever is different about it`() async throws {
        try await inHouse { visitor in
            let appointment = try await visitor.booked()
            let other = try await visitor.booked()
            let first = try await visitor.do("arrival", to: appointment.id, ifMatch: "\"v1\"", key: "k")
            #expect(first.status == 200)
            let rows = try await visitor.rows()
            for ask in [
                Ask.post("/v1/appointments/\(appointment.id)/arrival", nil, ifMatch: "\"v2\""),
                .post("/v1/appointments/\(appointment.id)/arrival"),
                .post("/v1/appointments/\(other.id)/arrival", nil, ifMatch: "\"v1\""),
                .post("/v1/appointments/\(appointment.id)/check-in", nil, ifMatch: "\"v1\""),
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart())),
            ] { #expect(try await visitor.send(ask, key: "k").problem == "idempotency-key-reused", "\(ask.path)") }
            #expect(try await visitor.rows() == rows)
        }
    }

    @Test func `belongs to its caller: another may use the same`() async throws {
        try await inHouse { visitor in
            for who in [Who.emma, .brandt, .desk, .admin] {
                let heard = try await visitor.send(
                    .post("/v1/appointments", Known.booking(at: visitor.house.newStart())), by: who, key: "k")
                #expect(heard.status == 201 && !heard.isRepeat)
            }
        }
    }

    @Test func `that is still being worked on says so, and answers when it is done`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            let gate = Gate()
            visitor.house.database.haunt(.held(gate))
            async let first = visitor.send(ask, key: "k")
            await gate.reached()
            let meanwhile = try await visitor.send(ask, key: "k")
            #expect(meanwhile.problem == "request-in-progress" && meanwhile[header: "Retry-After"] == "1")
            gate.open()
            #expect(try await first.status == 201)
            #expect(try await visitor.send(ask, key: "k").isRepeat)
        }
    }

    @Test func `is remembered for 72 hours and not a moment longer`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/patients", #"{"name":"New Patient"}"#)
            let first = try await visitor.send(ask, key: "k")
            visitor.house.clock.advance(by: .hours(72) - .milliseconds(1))
            #expect(try await visitor.send(ask, key: "k").body == first.body)
            visitor.house.clock.advance(by: .milliseconds(1))
            let later = try await visitor.send(ask, key: "k")
            #expect(later.status == 201 && !later.isRepeat && later.id != first.id)
        }
    }

    @Test func `past its time is swept away, a batch at a time`() async throws {
        try await inHouse { visitor in
            for _ in 0..<5 { try await visitor.send(.post("/v1/patients", #"{"name":"New Patient"}"#)) }
            #expect(try await visitor.house.clinic.forgetExpiredAnswers() == 0)
            visitor.house.clock.advance(by: .hours(73))
            #expect(try await visitor.house.clinic.forgetExpiredAnswers(limit: 3) == 3)
            #expect(try await visitor.house.clinic.forgetExpiredAnswers(limit: 3) == 2)
            #expect(try await visitor.count(of: "idempotency") == 0)
        }
    }

    @Test func `repeats a refusal too, also when it would be granted by now`() async throws {
        try await inHouse { visitor in
            let start = visitor.house.newStart()
            let taken = try await visitor.booked(at: start, for: [Known.noah])
            let ask = Ask.post("/v1/appointments", Known.booking(at: start))
            let refused = try await visitor.send(ask, key: "k")
            try await visitor.do("cancellation", to: taken.id)
            let again = try await visitor.send(ask, key: "k")
            #expect(refused.problem == "time-unavailable" && again.isRepeat && again.body == refused.body)
            #expect(again.headersBesidesTheRepeat == refused.headersBesidesTheRepeat)
            #expect(try await visitor.send(ask, key: "new").status == 201)
        }
    }

    @Test func `does not keep what was wrong with a request`() async throws {
        try await inHouse { visitor in
            let good = Known.booking(at: visitor.house.newStart())
            for (ask, who, headers) in [
                (Ask.post("/v1/appointments", "{"), Who.emma, [:]), (.post("/v1/appointments", "{}"), .emma, [:]),
                (.post("/v1/appointments", good), .noah, [:]),
                (.post("/v1/appointments", good), .emma, ["Content-Type": "text/plain"]),
            ] as [(Ask, Who, [String: String])] {
                let heard = try await visitor.send(ask, by: who, key: "k", headers: headers)
                #expect((400...415).contains(heard.status))
            }
            #expect(try await visitor.count(of: "idempotency") == 0)
            #expect(try await visitor.send(.post("/v1/appointments", good), by: .emma, key: "k").status == 201)
        }
    }

    @Test func `leaves no trace of a fault, so the same key can be tried again`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            for fault in [StorageFault.full, .overloaded, .statement("x"), .timedOut, .constraint("x")] {
                visitor.house.database.haunt(.writes(fault))
                #expect(try await visitor.send(ask, key: "k").status >= 500)
                visitor.house.database.haunt(.none)
                #expect(try await visitor.count(of: "idempotency") == 0)
            }
            let heard = try await visitor.send(ask, key: "k")
            #expect(heard.status == 201 && !heard.isRepeat)
        }
    }

    @Test func `finds the truth when nobody could say whether it was done`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            visitor.house.database.haunt(.afterCommit(StorageFault.outcomeUnknown))
            let lost = try await visitor.send(ask, key: "k")
            #expect(
                lost.problem == "outcome-unknown" && lost["retry"]?.string == "same-key" && lost[header: "Retry-After"] == "1")
            visitor.house.database.haunt(.none)
            let found = try await visitor.send(ask, key: "k")
            #expect(found.status == 201 && found.isRepeat)
            #expect(try await visitor.count(of: "appointment") == 1)
        }
    }

    @Test func `is no pass: who lost the permission is not handed the stored answer`() async throws {
        try await inHouse { visitor in
            let id = try await visitor.booked().id
            let ask = Ask.post("/v1/appointments/\(id)/rescheduling", #"{"start":"\#(visitor.house.newStart())"}"#)
            #expect(try await visitor.send(ask, by: .brandt, key: "k").status == 200)
            #expect(try await visitor.send(ask, by: .brandt, key: "k").isRepeat)
            let away = #"{"start":"\#(visitor.house.newStart())","practitioner":"\#(Known.keller)"}"#
            #expect(try await visitor.do("rescheduling", to: id, away).status == 200)
            let heard = try await visitor.send(ask, by: .brandt, key: "k")
            #expect(heard.problem == "not-found" && !heard.isRepeat)
        }
    }

    @Test func `of a token that lost its role is nobody's`() async throws {
        try await inHouse { visitor in
            let ask = Ask.post("/v1/appointments", Known.booking(at: visitor.house.newStart()))
            #expect(try await visitor.send(ask, by: .desk, key: "k").status == 201)
            let patientNow = try await visitor.house.tokens.issue(
                for: .init(role: .patient, subject: Who.desk.caller.subject), lasting: .hours(1))
            let heard = try await visitor.send(ask, by: nil, key: "k", headers: ["Authorization": "Bearer \(patientNow)"])
            #expect(heard.problem == "not-permitted")
        }
    }
}

/// The permanent layer: the client names the appointment, and that name says the same after the key is forgotten.
@Suite struct AClientsOwnIdentifier {
    private let id = "01957e5e-7d00-7abc-8def-0123456789ab"

    @Test func `is the appointment's, and the same again finds it`() async throws {
        try await inHouse { [id] visitor in
            let body = Known.booking(at: visitor.house.newStart(), more: #""id":"\#(id)""#)
            let first = try await visitor.send(.post("/v1/appointments", body))
            #expect(first.status == 201 && first.id == id && first[header: "Location"] == "/v1/appointments/\(id)")
            let again = try await visitor.send(.post("/v1/appointments", body))
            #expect(again.status == 200 && again.body == first.body && !again.isRepeat)
            visitor.house.clock.advance(by: .hours(100))
            #expect(try await visitor.send(.post("/v1/appointments", body)).status == 200)
            try await visitor.do("cancellation", to: id)
            #expect(
                try await visitor.send(.post("/v1/appointments", body))["state"]?.string == "cancelled",
                "it says what became of it")
            #expect(try await visitor.count(of: "appointment") == 1)
        }
    }

    @Test func `with other content is a collision`() async throws {
        try await inHouse { [id] visitor in
            let start = visitor.house.newStart()
            _ = try await visitor.booked(at: start, more: #""id":"\#(id)""#)
            for body in [
                Known.booking(at: visitor.house.newStart(), more: #""id":"\#(id)""#),
                Known.booking(at: start, for: [Known.noah], more: #""id":"\#(id)""#),
                Known.booking(at: start, more: #""id":"\#(id)","hold":true"#),
            ] { #expect(try await visitor.send(.post("/v1/appointments", body)).problem == "identifier-already-used") }
        }
    }

    @Test(arguments: [
        "01957e5e-7d00-4abc-8def-0123456789ab", "00000000-0000-0000-0000-000000000000", "7", "",
        "01957e5e7d007abc8def0123456789ab",
    ])
    func `must be a UUID of version 7`(id: String) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.send(
                .post("/v1/appointments", Known.booking(at: visitor.house.newStart(), more: #""id":"\#(id)""#)))
            #expect(heard.problem == "invalid-fields" && heard.pointers == ["#/id"])
        }
    }

    @Test func `two at once make one appointment`() async throws {
        try await inHouse { [id] visitor in
            let body = Known.booking(at: visitor.house.newStart(), more: #""id":"\#(id)""#)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await visitor.send(.post("/v1/appointments", body)).status } }
                return try await group.reduce(into: []) { $0.append($1) }.sorted()
            }
            #expect(statuses == [200, 200, 200, 200, 200, 200, 200, 201])
            #expect(try await visitor.count(of: "appointment") == 1)
        }
    }
}
