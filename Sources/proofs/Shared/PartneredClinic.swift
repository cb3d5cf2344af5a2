import LoopbackClient
import Notation
import Processes

/// A clinic that works with everybody the simulator plays: patients who can be reached, a visit that costs something, calendars elsewhere.
enum PartneredClinic {
    static let plain = id(5, 1)
    /// Held until it is paid.
    static let priced = id(5, 2)

    static func id(_ kind: UInt64, _ number: Int) -> String { "\(CrashClinic.id(kind, number, PartneredClinicMark.self))" }
    static func practitioner(_ number: Int) -> String { id(2, number) }
    static func patient(_ number: Int) -> String { id(7, number) }

    private enum PartneredClinicMark {}

    /// The import file: everybody works every day from 8 to 16 UTC, and a visit takes a quarter of an hour.
    static func document(practitioners: Int, patients: Int) -> [UInt8] {
        func list(_ kind: UInt64, _ count: Int, _ body: (Int) -> String) -> String {
            (1...count).map { #"{"id":"\#(id(kind, $0))",\#(body($0))}"# }.joined(separator: ",")
        }
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        let place = #""specialty":"general-practice","location":"\#(id(1, 1))""#
        let visit = #""durationMinutes":15,"specialty":"general-practice","policy":{"latestHorizonDays":366,"holdMinutes":1440}"#
        let hours = list(6, practitioners * days.count) { number in
            let (who, day) = (practitioner(1 + (number - 1) / days.count), days[(number - 1) % days.count])
            return #""resource":"\#(who)","weekday":"\#(day)","from":"08:00","to":"16:00","zone":"UTC""#
        }
        let people = list(7, patients) { number in
            let telephone = 10_000 + number
            return
                #""name":"Patient \#(number)","email":"patient\#(number)@example.org","phone":"+49 30 77\#(telephone)","recordNumber":"R-\#(number)""#
        }
        return Array(
            """
            {"locations":[\(list(1, 1) { #""name":"House \#($0)","zone":"UTC""# })],
             "practitioners":[\(list(2, practitioners) { #""name":"Dr. \#($0)",\#(place)"# })],
             "visitTypes":[\(list(5, 2) { #""name":"Visit \#($0)",\#(visit)"# })],
             "patients":[\(people)],"workingHours":[\(hours)]}
            """.utf8)
    }

    /// What points a server at a simulator.
    ///
    /// - Parameter clinic: where it is told what becomes of text messages.
    static func environment(simulator: String, clinic: String) -> [String: String] {
        [
            "MEDICONNECT_PARTNERS_SIMULATOR": "true",
            "MEDICONNECT_SMS_URL": "\(simulator)/sms", "MEDICONNECT_SMS_ACCOUNT": "AC00",
            "MEDICONNECT_SMS_SENDER": "+4930100200", "MEDICONNECT_SMS_TOKEN": "simulated-token",
            "MEDICONNECT_SMS_CALLBACK": "\(clinic)/v1/incoming/texts",
            "MEDICONNECT_PAYMENTS_URL": "\(simulator)/payments", "MEDICONNECT_PAYMENTS_SECRET": "sk_test_simulated",
            "MEDICONNECT_PAYMENTS_SIGNING": "whsec_simulated",
            "MEDICONNECT_SCHEDULING_PROVIDERS": "north=\(simulator)/scheduling",
            "MEDICONNECT_SCHEDULING_TOKEN": "simulated-scheduling",
            "MEDICONNECT_MAIL_SERVICE_URL": "\(simulator)/mail", "MEDICONNECT_MAIL_SERVICE_KEY": "SG.simulated",
            "MEDICONNECT_MAIL_SERVICE_LOOKUP": "1",
            "MEDICONNECT_MAIL_FROM": "Clinic <noreply@clinic.example>",
            "MEDICONNECT_RECORDS_URL": "\(simulator)/fhir", "MEDICONNECT_RECORDS_TOKENS": "\(simulator)/oauth/token",
            "MEDICONNECT_RECORDS_CLIENT": "clinic", "MEDICONNECT_RECORDS_SECRET": "simulated-secret",
            "MEDICONNECT_RECORDS_SYSTEM": "https://clinic.example/appointments",
        ]
    }

    // MARK: What an import has no words for

    /// Gives visits a price, some calendars away, and has every other patient read text messages, at any hour.
    static func furnish(
        _ base: String, by http: Loopback, admin: String, desk: String, elsewhere: ClosedRange<Int>?, patients: Int
    ) async throws {
        func change(_ path: String, _ more: String) async throws {
            let known = try await http.send("GET", base + path, token: admin)
            let changed = try await http.send(
                "PUT", base + path, token: admin, key: path, headers: ["If-Match": known.etag ?? ""],
                body: Array(known.text.replacing("\"active\":true", with: "\(more),\"active\":true").utf8))
            guard changed.status == 200 else { throw ProcessFault("\(path): \(changed.status) \(changed.text)") }
        }
        try await change(
            "/v1/visit-types/\(priced)", #""price":{"amount":4500,"currency":"eur","refunds":[{"hoursBefore":1,"percent":100}]}"#)
        for number in elsewhere.map(Array.init) ?? [] {
            try await change("/v1/practitioners/\(practitioner(number))", #""provider":"north""#)
        }
        for number in 1...patients {
            let channel = number % 2 == 0 ? "sms" : "email"
            let said = try await http.send(
                "PUT", "\(base)/v1/patients/\(patient(number))/preferences", token: desk, key: "preferences-\(number)",
                body: Array(#"{"channels":["\#(channel)"],"quietFrom":"00:00","quietUntil":"00:00"}"#.utf8))
            guard said.status == 200 else { throw ProcessFault("preferences: \(said.status) \(said.text)") }
        }
    }
}
