import Notation
import Scheduling
import Workflows

// The plan as an import, so a fixture comes into being as a clinic does.
extension ClinicPlan {
    public func document() -> [UInt8] {
        var json = JSONWriter(reserving: 16 * 1024)
        json.object { json in
            list(&json, "locations", 1) { json, _ in
                json.member("id", location)
                json.member("name", "Test Clinic")
                json.member("zone", "UTC")
            }
            writeResources(&json)
            writeVisitTypes(&json)
            writeHours(&json)
            list(&json, "patients", patients) { json, number in
                json.member("id", patient(number))
                json.member("name", "Patient \(number)")
            }
        }
        return json.bytes
    }

    private func writeResources(_ json: inout JSONWriter) {
        list(&json, "practitioners", practitioners) { json, number in
            json.member("id", practitioner(number))
            json.member("name", "Practitioner \(number)")
            json.member("location", location)
            json.member("specialty", "general")
            json.member("lanes", lanes)
            json.member("lanesOffered", lanesOffered)
            json.member("maximumPerDay", maximumPerDay)
            json.member("provider", provider)
        }
        list(&json, "rooms", rooms) { json, number in place(&json, room(number), "Room \(number)", tag: "treatment") }
        list(&json, "devices", devices) { json, number in place(&json, device(number), "Device \(number)", tag: "scanner") }
    }

    private func place(_ json: inout JSONWriter, _ id: ID<Resource>, _ name: String, tag: String) {
        json.member("id", id)
        json.member("name", name)
        json.member("location", location)
        json.member("tags", [tag])
    }

    private func writeVisitTypes(_ json: inout JSONWriter) {
        list(&json, "visitTypes", 2) { json, number in
            let isProcedure = number == 1
            json.member("id", isProcedure ? procedure : consultation)
            json.member("name", isProcedure ? "Procedure" : "Consultation")
            json.member("durationMinutes", visitMinutes)
            json.member("specialty", "general")
            if isProcedure { json.member("bufferAfterMinutes", bufferAfterMinutes) }
            if isProcedure, rooms > 0 { json.member("roomTag", "treatment") }
            if isProcedure, devices > 0 { json.member("deviceTag", "scanner") }
            json.name("policy")
            writePolicy(&json)
            if !isProcedure, let price { write(price, &json) }
        }
    }

    private func write(_ price: Price, _ json: inout JSONWriter) {
        json.name("price")
        json.object { json in
            json.member("amount", price.amount)
            json.member("currency", price.currency)
            json.member("taxRate", price.taxRate)
            json.name("refunds")
            json.array(of: price.refunds) { json, step in
                json.object { json in
                    json.member("hoursBefore", step.hoursBefore)
                    json.member("percent", step.percent)
                }
            }
        }
    }

    private func writePolicy(_ json: inout JSONWriter) {
        json.object { json in
            json.member("earliestNoticeMinutes", policy.earliestNoticeMinutes)
            json.member("latestHorizonDays", policy.latestHorizonDays)
            json.member("cancellationCutoffMinutes", policy.cancellationCutoffMinutes)
            json.member("startGridMinutes", policy.startGridMinutes)
            json.member("holdMinutes", policy.holdMinutes)
        }
    }

    private func writeHours(_ json: inout JSONWriter) {
        list(&json, "workingHours", practitioners * 7) { json, number in
            json.member("id", hoursID(number / 7, weekday: number % 7))
            json.member("resource", practitioner(number / 7))
            json.member("weekday", Weekday.allCases[number % 7].rawValue)
            json.member("from", Self.wallTime(opensAtHour))
            json.member("to", Self.wallTime(closesAtHour))
        }
    }

    private func list(_ json: inout JSONWriter, _ name: String, _ count: Int, _ each: (inout JSONWriter, Int) -> Void) {
        json.name(name)
        json.array(of: 0..<count) { json, number in json.object { each(&$0, number) } }
    }

    private static func wallTime(_ hour: Int) -> String { (hour < 10 ? "0" : "") + "\(hour):00" }
}
