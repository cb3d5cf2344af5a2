import Notation
import Scheduling

// C1: nobody and nothing is in two places, looked at twice: in the claims, and in the appointments without the claims.
extension Checker {
    /// Counts, from the appointments alone, how many each person and thing has at once.
    mutating func checkPlaces() {
        var taken: [ID<Resource>: [(TimeRange, ID<Appointment>)]] = [:]
        for booking in snapshot.bookings where booking.isLive {
            for (holder, range) in needs(of: booking) { taken[holder, default: []].append((range, booking.id)) }
        }
        for (holder, ranges) in taken.sorted(by: { $0.key < $1.key }) {
            let lanes = snapshot.places[holder]?.lanes ?? 1
            if let instant = Self.firstCrowd(ranges.map(\.0), beyond: lanes) {
                report(.neverDoubleBooked, "\(holder) has more than \(lanes) appointments at \(instant)")
            }
        }
    }

    /// What an appointment takes, and for how long: the patients' time without buffers, everything else's with them.
    func needs(of booking: Snapshot.Booking) -> [(ID<Resource>, TimeRange)] {
        guard let visit = snapshot.visits[booking.visitType] else { return [] }
        let occupied = TimeRange(from: booking.range.from - .minutes(visit.before), to: booking.range.to + .minutes(visit.after))
        let things = [booking.practitioner, booking.room, booking.device].compactMap { $0 }
        return things.map { ($0, occupied) } + booking.patients.map { ($0, booking.range) }
    }

    /// The first moment at which more than `lanes` of the ranges are under way; nil when there is none.
    static func firstCrowd(_ ranges: [TimeRange], beyond lanes: Int) -> Instant? {
        // At one moment the ends come before the beginnings: neighbours touch.
        let turns = ranges.flatMap { [($0.from, 1), ($0.to, -1)] }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        var count = 0
        for (instant, change) in turns {
            count += change
            if count > lanes { return instant }
        }
        return nil
    }

    /// No two claims of a lane overlap, no lane is beyond the last, and the claims are exactly what the live
    /// appointments need.
    mutating func checkClaims() {
        let inOrder = snapshot.claims.sorted { ($0.holder, $0.lane, $0.range.from) < ($1.holder, $1.lane, $1.range.from) }
        for (first, second) in zip(inOrder, inOrder.dropFirst())
        where first.holder == second.holder && first.lane == second.lane && second.range.from < first.range.to {
            report(
                .neverDoubleBooked, "\(first.appointment) and \(second.appointment) claim lane \(first.lane) of \(first.holder)")
        }
        for claim in inOrder where claim.lane < 0 || claim.lane >= snapshot.places[claim.holder]?.lanes ?? 1 {
            report(.neverDoubleBooked, "\(claim.appointment) has lane \(claim.lane) of \(claim.holder), which is not there")
        }
        let wanted = snapshot.bookings.filter(\.isLive).flatMap { booking in
            needs(of: booking).map { "\(booking.id) \($0.0) \($0.1.from.microseconds) \($0.1.to.microseconds)" }
        }
        let claimed = snapshot.claims.map {
            "\($0.appointment) \($0.holder) \($0.range.from.microseconds) \($0.range.to.microseconds)"
        }
        compare(.claimsAgree, wanted: wanted, found: claimed, "claim")
        let listed = snapshot.bookings.flatMap { booking in
            booking.patients.map { "\(booking.id) \($0) \(booking.range.from.microseconds)" }
        }
        let listings = snapshot.listings.map { "\($0.appointment) \($0.patient) \($0.start.microseconds)" }
        compare(.claimsAgree, wanted: listed, found: listings, "place in the patient's list")
    }
}
