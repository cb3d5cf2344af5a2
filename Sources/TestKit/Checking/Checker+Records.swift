import Notation
import Scheduling

// C9: every change has one event and one audit entry, and an appointment is what its events made of it.
extension Checker {
    mutating func checkChains() {
        for booking in snapshot.bookings {
            guard let chain = chains[booking.id], let last = chain.last else {
                report(.everyChangeIsTold, "\(booking.id) has no event")
                continue
            }
            checkOrder(of: chain, booking.id)
            if last.version != booking.version || last.to != booking.state || last.start != booking.range.from
                || last.practitioner != booking.practitioner || last.patients != booking.patients
            {
                report(.everyChangeIsTold, "\(booking.id) is not what its last event says: \(last.payload)")
            }
        }
        for id in chains.keys.sorted() where bookings[id] == nil { report(.noGhosts, "\(id) has events and does not exist") }
    }

    private mutating func checkOrder(of chain: Chain, _ id: ID<Appointment>) {
        for (index, link) in chain.links.enumerated() {
            if link.version != index + 1 { report(.everyChangeIsTold, "\(id) has no event of version \(index + 1) or two") }
            if link.to == nil { report(.everyChangeIsTold, "\(id) was \(link.from ?? "nothing") and then \(link.kind)") }
            // A time it is moved to is new; everything else leaves the time alone.
            let before = chain.link(index)
            if let before, link.kind != "appointment.rescheduled", link.start != before.start {
                report(.everyChangeIsTold, "\(id) changed its time without being moved")
            }
        }
    }

    mutating func checkAudit() {
        let wanted = chains.sorted(by: { $0.key < $1.key }).flatMap { id, chain in
            chain.links.map { "\(id) \($0.kind) at \($0.at.microseconds) from \($0.from ?? "nothing") to \($0.to ?? "nothing")" }
        }
        let audited = snapshot.audits.map {
            "\($0.subject) \($0.act) at \($0.at.microseconds) from \($0.from ?? "nothing") to \($0.to ?? "nothing")"
        }
        compare(.everyChangeIsTold, wanted: wanted, found: audited, "audit entry")
    }

    /// A hold is confirmed before its time is over and expires after, and none is left that is over.
    mutating func checkHolds() {
        for booking in snapshot.bookings {
            guard let chain = chains[booking.id], let held = chain.links.first, held.kind == "appointment.held",
                let visit = snapshot.visits[booking.visitType]
            else { continue }
            // What is held for who waits has an end of its own.
            let offer = snapshot.offers.first { $0.appointment == booking.id }
            let until = offer?.until ?? held.at + .minutes(visit.holdMinutes)
            for link in chain.links where link.kind == "appointment.confirmed" && link.at >= until {
                report(.holdsEnd, "\(booking.id) was confirmed after its hold was over")
            }
            for link in chain.links where link.kind == "appointment.expired" && link.at < until {
                report(.holdsEnd, "\(booking.id) expired before its time")
            }
            if booking.state == "pending", booking.heldUntil != until {
                report(.holdsEnd, "\(booking.id) is held for another time")
            }
            if isQuiet, booking.state == "pending", until <= now { report(.holdsEnd, "\(booking.id) is still held") }
        }
    }
}
