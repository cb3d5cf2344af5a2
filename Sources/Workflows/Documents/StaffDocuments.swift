public import Letters
public import Notation
public import Scheduling

extension StaffContact {
    /// As somebody says it, as a whole; what is missing is not.
    public init(of practitioner: ID<Resource>, _ fields: Fields) {
        self.init(of: practitioner)
        phone = fields.optionalText("phone", max: 32).map { Personal($0) }
        if let phone, StaffContact.number(phone) == nil {
            fields.reject("phone", "must be a number with its country, such as +49 30 5550123")
        }
        email = fields.optionalText("email", max: 254).map { Personal($0) }
        if let email, MailAddress(email.revealed) == nil {
            fields.reject("email", "must be an e-mail address, such as anna@clinic.example")
        }
        var channels: [VisitChange: [Channel]] = [:]
        _ = fields.object("tell") { part in
            for change in VisitChange.asked { channels[change] = part.staffChannels(change.rawValue) }
        }
        let within = fields.optionalInteger("withinHours", in: StaffWishes.withinRange)
        wishes = StaffWishes(channels: channels, withinHours: within ?? StaffWishes.withinUsually)
        let wanted = wishes.channels.values.flatMap(\.self)
        if wanted.contains(.sms), !fields.has("phone") { fields.reject("phone", "is missing: text messages are asked for") }
        if wanted.contains(.email), !fields.has("email") { fields.reject("email", "is missing: mails are asked for") }
        language = fields.optionalChoice("language")
        quiet = fields.quietTimes()
        zone = fields.optionalZone("zone")
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("practitioner", practitioner)
            json.member("phone", phone?.revealed)
            json.member("email", email?.revealed)
            json.name("tell")
            json.object { json in
                for change in VisitChange.asked {
                    guard let channels = wishes.channels[change] else { continue }
                    json.member(change.rawValue, channels.map(\.rawValue))
                }
            }
            json.member("withinHours", wishes.withinHours)
            json.member("language", language?.rawValue)
            json.member("quietFrom", quiet.map { wallTimeText($0.from) })
            json.member("quietUntil", quiet.map { wallTimeText($0.until) })
            json.member("zone", zone)
            json.member("version", version)
        }
    }
}

extension Fields {
    fileprivate func staffChannels(_ name: String) -> [Channel] {
        let channels = texts(name, max: 16, count: 0...StaffWishes.channels.count, like: "\"sms\" or \"email\"") {
            Channel(rawValue: $0).map(StaffWishes.channels.contains) ?? false
        }.compactMap(Channel.init(rawValue:))
        if Set(channels).count != channels.count { reject(name, "has one twice") }
        return channels
    }
}
