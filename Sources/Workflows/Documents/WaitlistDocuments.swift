public import Notation
import People
import Scheduling

extension WaitlistRequest {
    public init(_ fields: Fields) {
        self.init(
            patient: fields.id("patient"), visitType: fields.id("visitType"), wantsOffers: fields.optionalBool("offers") ?? false)
        practitioners = Set(fields.optionalIDs("practitioners", count: 1...32))
        specialty = fields.optionalText("specialty", max: 64)
        locations = Set(fields.optionalIDs("locations", count: 1...32))
        let days = fields.texts(
            "weekdays", max: 9, count: 0...7, like: "a day of the week such as \"monday\"", { Weekday(rawValue: $0) != nil })
        weekdays = Set(days.compactMap { Weekday(rawValue: $0)?.number })
        minutes = fields.minutesOfDay()
        earliest = fields.optionalDay("earliest")
        latest = fields.optionalDay("latest")
        if let earliest, let latest, latest < earliest { fields.reject("latest", "must not be before earliest") }
        urgency = fields.optionalChoice("urgency", Urgency.self) ?? .routine
        quietHours = fields.quietHours()
    }
}

extension Fields {
    /// `from` and `to`, of which each alone goes to the end of the day.
    fileprivate func minutesOfDay() -> Range<Int>? {
        let before = problems.count
        let from = has("from") ? wallTime("from", in: 0...1435) : nil
        let to = has("to") ? wallTime("to", in: 5...1440) : nil
        if from == nil { _ = optionalText("from") }
        if to == nil { _ = optionalText("to") }
        guard from != nil || to != nil, problems.count == before else { return nil }
        guard from ?? 0 < to ?? 1440 else {
            reject("to", "must be after from")
            return nil
        }
        return (from ?? 0)..<(to ?? 1440)
    }

    fileprivate func quietHours() -> QuietHours? {
        guard has("quietHours") else {
            _ = object("quietHours") { $0.refuseUnknown() }
            return nil
        }
        let before = problems.count
        let times = object("quietHours") { fields in
            (from: fields.wallTime("from", in: 0...1435), to: fields.wallTime("to", in: 0...1435))
        }
        guard problems.count == before else { return nil }
        guard let times, let quiet = QuietHours(from: times.from, to: times.to) else {
            reject("quietHours", "must end at another time than they begin")
            return nil
        }
        return quiet
    }
}

extension WaitlistPlace {
    public var etag: String { "\"v\(version)\"" }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("patient", patient)
            json.member("visitType", entry.visitType)
            if !entry.practitioners.isEmpty { json.member("practitioners", entry.practitioners.sorted()) }
            json.member("specialty", entry.specialty)
            if !entry.locations.isEmpty { json.member("locations", entry.locations.sorted()) }
            if !entry.weekdays.isEmpty {
                json.member("weekdays", entry.weekdays.sorted().compactMap { Weekday(number: $0)?.rawValue })
            }
            json.member("from", entry.minutes.map { wallTimeText($0.lowerBound) })
            json.member("to", entry.minutes.map { wallTimeText($0.upperBound) })
            json.member("earliest", entry.earliest)
            json.member("latest", entry.latest)
            json.member("urgency", entry.urgency.rawValue)
            json.member("offers", entry.wantsOffers)
            if let quiet = entry.quietHours {
                json.name("quietHours")
                json.object { json in
                    json.member("from", wallTimeText(quiet.from))
                    json.member("to", wallTimeText(quiet.to))
                }
            }
            json.member("state", state.rawValue)
            json.member("since", entry.since)
            json.member("askedBy", askedBy)
            json.member("missedOffers", entry.missedOffers)
            json.member("offer", offer)
            json.member("endedAt", endedAt)
            json.member("version", version)
        }
    }
}

extension WaitlistOffer {
    /// - Parameter isExplained: also says why this person was asked, and how many others were not for which reason: for staff.
    public func write(to json: inout JSONWriter, isExplained: Bool) {
        json.object { json in
            json.member("id", id)
            json.member("state", state.rawValue)
            json.member("entry", recipient?.entry)
            json.member("patient", recipient?.patient)
            json.member("appointment", recipient?.appointment)
            json.member("visitType", time.visitType)
            json.member("practitioner", time.practitioner)
            json.member("location", time.location)
            json.member("start", time.visit.from)
            json.member("end", time.visit.to)
            json.member("offeredAt", at)
            json.member("until", recipient?.until)
            json.member("endedAt", endedAt)
            if isExplained {
                json.member("chain", chain)
                json.name("explanation")
                json.raw(Array(explanation.utf8))
            }
        }
    }
}
