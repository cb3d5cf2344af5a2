import Notation
import Scheduling
import Testing
import Workflows

/// What can happen to an appointment, over HTTP.
@Suite struct AnAppointment {
    /// The words of the address for each transition, and its body.
    static let verbs: [(Transition, String, String?)] = [
        (.confirm, "confirmation", nil), (.arrive, "arrival", nil), (.checkIn, "check-in", nil), (.fulfil, "fulfilment", nil),
        (.cancel, "cancellation", "{}"), (.noShow, "no-show", nil), (.markError, "error-mark", #"{"note":"written twice"}"#),
        (.reschedule, "rescheduling", nil),
    ]

    @Test(arguments: AppointmentState.allCases) func `does from each state what the table of states says, and nothing else`(
        state: AppointmentState
    ) async throws {
        try await inHouse { visitor in
            for (transition, verb, body) in Self.verbs {
                let id = try await visitor.appointment(in: state)
                let body = transition == .reschedule ? #"{"start":"\#(visitor.house.newStart())"}"# : body
                let heard = try await visitor.do(verb, to: id, body)
                if let next = state.next(transition) {
                    #expect(heard.status == 200 && heard["state"]?.string == next.rawValue, "\(verb): \(heard.text)")
                } else {
                    #expect(
                        heard.problem == "transition-not-allowed" && heard["refusal"]?.string == "transitionNotAllowed",
                        "\(verb): \(heard.text)")
                    #expect(try await visitor.state(of: id) == state.rawValue)
                }
            }
        }
    }

    @Test func `held is confirmed by its patient before its five minutes are over (MC-5)`() async throws {
        try await inHouse { visitor in
            let held = try await visitor.held(by: .emma)
            #expect(held["state"]?.string == "pending" && held["heldUntil"]?.string == "2026-03-02T05:05:00Z")
            visitor.house.clock.advance(by: .minutes(5) - .milliseconds(1))
            let confirmed = try await visitor.do("confirmation", to: held.id, by: .emma)
            #expect(confirmed["state"]?.string == "booked" && confirmed["heldUntil"] == nil)
        }
    }

    @Test func `not confirmed in time gives its time back, whether somebody swept or not`() async throws {
        try await inHouse { visitor in
            let start = visitor.house.newStart()
            let held = try await visitor.held(at: start)
            visitor.house.clock.advance(by: .minutes(5))
            #expect(try await visitor.do("confirmation", to: held.id, by: .emma).problem == "hold-expired")
            try await visitor.house.deliver()
            let expired = try await visitor.get("/v1/appointments/\(held.id)")
            #expect(expired["state"]?.string == "cancelled" && expired["cancellation"]?["reason"]?.string == "expired")
            _ = try await visitor.booked(at: start, for: [Known.noah])
        }
    }

    @Test func `whose timer was lost is swept up`() async throws {
        try await inHouse { visitor async throws in
            let held = try await visitor.held()
            visitor.house.clock.advance(by: .minutes(5) + .seconds(10))
            #expect(try await visitor.house.clinic.sweepHolds() == 0, "the timer has ten seconds")
            visitor.house.clock.advance(by: .milliseconds(1))
            #expect(try await visitor.house.clinic.sweepHolds() == 1)
            #expect(try await visitor.state(of: held.id) == "cancelled")
        }
    }

    @Test func `is cancelled or moved by its patient until the cut-off, and by the desk after it`() async throws {
        try await inHouse { visitor in
            let (first, second, third) = (
                try await visitor.booked(at: "2026-03-10T09:00:00Z"), try await visitor.booked(at: "2026-03-10T10:00:00Z"),
                try await visitor.booked(at: "2026-03-10T11:00:00Z")
            )
            visitor.house.clock.advance(by: Instant("2026-03-09T09:00:00Z")! - visitor.house.clock.now)
            #expect(try await visitor.do("cancellation", to: first.id, by: .emma).status == 200, "exactly a day before")
            visitor.house.clock.advance(by: .hours(1) + .milliseconds(1))
            #expect(try await visitor.do("cancellation", to: second.id, by: .emma).problem == "cancellation-too-late")
            #expect(
                try await visitor.do("rescheduling", to: second.id, #"{"start":"2026-03-12T09:00:00Z"}"#, by: .emma).problem
                    == "cancellation-too-late")
            #expect(try await visitor.do("cancellation", to: second.id, by: .desk).status == 200)
            #expect(try await visitor.do("cancellation", to: third.id, by: .brandt).status == 200)
        }
    }

    @Test func `that is cancelled frees its time at once, for search and for booking`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked(at: "2026-03-10T09:00:00Z")
            #expect(try await visitor.isFree("2026-03-10T09:00:00Z") == false)
            try await visitor.do("cancellation", to: booked.id)
            #expect(try await visitor.isFree("2026-03-10T09:00:00Z"))
            _ = try await visitor.booked(at: "2026-03-10T09:00:00Z", for: [Known.noah])
        }
    }

    @Test func `moves in one step, also to another practitioner, and keeps its place when it cannot`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked(at: "2026-03-10T09:00:00Z")
            _ = try await visitor.booked(at: "2026-03-10T10:00:00Z", for: [Known.noah])
            let rows = try await visitor.count(of: "claim")
            #expect(
                try await visitor.do("rescheduling", to: booked.id, #"{"start":"2026-03-10T10:00:00Z"}"#).problem
                    == "time-unavailable")
            #expect(try await visitor.get("/v1/appointments/\(booked.id)").body == booked.body)
            let move = #"{"start":"2026-03-10T10:00:00Z","practitioner":"\#(Known.keller)"}"#
            let moved = try await visitor.do("rescheduling", to: booked.id, move)
            #expect(
                moved["practitioner"]?.string == Known.keller && moved["start"]?.string == "2026-03-10T10:00:00Z"
                    && moved["version"]?.integer == 2)
            #expect(try await visitor.isFree("2026-03-10T09:00:00Z"))
            #expect(try await visitor.count(of: "claim") == rows)
            let overlapping = try await visitor.do("rescheduling", to: booked.id, #"{"start":"2026-03-10T10:15:00Z"}"#)
            #expect(overlapping.status == 200, "it is never in its own way")
            #expect(
                try await visitor.get("/v1/appointments?patient=\(Known.emma)").items.first?["start"]?.string
                    == "2026-03-10T10:15:00Z")
        }
    }

    @Test func `keeps an audit of everything, in order, with who, what and under which request`() async throws {
        try await inHouse { visitor in
            let held = try await visitor.held(by: .emma)
            try await visitor.do("confirmation", to: held.id, by: .emma)
            try await visitor.send(
                .post("/v1/appointments/\(held.id)/rescheduling", #"{"start":"2026-03-14T09:00:00Z","overrideReason":"urgent"}"#),
                headers: ["X-Request-Id": "req-7"])
            try await visitor.do("arrival", to: held.id, by: .brandt)
            try await visitor.do("error-mark", to: held.id, #"{"note":"wrong person"}"#, by: .admin)
            let audit = try await visitor.get("/v1/appointments/\(held.id)/audit").items.filter { $0["toState"] != nil }
            #expect(
                audit.compactMap { $0["act"]?.string }
                    == ["held", "confirmed", "rescheduled", "arrived", "entered-in-error"].map { "appointment.\($0)" })
            #expect(audit.map { $0["fromState"]?.string } == [nil, "pending", "booked", "booked", "arrived"])
            #expect(audit.map { $0["toState"]?.string } == ["pending", "booked", "booked", "arrived", "entered-in-error"])
            #expect(
                audit.compactMap { $0["by"]?.string?.split(separator: ":").first } == [
                    "patient", "patient", "desk", "practitioner", "admin",
                ])
            #expect(audit[2]["reason"]?.string == "urgent" && audit[2]["requestId"]?.string == "req-7")
            #expect(audit[2]["overridden"]?.array?.compactMap(\.string) == ["outsideWorkingHours"])
            #expect(audit[4]["reason"]?.string == "wrong person")
        }
    }

    @Test func `tells its people: a notice each for patient and practitioner, once`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked()
            try await visitor.do("rescheduling", to: booked.id, #"{"start":"\#(visitor.house.newStart())"}"#)
            try await visitor.do("cancellation", to: booked.id)
            try await visitor.house.deliver()
            try await visitor.house.deliver()
            for who in [Who.emma, .brandt] {
                let notices = try await visitor.get("/v1/mailbox", by: who).items
                #expect(notices.compactMap { $0["kind"]?.string } == ["confirmation", "move", "cancellation"], "\(who)")
                #expect(notices.allSatisfy { $0["appointment"]?.string == booked.id })
            }
            #expect(try await visitor.get("/v1/mailbox", by: .noah).items.isEmpty)
        }
    }

    @Test func `reminds its patient a day and two hours before, and not after it was moved (MC-12)`() async throws {
        try await inHouse { visitor in
            let booked = try await visitor.booked(at: "2026-03-10T09:00:00Z")
            _ = try await visitor.booked(at: "2026-03-11T09:00:00Z", for: [Known.noah])
            try await visitor.do("rescheduling", to: booked.id, #"{"start":"2026-03-12T09:00:00Z"}"#)
            try await visitor.house.deliver()
            for _ in 0..<12 {
                visitor.house.clock.advance(by: .hours(24))
                try await visitor.house.deliver()
            }
            let reminders = try await visitor.get("/v1/mailbox?limit=100").items.filter { $0["kind"]?.string == "reminder" }
            #expect(
                reminders.filter { $0["recipient"]?.string == Known.emma }.map { $0["details"]?["start"]?.string }.allSatisfy {
                    $0 == "2026-03-12T09:00:00Z"
                })
            #expect(reminders.contains { $0["recipient"]?.string == Known.noah })
        }
    }
}

extension Visitor {
    /// A new appointment that has come to a state.
    fileprivate func appointment(in state: AppointmentState) async throws -> String {
        let path: [String] =
            switch state {
            case .pending, .booked: []
            case .arrived: ["arrival"]
            case .checkedIn: ["check-in"]
            case .fulfilled: ["arrival", "fulfilment"]
            case .cancelled: ["cancellation"]
            case .noshow: ["no-show"]
            case .enteredInError: ["error-mark"]
            }
        let id = try await (state == .pending ? held() : booked()).id
        for verb in path { try await self.do(verb, to: id, verb == "error-mark" ? #"{"note":"x"}"# : nil) }
        return id
    }

    /// Whether a search offers Dr. Brandt for a consultation at this time.
    func isFree(_ start: String, with practitioner: String = Known.brandt, visit: String = Known.consultation) async throws
        -> Bool
    {
        let end = Instant(start)! + .minutes(5)
        let path = "/v1/free-times?visitType=\(visit)&practitioner=\(practitioner)&from=\(start)&to=\(end)"
        return try await get(path).items.first?["start"]?.string == start
    }
}
