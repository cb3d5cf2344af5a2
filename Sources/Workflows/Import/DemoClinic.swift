public import Notation
import Scheduling

/// A small clinic to try things out with: two places, six practitioners, rooms, a device, six kinds of visit, eight
/// patients and a few appointments. Made as an import, so it is also the example of one.
public enum DemoClinic {
    /// The identifiers the first steps name, the same in every demo.
    public static let patient = "01900000-0000-7000-8000-000000000501"
    public static let practitioner = "01900000-0000-7000-8000-000000000101"
    public static let visitType = "01900000-0000-7000-8000-000000000301"
    /// One that is paid.
    public static let pricedVisitType = "01900000-0000-7000-8000-000000000306"
    public static let desk = "01900000-0000-7000-8000-000000000901"
    public static let admin = "01900000-0000-7000-8000-000000000902"
    public static let billing = "01900000-0000-7000-8000-000000000903"
    public static let privacy = "01900000-0000-7000-8000-000000000904"

    /// Whether a clinic is this one.
    public static func isIn(_ clinic: Clinic) async throws -> Bool {
        guard let practitioner = ID<Resource>(practitioner) else { return false }
        return try await clinic.currentDirectory().resources[practitioner] != nil
    }

    private static func id(_ number: Int) -> String {
        let digits = String(number)
        return "01900000-0000-7000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// The import document. The two appointments are on the first working days after `now`.
    public static func document(now: Instant) -> [UInt8] {
        var json = JSONWriter(reserving: 16 * 1024)
        json.object { json in
            places(&json)
            people(&json)
            visits(&json)
            hours(&json)
            appointments(&json, now: now)
        }
        return json.bytes
    }

    private static func list(_ json: inout JSONWriter, _ name: String, _ records: [[(String, Value)]]) {
        json.name(name)
        json.array(of: records) { json, record in
            json.object { json in for (name, value) in record { value.write(name, &json) } }
        }
    }

    private enum Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case text(String), number(Int), texts([String]), numbers(KeyValuePairs<String, Int>), price(Price)
        init(stringLiteral value: String) { self = .text(value) }
        init(integerLiteral value: Int) { self = .number(value) }
        func write(_ name: String, _ json: inout JSONWriter) {
            switch self {
            case .text(let text): json.member(name, text)
            case .number(let number): json.member(name, number)
            case .texts(let texts): json.member(name, texts)
            case .price(let price):
                json.name(name)
                price.write(to: &json)
            case .numbers(let numbers):
                json.name(name)
                json.object { json in for (name, number) in numbers { json.member(name, number) } }
            }
        }
    }

    private static func places(_ json: inout JSONWriter) {
        list(
            &json, "locations",
            [
                [
                    ("id", .text(id(1))), ("name", "Clinic at the River"), ("zone", "Europe/Berlin"),
                    ("address", "Uferweg 4, Berlin"),
                ],
                [
                    ("id", .text(id(2))), ("name", "Harbour Practice"), ("zone", "Europe/Berlin"),
                    ("address", "Am Hafen 12, Berlin"),
                ],
            ])
        list(
            &json, "rooms",
            (1...4).map {
                [
                    ("id", .text(id(200 + $0))), ("name", .text("Room \($0)")), ("location", .text(id($0 <= 3 ? 1 : 2))),
                    ("tags", .texts($0 == 3 ? ["examination", "ultrasound"] : ["examination"])),
                ]
            } + [[("id", .text(id(205))), ("name", "Gymnasium"), ("location", .text(id(1))), ("tags", .texts(["group"]))]])
        list(
            &json, "devices",
            [
                [("id", .text(id(251))), ("name", "Ultrasound A"), ("location", .text(id(1))), ("tags", .texts(["ultrasound"]))]
            ])
        list(
            &json, "holidays",
            [
                [("id", .text(id(801))), ("location", .text(id(1))), ("day", "2026-12-25"), ("name", "Christmas Day")],
                [("id", .text(id(802))), ("location", .text(id(2))), ("day", "2026-12-25"), ("name", "Christmas Day")],
            ])
    }

    private static let practitioners = [
        ("Dr. Ada Brandt", "general-practice", 1), ("Dr. Jonas Keller", "general-practice", 1),
        ("Dr. Leyla Demir", "cardiology", 1), ("Dr. Paul Ostrowski", "cardiology", 1),
        ("Mia Lindqvist", "physiotherapy", 1), ("Dr. Tom Okafor", "general-practice", 2),
    ]

    private static func people(_ json: inout JSONWriter) {
        list(
            &json, "practitioners",
            practitioners.enumerated().map { index, person in
                [
                    ("id", .text(id(101 + index))), ("name", .text(person.0)), ("specialty", .text(person.1)),
                    ("location", .text(id(person.2))),
                ]
            })
        let names = [
            "Emma Sample", "Noah Example", "Lina Muster", "Felix Demo", "Sara Trial", "Ben Specimen", "Ida Test", "Max Mock",
        ]
        list(
            &json, "patients",
            names.enumerated().map { index, name in
                [
                    ("id", .text(id(501 + index))), ("name", .text(name)), ("email", .text("patient\(index + 1)@example.org")),
                    ("phone", .text("+49 30 55500\(index + 10)")), ("recordNumber", .text("P-\(1001 + index)")),
                ]
            })
    }

    private static func visits(_ json: inout JSONWriter) {
        list(
            &json, "visitTypes",
            [
                [
                    ("id", .text(id(301))), ("name", "Consultation"), ("durationMinutes", 20), ("bufferAfterMinutes", 5),
                    ("specialty", "general-practice"), ("roomTag", "examination"),
                    // Tried out at any hour: whatever is offered first can still be cancelled a while later.
                    ("policy", .numbers(["earliestNoticeMinutes": 120, "cancellationCutoffMinutes": 30])),
                ],
                [
                    ("id", .text(id(302))), ("name", "Check-up"), ("durationMinutes", 45), ("bufferAfterMinutes", 15),
                    ("specialty", "general-practice"), ("roomTag", "examination"),
                ],
                [
                    ("id", .text(id(303))), ("name", "Heart ultrasound"), ("durationMinutes", 30), ("bufferBeforeMinutes", 5),
                    ("bufferAfterMinutes", 10), ("specialty", "cardiology"), ("roomTag", "ultrasound"),
                    ("deviceTag", "ultrasound"),
                ],
                [("id", .text(id(304))), ("name", "Physiotherapy"), ("durationMinutes", 30), ("specialty", "physiotherapy")],
                [
                    ("id", .text(id(305))), ("name", "Back class"), ("durationMinutes", 60), ("specialty", "physiotherapy"),
                    ("roomTag", "group"), ("patientsMaximum", 8),
                ],
                [
                    ("id", .text(id(306))), ("name", "Travel vaccination"), ("durationMinutes", 20), ("bufferAfterMinutes", 5),
                    ("specialty", "general-practice"), ("roomTag", "examination"),
                    (
                        "policy",
                        .numbers(["earliestNoticeMinutes": 120, "cancellationCutoffMinutes": 30, "holdMinutes": 15])
                    ),
                    (
                        "price",
                        .price(
                            Price(
                                amount: 4500, currency: "eur",
                                refunds: [.init(hoursBefore: 24, percent: 100), .init(hoursBefore: 1, percent: 50)]))
                    ),
                ],
            ])
    }

    private static func hours(_ json: inout JSONWriter) {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
        var rules: [[(String, Value)]] = []
        for practitioner in 0..<practitioners.count {
            for (day, name) in days.enumerated() {
                for (half, hours) in [("08:00", "12:00"), ("13:00", "17:00")].enumerated() where !(day == 4 && half == 1) {
                    rules.append([
                        ("id", .text(id(40_000 + practitioner * 100 + day * 10 + half))),
                        ("resource", .text(id(101 + practitioner))),
                        ("weekday", .text(name)), ("from", .text(hours.0)), ("to", .text(hours.1)),
                    ])
                }
            }
        }
        list(&json, "workingHours", rules)
    }

    private static func appointments(_ json: inout JSONWriter, now: Instant) {
        var day = CalendarDay(number: Int(now.secondsSince1970 / 86_400) + 1)
        while day.weekday > 5 { day = day + 1 }
        list(
            &json, "appointments",
            [
                [
                    ("id", .text(id(701))), ("visitType", .text(id(301))), ("practitioner", .text(id(101))),
                    ("room", .text(id(201))),
                    ("patients", .texts([id(502)])), ("start", .text("\(day)T09:00:00Z")),
                ],
                [
                    ("id", .text(id(702))), ("visitType", .text(id(303))), ("practitioner", .text(id(103))),
                    ("room", .text(id(203))),
                    ("device", .text(id(251))), ("patients", .texts([id(503)])), ("start", .text("\(day)T10:00:00Z")),
                ],
            ])
    }
}
