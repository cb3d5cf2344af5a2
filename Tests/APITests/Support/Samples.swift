import Notation
import Testing

/// One good request for each operation of the API, and who may make it. A route without a sample fails the tests that go
/// through all of them, so nobody can forget to say who may use a new one.
struct Sample: Sendable {
    /// For Emma (whose appointment it is), Noah (another patient), Dr. Brandt (whose calendar it is), Dr. Keller (another
    /// practitioner), the desk, an admin, billing, the privacy officer: `y` may, `n` is told 403, `h` is told 404, because it is hidden from them; `c` may, but
    /// things are not so that it can be done (409); `i` may, but what it says does not fit who they are (400).
    let allowed: String
    /// Prepares what the request is about, and gives the request. Each time about something of its own.
    let ask: @Sendable (Visitor) async throws -> Ask

    init(_ allowed: String, _ ask: @escaping @Sendable (Visitor) async throws -> Ask) {
        self.allowed = allowed
        self.ask = ask
    }

    func mark(for who: Who) -> Character { Array(allowed)[Who.allCases.firstIndex(of: who)!] }

    static let all: [String: Sample] = appointments.merging(directory) { $1 }.merging(hours) { $1 }.merging(others) { $1 }
        .merging(sessions) { $1 }.merging(letters) { $1 }.merging(services) { $1 }.merging(pages) { $1 }.merging(rights) { $1 }
        .merging(deadLetters) { $1 }
        .merging(messages) { $1 }
        .merging(money) { $1 }
        .merging(waiting) { $1 }
        .merging(webhooks) { $1 }

    // MARK: Appointments

    private static let appointments: [String: Sample] = [
        "bookAppointment": Sample("ynynyynn") { .post("/v1/appointments", Known.booking(at: $0.house.newStart())) },
        "listAppointments": Sample("ynnnyyyn") { _ in .get("/v1/appointments?patient=\(Known.emma)") },
        "readAppointment": Sample("yhyhyyyh") { .get("/v1/appointments/\(try await $0.booked().id)") },
        "auditAppointment": Sample("nhyhyyny") { .get("/v1/appointments/\(try await $0.booked().id)/audit") },
        "confirmAppointment": Sample("yhyhyynh") { .post("/v1/appointments/\(try await $0.held().id)/confirmation", "{}") },
        "cancelAppointment": Sample("yhyhyynh") { .post("/v1/appointments/\(try await $0.booked().id)/cancellation", "{}") },
        "rescheduleAppointment": Sample("yhyhyynh") {
            .post("/v1/appointments/\(try await $0.booked().id)/rescheduling", #"{"start":"\#($0.house.newStart())"}"#)
        },
        "arriveAppointment": Sample("nhyhyynh") { .post("/v1/appointments/\(try await $0.booked().id)/arrival") },
        "checkInAppointment": Sample("nhyhyynh") { .post("/v1/appointments/\(try await $0.booked().id)/check-in") },
        "fulfilAppointment": Sample("nhyhyynh") {
            let id = try await $0.booked().id
            try await $0.do("arrival", to: id)
            return .post("/v1/appointments/\(id)/fulfilment")
        },
        "missAppointment": Sample("nhyhyynh") { .post("/v1/appointments/\(try await $0.booked().id)/no-show") },
        "markAppointmentAsError": Sample("nnnnyynn") {
            .post("/v1/appointments/\(try await $0.booked().id)/error-mark", #"{"note":"written twice"}"#)
        },
    ]

    // MARK: Directory

    private static let collections = [
        ("locations", "Location", Known.river, #"{"name":"Annex","zone":"Europe/Berlin"}"#),
        (
            "practitioners", "Practitioner", Known.brandt,
            #"{"name":"Dr. New","location":"\#(Known.river)","specialty":"general"}"#
        ),
        ("rooms", "Room", Known.room, #"{"name":"Room 9","location":"\#(Known.river)","tags":["examination"]}"#),
        ("devices", "Device", Known.ultrasound, #"{"name":"Device 9","location":"\#(Known.river)","tags":["ultrasound"]}"#),
        ("visit-types", "VisitType", Known.scan, #"{"name":"Long scan","durationMinutes":40,"specialty":"general"}"#),
    ]

    private static let directory: [String: Sample] = collections.reduce(into: [:]) { samples, one in
        let (name, schema, id, body) = one
        samples["list\(schema)s"] = Sample("yyyyyyyy") { _ in .get("/v1/\(name)") }
        samples["read\(schema)"] = Sample("yyyyyyyy") { _ in .get("/v1/\(name)/\(id)") }
        samples["create\(schema)"] = Sample("nnnnnynn") { _ in .post("/v1/\(name)", body) }
        samples["replace\(schema)"] = Sample("nnnnnynn") { visitor in
            let made = try await visitor.send(.post("/v1/\(name)", body), by: .admin)
            return .put("/v1/\(name)/\(made.id)", body, ifMatch: made.etag)
        }
    }

    // MARK: Hours

    private static let hours: [String: Sample] = part(
        "WorkingHours", "/v1/resources/\(Known.brandt)/working-hours", #"{"weekday":"saturday","from":"09:00","to":"12:00"}"#,
        seenBy: "yyyyyyyy", changedBy: "nnynyynn"
    ).merging(
        part(
            "ScheduleException", "/v1/resources/\(Known.brandt)/exceptions",
            #"{"kind":"leave","from":"2026-08-01T00:00:00Z","to":"2026-08-02T00:00:00Z","note":"away"}"#,
            seenBy: "nnyyyynn", changedBy: "nnynyynn")
    ) { $1 }.merging(
        part(
            "Holiday", "/v1/locations/\(Known.river)/holidays", #"{"day":"2026-12-25","name":"Christmas Day"}"#,
            seenBy: "yyyyyyyy", changedBy: "nnnnnynn")
    ) { $1 }

    private static func part(
        _ schema: String, _ path: String, _ body: String, seenBy: String, changedBy: String
    ) -> [String: Sample] {
        [
            "list\(schema.hasSuffix("s") ? schema : schema + "s")": Sample(seenBy) { _ in .get(path) },
            "add\(schema)": Sample(changedBy) { _ in .post(path, body) },
            "remove\(schema)": Sample(changedBy) { visitor in
                let added = try await visitor.send(.post(path, body), by: .admin)
                return .delete("\(path)/\(added.items.last?["id"]?.string ?? "")")
            },
        ]
    }

    // MARK: The others

    private static let others: [String: Sample] = [
        "findFreeTimes": Sample("yyyyyyyy") { _ in .get("/v1/free-times?visitType=\(Known.consultation)") },
        "explainTime": Sample("nnynyynn") {
            .get(
                "/v1/free-times/explanation?visitType=\(Known.consultation)&practitioner=\(Known.brandt)&start=\($0.house.newStart())"
            )
        },
        "listSpecialties": Sample("yyyyyyyy") { _ in .get("/v1/specialties") },
        "createPatient": Sample("nnnnyynn") { _ in .post("/v1/patients", #"{"name":"New Patient"}"#) },
        "readPatient": Sample("yhyhyyyh") {
            _ = try await $0.booked()
            return .get("/v1/patients/\(Known.emma)")
        },
        "findPatients": Sample("nnnnyyny") { _ in .get("/v1/patients?identifier=P-1") },
        "exportPatient": Sample("yhhhyyhh") { _ in .get("/v1/patients/\(Known.emma)/export") },
        "replacePatient": Sample("nnnnyynn") { visitor in
            let made = try await visitor.send(.post("/v1/patients", #"{"name":"New Patient"}"#))
            return .put("/v1/patients/\(made.id)", #"{"name":"Newer Patient"}"#, ifMatch: made.etag)
        },
        "breakGlass": Sample("nnyyynnn") { _ in
            .post("/v1/patients/\(Known.emma)/emergency-access", #"{"reason":"unconscious","password":"\#(Known.passwordText)"}"#)
        },
        "listEmergencyAccesses": Sample("nnnnnyny") { _ in .get("/v1/emergency-accesses") },
        "endEmergencyAccess": Sample("hhyhhyhy") { .delete("/v1/emergency-accesses/\(try await $0.glassBroken().id)") },
        "reviewEmergencyAccess": Sample("nnnnnyny") {
            .post("/v1/emergency-accesses/\(try await $0.glassBroken().id)/review", #"{"verdict":"justified"}"#)
        },
        "hearOfPayment": Sample("yyyyyyyy") { visitor in
            let body = SignedDesk.event("evt_sample")
            var ask = Ask.post("/v1/incoming/payments", body)
            ask.headers = ["Stripe-Signature": SignedDesk.signature(of: body, at: visitor.house.clock.now)]
            return ask
        },
        "hearOfText": Sample("yyyyyyyy") { _ in
            var ask = Ask.form("/v1/incoming/texts", ["MessageSid": "SM0", "MessageStatus": "sent"])
            ask.headers = [
                "X-Twilio-Signature": SignedTexts.signature(of: [("MessageSid", "SM0"), ("MessageStatus", "sent")])
            ]
            return ask
        },
        "readMailbox": Sample("ynnnyynn") { _ in .get("/v1/mailbox?recipient=\(Known.emma)") },
        "live": open("/health/live"), "ready": open("/health/ready"), "health": open("/health"), "metrics": open("/metrics"),
        "securityText": open("/.well-known/security.txt"),
        "listProblems": open("/problems"), "readProblem": open("/problems/not-found"), "openAPI": open("/openapi.json"),
    ]

    private static func open(_ path: String) -> Sample { Sample("yyyyyyyy") { _ in .get(path) } }

    // MARK: Sessions

    private static let sessions: [String: Sample] = [
        "signIn": Sample("yyyyyyyy") { _ in .post("/v1/sessions", Known.credentials(.emma)) },
        "continueSession": Sample("yyyyyyyy") {
            let grant = try await $0.signedIn(.emma)
            return .post("/v1/session-continuations", #"{"refreshToken":"\#(grant["refreshToken"]?.string ?? "")"}"#)
        },
        "actAs": Sample("iiiiiyii") { _ in .post("/v1/session/role", #"{"role":"admin"}"#) },
        "startSignOn": Sample("yyyyyyyy") { _ in .get("/v1/oidc/hospital/start") },
        // What comes before it is the provider's affair; `SignOnTests` goes the whole way.
        "finishSignOn": Sample("hhhhhhhh") { _ in .get("/v1/oidc/nowhere/callback") },
        "listSessions": Sample("yyyyyyyy") { _ in .get("/v1/sessions") },
        "endSession": Sample("hhhhhyhh") { .delete("/v1/sessions/\(try await $0.signedIn(.admin)["session"]?.string ?? "")") },
        "proposeSecondFactor": Sample("yyyyyyyy") { _ in .post("/v1/second-factor", #"{"password":"\#(Known.passwordText)"}"#) },
        // What comes before it is the caller's own affair; `SessionTests` goes the whole way.
        "confirmSecondFactor": Sample("cccccccc") { _ in .post("/v1/second-factor/confirmation", #"{"code":"000000"}"#) },
        "removeSecondFactor": Sample("cccccccc") { _ in
            .post("/v1/second-factor/removal", #"{"password":"\#(Known.passwordText)","code":"000000"}"#)
        },
        "changePassword": Sample("yyyyyyyy") { _ in
            .put(
                "/v1/password", #"{"oldPassword":"\#(Known.passwordText)","newPassword":"\#(Known.passwordText)"}"#, ifMatch: nil)
        },
    ]

    /// Every field of every body, filled in: what the tests of single fields start from.
    static let fullBodies: [String: String] = someBodies.merging(waitingBodies) { $1 }.merging(webhookBodies) { $1 }
    private static let someBodies: [String: String] = [
        "BookingRequest":
            #"{"id":"01900000-0000-7000-8000-00000000beef","visitType":"\#(Known.consultation)","practitioner":"\#(Known.brandt)","start":"2026-03-09T09:00:00Z","patients":["\#(Known.emma)"],"room":"\#(Known.room)","hold":false,"overrideReason":"asked for"}"#,
        "MoveRequest":
            #"{"start":"2026-03-09T09:00:00Z","practitioner":"\#(Known.brandt)","room":"\#(Known.room)","overrideReason":"asked for"}"#,
        "ConfirmationRequest": #"{"unpaidReason":"pays at the counter"}"#,
        "CancellationRequest": #"{"reason":"desk","note":"called"}"#,
        "ErrorMarkRequest": #"{"note":"written twice"}"#,
        "SignInRequest":
            #"{"login":"emma@clinic.example","password":"\#(Known.passwordText)","role":"patient","code":"000000","device":"phone","as":"bearer"}"#,
        "EmergencyRequest": #"{"reason":"unconscious","password":"\#(Known.passwordText)"}"#,
        "EmergencyReview": #"{"verdict":"justified","note":"looked into it"}"#,
        "RoleChoice": #"{"role":"admin"}"#,
        "CorrectionRequest":
            #"{"field":"email","says":"someone@example.org","shouldSay":"emma@example.org","statement":"I have moved"}"#,
        "CorrectionDenial": #"{"basis":"accurate-and-complete","reason":"It is right as it is"}"#,
        "CorrectionExtension": #"{"reason":"The register is closed"}"#, "Disagreement": #"{"disagreement":"It is not"}"#,
        "ClosingRequest": #"{"reason":"moved away","cancelAppointments":true}"#, "Reason": #"{"reason":"a lawsuit"}"#,
        "LegacyPhase": #"{"phase":"off","despite":"looked at each of them"}"#, "LegacyShare": #"{"percent":3}"#,
        "DeadLetterFilter":
            #"{"topic":"appointment.event","diedFrom":"2026-03-01T00:00:00Z","diedBefore":"2027-03-01T00:00:00Z"}"#,
        "DeadLetterDiscarding":
            #"{"topic":"appointment.event","diedFrom":"2026-03-01T00:00:00Z","diedBefore":"2027-03-01T00:00:00Z","reason":"told by telephone"}"#,
        "PreferencesRequest":
            #"{"channels":["sms","email"],"language":"de","quietFrom":"22:00","quietUntil":"06:30","zone":"Europe/Berlin","consents":{"email":true,"sms":true}}"#,
        "RefundRecord":
            #"{"amount":1000,"way":"provider","providerRefund":"re_by_hand","givenAt":"2026-03-01T10:00:00Z","instead":"\#(Known.nobody)","reason":"asked for it"}"#,
        "StaffContactRequest":
            #"{"phone":"+49 30 5550123","email":"brandt@clinic.example","tell":{"created":["sms","email"],"confirmed":["sms"],"cancelled":["sms"],"moved":["email"]},"withinHours":48,"language":"de","quietFrom":"22:00","quietUntil":"06:30","zone":"Europe/Berlin"}"#,
        "DeviceRegistration": #"{"platform":"android","token":"registration-1","name":"phone","language":"de"}"#,
        "DelayRequest": #"{"minutes":20,"from":"2026-03-02T09:00:00Z"}"#,
        "MessageTemplateRequest": #"{"subject":"{{clinic}}","body":"On {{day}}","text":"At {{time}}"}"#,
        "MessagePreviewRequest":
            #"{"kind":"reminder","language":"de","override":{"subject":"{{clinic}}","body":"On {{day}}","text":"At {{time}}"}}"#,
        "PasswordResetRequest": #"{"email":"emma@clinic.example"}"#,
        "TokenRequest":
            #"{"grant_type":"client_credentials","scope":"system/Slot.s","client_id":"\#(Known.nobody)","client_secret":"mcs_00","client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer","client_assertion":"a.b.c"}"#,
        "ServiceRequest":
            #"{"id":"\#(Known.nobody)","name":"Laboratory","scopes":["system/Appointment.rs","system/*.s"],"jwks":{"keys":[\#(Known.publicKey)]}}"#,
        "RotationRequest": #"{"overlapMinutes":60}"#,
        "Nothing": "{}", "LetterCode": #"{"code":"mcl_00"}"#,
        "InvitationRequest": #"{"email":"new@clinic.example","role":"patient","subject":"\#(Known.lina)","language":"de"}"#,
        "EmailChangeRequest": #"{"email":"new@clinic.example","password":"\#(Known.passwordText)","code":"000000"}"#,
        "NewPassword": #"{"code":"mcl_00","newPassword":"\#(Known.passwordText)"}"#,
        "PasswordProof": #"{"password":"\#(Known.passwordText)"}"#, "CodeProof": #"{"code":"000000"}"#,
        "FullProof": #"{"password":"\#(Known.passwordText)","code":"000000"}"#,
        "ContinuationRequest": #"{"refreshToken":"mcr_00"}"#,
        "PasswordChange": #"{"oldPassword":"\#(Known.passwordText)","newPassword":"\#(Known.passwordText)"}"#,
        "Location": #"{"id":"\#(Known.nobody)","name":"Annex","zone":"Europe/Berlin","address":"Street 1"}"#,
        "Practitioner":
            #"{"id":"\#(Known.nobody)","name":"Dr. New","location":"\#(Known.river)","specialty":"general","lanes":2,"lanesOffered":1,"maximumPerDay":9,"provider":"north","active":true}"#,
        "Room": place, "Device": place,
        "VisitType":
            #"{"id":"\#(Known.nobody)","name":"Visit","durationMinutes":20,"bufferBeforeMinutes":5,"bufferAfterMinutes":5,"specialty":"general","practitioners":["\#(Known.brandt)"],"roomTag":"a","deviceTag":"b","patientsMaximum":2,"policy":{"earliestNoticeMinutes":60,"latestHorizonDays":90,"cancellationCutoffMinutes":60,"startGridMinutes":15,"holdMinutes":5},"price":{"amount":4500,"currency":"eur","taxRate":1900,"refunds":[{"hoursBefore":24,"percent":100}]},"active":true}"#,
        "WorkingHours":
            #"{"id":"\#(Known.nobody)","weekday":"sunday","from":"09:00","to":"12:00","zone":"Europe/Berlin","effectiveFrom":"2026-01-01","effectiveUntil":"2027-01-01"}"#,
        "ScheduleException":
            #"{"id":"\#(Known.nobody)","kind":"leave","from":"2026-08-01T00:00:00Z","to":"2026-08-02T00:00:00Z","note":"away"}"#,
        "Holiday": #"{"id":"\#(Known.nobody)","day":"2026-12-25","name":"Christmas Day"}"#,
        "Patient":
            #"{"id":"\#(Known.nobody)","name":"New Patient","birthDate":"2019-05-31","email":"new@example.org","phone":"+49 30 1","recordNumber":"P-1"}"#,
    ]
    private static let place =
        #"{"id":"\#(Known.nobody)","name":"Place","location":"\#(Known.river)","tags":["a"],"lanes":2,"lanesOffered":1,"active":true}"#
}
