public import Notation
public import Partners

public struct RecordsSettings: Sendable {
    /// `https://records.hospital.example/fhir`
    public var base: String
    /// Where tokens are given: `https://records.hospital.example/oauth/token`.
    public var tokens: String
    public var client: String
    public var secret: Personal<String>
    public var scope = "system/Appointment.read system/Appointment.write"
    /// The naming system of our identifiers: a URI of the clinic's.
    public var system: String

    public init(base: String, tokens: String, client: String, secret: Personal<String>, system: String) {
        self.base = base
        self.tokens = tokens
        self.client = client
        self.secret = secret
        self.system = system
    }
}

/// Appointments in a hospital's records, over FHIR R4's REST API.
public struct FHIRFormat: Sendable {
    public let settings: RecordsSettings

    public init(_ settings: RecordsSettings) { self.settings = settings }

    private static let type = "application/fhir+json"

    private var head: [(name: String, value: String)] { [("Accept", Self.type)] }

    private var written: [(name: String, value: String)] {
        head + [("Content-Type", Self.type), ("Prefer", "return=representation")]
    }

    /// `system|value`, for a query.
    private func token(_ identifier: EffectKey) -> String {
        "identifier=\(Form.encoded("\(settings.system)|\(identifier.text)"))"
    }

    // MARK: What is asked

    /// Conditional create (FHIR R4 §3.1.0.8.2): who has it already, makes no other.
    public func creating(_ appointment: RecordsAppointment) -> OutboundCall {
        OutboundCall(
            .post, "\(settings.base)/Appointment", headers: written + [("If-None-Exist", token(appointment.identifier))],
            body: body(appointment, id: nil))
    }

    /// Only over the version it was decided on (§3.1.0.5).
    public func updating(_ appointment: RecordsAppointment, at version: RecordsVersion) -> OutboundCall {
        OutboundCall(
            .put, "\(settings.base)/Appointment/\(Form.encoded(version.id))",
            headers: written + [("If-Match", "W/\"\(version.version)\"")], body: body(appointment, id: version.id))
    }

    public func finding(_ identifier: EffectKey) -> OutboundCall {
        OutboundCall(.get, "\(settings.base)/Appointment?\(token(identifier))&_count=2", headers: head)
    }

    /// Those with an identifier of our naming system (FHIR R4 §3.1.1.4.10, `system|`), in the order of their change. The next page is where they
    /// say it is, as long as that is in their own house.
    ///
    /// - Parameter after: the address of the next page.
    public func listing(since: Instant, after: String?) -> OutboundCall? {
        if let after {
            guard after.hasPrefix("\(settings.base)/") || after.hasPrefix("\(settings.base)?") else { return nil }
            return OutboundCall(.get, after, headers: head)
        }
        let system = Form.encoded("\(settings.system)|")
        return OutboundCall(
            .get,
            "\(settings.base)/Appointment?identifier=\(system)&_lastUpdated=\(Form.encoded("ge\(since)"))&_sort=_lastUpdated&_count=100",
            headers: head)
    }

    /// Client credentials (RFC 6749 §4.4).
    public var asking: OutboundCall {
        OutboundCall(
            .post, settings.tokens,
            headers: [OutboundCall.basic(Form.encoded(settings.client), settings.secret), OutboundCall.formType],
            body: Form.body([("grant_type", "client_credentials"), ("scope", settings.scope)]))
    }

    private func body(_ appointment: RecordsAppointment, id: String?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("resourceType", "Appointment")
            json.member("id", id)
            json.name("identifier")
            json.array { json in
                json.object { json in
                    json.member("system", settings.system)
                    json.member("value", appointment.identifier.text)
                }
            }
            json.member("status", appointment.status.rawValue)
            json.member("start", appointment.start)
            json.member("end", appointment.end)
            json.name("participant")
            json.array(of: appointment.participants) { json, reference in Self.write(reference, into: &json) }
        }
        return json.bytes
    }

    private static func write(_ reference: Personal<String>, into json: inout JSONWriter) {
        json.object { json in
            json.name("actor")
            json.object { $0.member("reference", reference.revealed) }
            json.member("status", "accepted")
        }
    }

    // MARK: What is answered

    public func created(_ answer: OutboundAnswer, now: Instant) -> Reading<RecordsVersion> {
        // More than one of them has our identifier: somebody has to look, and asking again changes nothing.
        if answer.status == 412 { return .refused("it has this appointment more than once (412)") }
        if let reading = Reading<RecordsVersion>.standard(answer, isRepeatable: true, now: now) { return reading }
        if let json = document(answer.body), let version = Self.version(json) { return .value(version) }
        return .garbled(isRepeatable: true)
    }

    public func updated(_ answer: OutboundAnswer, now: Instant) -> Reading<RecordsChange> {
        if answer.status == 412 || answer.status == 409 { return .value(.conflict) }
        if let reading = Reading<RecordsChange>.standard(answer, isRepeatable: true, now: now) { return reading }
        if let json = document(answer.body), let version = Self.version(json) { return .value(.changed(version)) }
        return .garbled(isRepeatable: true)
    }

    public func found(_ answer: OutboundAnswer, now: Instant) -> Reading<RecordsEntry?> {
        if let reading = Reading<RecordsEntry?>.standard(answer, isRepeatable: true, now: now) { return reading }
        guard let json = document(answer.body), json["resourceType"]?.string == "Bundle" else {
            return .garbled(isRepeatable: true)
        }
        let entries = json["entry"]?.array ?? []
        guard let first = entries.first else { return .value(nil) }
        guard entries.count == 1 else { return .refused("it has this appointment more than once") }
        guard let resource = first["resource"], let entry = entry(resource) else { return .garbled(isRepeatable: true) }
        return .value(entry)
    }

    /// One that is not in the order of its changes would have us go on behind what we have not seen.
    public func listed(_ answer: OutboundAnswer, now: Instant) -> Reading<Page<RecordsEntry>> {
        if let reading = Reading<Page<RecordsEntry>>.standard(answer, isRepeatable: true, now: now) { return reading }
        guard let json = document(answer.body), json["resourceType"]?.string == "Bundle" else {
            return .garbled(isRepeatable: true)
        }
        // A server may say something about the search itself beside what it has found.
        let resources = (json["entry"]?.array ?? []).compactMap { $0["resource"] }.filter {
            $0["resourceType"]?.string == "Appointment"
        }
        let entries = resources.compactMap { entry($0) }
        guard entries.count == resources.count, zip(entries, entries.dropFirst()).allSatisfy({ $0.changedAt <= $1.changedAt })
        else { return .garbled(isRepeatable: true) }
        let next = json["link"]?.array?.first { $0["relation"]?.string == "next" }?["url"]?.string
        return .value(Page(entries, next: next))
    }

    private func entry(_ json: JSON) -> RecordsEntry? {
        let ours = json["identifier"]?.array?.first { $0["system"]?.string == settings.system }
        guard let version = Self.version(json), let identifier = ours?["value"]?.string, identifier.utf8.count <= 128,
            let status = plainCode(json["status"]?.string), let changed = json["meta"]?["lastUpdated"]?.string,
            let changedAt = Instant(changed)
        else { return nil }
        let (start, end) = (json["start"]?.string, json["end"]?.string)
        return RecordsEntry(
            identifier: identifier, version: version, status: status, start: start.flatMap { Instant($0) },
            end: end.flatMap { Instant($0) }, changedAt: changedAt)
    }

    private static func version(_ json: JSON) -> RecordsVersion? {
        guard json["resourceType"]?.string == "Appointment", let id = json["id"]?.string, isID(id),
            let version = json["meta"]?["versionId"]?.string, isID(version)
        else { return nil }
        return RecordsVersion(id: id, version: version)
    }

    /// FHIR R4 §2.24.0.1.
    private static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46
            }
    }
}

/// Writes appointments into a hospital's records.
public struct RecordsConnector: RecordsSystem {
    public let way: WayOut
    private let format: FHIRFormat
    private let keeper: TokenKeeper

    /// - Parameter tokens: the way to whoever gives tokens, which may be another server.
    public init(_ settings: RecordsSettings, way: WayOut, tokens: WayOut, clock: any WallClock) {
        self.way = way
        let format = FHIRFormat(settings)
        self.format = format
        keeper = TokenKeeper(way: tokens, clock: clock) { _ in format.asking }
    }

    public func create(_ appointment: RecordsAppointment) async -> Ending<RecordsVersion> {
        let (format, now) = (format, way.now)
        return await keeper.ask(format.creating(appointment), by: way, isRepeatable: true) { format.created($0, now: now) }
    }

    /// Sent twice it is done once: the second meets the version that the first made, and is told `conflict`.
    public func update(_ appointment: RecordsAppointment, at version: RecordsVersion) async -> Ending<RecordsChange> {
        let (format, now) = (format, way.now)
        let call = format.updating(appointment, at: version)
        return await keeper.ask(call, by: way, isRepeatable: true) { format.updated($0, now: now) }
    }

    public func find(_ identifier: EffectKey) async -> Ending<RecordsEntry?> {
        let (format, now) = (format, way.now)
        return await keeper.ask(format.finding(identifier), by: way, isRepeatable: true) { format.found($0, now: now) }
    }

    public func changes(since: Instant, after: String?) async -> Ending<Page<RecordsEntry>> {
        let (format, now) = (format, way.now)
        guard let call = format.listing(since: since, after: after) else {
            return .later(after: nil, reason: "its next page is somewhere else")
        }
        return await keeper.ask(call, by: way, isRepeatable: true) { format.listed($0, now: now) }
    }
}
