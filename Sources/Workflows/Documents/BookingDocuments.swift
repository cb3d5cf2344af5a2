public import Notation
public import People
public import Scheduling

extension BookingRequest {
    /// The body of `POST /v1/appointments`. `content` is the digest of the body.
    public init(_ fields: Fields, content: [UInt8]) {
        let id = fields.optionalID("id", Appointment.self)
        if let id, id.version != 7 { fields.reject("id", "must be a UUID of version 7") }
        let hold = fields.optionalBool("hold") ?? false
        self.init(
            id: id, visitType: fields.id("visitType"), practitioner: fields.id("practitioner"), start: fields.instant("start"),
            patients: fields.ids("patients", count: 1...100), room: fields.optionalID("room"),
            device: fields.optionalID("device"),
            isHold: hold, overrideReason: fields.optionalText("overrideReason", max: 500).map { Personal($0) }, content: content)
    }
}

extension MoveRequest {
    public init(_ fields: Fields) {
        self.init(
            start: fields.instant("start"), practitioner: fields.optionalID("practitioner"), room: fields.optionalID("room"),
            device: fields.optionalID("device"),
            overrideReason: fields.optionalText("overrideReason", max: 500).map { Personal($0) })
    }
}

extension Appointment {
    public var etag: String { "\"v\(version)\"" }

    /// Staff read all of it, but for what was written in words where the role does not need it. A patient reads neither why a rule was
    /// set aside, nor who else takes part.
    public func write(to json: inout JSONWriter, for caller: Caller) {
        json.object { json in
            json.member("id", id)
            json.member("state", state.rawValue)
            json.member("visitType", visitType)
            json.member("practitioner", practitioner)
            json.member("room", room)
            json.member("device", device)
            json.member("location", location)
            json.member("patients", caller.isStaff ? patients : patients.filter { caller.isPatient($0.of()) })
            json.member("start", visit.from)
            json.member("end", visit.to)
            json.member("heldUntil", heldUntil)
            if let cancellation {
                json.name("cancellation")
                json.object { json in
                    json.member("by", cancellation.by)
                    json.member("at", cancellation.at)
                    json.member("reason", cancellation.reason.rawValue)
                }
            }
            if caller.isStaff, let external {
                json.name("externalConfirmation")
                external.write(to: &json)
            }
            if caller.may(.readFreeText) { json.member("overrideReason", overrideReason?.revealed) }
            json.member("createdAt", createdAt)
            json.member("updatedAt", updatedAt)
            json.member("version", version)
        }
    }
}

extension ExternalConfirmation {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("provider", provider)
            json.member("requestId", requestID)
            json.member("state", state.rawValue)
            json.member("attempts", attempts)
            json.member("lastAnswer", lastAnswer)
            json.member("askedUntil", askedUntil)
            json.member("updatedAt", updatedAt)
        }
    }
}

extension FreeTime {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("start", start)
            json.member("end", end)
            json.member("practitioner", practitioner)
            json.member("room", room)
            json.member("device", device)
            json.member("location", location)
        }
    }
}

extension AuditEntry {
    /// - Parameter namingSubject: also says what it is about, where that is not clear from where it stands.
    public func write(to json: inout JSONWriter, namingSubject: Bool = false) {
        json.object { json in
            if namingSubject { json.member("subject", subject) }
            json.member("id", id)
            json.member("at", at)
            json.member("by", by)
            json.member("act", act)
            json.member("fromState", fromState?.rawValue)
            json.member("toState", toState?.rawValue)
            json.member("reason", reason?.revealed)
            if !overridden.isEmpty { json.member("overridden", overridden) }
            json.member("requestId", requestID)
            circumstances?.write(to: &json)
        }
    }
}

extension AuditEntry.Circumstances {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("role", role?.rawValue)
        json.member("purpose", purpose.rawValue)
        json.member("address", address)
        json.member("operation", operation)
        json.member("outcome", outcome)
        if !patients.isEmpty { json.member("patients", patients) }
        json.member("query", query)
    }
}

extension Notice {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("recipient", recipient)
            json.member("recipientRole", recipientRole.rawValue)
            json.member("kind", kind.rawValue)
            json.member("appointment", appointment)
            json.member("at", at)
            json.name("details")
            json.raw(Array(payload.utf8))
        }
    }
}
