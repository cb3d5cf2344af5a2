import LoopbackClient
import Notation
import Scheduling

/// One change somebody asked for, with its key, from the first try until its outcome is known.
struct Deed: Sendable {
    enum Verb: String, Sendable { case book, hold, confirm, cancel, reschedule }

    let number: Int
    let verb: Verb
    let appointment: ID<Appointment>
    let key: String
    let token: String
    let path: String
    let body: [UInt8]
    /// Sent twice at the same moment.
    let isDouble: Bool

    /// The event a success leaves behind.
    var event: String {
        switch verb {
        case .book: "appointment.booked"
        case .hold: "appointment.held"
        case .confirm: "appointment.confirmed"
        case .cancel: "appointment.cancelled"
        case .reschedule: "appointment.rescheduled"
        }
    }

    var makesAppointment: Bool { verb == .book || verb == .hold }
}

extension Loopback.Reply {
    var isSuccess: Bool { (200..<300).contains(status) }

    /// Somebody else is at it under the same key; the answer comes later.
    var isInProgress: Bool { status == 409 && text.contains("request-in-progress") }

    /// Whether the outcome is known now. After a 5xx it is not.
    var isFinal: Bool { status < 500 && !isInProgress }

    /// What an acknowledgement says about the appointment.
    var acknowledged: Acknowledged? {
        guard isSuccess, let json = try? JSON(parsing: body), let id = json["id"]?.string.flatMap({ ID<Appointment>($0) }),
            let state = json["state"]?.string, let version = json["version"]?.integer,
            let start = json["start"]?.string.flatMap({ Instant($0) }),
            let practitioner = json["practitioner"]?.string.flatMap({ ID<Resource>($0) })
        else { return nil }
        return Acknowledged(
            appointment: id, state: state, start: start, practitioner: practitioner, version: Int(version), document: body)
    }
}

/// The last thing a client was told about an appointment.
struct Acknowledged: Sendable, Equatable {
    let appointment: ID<Appointment>
    let state: String
    let start: Instant
    let practitioner: ID<Resource>
    let version: Int
    let document: [UInt8]
}
