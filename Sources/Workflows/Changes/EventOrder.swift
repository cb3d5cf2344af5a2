import Notation
import Storage
import Synchronization

/// Gives events identifiers that ascend in the order of commits, where one program has the database to itself and one writer at a time: then
/// "after this identifier" leaves nothing out. Identifiers ascend by themselves while a program runs; a clock that was set back
/// while it did not would put the next event before those that somebody has read already.
final class EventOrder: Sendable {
    /// Nil until the first event of this program.
    private let last = Mutex<ID<AppointmentEvent>?>(nil)

    /// - Parameter proposed: taken as it is when it comes after every event there is, as it nearly always does.
    func next(_ proposed: ID<AppointmentEvent>, in transaction: any ReadTransaction) throws -> ID<AppointmentEvent> {
        let known = try last.withLock({ $0 }) ?? transaction.first(LastEvent())
        let next = known.map { max(proposed, $0.following) } ?? proposed
        // One that is not committed after all leaves a gap, which does no harm.
        last.withLock { $0 = max(next, $0 ?? next) }
        return next
    }
}

extension ID {
    /// The next one there is, as a number, that is still of version 7.
    fileprivate var following: ID {
        // The counter within the millisecond, and the milliseconds: the random part would carry into the variant.
        if low & 0x3FFF_FFFF_FFFF_FFFF < 0x3FFF_FFFF_FFFF_FFFF { return ID(high: high, low: low + 1) }
        let stamp = ((high >> 16) << 12 | high & 0xFFF) + 1
        return ID(high: (stamp >> 12) << 16 | 0x7000 | stamp & 0xFFF, low: 0x8000_0000_0000_0000)
    }
}
