// The only place that asks Foundation anything: which offsets a zone had and will have. Everything else works on the
// table made from it, so a search never waits for ICU (whose calendar objects also take a lock).
import Foundation

/// One stretch of constant offset from UTC.
struct OffsetStretch: Sendable, Equatable {
    /// Seconds since 1970.
    var from: Int64
    /// East of Greenwich is positive.
    var offsetSeconds: Int64
}

/// The offsets of a zone from 2000 to 2080, in order; nil when there is no such zone.
///
/// Before 2000 the first stretch holds, after 2080 the last: a clinic books neither.
func offsetStretches(ofZone identifier: String) -> [OffsetStretch]? {
    guard isIANA(identifier), let zone = TimeZone(identifier: identifier) else { return nil }
    var time = Date(timeIntervalSince1970: 946_684_800)
    let end = Date(timeIntervalSince1970: 3_471_292_800)
    var stretches = [OffsetStretch(from: seconds(time), offsetSeconds: Int64(zone.secondsFromGMT(for: time)))]
    // ICU also reports changes of a zone's name or of its daylight-saving flag, which move no clock.
    while let next = zone.nextDaylightSavingTimeTransition(after: time), next > time, next < end {
        let offset = Int64(zone.secondsFromGMT(for: next))
        if offset != stretches.last?.offsetSeconds { stretches.append(OffsetStretch(from: seconds(next), offsetSeconds: offset)) }
        time = next
    }
    return stretches
}

/// Foundation also takes `GMT+5` for a zone. It is not one of IANA's, and other programs read it differently.
private func isIANA(_ identifier: String) -> Bool {
    !identifier.isEmpty && identifier.utf8.count <= 64 && (identifier == "GMT" || !identifier.hasPrefix("GMT"))
}

private func seconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970.rounded()) }
