import Notation
import Scheduling

/// How an appointment came to be what it is: its events in the order of their versions, and the state after each.
struct Chain: Sendable {
    struct Link: Sendable {
        let kind: String
        let at: Instant
        let version: Int
        let start: Instant
        let practitioner: ID<Resource>
        let patients: [ID<Resource>]
        let payload: String
        /// Nil before the appointment existed.
        var from: String?
        /// Nil when the event is not one that can follow.
        var to: String?
    }

    private(set) var links: [Link] = []

    var last: Link? { links.last }

    func link(_ version: Int) -> Link? { version >= 1 && version <= links.count ? links[version - 1] : nil }

    /// The states the appointment had, by version, told by its events alone.
    mutating func close() {
        links.sort { $0.version < $1.version }
        var state: String? = nil
        for index in links.indices {
            links[index].from = state
            links[index].to = Self.next(links[index].kind, state)
            state = links[index].to
        }
    }

    mutating func add(_ event: Snapshot.Event) throws {
        let payload = try JSON(parsing: event.payload)
        guard let version = payload["version"]?.integer, let start = payload["start"]?.string.flatMap(Instant.init),
            let practitioner = payload["practitioner"]?.string.flatMap({ ID<Resource>($0) })
        else { throw Unreadable() }
        links.append(
            Link(
                kind: event.kind, at: event.at, version: Int(version), start: start, practitioner: practitioner,
                patients: payload["patients"]?.identifiers ?? [], payload: event.payload))
    }

    struct Unreadable: Error {}

    /// The table of states once more, in the checker's words: a mistake in the program's own must not hide itself.
    private static func next(_ kind: String, _ state: String?) -> String? {
        switch (kind, state) {
        case ("appointment.held", nil): "pending"
        case ("appointment.booked", nil): "booked"
        case ("appointment.confirmed", "pending"): "booked"
        case ("appointment.expired", "pending"): "cancelled"
        case ("appointment.cancelled", "pending"), ("appointment.cancelled", "booked"), ("appointment.cancelled", "arrived"),
            ("appointment.cancelled", "checked-in"):
            "cancelled"
        case ("appointment.rescheduled", "pending"), ("appointment.rescheduled", "booked"): state
        case ("appointment.arrived", "booked"): "arrived"
        case ("appointment.checked-in", "booked"), ("appointment.checked-in", "arrived"): "checked-in"
        case ("appointment.fulfilled", "arrived"), ("appointment.fulfilled", "checked-in"): "fulfilled"
        case ("appointment.noshow", "booked"): "noshow"
        case ("appointment.entered-in-error", .some(let before)) where before != "entered-in-error": "entered-in-error"
        default: nil
        }
    }
}
