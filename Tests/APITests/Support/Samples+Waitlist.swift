import Notation
import Testing

extension Sample {
    /// Waiting for a visit, and visits that come again.
    static let waiting: [String: Sample] = [
        "joinWaitlist": Sample("ynnnyynn") { visitor in
            try await visitor.leaveWaitlist()
            return .post("/v1/waitlist", Known.waiting(for: Known.emma))
        },
        "listWaitlist": Sample("ynnnyynn") { _ in .get("/v1/waitlist?patient=\(Known.emma)") },
        "leaveWaitlist": Sample("yhhhyyhh") { .delete("/v1/waitlist/\(try await $0.waiting())") },
        "renewWaiting": Sample("yhhhyyhh") { .post("/v1/waitlist/\(try await $0.waiting())/renewal") },
        "changeWaitlistConsent": Sample("yhhhyyhh") {
            .put("/v1/waitlist/\(try await $0.waiting())/consent", waitingBodies["WaitlistConsent"]!, ifMatch: nil)
        },
        "listOffers": Sample("ynnnyynn") { _ in .get("/v1/waitlist-offers?patient=\(Known.emma)") },
        "acceptOffer": Sample("yhyhyyhh") { .post("/v1/waitlist-offers/\(try await $0.offered())/acceptance", "{}") },
        "declineOffer": Sample("yhyhyyhh") { .post("/v1/waitlist-offers/\(try await $0.offered())/refusal") },
        // One visit, so that it is at a time of its own; `SeriesTests` has longer ones.
        "bookSeries": Sample("ynynyynn") { .post("/v1/appointment-series", Known.series(at: $0.house.newStart())) },
        "readSeries": Sample("yhyhyyyh") { .get("/v1/appointment-series/\(try await $0.series().id)") },
        "readSeriesOfAppointment": Sample("yhyhyyyh") {
            .get("/v1/appointments/\(try await $0.series()["appointments"]?.array?.first?["id"]?.string ?? "")/series")
        },
        "cancelSeries": Sample("yhyhyynh") {
            .post("/v1/appointment-series/\(try await $0.series().id)/cancellation", #"{"scope":"all"}"#)
        },
        "rescheduleSeries": Sample("yhyhyynh") {
            .post(
                "/v1/appointment-series/\(try await $0.series().id)/rescheduling",
                #"{"scope":"all","start":"\#($0.house.newStart())"}"#)
        },
    ]

    static let waitingBodies: [String: String] = [
        "WaitlistRequest":
            #"{"patient":"\#(Known.emma)","visitType":"\#(Known.consultation)","practitioners":["\#(Known.brandt)"],"specialty":"general","locations":["\#(Known.river)"],"weekdays":["monday","friday"],"from":"09:00","to":"12:00","earliest":"2026-03-01","latest":"2026-12-31","urgency":"urgent","offers":true,"quietHours":{"from":"21:00","to":"07:00"}}"#,
        "WaitlistConsent": #"{"offers":false}"#,
        "SeriesRequest":
            #"{"visitType":"\#(Known.consultation)","practitioner":"\#(Known.brandt)","patients":["\#(Known.emma)"],"start":"2026-03-09T09:00:00Z","rule":"FREQ=WEEKLY;COUNT=4","exceptions":["2026-03-16"],"replacements":[{"day":"2026-03-23","start":"2026-03-23T10:00:00Z"}],"room":"\#(Known.room)","mode":"propose"}"#,
        "SeriesCancellation": #"{"scope":"following","appointment":"\#(Known.nobody)","reason":"desk","note":"called"}"#,
        "SeriesMove": #"{"scope":"this","appointment":"\#(Known.nobody)","start":"2026-03-09T09:00:00Z"}"#,
    ]
}

extension Known {
    static func waiting(for patient: String, more: String = "") -> String {
        #"{"patient":"\#(patient)","visitType":"\#(consultation)","offers":true\#(more.isEmpty ? "" : ",\(more)")}"#
    }

    static func series(at start: String, rule: String = "FREQ=DAILY;COUNT=1", more: String = "") -> String {
        booking(at: start, more: #""rule":"\#(rule)"\#(more.isEmpty ? "" : ",\(more)")"#)
    }
}

extension Visitor {
    /// Takes Emma off the list.
    func leaveWaitlist() async throws {
        var next: String? = ""
        while let cursor = next {
            let page = try await get(
                "/v1/waitlist?limit=200&patient=\(Known.emma)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"))
            for place in page.items where place["state"]?.string == "waiting" {
                let heard = try await send(.delete("/v1/waitlist/\(place["id"]?.string ?? "")"))
                try #require(heard.status == 200, "\(heard.text)")
            }
            next = page.next
        }
    }

    /// Emma waits, and has not waited before.
    func waiting() async throws -> String {
        try await leaveWaitlist()
        let heard = try await send(.post("/v1/waitlist", Known.waiting(for: Known.emma)))
        try #require(heard.status == 201, "\(heard.text)")
        return heard.id
    }

    /// A time that Lina gave back is held for Emma, who waits.
    func offered() async throws -> String {
        // It is early in the morning, and nobody is offered anything at night.
        let awake = #"{"channels":["email","sms","push"],"quietFrom":"00:00","quietUntil":"00:00"}"#
        let heard = try await send(.put("/v1/patients/\(Known.emma)/preferences", awake, ifMatch: nil))
        try #require(heard.status == 200, "\(heard.text)")
        _ = try await waiting()
        let given = try await booked(for: [Known.lina])
        try await self.do("cancellation", to: given.id, "{}")
        try await house.deliver()
        var (open, next): (String?, String?) = (nil, "")
        while let cursor = next {
            let page = try await get(
                "/v1/waitlist-offers?limit=200&patient=\(Known.emma)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"))
            open = page.items.last { $0["state"]?.string == "open" }?["id"]?.string ?? open
            next = page.next
        }
        return try #require(open, "nothing was offered")
    }

    /// A series of Emma's with Dr. Brandt.
    func series(_ rule: String = "FREQ=DAILY;COUNT=1") async throws -> Heard {
        let heard = try await send(.post("/v1/appointment-series", Known.series(at: house.newStart(), rule: rule)))
        try #require(heard.status == 201, "\(heard.text)")
        return heard
    }
}
