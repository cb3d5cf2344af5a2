public import Notation
public import Scheduling

// The clinic's records as JSON, one form for the API and for imports. Readers check what one record can tell about
// itself; what depends on other records is checked where they are known.

extension Location {
    public init(_ fields: Fields, id: ID<Location>, version: Int = 1) {
        self.init(
            id: id, name: fields.text("name"), zone: fields.zone("zone"), address: fields.optionalText("address", max: 300),
            version: version)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name)
            json.member("zone", zone)
            json.member("address", address)
        }
    }
}

extension Resource {
    public init(_ fields: Fields, id: ID<Resource>, kind: Kind, version: Int = 1) {
        let lanes = fields.optionalInteger("lanes", in: 1...64) ?? 1
        let offered = fields.optionalInteger("lanesOffered", in: 1...64) ?? lanes
        if offered > lanes { fields.reject("lanesOffered", "must not be more than lanes") }
        self.init(
            id: id, kind: kind, name: fields.text("name"), location: fields.id("location"), lanes: lanes,
            lanesOffered: min(offered, lanes),
            specialty: kind == .practitioner ? fields.text("specialty", max: 64) : nil,
            tags: kind == .practitioner ? [] : Set(fields.texts("tags", count: 0...32)),
            maximumPerDay: kind == .practitioner ? fields.optionalInteger("maximumPerDay", in: 1...288) : nil,
            provider: kind == .practitioner ? fields.calendar("provider") : nil,
            active: fields.optionalBool("active") ?? true, version: version)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name)
            json.member("location", location)
            json.member("lanes", lanes)
            json.member("lanesOffered", lanesOffered)
            json.member("specialty", specialty)
            if kind != .practitioner { json.member("tags", tags.sorted()) }
            json.member("maximumPerDay", maximumPerDay)
            json.member("provider", provider)
            json.member("active", active)
        }
    }
}

extension VisitType {
    public init(_ fields: Fields, id: ID<VisitType>, version: Int = 1) {
        let practitioners: [ID<Resource>] = fields.optionalIDs("practitioners", count: 1...500)
        let specialty = fields.optionalText("specialty", max: 64)
        if specialty == nil && practitioners.isEmpty {
            fields.reject("specialty", "is missing: name a specialty, or the practitioners who may do it")
        }
        self.init(
            id: id, name: fields.text("name"), durationMinutes: fields.minutes("durationMinutes", in: 5...1440),
            bufferBeforeMinutes: fields.optionalMinutes("bufferBeforeMinutes", in: 0...240) ?? 0,
            bufferAfterMinutes: fields.optionalMinutes("bufferAfterMinutes", in: 0...240) ?? 0, specialty: specialty,
            practitioners: Set(practitioners), roomTag: fields.optionalText("roomTag", max: 64),
            deviceTag: fields.optionalText("deviceTag", max: 64),
            patientsMaximum: fields.optionalInteger("patientsMaximum", in: 1...100) ?? 1,
            policy: fields.object("policy") { SchedulingPolicy($0) } ?? SchedulingPolicy(),
            price: fields.object("price") { Price($0) },
            active: fields.optionalBool("active") ?? true, version: version)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("name", name)
            json.member("durationMinutes", durationMinutes)
            json.member("bufferBeforeMinutes", bufferBeforeMinutes)
            json.member("bufferAfterMinutes", bufferAfterMinutes)
            json.member("specialty", specialty)
            if !practitioners.isEmpty { json.member("practitioners", practitioners.sorted()) }
            json.member("roomTag", roomTag)
            json.member("deviceTag", deviceTag)
            json.member("patientsMaximum", patientsMaximum)
            json.name("policy")
            policy.write(to: &json)
            if let price {
                json.name("price")
                price.write(to: &json)
            }
            json.member("active", active)
        }
    }
}

extension SchedulingPolicy {
    init(_ fields: Fields) {
        let usual = SchedulingPolicy()
        let grid = fields.optionalMinutes("startGridMinutes", in: 5...1440) ?? usual.startGridMinutes
        if grid == 0 || 1440 % grid != 0 { fields.reject("startGridMinutes", "must divide a day: 5, 10, 15, 20, 30, 60 …") }
        self.init(
            earliestNoticeMinutes: fields.optionalInteger("earliestNoticeMinutes", in: 0...525_600)
                ?? usual.earliestNoticeMinutes,
            latestHorizonDays: fields.optionalInteger("latestHorizonDays", in: 1...366) ?? usual.latestHorizonDays,
            cancellationCutoffMinutes: fields.optionalInteger("cancellationCutoffMinutes", in: 0...525_600)
                ?? usual.cancellationCutoffMinutes,
            startGridMinutes: grid, holdMinutes: fields.optionalInteger("holdMinutes", in: 1...1440) ?? usual.holdMinutes)
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("earliestNoticeMinutes", earliestNoticeMinutes)
            json.member("latestHorizonDays", latestHorizonDays)
            json.member("cancellationCutoffMinutes", cancellationCutoffMinutes)
            json.member("startGridMinutes", startGridMinutes)
            json.member("holdMinutes", holdMinutes)
        }
    }
}

extension WorkingHours {
    /// `zone` is the location's, for rules that name none.
    public init(_ fields: Fields, id: ID<WorkingHours>, resource: ID<Resource>, zone: String) {
        let from = fields.wallTime("from", in: 0...1435)
        let until = fields.optionalDay("effectiveUntil")
        let start = fields.optionalDay("effectiveFrom") ?? CalendarDay(number: 0)
        if let until, until < start { fields.reject("effectiveUntil", "must not be before effectiveFrom") }
        self.init(
            id: id, resource: resource, weekday: fields.choice("weekday", Weekday.self).number, fromMinute: from,
            toMinute: fields.wallTime("to", in: 5...1440), zone: fields.optionalZone("zone") ?? zone, effectiveFrom: start,
            effectiveUntil: until)
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("resource", resource)
            json.member("weekday", Weekday(number: weekday)?.rawValue)
            json.member("from", wallTimeText(fromMinute))
            json.member("to", wallTimeText(toMinute))
            json.member("zone", zone)
            json.member("effectiveFrom", effectiveFrom)
            json.member("effectiveUntil", effectiveUntil)
        }
    }
}

extension ScheduleException {
    public init(_ fields: Fields, id: ID<ScheduleException>, resource: ID<Resource>) {
        let from = fields.instant("from")
        let to = fields.instant("to")
        if from >= to { fields.reject("to", "must be after from") }
        self.init(
            id: id, resource: resource, kind: fields.choice("kind"), range: TimeRange(from: from, to: to),
            note: fields.optionalText("note", max: 500).map { Personal($0) })
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("resource", resource)
            json.member("kind", kind.rawValue)
            json.member("from", range.from)
            json.member("to", range.to)
            json.member("note", note?.revealed)
        }
    }
}

extension Holiday {
    public init(_ fields: Fields, id: ID<Holiday>, location: ID<Location>) {
        self.init(id: id, location: location, day: fields.day("day"), name: fields.text("name"))
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("location", location)
            json.member("day", day)
            json.member("name", name)
        }
    }
}
