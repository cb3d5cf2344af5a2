import Notation
import People
import Scheduling

/// A clinic large enough that most wishes can be granted, and small enough that some cannot.
enum CrashClinic {
    static let practitioners = 100
    static let rooms = 12
    static let devices = 6
    static let patients = 320
    /// A quarter of an hour with a practitioner; half an hour with a room and a device besides.
    static let plain: ID<VisitType> = id(5, 1)
    static let equipped: ID<VisitType> = id(5, 2)
    /// Minutes the second kind keeps practitioner, room and device before and after the visit.
    static let buffers = (before: 5, after: 10)

    static func id<Subject>(_ kind: UInt64, _ number: Int, _: Subject.Type = Subject.self) -> ID<Subject> {
        ID(high: 0x0191_0000_0000_7000 | kind << 16, low: 0x8000_0000_0000_0000 | UInt64(number))
    }

    static func practitioner(_ number: Int) -> ID<Resource> { id(2, number) }
    static func patient(_ number: Int) -> ID<Patient> { id(7, number) }

    static func document() -> [UInt8] {
        var json = JSONWriter(reserving: 1 << 18)
        json.object { json in
            list(&json, "locations", 1, 1) {
                $0.member("name", "House \($1)"); $0.member("zone", "Europe/Berlin")
            }
            list(&json, "practitioners", 2, practitioners) { json, number in
                json.member("name", "Dr. \(number)")
                json.member("specialty", "general-practice")
                json.member("location", id(1, 1, Location.self))
            }
            for (name, kind, count) in [("rooms", UInt64(3), rooms), ("devices", 4, devices)] {
                list(&json, name, kind, count) { json, number in
                    json.member("name", "\(name) \(number)")
                    json.member("location", id(1, 1, Location.self))
                    json.member("tags", ["examination"])
                }
            }
            visitTypes(&json)
            list(&json, "patients", 7, patients) { $0.member("name", "Patient \($1)") }
            workingHours(&json)
        }
        return json.bytes
    }

    private static func visitTypes(_ json: inout JSONWriter) {
        list(&json, "visitTypes", 5, 2) { json, number in
            json.member("name", "Visit \(number)")
            json.member("durationMinutes", number == 1 ? 15 : 30)
            json.member("specialty", "general-practice")
            if number == 2 {
                json.member("roomTag", "examination")
                json.member("deviceTag", "examination")
                json.member("bufferBeforeMinutes", buffers.before)
                json.member("bufferAfterMinutes", buffers.after)
            }
            json.name("policy")
            json.object { json in
                json.member("latestHorizonDays", 366)
                // No hold may end by itself while its client waits for a server to come back.
                json.member("holdMinutes", 1440)
            }
        }
    }

    private static func workingHours(_ json: inout JSONWriter) {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        list(&json, "workingHours", 6, practitioners * days.count) { json, number in
            json.member("resource", practitioner(1 + (number - 1) / days.count))
            json.member("weekday", days[(number - 1) % days.count])
            json.member("from", "08:00")
            json.member("to", "16:00")
            json.member("zone", "UTC")
        }
    }

    private static func list(
        _ json: inout JSONWriter, _ name: String, _ kind: UInt64, _ count: Int, _ body: (inout JSONWriter, Int) -> Void
    ) {
        json.name(name)
        json.array(of: 1...count) { json, number in
            json.object { json in
                json.member("id", id(kind, number, CrashClinic.self))
                body(&json, number)
            }
        }
    }
}
