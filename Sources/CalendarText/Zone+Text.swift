import Notation
import Scheduling

extension Zone {
    /// VTIMEZONE (RFC 5545 §3.6.5), for programs that know no zone by its name: every offset from a year before to a year after.
    func write(around time: TimeRange, to lines: inout ContentLines) {
        lines.add("BEGIN", "VTIMEZONE")
        lines.add("TZID", identifier)
        let stretches = offsets(in: TimeRange(from: time.from - .days(366), to: time.to + .days(366)))
        let lowest = stretches.map(\.seconds).min() ?? 0
        var before = stretches[0].seconds
        for stretch in stretches {
            // The larger offset of a year is the one with daylight saved, whatever a country calls it.
            let kind = stretch.seconds > lowest ? "DAYLIGHT" : "STANDARD"
            lines.add("BEGIN", kind)
            // When it begins, as the clock shows that was right until then.
            lines.add("DTSTART", Zone.utc.wallTime(at: stretch.from + .seconds(before)).basicText)
            lines.add("TZOFFSETFROM", offsetText(before))
            lines.add("TZOFFSETTO", offsetText(stretch.seconds))
            lines.add("END", kind)
            before = stretch.seconds
        }
        lines.add("END", "VTIMEZONE")
    }
}

/// `+0200`, `-0330`, and seconds only where there are some (RFC 5545 §3.3.14).
private func offsetText(_ offset: Int) -> String {
    let size = abs(offset)
    let pairs = [size / 3600, size / 60 % 60] + (size % 60 == 0 ? [] : [size % 60])
    return (offset < 0 ? "-" : "+") + pairs.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
}
