import Notation
import Scheduling

/// The clinic everything is measured in: five hundred practitioners of one specialty who work every day from 8 to 16 UTC,
/// four hundred rooms and devices, twenty thousand patients.
struct BenchClinic {
    static let practitioners = 500
    static let rooms = 400
    static let patients = 20_000
    /// Bookings of a run start this many days ahead, beyond everything the filler writes.
    static let firstDayAhead = 120
    static let bookableDays = 240
    static let firstHour = 8
    static let hours = 8

    enum Kind: UInt64 { case location = 1, practitioner, room, device, visitType, hours, patient }

    static func id<Subject>(_ kind: Kind, _ number: Int) -> ID<Subject> {
        ID(high: 0x0190_0000_0000_7000 | kind.rawValue << 16, low: 0x8000_0000_0000_0000 | UInt64(number))
    }

    /// Five minutes, nothing but a practitioner.
    static let short: ID<VisitType> = id(.visitType, 1)
    /// Half an hour, with a room and a device.
    static let full: ID<VisitType> = id(.visitType, 2)

    /// The import file.
    static func document() -> [UInt8] {
        var json = JSONWriter(reserving: 4 << 20)
        json.object { json in
            json.name("locations")
            json.array {
                $0.record(.location, 1) {
                    $0.member("name", "House"); $0.member("zone", "Europe/Berlin")
                }
            }
            for (kind, name, count) in [(Kind.room, "rooms", rooms), (.device, "devices", rooms)] {
                json.list(name, kind, count) { json, number in
                    json.member("name", "\(kind) \(number)")
                    json.member("location", id(.location, 1, as: Location.self))
                    json.member("tags", ["examination"])
                }
            }
            visitTypes(&json)
            people(&json)
            workingHours(&json)
        }
        return json.bytes
    }

    private static func people(_ json: inout JSONWriter) {
        json.list("practitioners", .practitioner, practitioners) { json, number in
            json.member("name", "Dr. \(number)")
            json.member("specialty", "general-practice")
            json.member("location", id(.location, 1, as: Location.self))
        }
        json.list("patients", .patient, patients) { json, number in json.member("name", "Patient \(number)") }
    }

    private static func visitTypes(_ json: inout JSONWriter) {
        json.list("visitTypes", .visitType, 2) { json, number in
            let isFull = number == 2
            json.member("name", isFull ? "Examination" : "Short")
            json.member("durationMinutes", isFull ? 30 : 5)
            json.member("specialty", "general-practice")
            if isFull { json.member("roomTag", "examination"); json.member("deviceTag", "examination") }
            json.name("policy")
            json.object { json in
                json.member("startGridMinutes", isFull ? 30 : 5)
                json.member("latestHorizonDays", 366)
                json.member("earliestNoticeMinutes", 0)
            }
        }
    }

    private static func workingHours(_ json: inout JSONWriter) {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        json.list("workingHours", .hours, practitioners * days.count) { json, number in
            json.member("resource", id(.practitioner, 1 + (number - 1) / days.count, as: Resource.self))
            json.member("weekday", days[(number - 1) % days.count])
            json.member("from", "08:00")
            json.member("to", "16:00")
            json.member("zone", "UTC")
        }
    }

    static func id<Subject>(_ kind: Kind, _ number: Int, as: Subject.Type) -> ID<Subject> { id(kind, number) }

    static func midnight(of now: Instant, plus days: Int) -> Instant {
        Instant(secondsSince1970: (now.secondsSince1970 / 86_400 + Int64(days)) * 86_400)
    }
}

extension JSONWriter {
    /// A list of `count` records of a kind, numbered from 1.
    fileprivate mutating func list(
        _ name: String, _ kind: BenchClinic.Kind, _ count: Int, _ body: (inout JSONWriter, Int) -> Void
    ) {
        self.name(name)
        array(of: 1...count) { json, number in json.record(kind, number) { body(&$0, number) } }
    }

    fileprivate mutating func record(_ kind: BenchClinic.Kind, _ number: Int, _ body: (inout JSONWriter) -> Void) {
        object { json in
            json.member("id", BenchClinic.id(kind, number, as: BenchClinic.self))
            body(&json)
        }
    }
}
