import Notation
import People
import Scheduling
import Workflows

/// Free times, and why there are none.
struct TimeRoutes {
    var routes: [Route] { [find, explain] }

    private var find: Route {
        Route(
            .get, "/v1/free-times", "findFreeTimes", "Free times of one practitioner, or the first of all who do the visit",
            query: [
                QueryParameter("visitType", "uuid", required: true, "What is to be booked"),
                QueryParameter("practitioner", "uuid", "Only with this practitioner"),
                QueryParameter("location", "uuid", "Only at this location"),
                QueryParameter("from", "date-time", "Starting at or after; the default is now"),
                QueryParameter("to", "date-time", "Starting before; the default is 90 days after from, the most 366"),
            ] + pageParameters, gives: "FreeTimePage", problems: [.unknownReference, .unsuitable]
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let search = search(fields, now: clinic.surroundings.clock.now)
            try fields.check()
            var answer = try clinic.freeTimes(search, for: exchange.caller).answer { $1.write(to: &$0) }
            answer.cacheControl = "private, no-cache"
            return answer
        }
    }

    private func search(_ fields: Fields, now: Instant) -> TimeSearch {
        let page = fields.page()
        let from = fields.optionalInstant("from") ?? now
        let to = fields.optionalInstant("to") ?? from + .days(90)
        if to <= from { fields.reject("to", "must be after from") }
        if to - from > .days(366) { fields.reject("to", "must be at most 366 days after from") }
        return TimeSearch(
            visitType: fields.id("visitType"), practitioner: fields.optionalID("practitioner"),
            location: fields.optionalID("location"), range: TimeRange(from: from, to: to), after: page.after, limit: page.limit)
    }

    private var explain: Route {
        Route(
            .get, "/v1/free-times/explanation", "explainTime", "Why a time cannot be had, for staff",
            query: [
                QueryParameter("visitType", "uuid", required: true, "What is to be booked"),
                QueryParameter("practitioner", "uuid", required: true, "With whom"),
                QueryParameter("start", "date-time", required: true, "When"),
                QueryParameter("patient", "uuid", "For whom"),
                QueryParameter("room", "uuid", "In which room"),
                QueryParameter("device", "uuid", "With which device"),
            ], gives: "Explanation"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let wish = Wish(
                visitType: fields.id("visitType"), practitioner: fields.id("practitioner"), start: fields.instant("start"),
                patients: fields.optionalID("patient", Participant.self).map { [$0] } ?? [], room: fields.optionalID("room"),
                device: fields.optionalID("device"))
            try fields.check()
            let objections = try await clinic.objections(to: wish, for: exchange.call)
            return Answer.json { json in
                json.object { json in
                    json.member("available", objections.isEmpty)
                    json.name("reasons")
                    json.array(of: objections) { json, refusal in
                        json.object { json in
                            json.member("refusal", refusal.rawValue)
                            json.member("detail", refusal.sentence)
                            json.member("canBeOverridden", refusal.canBeOverridden)
                        }
                    }
                }
            }
        }
    }
}
