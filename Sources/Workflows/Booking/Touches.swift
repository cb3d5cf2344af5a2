import Notation
import Scheduling
import Storage

// What bookings read and change, for those that are decided together in one transaction.

extension Touch {
    static func appointment(_ id: ID<Appointment>) -> Touch { Touch("appointment", id) }
    static func patient(_ id: ID<Participant>) -> Touch { Touch("patient", id) }
    /// The number of a practitioner's appointments on a day.
    static func day(of practitioner: ID<Resource>) -> Touch { Touch("day", practitioner) }
    static func claims(of holder: ID<Resource>) -> Touch { Touch("claims", holder) }
    static func attempt(_ principal: String, _ key: String) -> Touch { Touch("attempt", key: [principal, key]) }
}
