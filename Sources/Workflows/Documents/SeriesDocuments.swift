public import Notation
public import People
import Scheduling

extension SeriesRequest {
    /// The body of `POST /v1/appointment-series`, but for its `mode`.
    public init(_ fields: Fields) {
        let text = fields.text("rule", max: 300)
        var rule = RecurrenceRule(.daily)
        do throws(RecurrenceFault) {
            if !text.isEmpty {
                rule = try RecurrenceRule(text)
                fields.check(rule)
            }
        } catch {
            fields.reject("rule", "is no rule of RFC 5545: \(error.description)")
        }
        var replacements: [CalendarDay: Instant] = [:]
        fields.objects("replacements") { one in
            let (day, start) = (one.day("day"), one.instant("start"))
            if replacements.updateValue(start, forKey: day) != nil { one.reject("day", "stands twice") }
        }
        if replacements.count > SeriesPlan.visitsAtMost {
            fields.reject("replacements", "must be a list of 0 to \(SeriesPlan.visitsAtMost) entries")
        }
        let plan = SeriesPlan(
            rule: rule, start: fields.instant("start"), exceptions: fields.days("exceptions", atMost: 366),
            replacements: replacements)
        self.init(
            visitType: fields.id("visitType"), practitioner: fields.id("practitioner"),
            patients: fields.ids("patients", count: 1...100), plan: plan, room: fields.optionalID("room"),
            device: fields.optionalID("device"))
    }
}

extension Fields {
    /// Visits come by days, and a series comes to its end.
    fileprivate func check(_ rule: RecurrenceRule) {
        switch rule.frequency {
        case .yearly, .monthly, .weekly, .daily: break
        case .hourly, .minutely, .secondly: reject("rule", "must come by days, weeks, months or years")
        }
        if rule.end == .never { reject("rule", "must end: with COUNT or UNTIL") }
    }

    /// Days that exist; empty when the member is absent.
    fileprivate func days(_ name: String, atMost: Int) -> Set<CalendarDay> {
        let words = texts(
            name, max: 10, count: 0...atMost, like: "a day that exists, such as 2026-03-01", { CalendarDay($0) != nil })
        return Set(words.compactMap { CalendarDay($0) })
    }
}

extension SeriesWithVisits {
    public var etag: String { "\"v\(series.version)\"" }

    /// A patient reads themself alone of those who take part.
    public func write(to json: inout JSONWriter, for caller: Caller) {
        json.object { json in
            json.member("id", series.id)
            json.member("visitType", series.visitType)
            json.member("practitioner", series.practitioner)
            json.member(
                "patients", caller.isStaff ? series.patients : series.patients.filter { caller.isPatient($0.of()) })
            json.member("rule", series.rule)
            json.member("start", series.start)
            json.member("zone", series.zone)
            json.member("exceptions", series.exceptions.map(\.description))
            json.member("createdBy", series.createdBy)
            json.member("createdAt", series.createdAt)
            json.member("version", series.version)
            json.name("appointments")
            json.array(of: visits) { $1.write(to: &$0, for: caller) }
        }
    }
}

extension SeriesProposal {
    /// Staff hear the rule; a patient hears only that the time cannot be had.
    public func write(to json: inout JSONWriter, for caller: Caller) {
        json.object { json in
            json.member("possible", isPossible)
            json.name("visits")
            json.array(of: visits) { json, visit in
                json.object { json in
                    json.member("number", visit.number)
                    json.member("start", visit.start)
                    json.member("available", visit.refusal == nil)
                    if caller.isStaff { json.member("refusal", visit.refusal?.rawValue) }
                    json.name("repairs")
                    json.array(of: visit.repairs) { $1.write(to: &$0) }
                }
            }
        }
    }
}
