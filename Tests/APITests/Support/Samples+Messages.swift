import Identity
import Letters
import Notation
import People
import Scheduling
import Storage
import Testing
import Workflows

extension Sample {
    /// How patients are reached, and what they answer.
    static let messages: [String: Sample] = [
        "readPreferences": Sample("yhhhyyhh") { _ in .get("/v1/patients/\(Known.emma)/preferences") },
        "setPreferences": Sample("yhhhyyhh") { _ in
            .put("/v1/patients/\(Known.emma)/preferences", fullBodies["PreferencesRequest"]!, ifMatch: nil)
        },
        "listMessages": Sample("yhhhyyhh") { _ in .get("/v1/patients/\(Known.emma)/messages") },
        "registerPatientDevice": Sample("yhhhyyhh") { visitor in
            .post("/v1/patients/\(Known.emma)/devices", Known.device(visitor.newRegistration()))
        },
        "listPatientDevices": Sample("yhhhyyhh") { _ in .get("/v1/patients/\(Known.emma)/devices") },
        "forgetPatientDevice": Sample("yhhhyyhh") { visitor in
            let device = try await visitor.send(
                .post("/v1/patients/\(Known.emma)/devices", Known.device(visitor.newRegistration())))
            return .delete("/v1/patients/\(Known.emma)/devices/\(device.id)")
        },
        "listCallRequests": Sample("nnnnyynn") { _ in .get("/v1/call-requests") },
        "completeCallRequest": Sample("nnnnyynn") { visitor in
            let asked = try await visitor.reminded()
            _ = try await visitor.house.accounts.messages.answer(code: asked.answer, .call, request: "test")
            return .post("/v1/call-requests/\(asked.id)/completion")
        },
        "announceDelay": Sample("nnynyynn") { _ in
            .post("/v1/practitioners/\(Known.brandt)/delay", #"{"minutes":20}"#)
        },
        "readPractitionerContact": Sample("nnynnynn") { _ in .get("/v1/practitioners/\(Known.brandt)/contact") },
        "setPractitionerContact": Sample("nnynnynn") { _ in
            .put("/v1/practitioners/\(Known.brandt)/contact", fullBodies["StaffContactRequest"]!, ifMatch: nil)
        },
        "listPractitionerMessages": Sample("nnynnynn") { _ in .get("/v1/practitioners/\(Known.brandt)/messages") },
        "listMessageTemplates": Sample("nnnnnynn") { _ in .get("/v1/message-templates") },
        "setMessageTemplate": Sample("nnnnnynn") { _ in
            .put("/v1/message-templates/reminder/de", fullBodies["MessageTemplateRequest"]!, ifMatch: nil)
        },
        "restoreMessageTemplate": Sample("nnnnnynn") { _ in .delete("/v1/message-templates/reminder/de") },
        "previewMessage": Sample("nnnnnynn") { _ in .post("/v1/messages/preview", fullBodies["MessagePreviewRequest"]!) },
        "showAnswerPage": Sample("yyyyyyyy") { _ in .get(MessagePage.answer) },
        "takeAnswerPage": Sample("yyyyyyyy") { visitor in
            .form("\(MessagePage.answer)?language=en", ["code": try await visitor.reminded().answer, "answer": "confirm"])
        },
        "showUnsubscribePage": Sample("yyyyyyyy") { _ in .get(MessagePage.unsubscribe) },
        "takeUnsubscribePage": Sample("yyyyyyyy") { visitor in
            .form("\(MessagePage.unsubscribe)?language=en&code=\(try await visitor.reminded().unsubscribe)", [:])
        },
    ]
}

/// A reminder of Emma's that went out, and what its links are good with.
struct Reminded: Sendable {
    let id: ID<Message>
    let appointment: String
    let answer: String
    let unsubscribe: String
}

extension Visitor {
    /// Books for Emma and puts the reminder there that would have gone out.
    func reminded(of booking: Heard? = nil) async throws -> Reminded {
        var visit = booking
        if visit == nil { visit = try await booked() }
        let heard = try #require(visit)
        let (id, now) = (house.clinic.surroundings.identifiers.next(Message.self), house.clock.now)
        let start = try #require(heard["start"]?.string.flatMap { Instant($0) })
        let reminder = PutReminder(
            id: id, patient: ID(Known.emma)!, appointment: try #require(ID(heard.id)), start: start, at: now)
        #expect(try await house.database.write { try $0.run(reminder) } == 1)
        func code(_ purpose: MessageCode.Purpose) -> String {
            house.keyring.ring.text(of: MessageCode(message: id.of(), purpose: purpose), at: now)
        }
        return Reminded(id: id, appointment: heard.id, answer: code(.answer), unsubscribe: code(.unsubscribe))
    }
}

private struct PutReminder: Command {
    static let sql: SQL = """
        INSERT INTO message (id, notice_id, patient_id, appointment_id, kind, start_at, place, state, channel, language, address,
            created_at, due_at, handed_at)
        VALUES ($1, $1, $2, $3, 'reminder', $4, 1, 'handed-over', 'email', 'en', 'emma@example.org', $5, $5, $5)
        """
    let id: ID<Message>
    let patient: ID<Patient>
    let appointment: ID<Appointment>
    let start: Instant
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .id(patient), .id(appointment), .instant(start), .instant(at)] }
}

extension Visitor {
    /// What a provider gives a device, each time another.
    func newRegistration() -> String { "registration:\(house.clinic.surroundings.identifiers.next(PatientDevice.self))" }
}

extension Known {
    static func device(_ token: String, more: String = "") -> String { #"{"platform":"android","token":"\#(token)"\#(more)}"# }
}
