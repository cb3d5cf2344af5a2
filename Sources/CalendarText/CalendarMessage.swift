public import Notation
public import Scheduling

/// What a calendar program is told about one appointment: come (REQUEST) or don't (CANCEL), by RFC 5546 §3.2.
///
/// A calendar recognises an appointment by its `uid`, and believes the message with the highest `sequence`; a cancellation with
/// the method REQUEST is what calendars show as an appointment still to come.
public struct CalendarMessage: Sendable {
    public enum Method: String, Sendable { case request = "REQUEST", cancel = "CANCEL" }

    public struct Party: Sendable {
        public var name: String?
        /// `ada@example.org`. One that could end its line or its value is not written.
        public var email: String

        public init(name: String? = nil, email: String) {
            self.name = name
            self.email = email
        }
    }

    public var method: Method
    /// The same for as long as the appointment lives, and never another's.
    public var uid: String
    /// Rises with every change that a calendar has to follow.
    public var sequence: Int
    /// When the message was written.
    public var stamp: Instant
    public var time: TimeRange
    public var zone: Zone
    /// Where it is and with whom; never why. It stands on lock screens and in other people's calendars.
    public var summary: String
    public var location: String?
    public var organizer: Party
    public var attendee: Party

    public init(
        _ method: Method, uid: String, sequence: Int, stamp: Instant, time: TimeRange, zone: Zone, summary: String,
        location: String? = nil, organizer: Party, attendee: Party
    ) {
        self.method = method
        self.uid = uid
        self.sequence = sequence
        self.stamp = stamp
        self.time = time
        self.zone = zone
        self.summary = summary
        self.location = location
        self.organizer = organizer
        self.attendee = attendee
    }

    /// The media type to send it with (RFC 6047 §2.4): a mail program answers only what names its method here too.
    public var contentType: String { "text/calendar; method=\(method.rawValue); charset=UTF-8" }

    /// `text/calendar`, RFC 5545.
    public var bytes: [UInt8] {
        var lines = ContentLines()
        lines.add("BEGIN", "VCALENDAR")
        lines.add("VERSION", "2.0")
        lines.add("PRODID", "-//MediConnect//Appointments//EN")
        lines.add("METHOD", method.rawValue)
        if !isUTC { zone.write(around: time, to: &lines) }
        writeEvent(to: &lines)
        lines.add("END", "VCALENDAR")
        return lines.bytes
    }

    private var isUTC: Bool { zone.identifier == "UTC" }

    private func writeEvent(to lines: inout ContentLines) {
        lines.add("BEGIN", "VEVENT")
        lines.add("UID", text: uid)
        lines.add("DTSTAMP", utc(stamp))
        lines.add("SEQUENCE", "\(sequence)")
        write(time.from, as: "DTSTART", to: &lines)
        write(time.to, as: "DTEND", to: &lines)
        lines.add("SUMMARY", text: summary)
        if let location { lines.add("LOCATION", text: location) }
        lines.add("ORGANIZER\(organizer.commonName)", organizer.address)
        let answer = method == .request ? ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED" : ""
        lines.add("ATTENDEE\(answer)\(attendee.commonName)", attendee.address)
        lines.add("STATUS", method == .request ? "CONFIRMED" : "CANCELLED")
        lines.add("CLASS", "PRIVATE")
        lines.add("TRANSP", method == .request ? "OPAQUE" : "TRANSPARENT")
        lines.add("END", "VEVENT")
    }

    private func write(_ instant: Instant, as name: String, to lines: inout ContentLines) {
        if isUTC {
            lines.add(name, utc(instant))
        } else {
            lines.add("\(name);TZID=\(zone.identifier)", zone.wallTime(at: instant).basicText)
        }
    }

    private func utc(_ instant: Instant) -> String { "\(Zone.utc.wallTime(at: instant).basicText)Z" }
}

extension CalendarMessage.Party {
    fileprivate var commonName: String { name.map { ";CN=\(ContentLines.quoted($0))" } ?? "" }

    fileprivate var address: String {
        "mailto:" + email.unicodeScalars.filter { $0.value > 32 && $0.value != 127 }.map(String.init).joined()
    }
}
