import CalendarText
import Notation
import Scheduling
import Testing

/// RFC 5545, RFC 5546 §3.2.
@Suite struct CalendarMessageTests {
    @Test func `an invitation says when by the clinic's clock, and brings the clock along`() throws {
        #expect(
            try lines(message()) == [
                "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//MediConnect//Appointments//EN", "METHOD:REQUEST",
                "BEGIN:VTIMEZONE", "TZID:Europe/Berlin",
                "BEGIN:STANDARD", "DTSTART:20251118T090000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "END:STANDARD",
                "BEGIN:DAYLIGHT", "DTSTART:20260329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT",
                "BEGIN:STANDARD", "DTSTART:20261025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "END:STANDARD",
                "BEGIN:DAYLIGHT", "DTSTART:20270328T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT",
                "BEGIN:STANDARD", "DTSTART:20271031T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "END:STANDARD",
                "END:VTIMEZONE",
                "BEGIN:VEVENT", "UID:0195@clinic.example", "DTSTAMP:20261101T120000Z", "SEQUENCE:2",
                "DTSTART;TZID=Europe/Berlin:20261119T090000", "DTEND;TZID=Europe/Berlin:20261119T093000",
                "SUMMARY:Appointment at Riverside", "ORGANIZER;CN=\"Riverside\":mailto:desk@clinic.example",
                "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:ada@example.org", "STATUS:CONFIRMED", "CLASS:PRIVATE",
                "TRANSP:OPAQUE", "END:VEVENT", "END:VCALENDAR",
            ])
    }

    @Test func `a cancellation is a CANCEL of the same appointment, not a request that says cancelled`() throws {
        let lines = try lines(message(.cancel, sequence: 3))
        #expect(lines.contains("METHOD:CANCEL") && lines.contains("STATUS:CANCELLED") && lines.contains("SEQUENCE:3"))
        #expect(lines.contains("UID:0195@clinic.example"))
        #expect(try message(.cancel).contentType == "text/calendar; method=CANCEL; charset=UTF-8")
    }

    @Test func `a clinic in UTC needs no clock beside it`() throws {
        let lines = try lines(message(zone: "UTC"))
        #expect(lines.contains("DTSTART:20261119T080000Z") && !lines.contains("BEGIN:VTIMEZONE"))
    }

    @Test func `no line is longer than 75 bytes, and no character is cut`() throws {
        let name = String(repeating: "Äskulap-Praxis 🏥 ", count: 30)
        let message = try message(summary: name)
        let raw = message.bytes.split(separator: 10).map { Array($0) }
        #expect(raw.allSatisfy { $0.count <= 76 && $0.last == 13 && String(validating: $0, as: UTF8.self) != nil })
        #expect(lines(message).contains("SUMMARY:\(name)"))
    }

    @Test(arguments: [
        ("a;b,c\\d", "a\\;b\\,c\\\\d"), ("two\nlines", "two\\nlines"), ("two\r\nlines", "two\\nlines"), ("bell\u{7}", "bell"),
        ("x\r\nEND:VEVENT\r\nBEGIN:VEVENT", "x\\nEND:VEVENT\\nBEGIN:VEVENT"),
    ])
    func `what somebody wrote stays in its line`(text: String, written: String) throws {
        #expect(try lines(message(summary: text)).contains("SUMMARY:\(written)"))
    }

    @Test func `a name with quotes and line ends stays in its parameter`() throws {
        var message = try message()
        message.attendee = .init(name: "Ada \"the\"; Countess\r\nX-EVIL:1", email: "ada@example.org\r\nX-EVIL:2")
        #expect(
            lines(message).filter { $0.hasPrefix("ATTENDEE") } == [
                "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=\"Ada 'the'; CountessX-EVIL:1\":mailto:ada@example.orgX-EVIL:2"
            ])
        #expect(!lines(message).contains { $0.hasPrefix("X-EVIL") })
    }

    private func message(
        _ method: CalendarMessage.Method = .request, sequence: Int = 2, zone: String = "Europe/Berlin",
        summary: String = "Appointment at Riverside"
    ) throws -> CalendarMessage {
        let start = Instant("2026-11-19T08:00:00Z")!
        return CalendarMessage(
            method, uid: "0195@clinic.example", sequence: sequence, stamp: Instant("2026-11-01T12:00:00Z")!,
            time: TimeRange(from: start, to: start + .minutes(30)), zone: try #require(Zone.named(zone)), summary: summary,
            organizer: .init(name: "Riverside", email: "desk@clinic.example"), attendee: .init(email: "ada@example.org"))
    }

    /// Unfolded.
    private func lines(_ message: CalendarMessage) -> [String] {
        var lines: [String] = []
        for line in String(decoding: message.bytes, as: UTF8.self).split(separator: "\r\n") {
            if line.hasPrefix(" ") { lines[lines.count - 1] += line.dropFirst() } else { lines.append(String(line)) }
        }
        return lines
    }
}
