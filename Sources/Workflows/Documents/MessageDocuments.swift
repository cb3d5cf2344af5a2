public import Letters
public import Notation
public import People
import Scheduling

extension PreferencesRequest {
    public init(_ fields: Fields) {
        let channels = fields.texts(
            "channels", max: 16, count: 0...Channel.allCases.count, like: "\"email\", \"sms\" or \"push\""
        ) {
            Channel(rawValue: $0) != nil
        }.compactMap(Channel.init(rawValue:))
        if Set(channels).count != channels.count { fields.reject("channels", "has one twice") }
        if !fields.has("channels") { fields.reject("channels", "is missing") }
        let quiet = fields.quietTimes()
        var consents: [Channel: Bool] = [:]
        _ = fields.object("consents") { part in
            for channel in Channel.allCases { consents[channel] = part.optionalBool(channel.rawValue) }
        }
        self.init(
            channels: channels, language: fields.optionalChoice("language"), quiet: quiet, zone: fields.optionalZone("zone"),
            consents: consents)
    }
}

extension Fields {
    /// `quietFrom` and `quietUntil`, which go together.
    func quietTimes() -> ContactPreferences.QuietHours? {
        let from = has("quietFrom") ? wallTime("quietFrom", in: 0...1435) : optionalInteger("quietFrom", in: 0...0)
        let until = has("quietUntil") ? wallTime("quietUntil", in: 0...1435) : optionalInteger("quietUntil", in: 0...0)
        if (from == nil) != (until == nil) { reject("quietUntil", "goes with quietFrom") }
        return from.flatMap { from in until.map { ContactPreferences.QuietHours(from: from, until: $0) } }
    }
}

extension ContactPreferences {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("patient", patient)
            json.member("channels", channels.map(\.rawValue))
            json.member("language", language?.rawValue)
            json.member("quietFrom", quiet.map { wallTimeText($0.from) })
            json.member("quietUntil", quiet.map { wallTimeText($0.until) })
            json.member("zone", zone)
            json.name("consents")
            json.object { json in
                for channel in Channel.allCases {
                    guard let consent = consents[channel] else { continue }
                    json.name(channel.rawValue)
                    json.object { json in
                        json.member("given", consent.isGiven)
                        json.member("by", consent.by)
                        json.member("at", consent.at)
                    }
                }
            }
            json.member("version", version)
        }
    }
}

extension Message {
    /// Where it went stands there masked: who looks whether a message went out needs no more, and the record has the rest.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            if let practitioner {
                json.member("practitioner", practitioner)
            } else {
                json.member("patient", patient)
            }
            json.member("appointment", appointment)
            json.member("kind", kind.rawValue)
            json.member("change", change?.rawValue)
            json.member("start", start)
            json.member("channel", channel?.rawValue)
            json.member("to", maskedAddress)
            json.member("language", language?.rawValue)
            json.member("state", state.rawValue)
            json.member("reason", reason?.rawValue)
            json.member("place", place)
            json.member("createdAt", createdAt)
            json.member("dueAt", dueAt)
            json.member("handedOverAt", handedAt)
            json.member("endedAt", endedAt)
            json.member("answer", answer?.answer.rawValue)
            json.member("answeredBy", answer?.by)
            json.member("answeredAt", answer?.at)
            json.member("settledBy", settlement?.by)
            json.member("settledAt", settlement?.at)
        }
    }
}

extension DelayAnnouncement {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("practitioner", practitioner)
            json.member("minutes", minutes)
            json.member("from", from)
            json.member("appointments", appointments)
        }
    }
}

extension MessageTemplate {
    /// What a clinic puts otherwise. What is left out stays as it usually is.
    ///
    /// - Parameter usual: in this language.
    public init(_ fields: Fields, otherwise usual: MessageTemplate) {
        func part(_ name: String, max: Int, _ usual: String) -> String {
            guard let text = fields.optionalText(name, max: max) else { return usual }
            if let flaw = MessageTemplate.flaw(of: text) { fields.reject(name, flaw) }
            return text
        }
        let subject = part("subject", max: MessageTemplate.subjectMaximum, usual.subject)
        if subject.contains(where: \.isNewline) { fields.reject("subject", "has a line break") }
        self.init(
            subject: subject, body: part("body", max: MessageTemplate.bodyMaximum, usual.body),
            text: part("text", max: MessageTemplate.textMaximum, usual.text))
    }
}

extension StoredTemplate {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("kind", kind.rawValue)
            json.member("language", language.rawValue)
            json.member("subject", template.subject)
            json.member("body", template.body)
            json.member("text", template.text)
            json.member("changedBy", changedBy)
            json.member("changedAt", changedAt)
        }
    }
}
