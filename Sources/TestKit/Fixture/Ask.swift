public import Notation
public import Scheduling
public import Workflows

/// One thing a caller may want from the clinic, as a value: it can be sent again, compared and printed.
public enum Ask: Sendable {
    case book(BookingRequest)
    case confirm(ID<Appointment>, version: Int? = nil)
    case cancel(ID<Appointment>, version: Int? = nil)
    case move(ID<Appointment>, MoveRequest, version: Int? = nil)
    case advance(ID<Appointment>, DayStep)
    case markError(ID<Appointment>)

    /// The operation's name, as the idempotency table keeps it.
    public var operation: String {
        switch self {
        case .book: "bookAppointment"
        case .confirm: "confirmAppointment"
        case .cancel: "cancelAppointment"
        case .move: "rescheduleAppointment"
        case .advance: "advanceAppointment"
        case .markError: "markAppointment"
        }
    }

    /// The appointment it is about; nil for a booking the server names.
    public var appointment: ID<Appointment>? {
        switch self {
        case .book(let request): request.id
        case .confirm(let id, _), .cancel(let id, _), .move(let id, _, _), .advance(let id, _), .markError(let id): id
        }
    }

    /// Everything that makes the request what it is. Two asks with the same text are the same request.
    public var text: String {
        switch self {
        case .book(let request): "\(request.isHold ? "hold" : "book") \(request.id?.description ?? "-") \(request.text)"
        case .confirm(let id, let version): "confirm \(id) \(version ?? 0)"
        case .cancel(let id, let version): "cancel \(id) \(version ?? 0)"
        case .move(let id, let move, let version): "move \(id) \(version ?? 0) \(move.text)"
        case .advance(let id, let step): "advance \(id) \(step)"
        case .markError(let id): "mark-error \(id)"
        }
    }

    public var fingerprint: [UInt8] { Array(text.utf8) }

    /// Whether repeating it after an unknown outcome cannot do it twice even without a key.
    public var isNamedByClient: Bool { if case .book(let request) = self { request.id != nil } else { false } }
}

extension BookingRequest {
    /// Without the identifier, which names the appointment and is not part of what it says.
    fileprivate var text: String {
        let people = patients.map(\.description).joined(separator: ",")
        let places = [room?.description ?? "-", device?.description ?? "-"].joined(separator: " ")
        return "\(visitType) \(practitioner) \(start) \(people) \(places) \(overrideReason == nil ? "" : "override")"
    }

    /// With the digest by which the clinic knows a repeat from a collision.
    func withContent() -> BookingRequest {
        var request = self
        request.content = Array("\(isHold) \(text)".utf8)
        return request
    }
}

extension MoveRequest {
    fileprivate var text: String {
        "\(start) \(practitioner?.description ?? "-") \(room?.description ?? "-") \(overrideReason == nil ? "" : "override")"
    }
}
