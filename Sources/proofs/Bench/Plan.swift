import API
import Foundation
import Notation
import People

/// The bookings of a run, by number: consecutive ones have the same start and differ in practitioner and patient, so that
/// nobody is ever asked to be in two places. `bench/book.lua` reckons the same from the same lists.
struct Plan {
    let starts: [Instant]
    /// As many as have a token of their own; the server remembers the tokens it has checked, as it would for people who
    /// book more than once in a quarter of an hour.
    static let patients = 2_000

    init(now: Instant) {
        let slots = BenchClinic.hours * 12
        starts = (0..<BenchClinic.bookableDays * slots).map { number in
            BenchClinic.midnight(of: now, plus: BenchClinic.firstDayAhead + number / slots)
                + .minutes(BenchClinic.firstHour * 60 + number % slots * 5)
        }
    }

    var count: Int { starts.count * BenchClinic.practitioners }

    func values(_ number: Int) -> BookingValues {
        BookingValues(
            appointment: ID(high: 0, low: 0), practitioner: BenchClinic.id(.practitioner, 1 + number % BenchClinic.practitioners),
            patient: BenchClinic.id(.patient, 1 + number % Plan.patients), room: ID(high: 0, low: 1), device: ID(high: 0, low: 2),
            start: starts[number / BenchClinic.practitioners], now: starts[0])
    }

    /// Writes the plan as the Lua table `wrk`'s script reads.
    func write(to path: String, practitioners: Int, tokens: Tokens) async throws {
        var lua =
            "return {\n  visitType = \"\(BenchClinic.short)\", fullVisitType = \"\(BenchClinic.full)\",\n  practitioners = {"
        for number in 1...practitioners { lua += "\"\(BenchClinic.id(.practitioner, number, as: Plan.self))\"," }
        lua += "},\n  patients = {\n"
        for number in 1...Plan.patients {
            let id = BenchClinic.id(.patient, number, as: Caller.self)
            let token = try await tokens.issue(for: Caller(role: .patient, subject: id), lasting: .days(1))
            lua += "    { id = \"\(id)\", token = \"\(token)\" },\n"
        }
        lua += "  },\n  starts = {" + starts.map { "\"\($0)\"" }.joined(separator: ",") + "}\n}\n"
        guard FileManager.default.createFile(atPath: path, contents: Data(lua.utf8)) else {
            throw PlainFile.Fault(description: "\(path) cannot be written")
        }
    }
}
