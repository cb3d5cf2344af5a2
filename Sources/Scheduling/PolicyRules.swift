import Notation

// What a policy means on a wall clock. Booking asks for one start; the index asks for months at once. Both ask here.
extension SchedulingPolicy {
    /// Starts lie on five-minute ticks of UTC, where every zone's wall clock has its own, and on the clinic's grid.
    func isOnGrid(_ start: Instant, _ clock: Zone) -> Bool {
        start.microseconds.flooredRemainder(by: Tick.microseconds) == 0
            && clock.minuteOfDay(at: start) % max(1, startGridMinutes) == 0
    }

    /// The first instant too far away. All of the last local day may be booked, whatever the time is now: patients count
    /// days, not hours.
    func horizonEnd(from now: Instant, _ clock: Zone) -> Instant {
        clock.instant(of: clock.day(at: now) + latestHorizonDays + 1, minute: 0)
    }
}
